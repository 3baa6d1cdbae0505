"""Keras files with arrays that lie elsewhere, and archives that unfold or lie: see `keras_files.py`."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from keras_case import Cases, good, members, packed, with_arrays

ARRAYS = Cases()
case = ARRAYS.case


# Arrays that lie in other files, or nowhere.


def external(target: Path, size: int = 36):
    def change(file: h5py.File) -> None:
        place = file["layers/dense/vars"]
        del place["0"]
        place.create_dataset("0", (3, 12), "f4", external=[(str(target).encode(), 0, 4 * size)])

    return change


@case("weights out of another file: external storage (CVE-2026-1669)")
def _(folder, proof):
    (folder / "secret").write_bytes(b"\0\0\x80?" * 36)
    return with_arrays(good(folder), external(folder / "secret"))


@case("weights out of a pipe that nobody fills")
def _(folder, proof):
    os.mkfifo(folder / "pipe")
    return with_arrays(good(folder), external(folder / "pipe"))


@case("weights out of another file, in HDF5 of Keras 2")
def _(folder, proof):
    (folder / "secret").write_bytes(b"\0\0\x80?" * 36)
    path = good(folder, ".h5")
    with h5py.File(path, "r+") as file:
        name = next(n for n in file["model_weights"] if n.startswith("dense"))
        found = []
        file["model_weights"][name].visititems(
            lambda n, item: found.append(item.name) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None
        )
        del file[found[0]]
        file.create_dataset(found[0], (3, 12), "f4", external=[(str(folder / "secret").encode(), 0, 144)])
    return path


@case("weights by a virtual dataset")
def _(folder, proof):
    with h5py.File(folder / "other.h5", "w") as other:
        other["w"] = np.ones((3, 12), np.float32)

    def change(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((3, 12), "f4")
        layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "w", (3, 12))
        del file["layers/dense/vars/0"]
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    return with_arrays(good(folder), change)


def linked(link: Callable[[Path], Any], place: str = "layers/dense/vars/0"):
    def build(folder: Path, proof: Path) -> Path:
        with h5py.File(folder / "other.h5", "w") as other:
            other["w"] = np.ones((3, 12), np.float32)

        def change(file: h5py.File) -> None:
            del file[place]
            file[place] = link(folder)

        return with_arrays(good(folder), change)

    return build


ARRAYS["weights by an external link"] = linked(lambda folder: h5py.ExternalLink(str(folder / "other.h5"), "w"))
ARRAYS["a group by an external link"] = linked(
    lambda folder: h5py.ExternalLink(str(folder / "other.h5"), "/"), "layers/dense/vars"
)
ARRAYS["weights by a soft link"] = linked(lambda folder: h5py.SoftLink("/layers/dense/vars/1"))
ARRAYS["a soft link to itself"] = linked(lambda folder: h5py.SoftLink("/layers/dense/vars/0"))


@case("a group that holds itself")
def _(folder, proof):
    return with_arrays(good(folder), lambda file: file["layers/dense"].__setitem__("again", file["layers"]))


@case("arrays of Python objects")
def _(folder, proof):
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.array(["x" * 100] * 36, dtype=h5py.string_dtype())

    return with_arrays(good(folder), change)


def declared(shape: tuple[int, ...], **how: Any):
    def build(folder: Path, proof: Path) -> Path:
        def change(file: h5py.File) -> None:
            del file["layers/dense/vars/0"]
            file.create_dataset("layers/dense/vars/0", shape, "f4", **how)

        return with_arrays(good(folder), change)

    return build


ARRAYS["an array that declares a petabyte (CVE-2026-0897)"] = declared((2**24, 2**24), chunks=(1, 1024))
ARRAYS["an array that declares 40 GB, compressed"] = declared((10**5, 10**5), chunks=(1000, 1000), compression="gzip")
ARRAYS["an array that declares 8 GB and stores nothing"] = declared((2, 10**9))


@case("zeros that unfold to 8 GB")
def _(folder, proof):
    packed_zeros = zlib.compress(bytes(4 * 10**7), 9)

    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        array = file.create_dataset("layers/dense/vars/0", (2000, 10**6), "f4", chunks=(10, 10**6), compression=9)
        for row in range(0, 2000, 10):
            array.id.write_direct_chunk((row, 0), packed_zeros)

    return with_arrays(good(folder), change)


@case("100 attributes of 60 kB on each group", survived=True)
def _(folder, proof):
    def change(file: h5py.File) -> None:
        for group in (file, file["layers"]):
            for number in range(100):
                group.attrs[f"a{number}"] = np.zeros(15_000, np.int32)

    return with_arrays(good(folder), change)


# Archives that unfold, and lie.


def spaces(count: int) -> bytes:
    """A deflated stream of so many spaces: one block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count // 2**20) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def bomb(folder: Path, name: str, size: int, declare: int | None = None) -> Path:
    """A `.keras` file one part of which unfolds to `size` bytes, and declares as many or others."""
    parts = members(good(folder))
    parts.pop(name, None)
    path = packed(folder / "g.keras", parts)
    stream = spaces(size)
    told = size if declare is None else declare
    with zipfile.ZipFile(path, "a") as archive:
        place = archive.start_dir
        information = zipfile.ZipInfo(name)
        information.compress_type, information.compress_size = zipfile.ZIP_DEFLATED, len(stream)
        information.file_size, information.header_offset, information.CRC = told, place, 0
        archive.fp.seek(place)
        archive.fp.write(information.FileHeader(False) + stream)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(information)
        archive.NameToInfo[name] = information
        archive._didModify = True
    return path


ARRAYS["a config of 2 GB"] = lambda folder, proof: bomb(folder, "config.json", 2**31)
ARRAYS["a config of 2 GB that declares 9 bytes"] = lambda folder, proof: bomb(folder, "config.json", 2**31, 9)
ARRAYS["metadata of 1 GB"] = lambda folder, proof: bomb(folder, "metadata.json", 2**30)
ARRAYS["a card of 1 GB"] = lambda folder, proof: bomb(folder, "tfinvert.json", 2**30)
ARRAYS["weights that unfold to 4.3 GB"] = lambda folder, proof: bomb(folder, "model.weights.h5", 2**32 - 2**20)


@case("another member of 4 GB", survived=True)
def _(folder, proof):
    return bomb(folder, "assets/more.bin", 2**32 - 2**20)


@case("members that would leave the folder", survived=True)
def _(folder, proof):
    parts = members(good(folder))
    return packed(folder / "g.keras", {**parts, f"../{proof.name}": b"x", str(proof): b"x", "assets/../../x": b"x"})


@case("a config that is a symbolic link")
def _(folder, proof):
    parts = members(good(folder))
    parts.pop("config.json")
    path = packed(folder / "g.keras", parts)
    with zipfile.ZipFile(path, "a") as archive:
        information = zipfile.ZipInfo("config.json")
        information.external_attr = 0o120777 << 16
        archive.writestr(information, "/etc/hostname")
    return path


@case("half a million members", slow=True)
def _(folder, proof):
    path = good(folder)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(500_000):
            information = zipfile.ZipInfo(f"{number}")
            information.header_offset = information.CRC = 0
            archive.filelist.append(information)
        archive._didModify = True
    return path


@case("an archive of PNG comment and no end")
def _(folder, proof):
    path = good(folder)
    path.write_bytes(b"PK\x03\x04" + os.urandom(10_000))
    return path


@case("a list of members that lies outside the file")
def _(folder, proof):
    path = good(folder)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x05\x06")
    content[place + 16 : place + 20] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(content)
    return path
