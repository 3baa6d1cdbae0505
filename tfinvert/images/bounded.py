"""Files of strangers are opened without waiting for anybody, and read within bounds."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import IO

from tfinvert.errors import BadInput
from tfinvert.remote import is_remote, path_of
from tfinvert.settings import Limits

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
HEAD = 32_000_000  # bytes of what stands before the pixels: names, thumbnails, profiles, lists of places
_EXPECTED = "expected a regular file; save what it gives as one"


def kind(path: str | Path) -> str:
    """What lies at a path that is no regular file, in words."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        return f"a link that cannot be followed ({error.strerror})" if os.path.islink(path) else "gone"
    return next((word for of_kind, word in _KINDS if of_kind(mode)), "no file")


def open_regular(path: str | Path) -> IO[bytes]:
    """A file for reading. Pipes and devices may keep one waiting, or never end, so they are refused.

    Raises:
      BadInput: it is no regular file, or a store refuses.
      OSError: it cannot be opened.
    """
    if is_remote(path):
        return path_of(path).open("rb")
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening some devices does something
        raise BadInput(f"{path} is {kind(path)}", _EXPECTED)
    # Another may lie there by now: this one does not wait, and is looked at again.
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(number, "rb")
    if not stat.S_ISREG(os.fstat(number).st_mode):
        file.close()
        raise BadInput(f"{path} is {kind(path)}", _EXPECTED)
    return file


class Bounded:
    """A file that tells its reader when it takes too much memory or too long.

    Attributes:
      most: bytes that one call may give, or None.
      head: bytes that all calls for a stated number may still give, or None once the head is read.
      end: until when it is read, as of `time.monotonic`.
      piece: bytes that one call gives at most, for readers that take fewer than they asked for; or None.
    """

    def __init__(self, file: IO[bytes], limits: Limits, *, most: int | None = None, head: int | None = None) -> None:
        self._file, self._limits = file, limits
        self.end = time.monotonic() + limits.seconds
        self.most, self.head = most, head
        self.piece: int | None = None

    def read(self, count: int | None = -1, /) -> bytes:
        if time.monotonic() > self.end:
            raise BadInput(
                f"a file that takes more than {self._limits.seconds:g} s to read",
                "expected less, or more --max_seconds",
            )
        count = -1 if count is None else count
        if count >= 0 and self.piece is not None:
            count = min(count, self.piece)
        if self.most is not None and not 0 <= count <= self.most:
            data = self._file.read(self.most + 1)
            if len(data) > self.most:
                raise BadInput(f"a file of which {self.most / 1e6:.0f} MB and more are wanted at once", "expected less")
            return data
        data = self._file.read(count)
        if count >= 0 and self.head is not None:
            self.head -= len(data)
            if self.head < 0:
                raise BadInput("a file with a huge head", f"expected at most {HEAD / 1e6:.0f} MB before the pixels")
        return data

    def readinto(self, buffer, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def fileno(self) -> int:
        return self._file.fileno()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
