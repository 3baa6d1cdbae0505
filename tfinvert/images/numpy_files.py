"""`.npy` and `.npz`: the head is believed only as far as the file goes, and one array is read at a time."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from tfinvert.errors import BadInput
from tfinvert.images.archives import Archive
from tfinvert.images.bounded import open_regular
from tfinvert.remote import local
from tfinvert.settings import Limits

_HEAD = 10_000  # characters of a head: numpy reads it as Python's literals, which take a thousandfold of memory
_MEMBERS = 1_000  # arrays whose heads are looked at
_PIECE = 2**24
_EXPECTED = "expected arrays of numbers saved by numpy"


class Head(NamedTuple):
    """What an array says of itself."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype
    start: int  # where its values begin
    size: int  # bytes of the file that it is in

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


class NumpyFile:
    """The arrays of a file, by name; the one of an `.npy` has the name "".

    Args:
      path: the file; what it is, is seen from its first bytes.
      limits: what an array of an archive may unfold to, besides.

    Raises:
      BadInput: it is neither, damaged, or holds Python objects.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._here = local(path)
        self._archive: Archive | None = None
        try:
            with open_regular(self._here) as file:
                if file.read(4) in (b"PK\x03\x04", b"PK\x05\x06"):
                    self._archive = Archive(path, limits)
                    self.heads = self._members(self._archive)
                else:
                    file.seek(0)
                    self.heads = {"": _head(file, self._here.stat().st_size)}
        except BadInput as error:
            raise BadInput(f"{path} cannot be read ({error})", _EXPECTED) from error
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror})", _EXPECTED) from error

    def _members(self, archive: Archive) -> dict[str, Head]:
        names = [name for name in archive.names() if name.endswith(".npy")]
        if len(names) > _MEMBERS:
            raise BadInput(f"{len(names)} arrays", f"at most {_MEMBERS}")
        heads = {}
        for name in names:
            with archive.open(name) as member:
                heads[name.removesuffix(".npy")] = _head(member, archive.size(name))
        return heads

    def __str__(self) -> str:
        """The names and shapes."""
        few = list(self.heads.items())[:20]
        more = ", ..." if len(self.heads) > len(few) else ""
        return ", ".join(f"{name} {list(head.shape)}" for name, head in few if name) + more

    def _where(self, name: str) -> str:
        return f"{self._path}:{name}" if name else str(self._path)

    def read(self, name: str) -> np.ndarray:
        """An array; that of an `.npy` stays on the disk, and comes from there as it is looked at.

        Raises:
          BadInput: it is damaged, or larger than the limit.
        """
        head = self.heads[name]
        order = "F" if head.fortran else "C"
        shape = str(list(head.shape))[:80]
        if head.dtype.kind not in "buifc" or head.dtype.subdtype is not None:
            raise BadInput(f"{self._where(name)} cannot be read (an array of {str(head.dtype)[:80]})", _EXPECTED)
        if head.start + head.bytes > head.size:
            raise BadInput(
                f"{self._where(name)} cannot be read (an array of shape {shape} in {head.size} bytes)",
                f"expected {head.start + head.bytes}; save it again",
            )
        try:
            if self._archive is None:
                if not head.bytes:
                    return np.empty(head.shape, head.dtype)
                with open_regular(self._here) as file:
                    return np.memmap(file, head.dtype, "r", head.start, head.shape, order)  # type: ignore[call-overload]
            if head.bytes > self._limits.bytes:
                raise BadInput(
                    f"{self._where(name)} unfolds to {head.bytes / 1e9:.3g} GB",
                    f"expected at most {self._limits.gigabytes:g}; save it as .npy, or raise --max_gigabytes",
                )
            values = np.empty(head.bytes, np.uint8)
            with self._archive.open(f"{name}.npy") as member:
                member.read(head.start)
                fill(values, member)
            return values.view(head.dtype).reshape(head.shape, order=order)  # type: ignore[call-overload]
        except BadInput:
            raise
        except Exception as error:  # zlib, zipfile and numpy, each with its own
            reason = " ".join(str(error).split())[:200]
            raise BadInput(f"{self._where(name)} cannot be read ({reason})", _EXPECTED) from error


def array_of(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    """The array of floats of an `.npy` of this shape.

    Raises:
      BadInput: it is damaged, or holds something else.
    """
    head = _head(io.BytesIO(data), len(data))
    if head.shape != shape or head.dtype.kind != "f" or head.fortran or head.start + head.bytes != head.size:
        raise BadInput(
            f"an array of shape {str(list(head.shape))[:80]} in {len(data)} bytes", f"expected {list(shape)}"
        )
    return np.frombuffer(data, head.dtype, offset=head.start).reshape(shape)


def fill(values: np.ndarray, file) -> None:
    """Bytes [N] from a file that unfolds, a piece at a time.

    Raises:
      EOFError: there are fewer.
    """
    done = 0
    while done < len(values):
        piece = file.read(min(_PIECE, len(values) - done))
        if not piece:
            raise EOFError(f"{done} bytes of {len(values)}")
        values[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
        done += len(piece)


def _head(file: IO[bytes], size: int) -> Head:
    """What stands before the values of an array in a file of so many bytes."""
    try:
        file = io.BytesIO(file.read(_HEAD))  # of a head that says it is longer, numpy would read all
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of heads that Python 2 wrote
            shape, fortran, dtype = read(file, max_header_size=_HEAD)
        head = Head(tuple(map(int, shape)), bool(fortran), dtype, file.tell(), size)
    except Exception as error:  # a head is an expression, which may break in any way
        raise BadInput(" ".join(str(error).split())[:200] or type(error).__name__, "expected a whole file") from error
    if dtype.hasobject:
        raise BadInput(f"an array of {str(dtype)[:80]}", "expected numbers")
    if any(length < 0 for length in head.shape) or len(head.shape) > 32:
        raise BadInput(f"an array of shape {str(list(head.shape))[:80]}", "expected a whole file")
    return head
