"""Zip archives of strangers: opened once, their members read within bounds."""

from __future__ import annotations

import io
import math
import os
import threading
import weakref
import zipfile
import zlib
from pathlib import Path
from typing import IO

from tfinvert.errors import BadInput
from tfinvert.images.bounded import Bounded, open_regular
from tfinvert.remote import local
from tfinvert.settings import Limits

DIRECTORY = 128_000_000  # bytes of the list of members: about a million of them, which take a GB
_PIECE = 2**20
_held: weakref.WeakValueDictionary[tuple[Path, Limits], Archive] = weakref.WeakValueDictionary()
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others take memory without bound


class Archive:
    """A zip archive that stays open; can be used in threads, forked and pickled. From a store it is fetched first.

    Args:
      path: the file.
      limits: what reading its list may take.

    Raises:
      BadInput: it is no archive, a damaged one, or one with a huge list of members.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._lock = threading.Lock()
        self._opened: tuple[int, zipfile.ZipFile] | None = None
        self._archive()

    def __reduce__(self) -> tuple:
        return _from_elsewhere, (self._path, self._limits)

    def _archive(self) -> zipfile.ZipFile:
        with self._lock:
            # A fork would share the place in the file with its parent.
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), self._open()
            return self._opened[1]

    def _open(self) -> zipfile.ZipFile:
        file = open_regular(local(self._path))  # a process that it was sent to fetches its own copy
        weakref.finalize(self, file.close)
        bounded = Bounded(file, self._limits, most=DIRECTORY)
        try:
            opened = zipfile.ZipFile(bounded)
        except BadInput as error:
            raise BadInput(f"the list of members of {self._path}: {error}", "split the archive") from error
        except Exception as error:  # zipfile raises whatever a broken list leads it to
            raise BadInput(
                f"{self._path} is a damaged zip archive ({' '.join(str(error).split())[:200]})",
                "expected an archive of pictures or arrays",
            ) from error
        bounded.end = math.inf  # each member has limits of its own
        end = 0
        for member in sorted(opened.infolist(), key=lambda member: member.header_offset):
            if member.header_offset < end:  # a few bytes that are read as many members
                raise BadInput(f"{self._path} has members that overlap ({member.filename!r})", "pack it again")
            end = member.header_offset + member.compress_size
        return opened

    def names(self) -> list[str]:
        """All members that are no folders. Of those with one name the last is read."""
        return [name for member in self._archive().infolist() if not (name := member.filename).endswith("/")]

    def size(self, name: str) -> int:
        """The bytes that a member says it unfolds to; more do not come."""
        return self._archive().getinfo(name).file_size

    def open(self, name: str) -> IO[bytes]:
        """A member, to be read in pieces; no more comes than it declares.

        Raises:
          BadInput: it is encrypted, or packed in another way than "deflate".
        """
        archive = self._archive()
        member = archive.getinfo(name)
        if member.flag_bits & 0x1:
            raise BadInput(f"{name} is encrypted", "expected an archive without a password; unpack it")
        if member.compress_type not in _READ:
            way = {zipfile.ZIP_BZIP2: "bzip2", zipfile.ZIP_LZMA: "LZMA"}.get(member.compress_type, "another method")
            raise BadInput(f"{name} is packed by {way}", "expected stored or deflated; pack it again")
        try:
            return archive.open(member)
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise BadInput(f"{name} cannot be unpacked ({error})", "expected a whole archive; pack it again") from error

    def read(self, name: str, most: int) -> io.BytesIO:
        """A member as a whole.

        Raises:
          BadInput: see `open`; it has more bytes than `most`, or it is damaged.
        """
        size = self.size(name)
        if size > most:
            raise BadInput(f"{name} unfolds to {size / 1e6:.0f} MB", f"expected at most {most / 1e6:.0f} MB")
        whole = io.BytesIO()
        try:
            with self.open(name) as file:
                while piece := file.read(_PIECE):
                    whole.write(piece)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise BadInput(f"{name} is damaged ({error})", "expected a whole one; pack it again") from error
        whole.seek(0)
        return whole


def _from_elsewhere(path: Path, limits: Limits) -> Archive:
    """An archive that came from another process; one for all who hold it."""
    found = _held.get((path, limits))
    if found is None:
        found = _held[path, limits] = Archive(path, limits)
    return found
