"""Copies here of what lies in a store, for readers that need a real file; they go when the process ends."""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.remote.schemes import is_remote
from tfinvert.signed import temporary

_guard = threading.Lock()
_copies: dict[tuple[int, str], tuple[str, Path]] = {}  # by process and URL: what it was, and where its copy lies


def local(path: Path, most: float = float("inf"), mend: str = "take a smaller one") -> Path:
    """The same path where it is one of this machine; else that of a copy, made once for each process.

    A file or folder that has changed since is copied anew.

    Args:
      path: of a file, or of a folder whose files all are copied.
      most: bytes that are copied at most.
      mend: what to do about more.

    Raises:
      BadInput: it is larger, not there, does not fit on this machine's disk, or the store refuses.
    """
    if not is_remote(path):
        return path
    remote: Any = path
    about = remote.about()
    if about is None:
        raise BadInput(str(path), "no such file or folder")
    files = {path.name: about} if about["type"] == "file" else remote.files()
    _check(path, files, most, mend)
    stated = sorted((name, sorted(map(str, each.items()))) for name, each in files.items())
    state = hashlib.sha256(repr(stated).encode()).hexdigest()
    key = (os.getpid(), str(path))
    with _guard:
        before, copy = _copies.get(key, ("", path))
        if before != state:
            copy = Path(tempfile.mkdtemp(dir=_folder(os.getpid()))) / (path.name or "folder")
            _fetch(remote, copy, None if about["type"] == "file" else files)
            _copies[key] = state, copy
    return copy


def _check(path: Path, files: dict[str, dict[str, Any]], most: float, mend: str) -> None:
    size = sum(each["size"] or 0 for each in files.values())
    if size > most:
        raise BadInput(f"{path} has {size / 1e9:.3g} GB", f"expected at most {most / 1e9:g}; {mend}")
    if size > shutil.disk_usage(_folder(os.getpid())).free:
        raise BadInput(f"{path} has {size / 1e9:.3g} GB", "more than is free here: say where there is room (TMPDIR)")
    for name in files:
        if set(Path(name).parts) & {"..", "/"} or "\\" in name or "\0" in name:
            raise BadInput(f"{path} holds {name!r}", "expected names without '..', slashes at the beginning and '\\'")


def _fetch(remote: Any, copy: Path, files: dict[str, Any] | None) -> None:
    try:
        if files is None:
            remote.get(copy)
            return
        copy.mkdir()
        for name in files:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (remote / name).get(copy / name)
    except OSError as error:
        raise BadInput(
            f"{remote} cannot be copied to {copy.parent} ({error.strerror or error})", "make room"
        ) from error


@functools.cache
def _folder(process: int) -> Path:
    """Where the copies of a process lie."""
    folder = temporary()
    atexit.register(_clear, folder, process)
    return folder


def _clear(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked child has its parent's copies, and leaves them alone
        shutil.rmtree(folder, ignore_errors=True)
