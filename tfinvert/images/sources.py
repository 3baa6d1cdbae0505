"""Finds images where people have them, and gives each an id; nothing is decoded before it is asked for."""

from __future__ import annotations

import functools
import glob
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images import glyphs
from tfinvert.images.arrays import array_entries, is_idx, numpy_entries, read_idx
from tfinvert.images.decode import decode_array, decode_file
from tfinvert.images.entry import Entry
from tfinvert.images.pipelines import DatasetEntries, is_tfds, tfds_entries

_TFDS = "tfds:"
_A_SOURCE = "a folder, a glob, a picture, .npy, .npz, idx(.gz), .zip or tfds:NAME"
_NO_PICTURES = {".bufr", ".grib", ".h5", ".hdf", ".mpeg", ".mpg", ".palm", ".pdf"}  # Pillow lists them, and reads none


def open_source(source: Any = None, array_range: tuple[float, float] | None = None) -> Iterable[Entry]:
    """The images of a source, in an order that stays.

    Args:
      source: None or "glyphs" (the built-in targets); a folder (searched with its subfolders), a picture, a glob
        (of files; of folders where it matches no file); `.npy`, `.npz` or `.npz:key`; idx or idx.gz; a zip archive
        of pictures or `.zip:folder`; several of these in a list or with commas between; a TFDS name as "tfds:mnist"
        or "tfds:mnist:train"; an array [N, H, W, C], [N, H, W] or one image; a `tf.data.Dataset` of images,
        (image, label), (id, image), (id, image, label) or dicts with "image", "label", "id", batched or not.
        Without ids its order is what tells images apart: do not shuffle it anew. Or some of the entries that this
        gave.
      array_range: (low, high) of the values of arrays, where it is not what their type says. Pictures with more
        than 8 bits count as arrays.

    Returns:
      An iterable that can be gone through again.

    Raises:
      BadInput: there is no such source, or nothing in it.
    """
    if source is None or (isinstance(source, str) and source == "glyphs"):
        return [
            Entry(f"{font}-{character}", glyphs.label(character), functools.partial(_glyph, font, character))
            for font, character in glyphs.held_out()
        ]
    if isinstance(source, tf.data.Dataset):
        return DatasetEntries(source, array_range)
    if isinstance(source, (str, Path)):
        return _path(str(source), array_range)
    if isinstance(source, list) and source and all(isinstance(item, Entry) for item in source):
        return source
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
    if not text.strip(" ,"):
        raise BadInput(f"images {text!r}", f"expected {_A_SOURCE}")
    path = Path(text)
    if os.path.isdir(text):  # unlike Path's, these take texts that are too long for a path: many names with commas
        found = list(_walk(path))
        if not found:
            others = sum(1 for file in path.rglob("*") if file.is_file())
            raise BadInput(f"folder {text} holds no pictures ({others} other files)", f"expected {_some_extensions()}")
        return [_picture(file, array_range) for file in found]
    if os.path.isfile(text):
        return _file(path, None, array_range)
    container, _, key = text.rpartition(":")
    if os.path.isfile(container):
        return _file(Path(container), key, array_range)
    if text.startswith(_TFDS) or is_tfds(text):
        return tfds_entries(text.removeprefix(_TFDS), array_range)
    matches = sorted(glob.glob(text, recursive=True))
    if matches:
        return _several([match for match in matches if os.path.isfile(match)] or matches, array_range)
    if "," in text:
        return _several([part.strip() for part in text.split(",") if part.strip()], array_range)
    raise BadInput(f"images {text}", f"no such file, folder or match; expected {_A_SOURCE}")


def _several(paths: Sequence[str], array_range) -> Iterable[Entry]:
    """Pictures keep their path as id; of files that hold many, the file's name comes before the index."""
    entries: list[Entry] = []
    for text in paths:
        many = list(_path(text, array_range))
        indexed = bool(many) and many[0].id == "0"
        entries += [entry._replace(id=_id(f"{text}[{entry.id}]")) if indexed else entry for entry in many]
    return entries


def _id(path: str) -> str:
    """A path as text that can be stored: bytes of it that are no UTF-8 are spelled out."""
    return path.encode("utf-8", "backslashreplace").decode()


def _file(path: Path, key: str | None, array_range) -> Iterable[Entry]:
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return numpy_entries(path, key, array_range)
    if suffix == ".zip":
        return _zip(path, key, array_range)
    if key is not None:
        raise BadInput(
            f"images {path}:{key}", "nothing can be chosen from such a file; expected .npz:key or .zip:folder"
        )
    if is_idx(path):
        return _idx(path, array_range)
    return [_picture(path, array_range)]


def _idx(path: Path, array_range) -> Iterable[Entry]:
    images = read_idx(path)
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1"))
    labels = read_idx(beside) if beside != path and beside.is_file() else None
    if labels is not None and labels.shape != images.shape[:1]:
        raise BadInput(
            f"{beside} of shape {list(labels.shape)} beside images {list(images.shape)}", "expected one label for each"
        )
    return array_entries(images[..., np.newaxis] if images.ndim == 3 else images, labels, array_range)


def _walk(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__MACOSX")) for part in file.relative_to(folder).parts)
        if _looks_like_a_picture(file.name) and file.is_file() and not hidden:
            yield file


def _picture(path: Path, array_range) -> Entry:
    return Entry(_id(path.as_posix()), None, lambda: decode_file(path, array_range))


def _looks_like_a_picture(name: str) -> bool:
    suffix = Path(name).suffix.lower()
    return suffix in Image.registered_extensions() and suffix not in _NO_PICTURES


def _some_extensions() -> str:
    return ".png, .jpg, .webp, .tif, .bmp or another that Pillow reads"


def _zip(path: Path, folder: str | None, array_range) -> Iterable[Entry]:
    within = f"{folder.strip('/')}/" if folder and folder.strip("/") else ""
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if not Path(name).name.startswith("."))
    except zipfile.BadZipFile as error:
        raise BadInput(f"{path} is a damaged zip archive ({error})", "expected an archive of pictures") from error
    chosen = [
        name
        for name in names
        if _looks_like_a_picture(name) and not name.startswith("__MACOSX") and f"{name}/".startswith(within)
    ]
    if not chosen:
        raise BadInput(f"{path}{':' + folder if folder else ''} holds no pictures", f"expected {_some_extensions()}")

    def read(name: str) -> np.ndarray:
        with zipfile.ZipFile(path) as archive, archive.open(name) as file:
            return decode_file(file, array_range)

    return [Entry(_id(f"{path.as_posix()}:{name}"), None, functools.partial(read, name)) for name in chosen]
