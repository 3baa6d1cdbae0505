"""Pictures of the zoo: see `hostile_images.py`."""

import os
import struct
import zlib

from hostile_case import SHORT, SMALL, TERA, TOO_LARGE, TOO_SLOW, Case, file, saved
from hostile_formats import (
    avif,
    bmp,
    chunk,
    dib,
    exif_overlap,
    gif,
    icns,
    ico,
    jp2,
    packed,
    png,
    raw_tiff,
    scans,
    strips,
    webp,
)
from PIL import Image


def ghostscript(content):
    """PostScript under a picture's name, where a Ghostscript is found that leaves a file."""

    def make(folder):
        tool = folder / "gs"
        tool.write_text(f"#!/bin/sh\ntouch '{folder}/RAN'\n")
        tool.chmod(0o755)
        os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"
        return file(content)(folder)

    return make


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n%%EndComments\n(x) show\nshowpage\n%%EOF\n"
NARROW = png(20_000_000, 1, colour=0, rows=bytes(20_000_001))

PICTURES = [
    Case(
        "PNG of 8000 x 8000 with transparency",
        file(lambda: png(8_000, 8_000, colour=6, rows=bytes(8_000 * 32_001))),
        "read",
    ),
    Case("PNG that says 20000 x 20000", file(png(20_000, 20_000)), f"an image of 400 megapixels: {TOO_LARGE}"),
    Case("PNG that says 2^31 x 2^31", file(png(2**31 - 1, 2**31 - 1)), TOO_LARGE),
    Case(
        "PNG of 10000 x 10000 bits in 14 kB",
        file(lambda: png(10_000, 10_000, bits=1, colour=0, rows=bytes(12_510_000))),
        TOO_LARGE,
    ),
    Case("BMP that says 60000 x 60000", file(bmp(60_000, 60_000)), TOO_LARGE),
    Case("BMP of runs that leap", file(bmp(3_000, 3_000, 8, 1, b"\0\2\0\xff" * 500)), "read"),
    Case(
        "TGA that says 65535 x 65535",
        file(struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 65_535, 65_535, 24, 0), "a.tga"),
        TOO_LARGE,
    ),
    Case("PPM that says 99999 x 99999", file(b"P6 99999 99999 255\n"), TOO_LARGE),
    Case("PPM of a negative size", file(b"P6 -5 5 255\n"), "a damaged PPM: expected a whole one"),
    Case("plain PPM of comments", file(b"P3 100 100 255\n" + b"#\n" * 4_000_000), TOO_SLOW, SHORT),
    Case("QOI that says 2^31 x 2^31", file(b"qoif" + struct.pack(">IIBB", 2**31, 2**31, 3, 0)), TOO_LARGE),
    Case(
        "PSD that says 300000 x 300000",
        file(b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 300_000, 300_000, 8, 3) + bytes(14)),
        TOO_LARGE,
    ),
    Case("GIF with a frame larger than itself", file(gif(10, 10, (60_000, 60_000))), TOO_LARGE),
    Case(
        "GIF of 5000 frames",
        file(
            lambda: saved(
                SMALL,
                "GIF",
                save_all=True,
                append_images=[Image.new("RGB", (16, 16), (i % 256, i // 256, 0)) for i in range(5_000)],
            )
        ),
        "read",
    ),
    Case("ICO around a PNG of 20000 x 20000", file(ico(png(20_000, 20_000))), TOO_LARGE),
    Case("ICO around a BMP of 20000 x 20000", file(ico(dib(20_000, 40_000, 32))), TOO_LARGE),
    Case("ICNS around a PNG of 20000 x 20000", file(icns(png(20_000, 20_000))), TOO_LARGE),
    Case("ICNS around a JPEG 2000 of 20000 x 20000", file(lambda: icns(jp2(20_000, 20_000, True))), TOO_LARGE),
    Case("WebP canvas of 20000 x 20000", file(lambda: webp(20_000, 20_000)), TOO_LARGE),
    Case("WebP canvas of 2^24 x 2^24", file(lambda: webp(2**24, 2**24)), TOO_LARGE),
    Case("AVIF that says 20000 x 20000", file(lambda: avif(20_000, 20_000)), "a damaged AVIF"),
    Case("AVIF that says 9000 x 9000", file(lambda: avif(9_000, 9_000)), TOO_LARGE),
    Case("JPEG 2000 that says 20000 x 20000", file(lambda: jp2(20_000, 20_000, True)), TOO_LARGE),
    Case("JPEG 2000 larger than its head says", file(lambda: jp2(20_000, 20_000, False)), "cannot be read"),
    Case("TIFF that says 60000 x 60000", file(raw_tiff(60_000, 60_000)), TOO_LARGE),
    Case(
        "TIFF with a tile of 60000 x 60000",
        file(
            raw_tiff(
                16,
                16,
                (259, 3, 1, 5),
                (273, None),
                (278, None),
                (279, None),
                (322, 4, 1, 60_000),
                (323, 4, 1, 60_000),
                (324, 4, 1, 8),
                (325, 4, 1, 100),
            )
        ),
        "cannot be read",
    ),
    Case("TIFF in 1.2 million strips", file(lambda: strips(1_200_000)), "in 1200000 pieces: expected at most"),
    Case(
        "TIFF in 100 million strips",
        file(raw_tiff(16, 16, (273, 4, 10**8, 122), (278, 4, 1, 1)), size=400_000_200),
        "a file with a huge head",
    ),
    Case(
        "PNG with a text of 100 MB", file(lambda: png(16, 16, chunk(b"zTXt", b"a\0\0" + packed(100)))), "cannot be read"
    ),
    Case(
        "PNG with an ICC profile of 100 MB",
        file(lambda: png(16, 16, chunk(b"iCCP", b"a\0\0" + packed(100)))),
        "cannot be read",
    ),
    Case(
        "PNG with a hundred texts of 1 MB",
        file(lambda: png(16, 16, *[chunk(b"zTXt", b"%d\0\0" % i + zlib.compress(bytes(10**6))) for i in range(100)])),
        "cannot be read",
    ),
    Case("JPEG whose EXIF tags overlap", file(exif_overlap), "read"),
    Case("JPEG of 20000 scans", file(scans), TOO_SLOW, SHORT),
    Case("PNG of 20000000 x 1, cropped", file(NARROW), "read"),
    Case("PNG of 20000000 x 1, padded", file(NARROW), "expected fit=crop or stretch", {"fit": "pad"}),
    Case("PNG of 20000000 x 1, stretched", file(NARROW), "read", {"fit": "stretch"}),
    Case(
        "PNG of 1 x 20000000, stretched",
        file(png(1, 20_000_000, bits=1, colour=0, rows=bytes(40_000_000))),
        "read",
        {"fit": "stretch"},
    ),
    Case(
        "WebP of 1 TB, all but a few bytes a hole",
        file(b"RIFF\xf0\xff\xff\xffWEBPVP8 ", size=TERA),
        "are wanted at once",
    ),
    Case("AVIF of 1 TB, all but a few bytes a hole", file(b"\0\0\0\x20ftypavif", size=TERA), "are wanted at once"),
    Case("PNG of 1 TB, all but a few bytes a hole", file(png(16, 16)[:40], size=TERA), "a damaged PNG"),
    Case("EPS named .png", ghostscript(EPS), "EPS, whatever its name says: expected PNG, .* convert it"),
    Case(
        "EPS with a preview, named .png",
        ghostscript(b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(EPS)) + bytes(18) + EPS),
        "EPS, whatever",
    ),
    *[
        Case(f"{name} named .png", file(head + bytes(100)), f"{name}, whatever its name says")
        for name, head in {
            "WMF": b"\xd7\xcd\xc6\x9a",
            "PDF": b"%PDF-1.7\n",
            "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'>",
            "FITS": b"SIMPLE  =                    T",
            "HDF5": b"\x89HDF\r\n\x1a\n",
            "GRIB": b"GRIB\0\0\0\x01",
            "BUFR": b"BUFR",
            "MPEG": b"\0\0\1\xb3",
            "HEIC or a film": b"\0\0\0\x18ftypheic",
        }.items()
    ],
]
