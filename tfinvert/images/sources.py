"""Finds images where people have them, and gives each an id; nothing is decoded before it is asked for."""

from __future__ import annotations

import functools
import glob
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images import glyphs
from tfinvert.images.arrays import array_entries, is_idx, npz_entries, read_idx, read_numpy
from tfinvert.images.decode import decode_array, decode_file
from tfinvert.images.entry import Entry
from tfinvert.images.pipelines import DatasetEntries, is_tfds, tfds_entries

_TFDS = "tfds:"


def open_source(source: Any = None, array_range: tuple[float, float] | None = None) -> Iterable[Entry]:
    """The images of a source, in an order that stays.

    Args:
      source: None or "glyphs" (the built-in targets); a folder (searched with its subfolders), a glob, a picture;
        `.npy`, `.npz` or `.npz:key`; idx or idx.gz; a zip archive of pictures or `.zip:folder`; several of these
        in a list or with commas between; a TFDS name as "tfds:mnist" or "tfds:mnist:train"; an array
        [N, H, W, C], [N, H, W] or one image; a `tf.data.Dataset` of images, (image, label), (id, image),
        (id, image, label) or dicts with "image", "label", "id", batched or not.
      array_range: (low, high) of the values of arrays, where it is not what their type says.

    Returns:
      An iterable that can be gone through again.

    Raises:
      BadInput: there is no such source, or nothing in it.
    """
    if source is None or (isinstance(source, str) and source == "glyphs"):
        return [
            Entry(f"{font}-{character}", None, functools.partial(_glyph, font, character))
            for font, character in glyphs.held_out()
        ]
    if isinstance(source, tf.data.Dataset):
        return DatasetEntries(source, array_range)
    if isinstance(source, (str, Path)):
        return _path(str(source), array_range)
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, Path)) for item in source):
        return _several([str(item) for item in source], array_range)
    if isinstance(source, (list, tuple, np.ndarray)) or tf.is_tensor(source):
        try:
            array = np.asarray(source)
        except ValueError as error:
            raise BadInput("a list of arrays of different shapes", "expected one shape; save them as files") from error
        return array_entries(array, None, array_range)
    raise BadInput(f"images of type {type(source).__name__}", "expected a path, an array or a tf.data.Dataset")


def _glyph(font: str, character: str) -> np.ndarray:
    return decode_array(glyphs.draw(font, character))


def _path(text: str, array_range) -> Iterable[Entry]:
    path = Path(text)
    if path.is_dir():
        found = list(_walk(path))
        if not found:
            others = sum(1 for file in path.rglob("*") if file.is_file())
            raise BadInput(f"folder {text} holds no pictures ({others} other files)", f"expected {_some_extensions()}")
        return [_picture(file) for file in found]
    if path.is_file():
        return _file(path, None, array_range)
    container, _, key = text.rpartition(":")
    if container and Path(container).is_file():
        return _file(Path(container), key, array_range)
    if text.startswith(_TFDS) or is_tfds(text):
        return tfds_entries(text.removeprefix(_TFDS), array_range)
    matches = sorted(glob.glob(text, recursive=True))
    if matches:
        return _several(matches, array_range)
    if "," in text:
        return _several([part.strip() for part in text.split(",") if part.strip()], array_range)
    raise BadInput(f"images {text}", "no such file, folder or match; expected a folder, a glob, a file or tfds:NAME")


def _several(paths: Sequence[str], array_range) -> Iterable[Entry]:
    """Pictures keep their path as id; of files that hold many, the file's name comes before the index."""
    entries: list[Entry] = []
    for text in paths:
        many = list(_path(text, array_range))
        indexed = bool(many) and many[0].id == "0"
        entries += [entry._replace(id=f"{text}[{entry.id}]") if indexed else entry for entry in many]
    return entries


def _file(path: Path, key: str | None, array_range) -> Iterable[Entry]:
    if path.suffix == ".npy":
        return array_entries(read_numpy(path), None, array_range)
    if path.suffix == ".npz":
        return npz_entries(path, key, array_range)
    if path.suffix == ".zip":
        return _zip(path, key)
    if is_idx(path):
        labels = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1"))
        known = read_idx(labels) if labels != path and labels.is_file() else None
        return array_entries(read_idx(path), known, array_range)
    return [_picture(path)]


def _walk(folder: Path) -> Iterator[Path]:
    known = Image.registered_extensions()
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__MACOSX")) for part in file.relative_to(folder).parts)
        if file.suffix.lower() in known and file.is_file() and not hidden:
            yield file


def _picture(path: Path) -> Entry:
    return Entry(path.as_posix(), None, lambda: decode_file(path))


def _some_extensions() -> str:
    return ".png, .jpg, .webp, .tif, .bmp or another that Pillow reads"


def _zip(path: Path, folder: str | None) -> Iterable[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if not Path(name).name.startswith("."))
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path} is a damaged zip archive ({error})", "expected an archive of pictures") from error
    known = Image.registered_extensions()
    chosen = [
        name
        for name in names
        if Path(name).suffix.lower() in known and not name.startswith("__MACOSX") and name.startswith(folder or "")
    ]
    if not chosen:
        raise BadInput(f"{path}{':' + folder if folder else ''} holds no pictures", f"expected {_some_extensions()}")

    def read(name: str) -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return decode_file(file)

    return [Entry(f"{path.as_posix()}:{name}", None, functools.partial(read, name)) for name in chosen]
