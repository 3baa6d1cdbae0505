"""Pictures whose heads say what is not so."""

import struct
import zlib

from hostile_case import SMALL, saved
from PIL import Image


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, *chunks, bits=8, colour=2, rows=b""):
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", zlib.compress(rows, 1)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def packed(megabytes):
    """So many MB of zeros, deflated."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(10**6)) for _ in range(megabytes)) + packer.flush()


def ico(inner, bits=32):
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, bits, len(inner), 22) + inner


def dib(width, height, bits=24, way=0):
    return struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, way, 0, 0, 0, 0, 0)


def bmp(width, height, bits=24, way=0, data=b""):
    start = 54 + (1024 if bits == 8 else 0)
    head = b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + dib(width, height, bits, way)
    return head + bytes(start - 54) + data


def icns(inner):
    return b"icns" + struct.pack(">I", 16 + len(inner)) + b"ic10" + struct.pack(">I", 8 + len(inner)) + inner


def gif(width, height, inner):
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + b"," + struct.pack("<HHHHB", 0, 0, *inner, 0) + b"\x02\x02\x4c\x01\x00;"


def webp(width, height):
    canvas = struct.pack("<I", 0x10)[:4] + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    inner = saved(SMALL, "WEBP")[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def replaced(data, old, new):
    assert old in data
    return data.replace(old, new)


def avif(width, height):
    return replaced(
        saved(SMALL, "AVIF"), b"ispe" + struct.pack(">III", 0, 16, 16), b"ispe" + struct.pack(">III", 0, width, height)
    )


def jp2(width, height, head):
    """A JPEG 2000 whose codestream, and its header if that is wanted, says another size."""
    data = saved(SMALL, "JPEG2000")
    place = data.index(b"\xff\x4f\xff\x51") + 8
    data = data[:place] + struct.pack(">II", width, height) + data[place + 8 :]
    sizes = b"ihdr" + struct.pack(">II", 16, 16)
    return replaced(data, sizes, b"ihdr" + struct.pack(">II", height, width)) if head else data


def tiff(*entries, extra=b""):
    """A TIFF of (tag, type, count, value) entries."""
    ordered = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + ordered + bytes(4) + extra


def raw_tiff(width, height, *more, extra=b""):
    tags = {
        256: (3, 1, width),
        257: (4, 1, height),
        258: (3, 1, 8),
        259: (3, 1, 1),
        262: (3, 1, 1),
        273: (4, 1, 8),
        277: (3, 1, 1),
        278: (4, 1, height),
        279: (4, 1, 256),
    }
    tags |= {tag: rest for tag, *rest in more}
    tags = {tag: rest for tag, rest in tags.items() if rest is not None and rest != [None]}
    return tiff(*((tag, *rest) for tag, rest in tags.items()), extra=extra)


def strips(count):
    """A TIFF of 16 x 16 pixels in millions of strips."""
    start = 8 + 2 + 9 * 12 + 4
    return raw_tiff(16, 16, (273, 4, count, start), (278, 4, 1, 1), extra=bytes(4 * count))


def exif_overlap():
    """A JPEG with a MB of EXIF, whose thousands of tags all lie at the same MB."""
    count = 65_000
    tags = b"".join(struct.pack(">HHII", 0xC000 + i % 0x3FFF, 7, 900_000, 0) for i in range(count))
    exif = b"MM\0*\0\0\0\x08" + struct.pack(">H", count) + tags
    exif += bytes(1_000_000 - len(exif)) if len(exif) < 1_000_000 else b""
    plain = saved(SMALL, "JPEG")
    parts = [b"Exif\0\0" + exif[i : i + 65_000] for i in range(0, len(exif), 65_000)]
    return plain[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(part) + 2) + part for part in parts) + plain[2:]


def scans():
    """A progressive JPEG of 25 megapixels whose last scan comes twenty thousand times."""
    plain = saved(Image.new("L", (5000, 5000)), "JPEG", progressive=True)
    last = plain.rindex(b"\xff\xda")
    return plain[:last] + 20_000 * plain[last:-2] + plain[-2:]
