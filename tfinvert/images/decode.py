"""One picture of any mode, or one array, as float32 [H, W, C] in [0, 1] with C = 1 (grey) or 3 (colour)."""

from __future__ import annotations

from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tfinvert.errors import BadInput

_PAPER = 255  # what shows through where a picture is transparent


def decode_file(file: str | Path | IO[bytes], scale: tuple[float, float] | None = None) -> np.ndarray:
    """A picture file as float32 [H, W, C] in [0, 1].

    EXIF orientation is applied; transparency is laid on white; CMYK and other colour spaces become RGB; grey
    pictures keep their 16 bits or floats, colour comes with 8 bits; of an animation the first frame counts.

    Args:
      file: a path, or a file opened for reading.
      scale: (low, high) of a grey picture's values with more than 8 bits; default [0, 65535], of floats [0, 1].

    Raises:
      BadInput: the file is missing, no picture, or damaged; or its values are outside the scale.
    """
    try:
        with Image.open(file) as opened:
            opened.seek(0)
            return _decode(ImageOps.exif_transpose(opened), scale)
    except BadInput:
        raise
    except UnidentifiedImageError as error:
        raise BadInput(
            "no picture, whatever its name says", "expected PNG, JPEG or another that Pillow reads"
        ) from error
    except Exception as error:  # Pillow's readers raise whatever a broken file leads them to
        raise BadInput(f"a picture that cannot be read ({error})", "expected a whole one; save it again") from error


def _decode(image: Image.Image, scale: tuple[float, float] | None) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        array = np.asarray(image)
        return decode_array(array, scale or ((0, 1) if array.dtype.kind == "f" else (0, 65535)))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (_PAPER,) * 4)
        grey = image.mode in ("1", "L", "LA", "La")
        image = Image.alpha_composite(paper, layered).convert("L" if grey else "RGB")
    else:
        image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    return _channels(np.asarray(image, np.float32) / 255)


def decode_array(array: np.ndarray, scale: tuple[float, float] | None = None) -> np.ndarray:
    """An array [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] as float32 [H, W, C] in [0, 1].

    Args:
      array: unsigned 16-bit integers are taken on [0, 65535], other integers on [0, 255], booleans and floats on
        [0, 1]; NaN stays.
      scale: (low, high) of its values, where that is otherwise.

    Raises:
      BadInput: another shape, or values outside the scale.
    """
    array = np.asarray(array)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "buif":
        raise BadInput(f"an array of {array.dtype}", "expected numbers")
    low, high = scale or ((0, 1) if kind in "bf" else (0, 65535) if (kind, size) == ("u", 2) else (0, 255))
    values = (array.astype(np.float32) - low) / (high - low)
    slack = 1e-3  # what rounding may do to a value at the end of the scale
    known = ~np.isnan(values)
    if known.any() and not (values[known].min() >= -slack and values[known].max() <= 1 + slack):
        raise BadInput(
            f"{array.dtype} values in [{array[known].min():g}, {array[known].max():g}]",
            f"expected [{low:g}, {high:g}]; say their scale with array_range (--array_range)",
        )
    if values.ndim == 3 and values.shape[-1] == 4:
        values = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
    return _channels(np.clip(values, 0, 1))


def _channels(values: np.ndarray) -> np.ndarray:
    values = values[..., np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3 or values.shape[-1] not in (1, 3) or 0 in values.shape:
        raise BadInput(f"an image of shape {list(values.shape)}", "expected [H, W], [H, W, 1], [H, W, 3] or [H, W, 4]")
    return values.astype(np.float32)
