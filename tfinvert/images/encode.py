"""Images as files have them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tfinvert.images.decode import decode_file
from tfinvert.images.like import Like, is_picture
from tfinvert.images.numpy_files import array_of


def eight_bit(pixels: np.ndarray) -> Image.Image:
    """The picture of an image [H, W, C] in [0, 1], C = 1 (grey), 3 or 4; what lies outside is cut off, NaN is black."""
    data = np.rint(255 * np.clip(np.nan_to_num(pixels), 0, 1)).astype(np.uint8)
    return Image.fromarray(data[..., 0] if data.shape[-1] == 1 else data)


def packed(pixels: np.ndarray, like: Like) -> bytes:
    """An image [H, W, C] in [0, 1], or a series [L, C] on that scale, as a file.

    A PNG of 8 bits for pictures of 1, 3 or 4 channels; else an `.npy` of float32 in the value range.
    """
    buffer = io.BytesIO()
    if is_picture(like.image_shape):
        eight_bit(pixels).save(buffer, "PNG")
    else:
        low, high = like.value_range
        np.save(buffer, (low + (high - low) * pixels).astype(np.float32))
    return buffer.getvalue()


def unpacked(data: bytes, like: Like) -> np.ndarray:
    """What was packed, on [0, 1].

    Raises:
      BadInput: it is damaged, or of another shape.
    """
    if is_picture(like.image_shape):
        return decode_file(io.BytesIO(data), alpha=like.image_shape[-1] == 4)
    low, high = like.value_range
    return ((array_of(data, like.image_shape) - low) / (high - low)).astype(np.float32)
