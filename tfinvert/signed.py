"""Names of files and folders that say which process made them, so that what killed ones left can be cleared away."""

from __future__ import annotations

import functools
import os
import platform
import secrets
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import psutil

_PREFIX = "tfinvert-"
_DIGITS = 9  # of a process's number at most


@functools.cache
def this_machine() -> str:
    """Where a process's number means something: this machine since it was started, or this container on it."""
    try:
        among = os.readlink("/proc/self/ns/pid")
    except OSError:  # not Linux; or nobody knows which processes are meant
        among = secrets.token_hex() if sys.platform == "linux" else ""
    try:
        begun = Path("/proc/sys/kernel/random/boot_id").read_text()  # several machines may have one name
    except OSError:
        begun = ""
    return f"{zlib.crc32(f'{platform.node()} {among} {begun}'.encode()):08x}"


def signed(prefix: str) -> str:
    """A name that begins so, and that no other has."""
    return f"{prefix}{this_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def signer(name: str, prefix: str) -> int | None:
    """The number of the process that made a name; None where that is another machine's, or nobody's."""
    place, _, rest = name.removeprefix(prefix).partition("-")
    process = rest.partition("-")[0]
    known = name.startswith(prefix) and place == this_machine() and process.isdecimal() and len(process) <= _DIGITS
    return int(process) if known else None


def temporary() -> Path:
    """A new folder for temporary files; see `sweep`, too."""
    sweep()
    folder = Path(tempfile.gettempdir()) / signed(_PREFIX)
    folder.mkdir(mode=0o700)
    return folder


def sweep() -> None:
    """Deletes the temporary folders of processes that are gone."""
    for left_over in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        process = signer(left_over.name, _PREFIX)
        if process is not None and not psutil.pid_exists(process):
            shutil.rmtree(left_over, ignore_errors=True)
