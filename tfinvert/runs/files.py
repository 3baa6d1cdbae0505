"""Files, and folders of files, that are whole or not there, whenever their writer is killed.

On this machine they are written under a hidden name, and renamed. In a store an upload is there whole, or not at all:
so they are written here, and sent.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.bounded import open_regular
from tfinvert.remote import is_remote, path_of
from tfinvert.signed import signed, signer

_PARTIAL = ".partial-"
_ENDING = 20  # letters of a file's name that its hidden name keeps: enough for ".weights.h5"
_SETTINGS = 2**24  # bytes that a file of settings may have
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES, errno.EMLINK}  # what file systems say to them

_at_work: set[str] = set()  # hidden names that this process writes to just now


def writable(folder: str | Path) -> Path:
    """Makes a folder where there is none, and clears it of what killed writers left half done.

    What a living process writes there is left alone.

    Raises:
      BadInput: it cannot be made or written: told now, and not after an hour's work.
    """
    folder = path_of(folder)
    try:
        (str(folder) if is_remote(folder) else os.path.abspath(folder)).encode()
    except UnicodeEncodeError as error:  # Parquet takes no other names
        raise BadInput(
            f"output folder {str(folder)!a}", "expected a name in UTF-8, all folders above it too"
        ) from error
    trial = folder / _hidden("trial")
    if is_remote(folder):
        trial.write_bytes(b"")
        trial.unlink(missing_ok=True)
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink(missing_ok=True)  # a writer that opens the folder just now may have cleared it away
        clear(folder)
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"output folder {folder} cannot be written ({reason})", "choose another with --out") from error
    return folder


def clear(folder: Path, every: bool = False) -> None:
    """Deletes what was left half done.

    Args:
      folder: where.
      every: that of living processes, too: only for whoever holds the folder's lock.
    """
    if is_remote(folder):  # nothing half done is ever sent there
        return
    for left_over in folder.glob(f"{_PARTIAL}*"):
        # A folder that does not say who made it is not ours.
        if _dead(left_over.name) or (every and not _is_folder(left_over)):
            _delete(left_over)


@contextlib.contextmanager
def whole(path: Path, new: bool = False) -> Iterator[Path]:
    """Another name to write to, which becomes `path` once all is written; of what fails nothing is left.

    It ends as `path` does, for Keras asks for that, and begins with a dot, so that no reader of the folder takes it.

    Args:
      path: of the file.
      new: whether there must be no such file yet; an existing one is never overwritten then.

    Raises:
      BadInput: it cannot be written, for want of room or of a folder; or it is there already.
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory() as here:
            try:
                yield (temporary := Path(here) / path.name)
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise BadInput(
                    f"{path} cannot be written ({error.strerror}): it is put together in {tempfile.gettempdir()} first",
                    "make room there, or say where there is room (TMPDIR)",
                ) from error
            _send(temporary, path, new)
        return
    path = path.absolute()  # whoever writes may change the folder meanwhile
    temporary = path.with_name(_hidden(path.name))
    _at_work.add(temporary.name)
    try:
        yield temporary
        _to_disk(temporary)
        if new:
            _create(temporary, path)
        else:
            os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        where = temporary if error.filename is None else Path(os.fsdecode(error.filename))
        if where not in (temporary, path, path.parent) and temporary not in where.parents:
            raise  # of another file
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(NotADirectoryError):
            _delete(temporary)
        _at_work.discard(temporary.name)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """As `whole`: another folder to write files to, which then takes the place of what is there.

    Killed between the two, neither is there; in a store, only some of the files.
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory() as here:
            yield Path(here)
            remove(path)
            for each in sorted(Path(here).iterdir()):
                _send(each, path / each.name)
        return
    with whole(path) as temporary:
        temporary.mkdir()
        yield temporary
        for each in temporary.iterdir():
            _to_disk(each)
        remove(path)


def remove(path: Path) -> None:
    """Takes away a file or a folder, if it is there; half a folder is never seen, but in a store."""
    if is_remote(path):
        store: Any = path
        store.remove()
        return
    if _is_folder(path):
        hidden = path.with_name(_hidden(path.name))
        os.replace(path, hidden)
        path = hidden
    _delete(path)


def here(folder: str | Path, why: str) -> Path:
    """A folder that must be one of this machine.

    Args:
      folder: where something is to be written.
      why: it must be, in words that end with this machine.

    Raises:
      BadInput: it is in a store.
    """
    if is_remote(folder):
        raise BadInput(f"{folder} is in a store", f"{why}: choose a folder there, and copy it afterwards")
    return Path(folder)


def unwritable(path: Path, error: OSError) -> BadInput:
    """Says that a file cannot be written, and why."""
    if error.errno in _FULL or "No space left" in str(error):
        mend = "make room, and the same command goes on"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        mend = "its folder was removed meanwhile; start the same command again"
    else:
        mend = "put that right, and the same command goes on"
    return BadInput(f"{path} cannot be written ({error.strerror or str(error).splitlines()[0]})", mend)


def write_bytes(path: Path, content: bytes, new: bool = False) -> None:
    """Writes what is the content of a file already; see `whole`."""
    with whole(path, new) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes settings, as `read_json` reads them."""
    write_bytes(path, json.dumps(value, indent=1).encode())


