"""What images are meant for: a generator's shape and range, or what stands for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

LONG = 4  # times as long as wide: no picture, but a series with its channels, or a table
FAR = 10  # widths of the value range: values that lie further out were made for another one


class Like(Protocol):
    """What images are brought to: a generator, or anything with its shape and range."""

    @property
    def image_shape(self) -> tuple[int, ...]: ...
    @property
    def value_range(self) -> tuple[float, float]: ...


class Scale(NamedTuple):
    """What images are brought to where there is no generator."""

    image_shape: tuple[int, ...]
    value_range: tuple[float, float] = (0.0, 1.0)


def is_series(shape: Sequence[int]) -> bool:
    """Whether a shape is that of a series, (L, C), and not of a picture, (H, W, C)."""
    return len(shape) == 2


def is_picture(shape: Sequence[int]) -> bool:
    """Whether picture files show what has this shape: grey, in colour, or in colour with its transparency."""
    return not is_series(shape) and shape[-1] in (1, 3, 4)


def words(shape: Sequence[int]) -> str:
    """What has this shape, for messages."""
    if is_series(shape):
        return f"series {list(shape)}"
    return f"pictures {list(shape)}"
