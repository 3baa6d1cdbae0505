"""Images as picture files have them."""

from __future__ import annotations

import numpy as np
from PIL import Image


def eight_bit(pixels: np.ndarray) -> Image.Image:
    """The picture of an image [H, W, C] in [0, 1], C = 1 (grey) or 3; what lies outside is cut off, NaN is black."""
    data = np.rint(255 * np.clip(np.nan_to_num(pixels), 0, 1)).astype(np.uint8)
    return Image.fromarray(data[..., 0] if data.shape[-1] == 1 else data)
