"""What the zoo of hostile image sources is made of: see `hostile_images.py`."""

import io
import os
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from PIL import Image

TOO_LARGE = "expected at most 64 megapixels; shrink it, or raise --max_megapixels"
GIGA, TERA = 10**9, 10**12
SHORT = {"limits": {"seconds": 1}}
TOO_SLOW = "takes more than 1 s to read"


class Case(NamedTuple):
    """One source."""

    name: str
    make: Any  # (folder) -> the source
    said: str  # an expression that the message, or the row's note, matches; of those that are read "read"
    given: Mapping[str, Any] = MappingProxyType({})  # what else `Sources` is told; `limits` as a dict
    labels: bool = False  # whether it is a file of labels


def file(content, name="a.png", size=None):
    """Makes a file; with a size, the rest of it is a hole."""

    def make(folder):
        path = folder / name
        path.write_bytes(content() if callable(content) else content)
        if size is not None:
            os.truncate(path, size)
        return str(path)

    return make


def saved(image, kind, **options):
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


SMALL = Image.new("RGB", (16, 16), "red")


def npy(shape, dtype="|u1", fortran=False, version=1, data=b"", size=None):
    """The head of an `.npy`, or a text in its place."""
    text = repr({"descr": dtype, "fortran_order": fortran, "shape": shape}) if isinstance(shape, tuple) else shape
    length = struct.pack("<H" if version == 1 else "<I", len(text) if size is None else size)
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + data
