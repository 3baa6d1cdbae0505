"""Pictures that go into a page, as data URIs that keep to a size."""

from __future__ import annotations

import base64
import io
from typing import NamedTuple

from PIL import Image

SIDE = 256  # pixels of the longer side at most
# WebP's settings, from the best. Of those without loss, method 0 takes a twentieth of the usual one's time for a tenth
# more bytes, which are still fewer than PNG's.
_WAYS: tuple[dict[str, int], ...] = ({"lossless": True, "method": 0}, {"quality": 90}, {"quality": 60})
_LEAST = 8  # pixels of a side; pictures are not made smaller than that, whatever room there is


class Thumbnail(NamedTuple):
    """A picture inside a page."""

    uri: str
    width: int
    height: int
    exact: bool  # every pixel as it was


def thumbnail(image: Image.Image, room: int, side: int = SIDE) -> Thumbnail:
    """A picture as WebP in a data URI: at its own size and without loss where there is room.

    Args:
      image: with 8 bits, grey or colour.
      room: bytes that it may take, before base64. Where that is too little, quality is given up first, then size.
      side: pixels of the longer side at most.
    """
    image = image.convert("RGB")  # WebP knows no grey
    whole = image.size
    image.thumbnail((side, side), Image.Resampling.BOX)
    while True:
        for settings in _WAYS:
            data = _webp(image, **settings)
            if len(data) <= room or (settings is _WAYS[-1] and max(image.size) <= _LEAST):
                uri = f"data:image/webp;base64,{base64.b64encode(data).decode()}"
                return Thumbnail(uri, *image.size, exact=settings is _WAYS[0] and image.size == whole)
        image.thumbnail((max(image.size) // 2,) * 2, Image.Resampling.BOX)


class Room:
    """Bytes for so many pictures, before base64; what one does not take is there for those after it."""

    def __init__(self, total: int, pictures: int) -> None:
        self._left, self._pictures = total, pictures

    def fit(self, image: Image.Image, side: int = SIDE) -> Thumbnail:
        """A picture with its share of what is left."""
        made = thumbnail(image, self._left // max(1, self._pictures), side)
        self._left, self._pictures = self._left - len(made.uri) * 3 // 4, self._pictures - 1
        return made


def _webp(image: Image.Image, **settings: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **settings)
    return buffer.getvalue()
