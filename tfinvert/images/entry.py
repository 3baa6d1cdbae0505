"""One image that has not been read yet: what every source gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tfinvert.images.like import Like, Scale
from tfinvert.settings import DEFAULT_LIMITS, Limits

_BETWEEN = re.compile(r"/|(?<=\.zip):", re.IGNORECASE)  # folders may have colons in their names
MOST = 4_000_000  # images in one file of many: each is an entry in memory before the first is read


class Entry(NamedTuple):
    """One image that has not been read yet."""

    id: str  # its path, or its index; valid Unicode, for it is stored
    label: int | None  # the class, where the source says it
    read: Callable[[], np.ndarray]  # -> float32 [H, W, C] in [0, 1], or [L, C]; raises what the file makes it raise


def folders_of(image_id: str) -> list[str]:
    """The folders of a picture, and the archive that it is in, its own folder last."""
    return _BETWEEN.split(image_id)[:-1]


def names_of(image_id: str) -> Iterator[str]:
    """What an image may be called, where only one is called so: its id, and shorter and shorter ends of its path."""
    yield image_id
    for place in _BETWEEN.finditer(image_id):
        yield image_id[place.end() :]


class Reading(NamedTuple):
    """How images are read."""

    array_range: tuple[float, float] | None = None  # (low, high) of arrays' values, where their type does not say it
    limits: Limits = DEFAULT_LIMITS
    like: Like = Scale((1, 1, 3))  # what they are meant for; of pictures the number of channels counts, and no size

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what they are meant for."""
        return self.like.image_shape
