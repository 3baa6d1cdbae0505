"""Brings an image to the height, width and channels that a generator makes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.like import is_series
from tfinvert.settings import DEFAULT_LIMITS, Limits

FITS = ("crop", "pad", "stretch")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"


def fit(
    pixels: np.ndarray, shape: tuple[int, ...], how: str = "crop", limits: Limits = DEFAULT_LIMITS
) -> tuple[np.ndarray, str]:
    """An image float32 [H, W, C] in [0, 1] at another shape, and a note on what happened to its channels.

    Args:
      pixels: with 1 or 3 channels, of which either becomes the other, or with those wanted.
      shape: (H, W, C) wanted; or (L, C) of a series, which must have it.
      how: "crop" cuts the centre to the wanted proportions, "pad" repeats the edge until they fit, "stretch" lets
        them go. All then resize with an antialiased cubic filter. An image that has the size is not touched.
      limits: how many pixels there may be on the way.

    Raises:
      BadInput: `how` is none of these, the channels cannot become those wanted, or a long and narrow image would become
        a huge one by its padding.
    """
    if how not in FITS:
        raise BadInput(f"fit {how!r}", f"expected one of {', '.join(FITS)}")
    if is_series(shape):
        return _same_series(pixels, shape)
    height, width, channels = shape
    note = ""
    if channels != pixels.shape[-1] and not {channels, pixels.shape[-1]} <= {1, 3}:
        raise BadInput(f"an image of {pixels.shape[-1]} channels", f"expected {channels}")
    if channels == 3 and pixels.shape[-1] == 1:
        note = "grey image repeated to colour"
    elif channels == 1 and pixels.shape[-1] == 3:
        pixels, note = (pixels @ _LUMA)[..., np.newaxis], "colour image turned to grey"
    if pixels.shape[:2] != (height, width):
        pixels = _sized(pixels, height, width, how, limits)
    return np.repeat(pixels, 3, axis=-1) if channels > pixels.shape[-1] else pixels, note


def _same_series(series: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, str]:
    if series.shape != shape:
        raise BadInput(f"a series {list(series.shape)}", f"expected {list(shape)}")
    return series, ""


def _sized(pixels: np.ndarray, height: int, width: int, how: str, limits: Limits) -> np.ndarray:
    rows, columns = pixels.shape[:2]
    box = (0.0, 0.0, float(columns), float(rows))
    more = (0, 0)
    if how == "crop":
        # The largest part with the wanted proportions; Pillow resizes out of a box with fractional edges.
        part = min(rows / height, columns / width)
        tall, wide = min(rows, part * height), min(columns, part * width)  # rounding must not lead out of the image
        top, left = (rows - tall) / 2, (columns - wide) / 2
        if part == 1:  # only cut: half a pixel is not worth blurring all of them
            return pixels[int(top) : int(top) + height, int(left) : int(left) + width]
        box = (left, top, left + wide, top + tall)
    elif how == "pad":
        whole = max(rows / height, columns / width)
        more = (max(0, round(whole * height) - rows), max(0, round(whole * width) - columns))
        if max((rows + more[0]) * width, (columns + more[1]) * height) > limits.pixels:
            raise BadInput(
                f"an image of {columns} x {rows} pixels, padded",
                "expected fit=crop or stretch, or raise --max_megapixels",
            )
    planes = [_resized(pixels[..., channel], height, width, box, more) for channel in range(pixels.shape[-1])]
    return np.clip(np.stack(planes, axis=-1), 0, 1)


def _resized(
    plane: np.ndarray, height: int, width: int, box: tuple[float, float, float, float], more: tuple[int, int]
) -> np.ndarray:
    """A channel [H, W] cut to the box, or with so many more rows and columns, at another size.

    The filter works along one side and then along the other. The side that is not padded goes first, so that the edge
    is repeated where the image is small already.
    """
    rows, columns = plane.shape
    image = Image.fromarray(np.ascontiguousarray(plane))
    across = lambda image: image.resize((width, image.height), Image.Resampling.BICUBIC)
    along = lambda image: image.resize((image.width, height), Image.Resampling.BICUBIC)
    if more[0]:
        return np.asarray(along(_padded(across(image), more[0], 0)))
    if more[1]:
        return np.asarray(across(_padded(along(image), more[1], 1)))
    if columns < width and rows > height and box == (0, 0, columns, rows):  # Pillow would make it wider first
        return np.asarray(across(along(image)))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=box))


def _padded(image: Image.Image, more: int, axis: int) -> Image.Image:
    widths = [(0, 0), (0, 0)]
    widths[axis] = (more // 2, more - more // 2)
    return Image.fromarray(np.pad(np.asarray(image), widths, mode="edge"))
