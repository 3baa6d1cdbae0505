"""One picture of any mode, or one array, as float32 [H, W, C] in [0, 1]: grey, in colour, with its transparency, or of
any channels.

All goes by blocks of a million pixels, so that beside the picture and the result there is only a little.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from tfinvert.errors import BadInput
from tfinvert.images import formats
from tfinvert.images.bounded import HEAD, Bounded, open_regular
from tfinvert.settings import DEFAULT_LIMITS, Limits

_PAPER = 255  # what shows through where a picture is transparent
_BLOCK = 2**20
_TILES = 2**20  # a picture of more pieces is made to take memory for their list
_pillow = threading.RLock()  # its limit and Python's warnings are there once for all threads


def decode_file(
    file: str | Path | IO[bytes],
    scale: tuple[float, float] | None = None,
    limits: Limits = DEFAULT_LIMITS,
    alpha: bool = False,
) -> np.ndarray:
    """A picture file as float32 [H, W, C] in [0, 1], C = 1 (grey) or 3 (colour), or 4 with `alpha`.

    EXIF orientation is applied; transparency is laid on white, or kept; CMYK and other colour spaces become RGB; grey
    pictures keep their 16 bits or floats, colour comes with 8 bits; of an animation the first frame counts.

    Args:
      file: a path, or a file opened for reading.
      scale: (low, high) of a grey picture's values with more than 8 bits; default [0, 65535], of floats [0, 1].
      limits: what it may take.
      alpha: whether all pictures are read as red, green, blue and alpha, which is 1 where nothing is transparent.

    Raises:
      BadInput: the file is missing, no picture, or damaged; it goes beyond the limits; or its values are outside the
        scale.
    """
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(file, (str, Path)):
                file = stack.enter_context(open_regular(file))
            picture = _picture(file, limits)
            return _with_alpha(picture, scale) if alpha else _decode(picture, scale)
    except BadInput:
        raise
    except MemoryError as error:
        raise BadInput("a picture for which the memory does not suffice", "expected a smaller one") from error
    except Exception as error:  # Pillow's readers raise whatever a broken file leads them to
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadInput(f"a picture that cannot be read ({reason})", "expected a whole one; save it again") from error


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raises `BadInput` where an image has too many pixels."""
    if width * height > limits.pixels:
        raise _too_large(f"{width} x {height} pixels", limits)


def encoded(limits: Limits) -> int:
    """How many bytes a picture may have that is read at once: twice what its pixels take, and what stands beside."""
    return min(limits.bytes, 8 * limits.pixels + 2**24)


def _too_large(came: str, limits: Limits) -> BadInput:
    return BadInput(
        f"an image of {came}",
        f"expected at most {limits.megapixels:g} megapixels; shrink it, or raise --max_megapixels",
    )


def _picture(file: IO[bytes], limits: Limits) -> Image.Image:
    """The first frame, upright; Pillow's reader, and what it holds, is gone."""
    bounded = Bounded(file, limits, most=encoded(limits), head=HEAD)
    with _pillow, _pillows_limit(limits.pixels):
        try:
            opened: ImageFile.ImageFile = Image.open(cast(IO[bytes], bounded), formats=formats.formats())
            check_size(*opened.size, limits)
            tiles = opened.tile
            if len(tiles) > _TILES:
                raise BadInput(f"a picture in {len(tiles)} pieces", f"expected at most {_TILES}; save it again")
            bounded.head = None
            if tiles and tiles[0][0] in ("ppm_plain", "jpeg"):
                # The one takes time with the square of what it reads; of the other, a few bytes may go over all pixels.
                bounded.piece = 2**13
            opened.load()
            check_size(*opened.size, limits)  # icons hold pictures of other sizes than they say
            return ImageOps.exif_transpose(opened)
        except UnidentifiedImageError as error:
            file.seek(0)
            what, known = formats.what_else(file.read(16))
            if known:
                raise BadInput(f"a damaged {what}", "expected a whole one; save it again") from error
            raise BadInput(f"{what}, whatever its name says", f"{formats.EXPECTED}; convert it") from error
        except Image.DecompressionBombError as error:
            found = re.search(r"\((\d+) pixels\)", str(error))
            raise _too_large(f"{int(found[1]) / 1e6:.6g} megapixels" if found else "too many", limits) from error


