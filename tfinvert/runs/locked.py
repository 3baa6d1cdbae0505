"""Files that this process has locked, for itself alone or together with others."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
import threading
import time
from pathlib import Path

from tfinvert.errors import BadInput
from tfinvert.runs.files import unwritable

# The operating system lets go of these locks when their process ends, by a kill or a power cut too.
# With a number a file is held together with others, of other numbers.
if sys.platform == "win32":
    import msvcrt

    # What is locked cannot be read there: bytes far behind the text, one for each number.
    _FIRST, _ALL = 2**30, 2**20

    def _take(descriptor: int, number: int | None) -> None:
        os.lseek(descriptor, _FIRST + (number or 0), os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _ALL if number is None else 1)

    def _give(descriptor: int, number: int | None, last: bool) -> None:
        os.lseek(descriptor, _FIRST + (number or 0), os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, _ALL if number is None else 1)
else:
    import fcntl

    def _take(descriptor: int, number: int | None) -> None:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if number is None else fcntl.LOCK_SH) | fcntl.LOCK_NB)

    def _give(descriptor: int, number: int | None, last: bool) -> None:
        if last:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


_TAKEN = {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # else another file would be written
_TEXT = 200  # bytes at most that say who holds it
_AGAIN = 0.1  # seconds until it is tried once more: `holder` may just have tried whether it is held

_File = tuple[int, int]  # device and inode
guard = threading.RLock()  # a lock that is forgotten may be given back by the garbage collector at any moment


class Taken(Exception):
    """A file is held: by whom, is its text."""


class Claim:
    """One file that is locked, through one descriptor, however many objects of this process share it.

    Some file systems (NFS) give a process what it has already, and take it away when it closes the file once.
    """

    def __init__(self, path: Path, file: _File, descriptor: int, alone: bool) -> None:
        self.path, self.file, self.alone, self.users = path, file, alone, 1
        self.descriptor: int | None = descriptor  # None in a forked child: the lock is the parent's

    def stands(self) -> bool:
        """Whether the file still lies where it was locked."""
        return _file(self.path) == self.file


_held: dict[_File, Claim] = {}  # by this process


def claim(path: Path, name: str, number: int | None = None) -> Claim:
    """Locks a file, which is made where there is none; give it back by `leave`.

    Args:
      path: of the file.
      name: of whoever holds it, to be read there.
      number: it is shared with those of other numbers, and bears no name; default: it is held alone.

    Raises:
      Taken: another has it.
      BadInput: there can be no lock.
    """
    try:
        return _claimed(path, name, number)
    except Taken:
        if _file(path) in _held:
            raise
    time.sleep(_AGAIN)
    return _claimed(path, name, number)


def leave(claim: Claim, number: int | None = None) -> None:
    """Gives back what `claim` gave for this number."""
    descriptor = claim.descriptor
    if descriptor is None:
        return
    claim.users -= 1
    last = not claim.users
    if last:
        claim.descriptor = None
        _held.pop(claim.file, None)
    try:
        if claim.alone:
            os.ftruncate(descriptor, 0)
        _give(descriptor, number, last)
    finally:
        if last:
            os.close(descriptor)


def holder(path: Path) -> str:
    """Who holds a file alone; "" where nobody does, for one that was killed leaves its name."""
    name = _name_in(path)
    if not name or _file(path) in _held:
        return name
    try:
        descriptor = os.open(path, os.O_RDWR | _NO_LINK)
    except OSError:  # it was given back, and deleted
        return ""
    try:
        _take(descriptor, 0)
    except OSError as error:
        return name if error.errno in _TAKEN else ""
    finally:
        os.close(descriptor)
    return ""


def _claimed(path: Path, name: str, number: int | None) -> Claim:
    found = None
    while found is None:
        found = _try(path, name, number)
    return found


def _try(path: Path, name: str, number: int | None) -> Claim | None:
    """None where the file was removed between the opening and the taking."""
    known = _held.get(_file(path) or (0, 0))
    if known is not None:
        if known.alone or number is None or known.descriptor is None:
            raise Taken("this process")
        try:
            _take(known.descriptor, number)
        except OSError as error:  # on Windows, where another process has this number
            raise Taken("another process") from error
        known.users += 1
        return known
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error
    found = None
    try:
        found = _locked(path, descriptor, name, number)
    except OSError as error:
        if error.errno in _TAKEN:
            raise Taken(_name_in(path) or "another process") from error
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise BadInput(
                f"{path.parent} is on a file system without locks ({error.strerror})",
                "two writers could not be told apart there; choose a folder on a local disk with --out",
            ) from error
        raise unwritable(path, error) from error
    finally:
        if found is None:
            os.close(descriptor)
    return found


def _locked(path: Path, descriptor: int, name: str, number: int | None) -> Claim | None:
    _take(descriptor, number)
    status = os.fstat(descriptor)
    file = (status.st_dev, status.st_ino)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_size > _TEXT:
        raise BadInput(f"{path} is no lock", "it is another file, or a link to one: delete it")
    if _file(path) != file:
        return None
    if number is None:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{name}\n".encode(errors="replace")[:_TEXT])
    _held[file] = Claim(path, file, descriptor, number is None)
    return _held[file]


def _name_in(path: Path) -> str:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(_TEXT).decode(errors="replace").strip()
    return ""


def _file(path: Path) -> _File | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _forget_all() -> None:
    """In a forked child: the locks are the parent's alone."""
    for each in _held.values():
        if each.descriptor is not None:
            os.close(each.descriptor)
            each.descriptor = None
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=guard.acquire, after_in_parent=guard.release, after_in_child=guard.release)
    os.register_at_fork(after_in_child=_forget_all)
