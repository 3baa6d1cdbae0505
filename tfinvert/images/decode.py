"""One picture of any mode, or one array, as float32 [H, W, C] in [0, 1] with C = 1 (grey) or 3 (colour)."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps

from tfinvert.errors import BadInput

_PAPER = 255  # what shows through where a picture is transparent


def decode_file(file: str | Path | IO[bytes]) -> np.ndarray:
    """A picture file as float32 [H, W, C] in [0, 1].

    EXIF orientation is applied; transparency is laid on white; CMYK and other colour spaces become RGB; 16 bits
    are kept; of an animation the first frame counts.

    Raises:
      OSError: the file is missing, no picture, or cut short.
      BadInput: its values are on no known scale.
    """
    with Image.open(file) as opened:
        opened.seek(0)
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I") or image.mode == "F":
            return _deep(np.asarray(image))
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
            layered = image.convert("RGBA")
            paper = Image.new("RGBA", layered.size, (_PAPER,) * 4)
            grey = image.mode in ("L", "LA", "La")
            image = Image.alpha_composite(paper, layered).convert("L" if grey else "RGB")
        elif image.mode in ("1", "L"):
            image = image.convert("L")
        else:
            image = image.convert("RGB")
        return _channels(np.asarray(image, np.float32) / 255)


def decode_array(array: np.ndarray, scale: tuple[float, float] | None = None) -> np.ndarray:
    """An array [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] as float32 [H, W, C] in [0, 1].

    Args:
      array: bytes are taken on [0, 255], 16-bit integers on [0, 65535], other integers on [0, 255], booleans and
        floats on [0, 1]; NaN stays.
      scale: (low, high) of its values, where that is otherwise.

    Raises:
      BadInput: another shape, or values outside the scale.
    """
    array = np.asarray(array)
    if scale is None:
        known = {"b": (0, 1), "f": (0, 1)}
        scale = (0, 65535) if array.dtype == np.uint16 else known.get(array.dtype.kind, (0, 255))
    low, high = scale
    if array.dtype.kind not in "buif":
        raise BadInput(f"an array of {array.dtype}", "expected numbers")
    values = (array.astype(np.float32) - low) / (high - low)
    slack = 1e-3  # what rounding may do to a value at the end of the scale
    if values.size and not (np.nanmin(values) >= -slack and np.nanmax(values) <= 1 + slack):
        raise BadInput(
            f"{array.dtype} values in [{np.nanmin(array):g}, {np.nanmax(array):g}]",
            f"expected [{low:g}, {high:g}]; say their scale with array_range (--array_range)",
        )
    if values.ndim == 3 and values.shape[-1] == 4:
        values = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
    return _channels(np.clip(values, 0, 1))


def _deep(array: np.ndarray) -> np.ndarray:
    """Grey pictures with more than 8 bits."""
    if array.dtype.kind == "f":
        return decode_array(array)
    return decode_array(array, (0, 65535))


def _channels(values: np.ndarray) -> np.ndarray:
    values = values[..., np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[-1] not in (1, 3) or 0 in values.shape:
        raise BadInput(f"an image of shape {list(values.shape)}", "expected [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    return values.astype(np.float32)
