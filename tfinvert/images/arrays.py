"""Images in arrays: in memory, `.npy`, `.npz`, and idx, MNIST's format."""

from __future__ import annotations

import functools
import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.decode import decode_array
from tfinvert.images.entry import Entry


def array_entries(array: np.ndarray, labels: np.ndarray | None, array_range) -> Iterable[Entry]:
    if array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (1, 3, 4)):
        array = array[np.newaxis]  # one image
    if array.ndim not in (3, 4):
        raise BadInput(f"an array of shape {list(array.shape)}", "expected [N, H, W, C], [N, H, W] or one image")
    if not len(array):
        raise BadInput("an array of no images", "expected at least one")
    return [
        Entry(str(i), None if labels is None else int(labels[i]), functools.partial(_read, array, i, array_range))
        for i in range(len(array))
    ]


def _read(array: np.ndarray, index: int, array_range: tuple[float, float] | None) -> np.ndarray:
    return decode_array(array[index], array_range)


def read_numpy(path: Path) -> Any:
    try:
        # No pickles: they run code. A map keeps what is not looked at on the disk.
        return np.load(path, mmap_mode="r" if path.suffix == ".npy" else None, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path} cannot be read ({error})", "expected an array of numbers saved by numpy") from error


def npz_entries(path: Path, key: str | None, array_range) -> Iterable[Entry]:
    with read_numpy(path) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
        listing = ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
        images = [name for name, shape in shapes.items() if len(shape) >= 3]
        if key is None:
            images = [name for name in images if name == "images"] or images
            if len(images) != 1:
                raise BadInput(f"{path} holds {listing or 'nothing'}", f"say which are the images: {path}:NAME")
            key = images[0]
        if key not in shapes:
            raise BadInput(f"{path}:{key}", f"no such array; it holds {listing}")
        partner = {"images": "labels", "x": "y"}.get(key, key.replace("images", "labels").replace("x_", "y_"))
        known = partner != key and shapes.get(partner) == shapes[key][:1]
        return array_entries(archive[key], archive[partner] if known else None, array_range)


def is_idx(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
    if head[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                head = file.read(4)
        except (OSError, EOFError):
            return False
    return head[:3] == b"\x00\x00\x08" and head[3:] in (b"\x01", b"\x03", b"\x04")


def read_idx(path: Path) -> np.ndarray:
    """An idx file of bytes (MNIST's format), gzipped or not, as uint8 of its own shape.

    Raises:
      BadInput: it is none, or cut short.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        shape = tuple(np.frombuffer(raw, ">u4", raw[3], 4).astype(int))
        return np.frombuffer(raw, np.uint8, int(np.prod(shape)), 4 + 4 * len(shape)).reshape(shape)
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise BadInput(f"{path} is no whole idx file ({error})", "expected MNIST's format, idx or idx.gz") from error
