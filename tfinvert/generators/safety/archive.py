"""Takes the parts of a `.keras` file out of its zip archive; nothing else in there is read."""

from __future__ import annotations

import contextlib
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tfinvert.errors import BadInput

CONFIG, ABOUT, CARD, ARRAYS = "config.json", "metadata.json", "tfinvert.json", "model.weights.h5"
_MOST = {CONFIG: 2**24, ABOUT: 2**16, CARD: 2**20}  # bytes that a part may unfold to
_RATIO = 100  # of unfolded bytes to packed ones; arrays hardly fold
_MEMBERS = 10_000
_STEP = 2**20  # that are unfolded at once
_PIECE = re.compile(r"assets(/[\w .-]+)*/graph\.pb")
_PLAIN = "expected a .keras file as Keras saves it"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive.

    Raises:
      BadInput: it has more members than any model.
      zipfile.BadZipFile: it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        if len(archive.filelist) > _MEMBERS:
            raise BadInput(f"{path.name} holds {len(archive.filelist)} members", _PLAIN)
        yield archive


def part(archive: zipfile.ZipFile, name: str, most: int = 0) -> bytes | None:
    """One part of the archive; None where it has none of this name.

    Args:
      archive: open for reading.
      name: `CONFIG`, `ABOUT`, `CARD`, or that of a piece.
      most: bytes that a piece may unfold to.

    Raises:
      BadInput: it is no plain file, or larger than such a part may be.
    """
    return b"".join(_content(archive, name, _MOST.get(name, most))) if name in archive.NameToInfo else None


def unfold(archive: zipfile.ZipFile, name: str, most: int, target: Path) -> bool:
    """Writes one part of the archive to a file; False where it has none of this name. Raises as `part` does."""
    if name not in archive.NameToInfo:
        return False
    with target.open("wb") as file:
        file.writelines(_content(archive, name, most))
    return True


def _content(archive: zipfile.ZipFile, name: str, most: int) -> Iterator[bytes]:
    """The content of a part, whatever size it declares."""
    member, file_name = archive.getinfo(name), Path(archive.filename or "").name
    encrypted, kind = member.flag_bits & 1, stat.S_IFMT(member.external_attr >> 16)
    if encrypted or kind not in (0, stat.S_IFREG):
        raise BadInput(f"{file_name}: its {name} is no plain file", _PLAIN)
    packed = _RATIO * member.compress_size + 2**20
    mend = _PLAIN if packed <= most or name in _MOST else "if it is meant to be, raise --max_gigabytes"
    left = most = min(most, packed)
    with archive.open(member) as file:
        while piece := file.read(_STEP):
            left -= len(piece)
            if left < 0:
                raise BadInput(f"{file_name}: its {name} is larger than {most / 1e6:.3g} MB", mend)
            yield piece


def pieces(archive: zipfile.ZipFile, most: int) -> dict[str, bytes]:
    """The graphs of tfinvert's own layers in the archive, by their names in it.

    Raises:
      BadInput: one is no plain file, or they are larger than `most` bytes together.
    """
    found: dict[str, bytes] = {}
    for name in archive.namelist():
        if _PIECE.fullmatch(name) and ".." not in name:
            found[name] = part(archive, name, most - sum(map(len, found.values()))) or b""
    return found
