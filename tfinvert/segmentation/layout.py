"""What the axes of an attention map mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

_LEAST = 4  # places


class Layout(NamedTuple):
    """How a tensor [B, *shape] is read as attention between two maps of places.

    Attributes:
      shape: of one row of the tensor.
      axes: the same in three: the heads, the places that attend, the places that they attend to, with one of 1 for
        the heads where there are none; heads may also stand second.
      heads: which of the three axes is that of the heads.
      grid: (h, w) of the places that attend.
      keys: (h', w') of those that they attend to.
    """

    shape: tuple[int, ...]
    axes: tuple[int, int, int]
    heads: int
    grid: tuple[int, int]
    keys: tuple[int, int]

    @property
    def size(self) -> tuple[int, int]:
        """By which maps are compared: entries, then places."""
        places = math.prod(self.grid)
        return places * math.prod(self.keys), places

    def apply(self, values: np.ndarray) -> np.ndarray:
        """[B, *shape] as [B, h, w, h', w'], heads averaged."""
        mean = values.astype(np.float32).reshape(-1, *self.axes).mean(axis=1 + self.heads)
        return mean.reshape(-1, *self.grid, *self.keys)

    def __str__(self) -> str:
        count = self.axes[self.heads]
        shown = "{}x{} places that attend to {}x{}".format(*self.grid, *self.keys)
        return shown if count == 1 else f"{shown}, mean of {count} heads"


def layout(shape: Sequence[int], image_shape: Sequence[int]) -> Layout | None:
    """The layout of a tensor with rows of this shape; None where it cannot be an attention map.

    Known are [N, M], [heads, N, M], [N, heads, M], [h, w, h', w'] and [heads, h, w, h', w'].

    Args:
      shape: of one row, without the batch.
      image_shape: (H, W, C) of the generator; places in one axis have its proportions.
    """
    shape = tuple(shape)
    if len(shape) in (4, 5):
        height, width, below, beside = shape[-4:]
        flat = (math.prod(shape[:-4]), height * width, below * beside)
        return _checked(Layout(shape, flat, 0, (height, width), (below, beside)))
    for axes, heads in _readings(shape):
        places, keys = (axes[axis] for axis in range(3) if axis != heads)
        grid, key_grid = _grid(places, image_shape), _grid(keys, image_shape)
        if grid and key_grid and (found := _checked(Layout(shape, axes, heads, grid, key_grid))):
            return found
    return None


def _readings(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, int, int], int]]:
    if len(shape) == 2:
        yield (1, *shape), 0
    elif len(shape) == 3:
        yield (shape[0], shape[1], shape[2]), 0
        yield (shape[0], shape[1], shape[2]), 1


def _grid(places: int, image_shape: Sequence[int]) -> tuple[int, int] | None:
    """(h, w) of so many places with the image's proportions."""
    height, width = image_shape[:2]
    rows = math.isqrt(places * height // width)
    if rows and places % rows == 0 and rows * width == places // rows * height:
        return rows, places // rows
    return None


def _checked(found: Layout) -> Layout | None:
    """The same where what is attended to is no finer than what attends, and neither is next to nothing."""
    pairs = list(zip(found.keys, found.grid, strict=True))
    enough = math.prod(found.keys) >= _LEAST
    return found if enough and all(0 < keys <= places for keys, places in pairs) else None
