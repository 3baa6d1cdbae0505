"""Whole files of many kinds, and what can become of them."""

import functools
import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import numpy as np
from PIL import Image

from tfinvert.images.formats import OPENED

_ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_PNG = b"\x89PNG\r\n\x1a\n"
_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
# What one format can be written as, besides the plain way.
_WAYS: dict[str, list[dict]] = {
    "PNG": [{"compress_level": 0}, {"exif": _EXIF}],
    "JPEG": [{"progressive": True}, {"comment": b"x" * 50}, {"exif": _EXIF}],
    "TIFF": [{"compression": way} for way in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4", "zstd")],
    "WEBP": [{"lossless": True}],
    "TGA": [{"compression": "tga_rle"}],
    "JPEG2000": [{"irreversible": True}],
    "ICO": [{"bitmap_format": "bmp"}],
    "SGI": [{"bpc": 2}],
}
_MODES = ("L", "RGB", "RGBA", "P", "1", "LA", "I;16", "F", "CMYK", "YCbCr")


@functools.cache
def pictures() -> list[bytes]:
    """Small pictures in all formats, modes and ways that Pillow writes; animations; and some that it only reads."""
    Image.init()
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 4), np.uint8)
    noise[8:16] = 77
    images = []
    for mode in _MODES:
        if mode in ("I;16", "F"):
            images.append(Image.fromarray(noise[..., 0].astype(np.uint16 if mode == "I;16" else np.float32)))
        else:
            images.append(Image.fromarray(noise).convert(mode))
    found = []
    for name in sorted(Image.SAVE):
        for image in images if name in OPENED else images[1:2]:
            for way in [{}, *_WAYS.get(name, [])]:
                found += _saved(image, name, **way)
    for name in sorted(Image.SAVE_ALL):
        found += _saved(images[1], name, save_all=True, append_images=images[2:4])
    plain = " ".join(map(str, noise[..., :3].ravel()))
    found.append(f"P3\n# a comment\n32 24 255\n{plain}\n".encode())
    found.append(b"P5 32 24 100\n" + noise[..., 0].tobytes())
    found.append(
        b"8BPS\0\1"
        + bytes(6)
        + struct.pack(">HIIHHIII", 3, 24, 32, 8, 3, 0, 0, 0)
        + bytes(2)
        + noise[..., :3].tobytes()
    )
    rle = b"".join(bytes([32, row]) + b"\0\0" for row in range(24)) + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, 32, 24, 1, 8, 1, len(rle), 0, 0, 256, 0)
    found.append(b"BM" + struct.pack("<IHHI", 1078 + len(rle), 0, 0, 1078) + head + bytes(1024) + rle)
    return found


def _saved(image: Image.Image, name: str, **ways) -> list[bytes]:
    file = io.BytesIO()
    try:
        image.save(file, name, **ways)
    except Exception:  # noqa: BLE001 - not every format takes every mode
        return []
    return [file.getvalue()]


@functools.cache
def _sources() -> list[tuple[str, list[bytes]]]:
    array = np.random.default_rng(0).integers(0, 256, (5, 4, 6), np.uint8)
    idx = b"\0\0\x08\x03" + struct.pack(">3I", *array.shape) + array.tobytes()
    npy = [_written(np.save, each) for each in (array, array.astype(float) / 255, np.asfortranarray(array))]
    npz = [_written(save, images=array, labels=np.arange(5)) for save in (np.savez, np.savez_compressed)]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for number, content in enumerate(pictures()[:12]):
            file.writestr(f"in/{number}.png", content)
    lines = [b"id,label\na.png,4\nb.png,0\n", b"4\n0\n2\n" * 20, b"\xef\xbb\xbflabel\r\n4\r\n"]
    return [
        ("a.npy", npy),
        ("a.npz", npz),
        ("a.idx", [idx]),
        ("a.idx.gz", [gzip.compress(idx, mtime=0)]),
        ("a.zip", [archive.getvalue()]),
        ("labels.csv", lines),
        ("labels.npy", [_written(np.save, np.arange(5))]),
        ("labels.gz", [gzip.compress(b"\0\0\x08\x01\0\0\0\x03\1\2\3", mtime=0)]),
    ]


def _written(save, *arrays, **named) -> bytes:
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def sources(case: int) -> tuple[str, list[bytes]]:
    """A file's name, and whole files of its kind; the kinds take turns."""
    return _sources()[case % len(_sources())]


def mutated(wholes: Sequence[bytes], seed: int, case: int) -> bytes:
    """One of the files with one to four changes; the case says which."""
    random = np.random.default_rng([seed, case])
    data = bytearray(wholes[random.integers(len(wholes))])
    for _ in range(random.integers(1, 5)):
        data = _changed(data, wholes, random)
    return _mended(bytes(data)) if data.startswith(_PNG) and random.random() < 0.7 else bytes(data)


def _changed(data: bytearray, wholes: Sequence[bytes], random: np.random.Generator) -> bytearray:
    size = len(data)
    if size < 2:
        return bytearray(random.bytes(64))
    # Half of the changes are where the head is.
    place = int(random.integers(min(size, 64)) if random.random() < 0.5 else random.integers(size))
    kind = random.integers(8)
    if kind == 0:
        data[place] ^= 1 << int(random.integers(8))
    elif kind == 1:
        data[place] = int(random.integers(256))
    elif kind in (2, 3):  # a number, such as a size, of either order
        form = ("<", ">")[random.integers(2)] + "HI"[random.integers(2)]
        raw = struct.pack(form, _ODD[random.integers(len(_ODD))] & (0xFFFF if form[1] == "H" else 0xFFFFFFFF))
        data[place : place + len(raw)] = raw
    elif kind == 4:
        del data[place:]
    elif kind == 5:  # a part comes out, or comes twice
        end = place + int(random.integers(1, 200))
        part = data[place:end]
        data[place:end] = part + part if random.random() < 0.5 else b""
    elif kind == 6:
        data[place : place + 20] = random.bytes(20)
    else:  # the end of another file
        other = wholes[random.integers(len(wholes))]
        data[place:] = other[min(place, len(other) // 2) :]
    return data


def _mended(data: bytes) -> bytes:
    """A PNG whose check sums are right, so that it is looked into."""
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        parts += [data[place:end], struct.pack(">I", zlib.crc32(data[place + 4 : end]))]
        place = end + 4
    return b"".join([*parts, data[place:]])
