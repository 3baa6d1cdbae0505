"""Arrays and archives of the zoo: see `hostile_images.py`."""

import gzip
import io
import struct
import zipfile

from hostile_case import GIGA, SHORT, SMALL, TERA, TOO_LARGE, Case, file, npy, saved
from hostile_formats import png
from hostile_places import fifo


def idx(*shape, data=b""):
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


def archive(*members, way=zipfile.ZIP_DEFLATED, change=lambda data: data):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", way) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return change(target.getvalue())


def declared(data, size):
    """An archive of one member whose list says that it unfolds to so many bytes."""
    place = data.index(b"PK\x01\x02") + 24
    return data[:place] + struct.pack("<I", size) + data[place + 4 :]


def encrypted(data):
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + place
        data = data[:at] + b"\x01\x00" + data[at + 2 :]
    return data


def overlapping(data):
    """A second entry of the list for the same bytes."""
    start, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[start:end]
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 3, 3, 3 * len(entry), start, 0)
    return data[:start] + 3 * entry + tail


def huge_directory(folder):
    """An archive whose list of members is a hole of 3 GB."""
    path = folder / "a.zip"
    path.write_bytes(b"PK\x03\x04")
    with path.open("r+b") as opened:
        opened.seek(3 * GIGA)
        opened.write(struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65_535, 65_535, 3 * GIGA - 4, 4, 0))
    return str(path)


ARRAYS = [
    Case(".npy of 64 GB, all a hole", file(npy((1_000, 8_000, 8_000)), "a.npy", 64 * GIGA + 1_000), "read"),
    Case(
        ".npy that says 1 TB and has none",
        file(npy((10**6, 1_000, 1_000)), "a.npy"),
        "in \\d+ bytes.: expected 1000000000",
    ),
    Case(
        ".npy of one image of 200000 x 200000", file(npy((1, 200_000, 200_000)), "a.npy", 40 * GIGA + 1_000), TOO_LARGE
    ),
    Case(
        ".npy of 10^12 images of one pixel",
        file(npy((10**12, 1, 1, 1)), "a.npy", TERA + 1_000),
        "1000000000000 images.*expected at most 4000000",
    ),
    Case(".npy of a negative shape", file(npy((-1, 8, 8)), "a.npy"), "shape \\[-1, 8, 8\\]"),
    Case(".npy whose size overflows", file(npy((2**62, 4, 4, 4)), "a.npy"), "cannot be read"),
    Case(
        ".npy whose length is a word",
        file(npy("{'descr': '|u1', 'fortran_order': False, 'shape': ('a',)}"), "a.npy"),
        "cannot be read",
    ),
    Case(".npy of texts of 1 GB", file(npy((2, 8, 8), "|S1000000000"), "a.npy"), "an array of .S1000000000"),
    Case(".npy of voids of 1 GB", file(npy((2, 8, 8), "|V1000000000"), "a.npy"), "an array of .V1000000000"),
    Case(".npy of records", file(npy((2, 8, 8), [("a", "<f8"), ("b", "<f8")]), "a.npy"), "an array of"),
    Case(
        ".npy of Python objects", file(npy((2, 8, 8), "|O", data=b"cos\nsystem\n(S'touch RAN'\ntR."), "a.npy"), "object"
    ),
    Case(".npy whose head nests", file(npy("[" * 9_000), "a.npy"), "cannot be read"),
    Case(".npy whose head has a million signs", file(npy("-" * 60_000 + "1"), "a.npy"), "cannot be read"),
    Case(".npy whose head says 4 GB", file(npy("{", version=2, size=2**32 - 1), "a.npy", 5 * GIGA), "cannot be read"),
    Case(
        ".npz that unfolds to 200 MB of 50 allowed",
        file(lambda: archive(("a.npy", npy((200, 1_000, 1_000), data=bytes(200_000_000)))), "a.npz"),
        "unfolds to 0.2 GB: expected at most 0.05",
        {"limits": {"gigabytes": 0.05}},
    ),
    Case(
        ".npz that says 1 TB and has none",
        file(archive(("a.npy", npy((10**6, 1_000, 1_000)))), "a.npz"),
        "in \\d+ bytes.: expected",
    ),
    Case(
        ".npz whose list and head say 4 GB",
        file(declared(archive(("a.npy", npy((3_900, 1_000, 1_000)))), 2**32 - 1), "a.npz"),
        "cannot be read",
    ),
    Case(
        ".npz with 2000 arrays",
        file(lambda: archive(*((f"{i}.npy", npy((1, 1, 1), data=b"a")) for i in range(2_000))), "a.npz"),
        "2000 arrays",
    ),
    Case(
        ".npz with an array beside that is broken",
        file(archive(("images.npy", npy((2, 8, 8), data=bytes(128))), ("b.npy", npy((10**9, 10**9)))), "a.npz"),
        "read",
    ),
    Case("idx whose size overflows", file(idx(2**32 - 1, 2**32 - 1, 2**32 - 1), "a.idx"), "no whole idx file"),
    Case("idx of no images", file(idx(0, 8, 8), "a.idx"), "an array of no images"),
    Case(
        "idx.gz that says 8 GB",
        file(gzip.compress(idx(2, 65_536, 65_536)), "a.idx.gz"),
        "unfolds to 8.59 GB: expected at most 4",
    ),
    Case(
        "idx.gz that goes on for 200 MB",
        file(lambda: gzip.compress(idx(1, 8, 8, data=bytes(64)), 1) + gzip.compress(bytes(2 * 10**8), 1), "a.idx.gz"),
        "read",
    ),
    Case(
        "idx.gz with a name of 30 MB",
        file(lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 30_000_000, "a.idx.gz"),
        "no picture",
        SHORT,
    ),
]

