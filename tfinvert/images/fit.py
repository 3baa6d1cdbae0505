"""Brings an image to the height, width and channels that a generator makes."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tfinvert.errors import BadInput

FITS = ("crop", "pad", "stretch")
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow's "L"


def fit(pixels: np.ndarray, shape: tuple[int, int, int], how: str = "crop") -> tuple[np.ndarray, str]:
    """An image float32 [H, W, C] in [0, 1] at another shape, and a note on what happened to its channels.

    Args:
      pixels: with 1 or 3 channels.
      shape: (H, W, C) wanted.
      how: "crop" cuts the centre to the wanted proportions, "pad" repeats the edge until they fit, "stretch" lets
        them go. All then resize with an antialiased cubic filter. An image that has the size is not touched.

    Raises:
      BadInput: `how` is none of these.
    """
    if how not in FITS:
        raise BadInput(f"fit {how!r}", f"expected one of {', '.join(FITS)}")
    height, width, channels = shape
    note = ""
    if channels == 3 and pixels.shape[-1] == 1:
        pixels, note = np.repeat(pixels, 3, axis=-1), "grey image repeated to colour"
    elif channels == 1 and pixels.shape[-1] == 3:
        pixels, note = (pixels @ _LUMA)[..., np.newaxis], "colour image turned to grey"
    if pixels.shape[:2] == (height, width):
        return pixels, note
    rows, columns = pixels.shape[:2]
    box = (0.0, 0.0, float(columns), float(rows))
    if how == "crop":
        # The largest part with the wanted proportions; Pillow resizes out of a box with fractional edges.
        part = min(rows / height, columns / width)
        tall, wide = min(rows, part * height), min(columns, part * width)  # rounding must not lead out of the image
        top, left = (rows - tall) / 2, (columns - wide) / 2
        if part == 1:  # only cut: half a pixel is not worth blurring all of them
            return pixels[int(top) : int(top) + height, int(left) : int(left) + width], note
        box = (left, top, left + wide, top + tall)
    elif how == "pad":
        whole = max(rows / height, columns / width)
        more = (max(0, round(whole * height) - rows), max(0, round(whole * width) - columns))
        pixels = np.pad(pixels, [(n // 2, n - n // 2) for n in more] + [(0, 0)], mode="edge")
        box = (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    planes = [
        Image.fromarray(np.ascontiguousarray(pixels[..., channel])).resize(
            (width, height), Image.Resampling.BICUBIC, box=box
        )
        for channel in range(pixels.shape[-1])
    ]
    return np.clip(np.stack([np.asarray(plane) for plane in planes], axis=-1), 0, 1), note
