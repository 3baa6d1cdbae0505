"""Images in arrays: in memory, in numpy's files, and in idx, MNIST's format."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.images.decode import check_size, decode_array
from tfinvert.images.entry import MOST, Entry, Reading
from tfinvert.images.idx import read_idx
from tfinvert.images.like import LONG, is_series
from tfinvert.images.numpy_files import NumpyFile
from tfinvert.images.series import batch_of, decode_series, scale_of


def array_entries(array: np.ndarray, labels: np.ndarray | None, how: Reading) -> Iterable[Entry]:
    if array.dtype.kind not in "buif":
        raise BadInput(f"an array of {array.dtype}", "expected numbers")
    if is_series(how.shape):
        array = batch_of(array, how.shape)
        scale_of(array.dtype, how.like, how.array_range)  # what is wrong with all of them is told at once
    else:
        array = _pictures(array, how.shape[-1])
        if how.shape[-1] not in (1, 3) and how.array_range is None and (array.dtype.kind, array.itemsize) == ("u", 2):
            logging.warning(
                "%s are read on [0, 65535]: say another scale with array_range, such as 0,10000", array.dtype
            )
    if not array.size:
        raise BadInput(f"an array of no images, {list(array.shape)}", "expected at least one")
    if len(array) > MOST:
        raise BadInput(f"an array of {len(array)} images, {list(array.shape)}", f"expected at most {MOST}; split it")
    check_size(array.shape[2], array.shape[1], how.limits)
    return Rows(array, labels, how)


def _pictures(array: np.ndarray, channels: int) -> np.ndarray:
    """An array of pictures as [N, H, W, C] or [N, H, W]; a generator of this many channels says which axis is which."""
    several = channels not in (1, 3)
    known = (channels,) if several else (1, 3, 4)
    if array.ndim == 2 and max(array.shape) > LONG * min(array.shape):
        raise BadInput(
            f"an array of shape {list(array.shape)}", "one picture is hardly so long; reshape flat ones: [N, H, W, C]"
        )
    if (array.ndim == 2 and not several) or (array.ndim == 3 and array.shape[-1] in known):
        array = array[np.newaxis]  # one image
    if (array.ndim == 3 and not several) or (array.ndim == 4 and array.shape[-1] in known):
        return array
    expected = (
        f"expected [N, H, W, {channels}] or one image [H, W, {channels}]"
        if several
        else "expected [N, H, W, C] with C = 1, 3 or 4, [N, H, W] or one image; channels last"
    )
    if several and array.ndim == 4 and array.shape[1] == channels:
        expected = "they have channels first: save np.transpose(images, (0, 2, 3, 1))"
    raise BadInput(f"an array of shape {list(array.shape)}", expected)


class Rows(Sequence[Entry]):
    """The entries of an array, made as they are asked for: a million would take 300 MB."""

    def __init__(self, array: np.ndarray, labels: np.ndarray | None, how: Reading) -> None:
        self._array, self._labels, self._how = array, labels, how

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = range(len(self))[index]  # raises IndexError, as a list does
        label = None if self._labels is None else int(self._labels[place])
        return Entry(str(place), label, _Row(self._array, place, self._how))


@dataclasses.dataclass(frozen=True)
class _Row:
    """Reads one image of an array; goes to another process without the others."""

    array: np.ndarray
    place: int
    how: Reading

    def __call__(self) -> np.ndarray:
        return decode(self.array[self.place], self.how)

    def __reduce__(self) -> tuple:
        return functools.partial, (decode, np.array(self.array[self.place]), self.how)


def decode(array: np.ndarray, how: Reading) -> np.ndarray:
    """One image of an array as float32 [H, W, C] in [0, 1], or one series [L, C] on that scale.

    Raises:
      BadInput: as of `decode_array` and `decode_series`.
    """
    if is_series(how.shape):
        return decode_series(array, how.like, how.array_range)
    return decode_array(array, how.array_range, how.shape[-1])


def numpy_entries(path: Path, key: str | None, how: Reading) -> Iterable[Entry]:
    file = NumpyFile(path, how.limits)
    heads, listing = file.heads, str(file)
    if key is None:
        least = 2 if is_series(how.shape) else 3
        images = [name for name, head in heads.items() if len(head.shape) >= least or not name]
        images = [name for name in images if name == "images"] or images
        if len(images) != 1:
            raise BadInput(f"{path} holds {listing or 'nothing'}", f"say which are the images: {path}:NAME")
        key = images[0]
    if key not in heads:
        raise BadInput(f"{path}:{key}", f"no such array; it holds {listing or 'one without a name'}")
    partner = {"images": "labels", "x": "y"}.get(key, key.replace("images", "labels").replace("x_", "y_"))
    beside = heads.get(partner) if partner != key else None
    known = beside is not None and beside.dtype.kind in "iu" and beside.shape == heads[key].shape[:1]
    return array_entries(file.read(key), file.read(partner) if known else None, how)


def idx_entries(path: Path, how: Reading) -> Iterable[Entry]:
    images = read_idx(path, how.limits)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1"))
    labels = read_idx(beside, how.limits) if beside != path and beside.is_file() else None
    if labels is not None:
        logging.info("%s: its images' classes, unless others are given, are those of %s", path, beside.name)
    if labels is not None and labels.shape != images.shape[:1]:
        raise BadInput(
            f"{beside} of shape {list(labels.shape)} beside images {list(images.shape)}", "expected one label for each"
        )
    return array_entries(images[..., np.newaxis] if images.ndim == 3 else images, labels, how)