INNER = saved(SMALL, "PNG")
ARCHIVES = [
    Case("archive whose list of members takes 3 GB", huge_directory, "the list of members of .* are wanted at once"),
    Case(
        "archive whose members are the same bytes",
        file(overlapping(archive(("a.png", INNER))), "a.zip"),
        "members that overlap",
    ),
    Case(
        "archive with a member of 1 GB",
        file(lambda: declared(archive(("a.png", bytes(10**8))), 10**9), "a.zip"),
        "unfolds to 1000 MB: expected at most 529",
    ),
    Case(
        "archive whose member is longer than it says",
        file(lambda: declared(archive(("a.png", bytes(10**8))), 1_000), "a.zip"),
        "a.png is damaged",
    ),
    Case("archive with a password", file(encrypted(archive(("a.png", INNER))), "a.zip"), "a.png is encrypted"),
    Case("archive packed by LZMA", file(archive(("a.png", INNER), way=zipfile.ZIP_LZMA), "a.zip"), "packed by LZMA"),
    Case("archive packed by bzip2", file(archive(("a.png", INNER), way=zipfile.ZIP_BZIP2), "a.zip"), "packed by bzip2"),
    Case(
        "archive with a wrong check sum",
        file(archive(("a.png", INNER), way=0, change=lambda data: data.replace(b"IDAT", b"IDAX")), "a.zip"),
        "a.png is damaged .*CRC",
    ),
    Case(
        "archive with paths that lead out",
        file(archive(("../../a.png", INNER), ("/etc/a.png", INNER)), "a.zip"),
        "read",
    ),
    Case("archive with a picture of 20000 x 20000", file(archive(("a.png", png(20_000, 20_000))), "a.zip"), TOO_LARGE),
    Case(
        "archive within an archive", file(archive(("a.zip", archive(("a.png", INNER)))), "a.zip"), "holds no pictures"
    ),
    Case("archive that is a pipe", lambda folder: fifo(folder, "a.zip", "file"), "which is a pipe"),
]