@contextlib.contextmanager
def _pillows_limit(pixels: int) -> Iterator[None]:
    """Within, Pillow refuses what has more pixels, parts of a picture too, and prints no warnings."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = (pixels + 1) // 2  # from there on it warns; from twice as many, it refuses
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _blocks(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """(top, bottom, left, right) of what is done at once."""
    wide = min(width, _BLOCK)
    high = _BLOCK // wide
    for top in range(0, height, high):
        for left in range(0, width, wide):
            yield top, min(top + high, height), left, min(left + wide, width)


def _decode(image: Image.Image, scale: tuple[float, float] | None) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        array = np.asarray(image)
        return decode_array(array, scale or ((0, 1) if array.dtype.kind == "f" else (0, 65535)))
    layered = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    grey = image.mode in (("1", "L", "LA", "La") if layered else ("1", "L"))
    width, height = image.size
    values = np.empty((height, width, 1 if grey else 3), np.float32)
    for top, bottom, left, right in _blocks(height, width):
        part = image.crop((left, top, right, bottom))
        if layered:
            paper = Image.new("RGBA", part.size, (_PAPER,) * 4)
            part = Image.alpha_composite(paper, part.convert("RGBA"))
        levels = np.asarray(part.convert("L" if grey else "RGB"), np.float32)
        values[top:bottom, left:right] = (levels / 255).reshape(bottom - top, right - left, -1)
    return values


def _with_alpha(image: Image.Image, scale: tuple[float, float] | None) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        return opaque(_decode(image, scale))
    width, height = image.size
    values = np.empty((height, width, 4), np.float32)
    for top, bottom, left, right in _blocks(height, width):
        values[top:bottom, left:right] = np.asarray(image.crop((left, top, right, bottom)).convert("RGBA"))
        values[top:bottom, left:right] /= 255
    return values


def opaque(grey: np.ndarray) -> np.ndarray:
    """A grey image [H, W, 1] as red, green, blue and an alpha of 1."""
    return np.concatenate([np.repeat(grey, 3, axis=-1), np.ones_like(grey)], axis=-1)


def decode_array(array: np.ndarray, scale: tuple[float, float] | None = None, channels: int = 3) -> np.ndarray:
    """An array [H, W], [H, W, 1], [H, W, 3] or [H, W, 4] as float32 [H, W, 1] or [H, W, 3] in [0, 1].

    Args:
      array: unsigned 16-bit integers are taken on [0, 65535], other integers on [0, 255], booleans and floats on
        [0, 1]; NaN stays.
      scale: (low, high) of its values, where that is otherwise.
      channels: of the generator: of other than 1 or 3, the array must have as many, and keeps them all.

    Raises:
      BadInput: another shape, or values outside the scale.
    """
    array = np.asarray(array)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "buif":
        raise BadInput(f"an array of {array.dtype}", "expected numbers")
    several = channels not in (1, 3)
    array = array[..., np.newaxis] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[-1] not in ((channels,) if several else (1, 3, 4)) or 0 in array.shape:
        expected = f"[H, W, {channels}]" if several else "[H, W], [H, W, 1], [H, W, 3] or [H, W, 4]"
        raise BadInput(f"an image of shape {list(array.shape)}", f"expected {expected}")
    low, high = scale or ((0, 1) if kind in "bf" else (0, 65535) if (kind, size) == ("u", 2) else (0, 255))
    height, width, given_channels = array.shape
    see_through = given_channels == 4 and not several
    result = np.empty((height, width, 3 if see_through else given_channels), np.float32)
    least, most, outside = np.inf, -np.inf, False
    slack = 1e-3  # what rounding may do to a value at the end of the scale
    for top, bottom, left, right in _blocks(height, width):
        given = array[top:bottom, left:right]
        with np.errstate(all="ignore"):  # values beyond float32 become infinite, and are refused below
            values = (given.astype(np.float32) - low) / (high - low)
        known = ~np.isnan(values)
        if known.any():
            outside |= not (values[known].min() >= -slack and values[known].max() <= 1 + slack)
            least, most = min(least, given[known].min()), max(most, given[known].max())
        if see_through and not outside:
            values = values[..., :3] * values[..., 3:] + (1 - values[..., 3:])
        result[top:bottom, left:right] = np.clip(values[..., : result.shape[-1]], 0, 1)
    if outside:
        raise BadInput(
            f"{array.dtype} values in [{least:g}, {most:g}]",
            f"expected [{low:g}, {high:g}]; say their scale with array_range (--array_range)",
        )
    return result
