"""Finds images where people have them, and gives each an id; nothing is decoded before it is asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images import glyphs, where
from tfinvert.images.archives import Archive
from tfinvert.images.arrays import array_entries, idx_entries, numpy_entries
from tfinvert.images.bounded import kind
from tfinvert.images.decode import decode_array, decode_file, encoded, opaque
from tfinvert.images.entry import MOST, Entry, Reading
from tfinvert.images.formats import looks_like_a_picture
from tfinvert.images.idx import is_idx
from tfinvert.images.like import is_picture, words
from tfinvert.images.pipelines import DatasetEntries, is_tfds, tfds_entries
from tfinvert.remote import is_remote, path_of

_TFDS = "tfds:"
_A_SOURCE = "a folder, a glob, a picture, .npy, .npz, idx(.gz), .zip or tfds:NAME"
_PICTURES = ".png, .jpg, .webp, .tif, .bmp or another that Pillow reads"


def open_source(source: Any = None, how: Reading | None = None) -> Iterable[Entry]:
    """The images of a source, in an order that stays.

    Args:
      source: None or "glyphs" (the built-in targets); a folder (searched with its subfolders), a picture, a glob
        (of files; of folders where it matches no file); `.npy`, `.npz` or `.npz:key`; idx or idx.gz; a zip archive
        of pictures or `.zip:folder`; several of these in a list or with commas between; a TFDS name as "tfds:mnist"
        or "tfds:mnist:train"; an array [N, H, W, C], [N, H, W] or one image, of series [N, L, C] or one; a
        `tf.data.Dataset` of images, (image, label), (id, image), (id, image, label) or dicts with "image", "label",
        "id", batched or not.
        Without ids its order is what tells images apart: do not shuffle it anew. Or some of the entries that this
        gave.
      how: what images are meant for, the scale of arrays, and what a file may take; a picture beyond that becomes an
        image that cannot be read. Arrays of other than 1 or 3 channels have as many as the generator; files of pictures
        are read with their transparency for one of 4, and not at all for one of series, or of other channels.

    Returns:
      An iterable that can be gone through again.

    Raises:
      BadInput: there is no such source, nothing in it, nothing that such a generator makes, or it is beyond the limits
        as a whole.
    """
    how = Reading() if how is None else how
    if source is None or (isinstance(source, str) and source == "glyphs"):
        _refuse_pictures("the built-in glyphs", how)
        return [
            Entry(f"{font}-{character}", glyphs.label(character), functools.partial(_glyph, font, character, how))
            for font, character in glyphs.held_out()
        ]
    if isinstance(source, tf.data.Dataset):
        return DatasetEntries(source, how)
    if isinstance(source, (str, Path)):
        return _path(str(source), how)
    if isinstance(source, list) and source and all(isinstance(item, Entry) for item in source):
        return source
    if isinstance(source, (list, tuple)) and source and all(isinstance(item, (str, Path)) for item in source):
        return _several([(str(item), None) for item in source], how)
    if isinstance(source, (list, tuple, np.ndarray)) or tf.is_tensor(source):
        try:
            array = np.asarray(source)
        except ValueError as error:
            raise BadInput("a list of arrays of different shapes", "expected one shape; save them as files") from error
        return array_entries(array, None, how)
    raise BadInput(f"images of type {type(source).__name__}", "expected a path, an array or a tf.data.Dataset")


def _glyph(font: str, character: str, how: Reading) -> np.ndarray:
    grey = decode_array(glyphs.draw(font, character))
    return opaque(grey) if how.shape[-1] == 4 else grey


def _path(text: str, how: Reading, known: str | None = None) -> Iterable[Entry]:
    """The images of a text; `known` is what lies there, where that was looked up before."""
    if not text.strip(" ,"):
        raise BadInput(f"images {text!r}", f"expected {_A_SOURCE}")
    there = where.look(text) if known is None else known
    if there == where.FOLDER:
        found, others = where.pictures(text)
        if not found:
            raise BadInput(f"folder {text} holds no pictures ({others} other files)", f"expected {_PICTURES}")
        return [_picture(file, how) for file in found]
    if there == where.FILE:
        return _file(path_of(text), None, how)
    container, _, key = text.rpartition(":")
    if where.look(container) == where.FILE:
        return _file(path_of(container), key, how)
    if there == where.OTHER:
        raise BadInput(f"images {text}, which is {kind(text)}", f"expected {_A_SOURCE}")
    if not is_remote(text) and (text.startswith(_TFDS) or is_tfds(text)):
        return tfds_entries(text.removeprefix(_TFDS), how)
    matches = where.matches(text)
    if matches:
        files = [(match, there) for match, there in matches if there != where.FOLDER]
        return _several(files or matches, how)
    if "," in text:
        return _several([(part.strip(), None) for part in text.split(",") if part.strip()], how)
    raise BadInput(f"images {text}", f"no such file, folder or match; expected {_A_SOURCE}")


def _several(paths: Sequence[tuple[str, str | None]], how: Reading) -> Iterable[Entry]:
    """Pictures keep their path as id; of files that hold many, the file's name comes before the index.

    Args:
      paths: with what lies there, where that is known.
      how: see `open_source`.
    """
    entries: list[Entry] = []
    for text, known in paths:
        there = where.look(text) if known is None else known
        # A pipe says so in its turn.
        many = [_picture(Path(text), how)] if there == where.OTHER else list(_path(text, how, there))
        indexed = bool(many) and many[0].id == "0"
        entries += [entry._replace(id=_id(f"{text}[{entry.id}]")) if indexed else entry for entry in many]
    return entries


def _id(path: str) -> str:
    """A path as text that can be stored: bytes of it that are no UTF-8 are spelled out."""
    return path.encode("utf-8", "backslashreplace").decode()


def _file(path: Path, key: str | None, how: Reading) -> Iterable[Entry]:
    suffix = path.suffix.lower()
    if suffix in (".npy", ".npz"):
        return numpy_entries(path, key, how)
    if suffix == ".zip":
        return _zip(path, key, how)
    if key is not None:
        raise BadInput(
            f"images {path}:{key}", "nothing can be chosen from such a file; expected .npz:key or .zip:folder"
        )
    if looks_like_a_picture(path.name):  # not opened before its turn: there may be a million
        return [_picture(path, how)]
    if is_idx(path, how.limits):
        return idx_entries(path, how)
    return [_picture(path, how)]


def _refuse_pictures(what: str, how: Reading) -> None:
    """Raises `BadInput` where a generator makes nothing that picture files hold."""
    if not is_picture(how.shape):
        expected = ["N", *how.shape]
        raise BadInput(
            f"{what} for a generator of {words(how.shape)}",
            f"expected arrays [{', '.join(map(str, expected))}]: .npy, .npz or tf.data",
        )


def _picture(path: str | Path, how: Reading) -> Entry:
    _refuse_pictures(f"the picture {path}", how)
    text = path.as_posix() if isinstance(path, Path) else str(path)  # entries may be a million
    return Entry(_id(text), None, functools.partial(_read, text, how))


def _read(path: str, how: Reading) -> np.ndarray:
    return decode_file(path, how.array_range, how.limits, alpha=how.shape[-1] == 4)


def _zip(path: Path, folder: str | None, how: Reading) -> Iterable[Entry]:
    _refuse_pictures(f"the pictures of {path}", how)
    within = f"{folder.strip('/')}/" if folder and folder.strip("/") else ""
    archive = Archive(path, how.limits)
    chosen = [
        name
        for name in sorted(archive.names())
        if looks_like_a_picture(name)
        and not name.rpartition("/")[2].startswith(".")
        and not name.startswith("__MACOSX")
        and f"{name}/".startswith(within)
    ]
    if not chosen:
        raise BadInput(f"{path}{':' + folder if folder else ''} holds no pictures", f"expected {_PICTURES}")
    if len(chosen) > MOST:
        raise BadInput(f"{path} with {len(chosen)} pictures", f"expected at most {MOST}; split it")
    return [
        Entry(_id(f"{path.as_posix()}:{name}"), None, functools.partial(_member, archive, name, how)) for name in chosen
    ]


def _member(archive: Archive, name: str, how: Reading) -> np.ndarray:
    return decode_file(archive.read(name, encoded(how.limits)), how.array_range, how.limits, alpha=how.shape[-1] == 4)
