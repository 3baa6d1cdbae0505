"""Which kinds of pictures are opened: those that Pillow decodes by itself, within this process.

Of the others, EPS starts Ghostscript, WMF and EMF draw with Windows, FITS, GRIB, HDF5 and BUFR wait for a reader that
somebody registers, IPTC opens whatever lies inside; and of the rest people have no pictures.
"""

from __future__ import annotations

import os

from PIL import Image

OPENED = (
    "PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO", "ICNS", "PSD", "PCX", "SGI",
    "QOI", "TGA",
)  # fmt: skip
EXPECTED = "expected PNG, JPEG, WebP, TIFF, BMP, GIF or another of Pillow's own"
# What people take for pictures, and Pillow knows nothing of.
_OTHERS = ((b"%PDF", "PDF"), (b"<svg", "SVG"), (b"<?xml", "SVG or other XML"))


def formats() -> list[str]:
    """Those that this Pillow can open."""
    Image.init()
    return [name for name in OPENED if name in Image.OPEN]


def extensions() -> frozenset[str]:
    """With a dot, in lower case."""
    Image.init()
    return frozenset(end for end, name in Image.registered_extensions().items() if name in OPENED or name == "MPO")


def looks_like_a_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in extensions()


def what_else(head: bytes) -> str:
    """What a file is that is not opened, by its first 16 bytes; "" where they do not say."""
    if head[4:8] == b"ftyp":
        return "HEIC or a film"
    for start, name in _OTHERS:
        if head.startswith(start):
            return name
    for name in Image.ID:
        accept = Image.OPEN[name][1]
        if name not in OPENED and accept is not None and accept(head) is True:
            return name
    return ""
