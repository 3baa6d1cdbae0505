"""Takes the parts of a `.keras` file out of its zip archive; nothing else in there is read."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from tfinvert.errors import BadInput

CONFIG, ABOUT, CARD, ARRAYS = "config.json", "metadata.json", "tfinvert.json", "model.weights.h5"
_MOST = {CONFIG: 2**24, ABOUT: 2**16, CARD: 2**20}  # bytes that a part may unfold to
_RATIO = 100  # of unfolded bytes to packed ones; arrays hardly fold
_PIECE = re.compile(r"assets(/[\w .-]+)*/graph\.pb")
_PLAIN = "expected a .keras file as Keras saves it"


def names(path: Path) -> list[str]:
    """What is in the archive."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def pieces(path: Path, most: int) -> dict[str, bytes]:
    """The graphs of tfinvert's own layers in the archive, by their names in it.

    Raises:
      BadInput: one is no plain file, or larger than `most` bytes.
    """
    found = [name for name in names(path) if _PIECE.fullmatch(name) and ".." not in name]
    return {name: part(path, name, most) or b"" for name in found}


def part(path: Path, name: str, most: int = 0) -> bytes | None:
    """One part of the archive; None where it has none of this name.

    Args:
      path: of the archive.
      name: `CONFIG`, `ABOUT`, `CARD` or `ARRAYS`.
      most: bytes that arrays may unfold to.

    Raises:
      BadInput: it is no plain file, or larger than such a part may be.
    """
    most = _MOST.get(name, most)
    with zipfile.ZipFile(path) as archive:
        if name not in archive.namelist():
            return None
        member = archive.getinfo(name)
        encrypted, kind = member.flag_bits & 1, stat.S_IFMT(member.external_attr >> 16)
        if encrypted or kind not in (0, stat.S_IFREG):
            raise BadInput(f"{path.name}: its {name} is no plain file", _PLAIN)
        most = min(most, _RATIO * member.compress_size + 2**20)
        with archive.open(member) as file:
            content = file.read(most + 1)  # whatever size it declares
    if len(content) > most:
        raise BadInput(f"{path.name}: its {name} is larger than {most / 1e6:.3g} MB", _PLAIN)
    return content
