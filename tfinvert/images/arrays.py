"""Images in arrays: in memory, `.npy`, `.npz`, and idx, MNIST's format."""

from __future__ import annotations

import functools
import gzip
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.decode import decode_array
from tfinvert.images.entry import Entry


def array_entries(array: np.ndarray, labels: np.ndarray | None, array_range) -> Iterable[Entry]:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4)):
        array = array[np.newaxis]  # one image
    if array.dtype.kind not in "buif":
        raise BadInput(f"an array of {array.dtype}", "expected numbers")
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[-1] not in (1, 3, 4)):
        raise BadInput(
            f"an array of shape {list(array.shape)}", "expected [N, H, W, C] with C = 1, 3 or 4, [N, H, W] or one image"
        )
    if not array.size:
        raise BadInput(f"an array of no images, {list(array.shape)}", "expected at least one")
    return Rows(array, labels, array_range)


class Rows(Sequence[Entry]):
    """The entries of an array, made as they are asked for: a million would take 300 MB."""

    def __init__(self, array: np.ndarray, labels: np.ndarray | None, array_range: tuple[float, float] | None) -> None:
        self._array, self._labels, self._range = array, labels, array_range

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # raises IndexError, as a list does
        label = None if self._labels is None else int(self._labels[place])
        return Entry(str(place), label, functools.partial(_read, self._array, place, self._range))


def _read(array: np.ndarray, index: int, array_range: tuple[float, float] | None) -> np.ndarray:
    return decode_array(array[index], array_range)


def read_numpy(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` by name; the one of an `.npy` under the name "".

    Raises:
      BadInput: it is neither, damaged, or holds Python objects.
    """
    try:
        # No pickles: they run code. A map keeps what is not looked at on the disk.
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return {"": found}
        with found as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(f"{path} cannot be read ({error})", "expected arrays of numbers saved by numpy") from error


def numpy_entries(path: Path, key: str | None, array_range) -> Iterable[Entry]:
    arrays = read_numpy(path)
    listing = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items() if name)
    if key is None:
        images = [name for name, array in arrays.items() if array.ndim >= 3 or not name]
        images = [name for name in images if name == "images"] or images
        if len(images) != 1:
            raise BadInput(f"{path} holds {listing or 'nothing'}", f"say which are the images: {path}:NAME")
        key = images[0]
    if key not in arrays:
        raise BadInput(f"{path}:{key}", f"no such array; it holds {listing or 'one without a name'}")
    partner = {"images": "labels", "x": "y"}.get(key, key.replace("images", "labels").replace("x_", "y_"))
    labels = arrays.get(partner) if partner != key else None
    known = labels is not None and labels.dtype.kind in "iu" and labels.shape == arrays[key].shape[:1]
    return array_entries(arrays[key], labels if known else None, array_range)


def is_idx(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if head[:2] == b"\x1f\x8b":
            with gzip.open(path) as file:
                head = file.read(4)
    except (OSError, EOFError, zlib.error):
        return False  # who reads it will say what is wrong
    return head[:3] == b"\x00\x00\x08" and head[3:] in (b"\x01", b"\x03", b"\x04")


def read_idx(path: Path) -> np.ndarray:
    """An idx file of bytes (MNIST's format), gzipped or not, as uint8 of its own shape.

    Raises:
      BadInput: it is none, or cut short.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        if raw[:3] != b"\x00\x00\x08":
            raise ValueError("not of bytes")
        shape = tuple(np.frombuffer(raw, ">u4", raw[3], 4).astype(int))
        return np.frombuffer(raw, np.uint8, int(np.prod(shape)), 4 + 4 * len(shape)).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise BadInput(f"{path} is no whole idx file ({error})", "expected MNIST's format, idx or idx.gz") from error
