"""Glyphs drawn from the TrueType fonts that matplotlib ships: the data of the built-in generator.

Dark ink (0) on light paper (255). The fonts of `HELD_OUT` are never drawn for training; they are the
built-in targets, so that the default run inverts images which its generator has not seen.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
TRAINING = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmti10",
)
HELD_OUT = ("DejaVuSansMono-BoldOblique", "DejaVuSerif-Italic", "STIXGeneralBol", "cmtt10")
SIZE = 32
_CANVAS = 4 * SIZE  # glyphs are drawn large and reduced, which is what makes their edges smooth


class Jitter(NamedTuple):
    """A small change of shape, so that one font gives many images of a character."""

    scale: float = 1.0
    rotation: float = 0.0  # degrees, clockwise
    shear: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)  # pixels of the small image, (x, y)


_NONE = Jitter()


def draw(font: str, character: str, jitter: Jitter = _NONE, size: int = SIZE) -> np.ndarray:
    """One character as uint8 [size, size], centred on its own ink.

    Args:
      font: a name from `TRAINING` or `HELD_OUT` (or any other file of matplotlib's `fonts/ttf`).
      character: one character that the font holds.
      jitter: the change of shape about the centre.
      size: height and width of the result in pixels.
    """
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    canvas = Image.new("L", (_CANVAS, _CANVAS), 0)
    ImageDraw.Draw(canvas).text(
        (_CANVAS / 2, _CANVAS / 2),
        character,
        fill=255,
        anchor="mm",
        font=ImageFont.truetype(str(path), int(0.8 * _CANVAS)),
    )
    left, top, right, bottom = canvas.getbbox() or (0, 0, _CANVAS, _CANVAS)
    # Pillow wants the map from the new image's pixels to the old one's: the inverse of the change.
    angle = math.radians(jitter.rotation)
    a, b = math.cos(angle) / jitter.scale, math.sin(angle) / jitter.scale
    matrix = np.array([[a, b], [-b, a]]) @ np.array([[1.0, jitter.shear], [0.0, 1.0]])
    new_centre = np.array([_CANVAS / 2, _CANVAS / 2]) + np.array(jitter.shift) * _CANVAS / SIZE
    offset = np.array([(left + right) / 2, (top + bottom) / 2]) - matrix @ new_centre
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    moved = canvas.transform(canvas.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR)
    return 255 - np.asarray(moved.resize((size, size), Image.Resampling.BOX))


def held_out() -> Iterator[tuple[str, str]]:
    """(font, character) of every built-in target, the fonts taking turns so that a few show them all."""
    for index, character in enumerate("AgRe8kQw" + "".join(c for c in CHARACTERS if c not in "AgRe8kQw")):
        for turn in range(len(HELD_OUT)):
            yield HELD_OUT[(index + turn) % len(HELD_OUT)], character


def label(character: str) -> int:
    """Its place among `CHARACTERS`."""
    return CHARACTERS.index(character)


def training_set(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` jittered glyphs of the training fonts, and their labels; the seed fixes every pixel.

    Returns:
      uint8 [count, 32, 32, 1], and int32 [count] from 0 to 61, the places among `CHARACTERS`.
    """
    random = np.random.default_rng(seed)
    images, labels = np.empty((count, SIZE, SIZE, 1), np.uint8), np.empty(count, np.int32)
    for index in range(count):
        font = TRAINING[random.integers(len(TRAINING))]
        character = CHARACTERS[random.integers(len(CHARACTERS))]
        jitter = Jitter(
            scale=random.uniform(0.85, 1.15),
            rotation=random.uniform(-8, 8),
            shear=random.uniform(-0.15, 0.15),
            shift=(random.uniform(-1.5, 1.5), random.uniform(-1.5, 1.5)),
        )
        images[index, :, :, 0], labels[index] = draw(font, character, jitter), label(character)
    return images, labels
