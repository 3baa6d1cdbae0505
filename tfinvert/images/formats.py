"""Which kinds of pictures are opened: those that Pillow decodes by itself, within this process.

Of the others, EPS starts Ghostscript, WMF and EMF draw with Windows, FITS, GRIB, HDF5 and BUFR wait for a reader that
somebody registers, IPTC opens whatever lies inside; and of the rest people have no pictures.
"""

from __future__ import annotations

import functools
import os

from PIL import Image

OPENED = (
    "PNG",
    "JPEG",
    "WEBP",
    "GIF",
    "BMP",
    "DIB",
    "TIFF",
    "PPM",
    "JPEG2000",
    "AVIF",
    "ICO",
    "ICNS",
    "PSD",
    "PCX",
    "SGI",
    "QOI",
    "TGA",
)
EXPECTED = "expected PNG, JPEG, WebP, TIFF, BMP, GIF or another of Pillow's own"
# What people take for pictures, and Pillow knows nothing of.
_OTHERS = ((b"%PDF", "PDF"), (b"<svg", "SVG"), (b"<?xml", "SVG or other XML"))


@functools.cache
def formats() -> list[str]:
    """Those that this Pillow can open."""
    Image.init()
    return [name for name in OPENED if name in Image.OPEN]


@functools.cache
def extensions() -> frozenset[str]:
    """With a dot, in lower case."""
    Image.init()
    return frozenset(end for end, name in Image.registered_extensions().items() if name in OPENED or name == "MPO")


def looks_like_a_picture(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in extensions()


def what_else(head: bytes) -> tuple[str, bool]:
    """What a file is that could not be opened, by its first 16 bytes, and whether it is one of the kinds that are."""
    takes = lambda name: (accept := Image.OPEN[name][1]) is not None and accept(head) is True
    for name in formats():
        if name != "DIB" and takes(name):  # a DIB begins with hardly anything
            return name, True
    if head[4:8] == b"ftyp":
        return "HEIC or a film", False
    for start, name in _OTHERS:
        if head.startswith(start):
            return name, False
    for name in Image.ID:
        if name not in (*OPENED, "GBR") and takes(name):  # so does a GIMP brush
            return name, False
    return "no picture", False
