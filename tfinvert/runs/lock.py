"""One writer at a time in a folder, whatever becomes of the writer."""

from __future__ import annotations

import errno
import os
import platform
import stat
import sys
import threading
import time
import weakref
from pathlib import Path

from tfinvert.errors import BadInput
from tfinvert.runs.files import unwritable

# The operating system lets go of these locks when their process ends, by a kill or a power cut too.
if sys.platform == "win32":
    import msvcrt

    _BYTE = 2**30  # what is locked cannot be read there: a byte far behind the text

    def _take(descriptor: int) -> None:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _give(descriptor: int) -> None:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _give(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_TAKEN = {errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK}
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # else another file would be written
_TEXT = 200  # bytes at most that say who holds it

_File = tuple[int, int]  # device and inode
_held: weakref.WeakValueDictionary[_File, Lock] = weakref.WeakValueDictionary()  # by this process
_guard = threading.RLock()  # a lock that is forgotten may be given back by the garbage collector at any moment


class Lock:
    """The right to write into a folder, which one object of one process has at a time.

    It lies in FOLDER/.lock, which stays there and says who holds it.

    Args:
      folder: that is there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / ".lock"
        self._descriptor: int | None = None
        self._file: _File | None = None

    def acquire(self) -> None:
        """Takes it; does nothing where this object has it already.

        Raises:
          BadInput: another has it, or there can be no lock in the folder.
        """
        with _guard:
            while self._descriptor is None:
                self._try()

    def check(self) -> None:
        """Makes sure that what is written now is written under the lock.

        Raises:
          BadInput: it is not held, or the folder is not the one any more that it was taken in.
        """
        if self._descriptor is None:
            raise BadInput(f"{self.folder} is not open for writing", "a process that was forked opens it anew")
        if _file(self.path) != self._file:
            raise BadInput(
                f"{self.folder} was removed or replaced while its run was at work", "start the same command again"
            )

    def release(self) -> None:
        """Gives it back, where this object has it."""
        with _guard:
            if self._descriptor is None:
                return
            descriptor, self._descriptor = self._descriptor, None
            if self._file is not None:
                _held.pop(self._file, None)
            try:
                os.ftruncate(descriptor, 0)
                _give(descriptor)
            finally:
                os.close(descriptor)

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        if self._descriptor is not None:
            self.release()

    def forget(self) -> None:
        """In a forked child: the lock is the parent's alone."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try(self) -> None:
        # Some file systems (NFS) give a process what it has already, and take it away when it closes the file once.
        known = _file(self.path)
        if known is not None and known in _held:
            raise self._refusal("this process")
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        except OSError as error:
            raise unwritable(self.path, error) from error
        try:
            _take(descriptor)
            status = os.fstat(descriptor)
            file = (status.st_dev, status.st_ino)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1 or status.st_size > _TEXT:
                raise BadInput(f"{self.path} is no lock", "it is another file, or a link to one: delete it")
            if _file(self.path) == file:  # not removed between the opening and the taking
                os.ftruncate(descriptor, 0)
                os.lseek(descriptor, 0, os.SEEK_SET)
                os.write(descriptor, _own_name())
                self._descriptor, self._file, _held[file] = descriptor, file, self
        except OSError as error:
            if error.errno in _TAKEN:
                raise self._refusal(self._holder()) from error
            if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise BadInput(
                    f"{self.folder} is on a file system without locks ({error.strerror})",
                    "two writers could not be told apart there; choose a folder on a local disk with --out",
                ) from error
            raise unwritable(self.path, error) from error
        finally:
            if self._descriptor != descriptor:
                os.close(descriptor)

    def _holder(self) -> str:
        try:
            with self.path.open("rb") as file:
                return file.read(_TEXT).decode(errors="replace").strip() or "another process"
        except OSError:
            return "another process"

    def _refusal(self, holder: str) -> BadInput:
        return BadInput(
            f"{self.folder} is being written by {holder}",
            "one writer at a time; wait until it has ended, or choose another folder with --out",
        )


def _own_name() -> bytes:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {platform.node()[:64]} since {since}\n".encode(errors="replace")[:_TEXT]


def _file(path: Path) -> _File | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _forget_all() -> None:
    for lock in list(_held.values()):
        lock.forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_guard.release)
    os.register_at_fork(after_in_child=_forget_all)
