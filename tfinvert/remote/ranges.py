"""A file in a store that is read by ranges, as they are wanted."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfinvert.remote.paths import RemotePath


class Ranges(io.RawIOBase):
    """A file of `size` bytes; each read is one question, so it wants a buffer around it."""

    def __init__(self, path: RemotePath, size: int) -> None:
        super().__init__()
        self._path, self._size, self._at = path, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"a place {start + offset} in a file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer, /) -> int:
        data = self._fetch(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        return self._fetch(self._size)

    def _fetch(self, count: int) -> bytes:
        end = min(self._at + count, self._size)
        if end <= self._at:
            return b""
        data = self._path.ask(self._path.fs.cat_file, start=self._at, end=end)
        self._at += len(data)
        return data