def write_picture(path: Path, picture: Image.Image) -> None:
    """Writes a picture as PNG."""
    with whole(path) as temporary:
        picture.save(temporary, format="png")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV, one column for each key of the first."""
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def read_small(path: Path) -> bytes:
    """A file of settings.

    Raises:
      BadInput: it is no regular file, or larger than settings are.
      OSError: it cannot be opened.
    """
    with open_regular(path) as file:
        content = file.read(_SETTINGS + 1)
    if len(content) > _SETTINGS:
        raise BadInput(f"{path} has more than {_SETTINGS / 1e6:.0f} MB", "expected settings, a few kB of them")
    return content


def read_json(path: Path) -> dict[str, Any]:
    """What a file of settings says.

    Raises:
      BadInput: it is damaged.
    """
    try:
        found = json.loads(read_small(path))
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}")
    except BadInput:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{path} is damaged ({error})", "choose another folder, or delete this one") from error
    return found


def _hidden(name: str) -> str:
    """A name of its own: where and by which process it is written stands in it."""
    return f"{signed(_PARTIAL)}-{name[-_ENDING:]}"


def _dead(name: str) -> bool:
    """Whether the process is known to be gone that wrote to this hidden name."""
    process = signer(name, _PARTIAL)
    if process is None:
        return False
    return name not in _at_work if process == os.getpid() else not psutil.pid_exists(process)


def _send(file: Path, path: Path, new: bool = False) -> None:
    store: Any = path
    try:
        store.put(file, new)
    except FileExistsError as error:
        raise BadInput(f"{path} is there already", "start the same command again") from error


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _delete(path: Path) -> None:
    if _is_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _create(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # fails where there is one; a rename would not
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from error
        os.rename(temporary, path)


def _to_disk(path: Path) -> None:
    """Waits until a file, or the names in a folder, would survive a power cut."""
    if os.name == "nt" and path.is_dir():  # cannot be opened there
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that know no such thing
            raise
    finally:
        os.close(descriptor)


def safe_names(ids: Sequence[str]) -> dict[str, str]:
    """Names of files for images: the last parts of their paths, with a hash where two are alike."""
    plain = {}
    for image_id in ids:
        last = re.sub(r"\.[A-Za-z]{2,5}$", "", Path(image_id).name)
        plain[image_id] = re.sub(r"[^\w.-]+", "_", last)[-80:].strip("._") or "image"
    alike = Counter(name.casefold() for name in plain.values())
    digest = lambda image_id: hashlib.sha256(image_id.encode()).hexdigest()[:8]
    return {
        image_id: name if alike[name.casefold()] == 1 else f"{name}-{digest(image_id)}"
        for image_id, name in plain.items()
    }
