"""One image of a source, read as a generator could have made it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.images.entry import Entry
from tfinvert.images.fit import fit as fit_image
from tfinvert.images.like import Like
from tfinvert.remote import Unavailable, is_remote, path_of
from tfinvert.settings import DEFAULT_LIMITS, Limits


class Waiting(NamedTuple):
    """One image of a source that has not been read yet."""

    place: int  # among the images of the source, in their order
    entry: Entry


class Picture(NamedTuple):
    """One image that was read, or the reason why it could not be."""

    id: str
    label: int | None
    pixels: np.ndarray | None  # [H, W, C] float32 in the generator's value range, or [L, C]
    note: str  # what was done to it; for an unreadable one, what is wrong
    place: int = 0  # among the images of the source, in their order


class Reader:
    """Reads images one by one.

    Args:
      like: the generator that the images are meant for.
      fit: "crop", "pad" or "stretch" for images of other proportions; series keep their length.
      limits: what one file may take.

    Raises:
      BadInput: `fit` is another word.
    """

    def __init__(self, like: Like, fit: str = "crop", limits: Limits = DEFAULT_LIMITS) -> None:
        fit_image(np.zeros((1, 1, 1), np.float32), (1, 1, 1), fit)  # a wrong word is told before any image is read
        self.like, self.limits, self._fit = like, limits, fit
        self._told: set[str] = set()

    def __call__(self, waiting: Waiting) -> Picture:
        """The image in the value range."""
        found = self.unit(waiting.entry)
        low, high = self.like.value_range
        scaled = None if found.pixels is None else (low + (high - low) * found.pixels).astype(np.float32)
        return found._replace(pixels=scaled, place=waiting.place)

    def unit(self, entry: Entry) -> Picture:
        """The image on [0, 1].

        Raises:
          Unavailable: it is in a store that is away.
        """
        try:
            pixels, note = fit_image(entry.read(), self.like.image_shape, self._fit, self.limits)
        except Unavailable:  # nor can the next ones be read
            raise
        except Exception as error:  # whatever a broken file makes its reader raise, the other images go on
            return Picture(entry.id, entry.label, None, " ".join(str(error).split()) or type(error).__name__)
        self.tell(entry.id, note)
        return Picture(entry.id, entry.label, pixels.astype(np.float32), note)

    def tell(self, image_id: str, note: str) -> None:
        """Warns of what was done to an image, once."""
        if note and note not in self._told:
            self._told.add(note)
            logging.warning("%s: %s (said once)", image_id, note)


def require_there(ids: Sequence[str]) -> None:
    """Looks for the place of several images of which none could be read: it may be gone as a whole.

    Args:
      ids: theirs; those that are no files in a folder or a store are not looked for.

    Raises:
      BadInput: the folder of the first is gone, or empty, as where a disk is not mounted any more.
      Unavailable: its store cannot be used any more.
    """
    if len(ids) < 2 or not os.path.dirname(ids[0]):
        return
    folder = os.path.dirname(ids[0])
    if is_remote(folder):
        remote: Any = path_of(folder)
        next(iter(remote.iterdir()), None)  # a refusal of a list says why; that of a picture's head does not
        return
    if any(map(os.path.lexists, ids)) or "]" in ids[0] or ".zip:" in ids[0]:
        return
    if not os.path.isdir(folder) or not os.listdir(folder):
        raise BadInput(
            f"{folder} is gone, or empty now, and had {ids[0]}", "mount it again; then the same command goes on"
        )
