"""One image of a source, read as a generator could have made it."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from tfinvert.errors import BadInput, chain
from tfinvert.images.entry import Entry
from tfinvert.images.fit import fit as fit_image
from tfinvert.images.like import Like
from tfinvert.remote import Refused, Unavailable, is_remote, path_of
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
    missing: str = ""  # of an unreadable one, the path of the file that cannot be opened, where that is why


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
            note = " ".join(str(error).split()) or type(error).__name__
            return Picture(entry.id, entry.label, None, note, missing=_missing(entry.id, error))
        self.tell(entry.id, note)
        return Picture(entry.id, entry.label, pixels.astype(np.float32), note)

    def tell(self, image_id: str, note: str) -> None:
        """Warns of what was done to an image, once."""
        if note and note not in self._told:
            self._told.add(note)
            logging.warning("%s: %s (said once)", image_id, note)


def _missing(image_id: str, error: BaseException) -> str:
    """The path of what cannot be opened, where that is what is wrong."""
    for each in chain(error):
        if is_remote(image_id) and isinstance(each, Refused):
            return image_id
        if isinstance(each, OSError) and isinstance(each.filename, (str, bytes)):
            return os.fsdecode(each.filename)
    return ""


def require_place(path: str) -> None:
    """Looks for the place of a file that cannot be opened: it may be gone as a whole.

    Raises:
      BadInput: the folder is empty, or cannot be listed, as where a disk is not mounted any more.
      Unavailable: the store cannot be used any more.
    """
    if is_remote(path):
        remote: Any = path_of(path)
        try:
            remote.ask(remote.fs.cat_file, start=0, end=1)  # other than one for the head, the answer says why
        except Unavailable:
            raise
        except (BadInput, OSError):
            return
        return
    folder = os.path.abspath(os.path.dirname(path))
    wrong = _wrong(folder)
    if wrong and not os.path.lexists(folder):  # each picture may have a folder of its own
        folder = os.path.dirname(folder)
        wrong = _wrong(folder)
    if wrong:
        raise BadInput(
            f"{folder} {wrong}, and had {path}", "see whether its disk is mounted, then the same command goes on"
        )


def _wrong(folder: str) -> str:
    """What is wrong with a folder that has had something in it."""
    try:
        with os.scandir(folder) as found:
            return "" if next(found, None) is not None else "is empty now"
    except OSError as error:
        return f"cannot be listed any more ({error.strerror})"
