"""Classes of images: one for all, a list in the images' order, a file of either kind or by id, or by their folders."""

from __future__ import annotations

import csv
import io
import itertools
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.bounded import kind, open_regular
from tfinvert.images.entry import MOST, folders_of, names_of
from tfinvert.images.idx import read_idx
from tfinvert.images.numpy_files import NumpyFile
from tfinvert.images.where import FILE, FOLDER, NOTHING, look
from tfinvert.remote import path_of
from tfinvert.settings import DEFAULT_LIMITS, Limits

_TEXT = 256_000_000  # bytes: four million lines with paths
_LARGEST = 2**31 - 1
FOLDERS = "folders"  # what stands for labels where images are in folders that are named after classes
_SAID = 12  # names of classes in a message
_EXPECTED = (
    "expected a class number for all, one for each image, or a file of them: .npy, idx, or text with one a line or "
    "'id,label' lines"
)


class Labels:
    """The class of each image.

    Args:
      given: an int (or its text) for all images; integers [N] in the images' order; a dict from id to class; a
        file: `.npy`, idx(.gz), or text with one class a line, or with `id,label` lines.
      limits: what a file may take.

    Raises:
      BadInput: it is none of these.
    """

    def __init__(self, given: Any, limits: Limits = DEFAULT_LIMITS) -> None:
        self._all: int | None = None
        self._ordered: np.ndarray | None = None
        self._by_id: dict[str, int] | None = None
        if isinstance(given, (str, Path)):
            given = _one(str(given)) if _is_number(str(given)) else _read(path_of(given), limits)
        if isinstance(given, dict):
            for value in given.values():
                if not isinstance(value, (int, np.integer)):
                    raise BadInput(f"label {value!r}", _EXPECTED)
                if abs(int(value)) > _LARGEST:
                    raise BadInput(f"a label above {_LARGEST}", _EXPECTED)
            self._by_id = {str(key): int(value) for key, value in given.items()}
            return
        try:
            array = np.asarray(given)
        except ValueError as error:
            raise BadInput("labels of different lengths", _EXPECTED) from error
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise BadInput(f"labels of {array.dtype} {list(array.shape)}", _EXPECTED)
        if array.size > MOST:
            raise BadInput(f"{array.size} labels", f"expected at most {MOST}")
        if array.size and not -_LARGEST <= array.min() <= array.max() <= _LARGEST:
            raise BadInput(f"labels in [{array.min()}, {array.max()}]", _EXPECTED)
        if array.ndim == 0:
            self._all = int(array)
        else:
            self._ordered = array

    def values(self) -> np.ndarray:
        """All classes that occur, int32 [K]."""
        if self._all is not None:
            return np.array([self._all], np.int32)
        known = list(self._by_id.values()) if self._by_id is not None else self._ordered
        return np.unique(np.asarray(known)).astype(np.int32)

    def check_count(self, wanted: int, whole: int) -> None:
        """Raises `BadInput` where a list of labels is neither as long as the `wanted` images nor as all of them."""
        if self._ordered is not None and len(self._ordered) not in (wanted, whole):
            raise BadInput(f"{len(self._ordered)} labels for {wanted} images", "expected one for each, or one for all")

    def check_ids(self, ids: Iterable[str]) -> None:
        """Raises `BadInput` where a name in the labels is that of several images, or of none."""
        if self._by_id is None:
            return
        named: dict[str, str] = {}
        first = None
        for image_id in ids:
            first = image_id if first is None else first
            key = self._key(image_id)
            if key is not None and named.setdefault(key, image_id) != image_id:
                several = f"several images have this name, {named[key]} and {image_id}"
                raise BadInput(f"the label of {key!r}", f"{several}: give their paths")
        if first is not None and not named:
            self.of(0, first)  # raises

    @property
    def counted(self) -> int | None:
        """How many a list of labels has; None where they are no list."""
        return None if self._ordered is None else len(self._ordered)

    def find(self, index: int, image_id: str) -> int | None:
        """The class of one image; None where there is none for it."""
        try:
            return self.of(index, image_id)
        except BadInput:
            return None

    def _key(self, image_id: str) -> str | None:
        """What the labels call an image."""
        known = self._by_id or {}
        return next((name for name in names_of(image_id) if name in known), None)

    def of(self, index: int, image_id: str) -> int:
        """The class of one image, by its place or its id.

        Raises:
          BadInput: there is none for it.
        """
        if self._all is not None:
            return self._all
        if self._by_id is not None:
            if (key := self._key(image_id)) is not None:
                return self._by_id[key]
            raise BadInput(f"no label for {image_id}", "the labels have no line with its path or name")
        if self._ordered is None or index >= len(self._ordered):
            raise BadInput(f"no label for image number {index}", "the list of labels is shorter than the images")
        return int(self._ordered[index])


class FolderLabels:
    """The class of each image by the name of the folder that it is in.

    Args:
      names: of the classes 0, 1, ...
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._numbers = {_composed(name): number for number, name in enumerate(names)}

    def values(self) -> np.ndarray:
        """All classes that there are, int32 [K]."""
        return np.arange(len(self._numbers), dtype=np.int32)

    def check_count(self, wanted: int, whole: int) -> None:
        """There is one for every image."""

    def check_ids(self, ids: Iterable[str]) -> None:
        """Raises `BadInput` where no image is in the folder of a class."""
        refused = None
        for image_id in ids:
            try:
                self.of(0, image_id)
                return
            except BadInput as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def of(self, index: int, image_id: str) -> int:
        """The class of one image.

        Raises:
          BadInput: its folder is none.
        """
        folder = _composed(["", *folders_of(image_id)][-1])
        if folder not in self._numbers:
            names = list(self._numbers)
            several = ", ".join(names[:_SAID]) + (", ..." if len(names) > _SAID else "")
            came = f"in the folder {folder!r}" if folder else "in no folder"
            raise BadInput(f"{image_id} {came}", f"expected one named after a class: {several}")
        return self._numbers[folder]


def _composed(name: str) -> str:
    """A name with each letter in one piece; macOS writes those of files in two."""
    return unicodedata.normalize("NFC", name)


def _is_number(text: str) -> bool:
    return text.strip().removeprefix("-").isdecimal()


def _one(text: str) -> int:
    try:
        return _number(text)
    except ValueError as error:
        raise BadInput(f"label {text[:40]!r}", _EXPECTED) from error


def _number(text: str) -> int:
    """The class that a text says; Python refuses to read thousands of digits."""
    value = int(text)
    if abs(value) > _LARGEST:
        raise ValueError(f"{text[:20]}... is no class")
    return value


def _read(path: Path, limits: Limits) -> np.ndarray | dict[str, int]:
    if (there := look(str(path))) != FILE:
        what = "no such file" if there == NOTHING else f"which is {'a folder' if there == FOLDER else kind(path)}"
        raise BadInput(f"labels {path}", f"{what}; {_EXPECTED}")
    try:
        if path.suffix == ".npy":
            return NumpyFile(path, limits).read("")
        with open_regular(path) as file:
            head = file.read(2)
            if head in (b"\x1f\x8b", b"\x00\x00"):
                return read_idx(path, limits)
            file.seek(0)
            content = file.read(_TEXT + 1)
        if len(content) > _TEXT:
            raise BadInput(f"labels {path} of more than {_TEXT / 1e6:.0f} MB", "expected less; save them as .npy")
        # Spreadsheets put a mark before the first line.
        return _parsed(csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")))
    except BadInput:
        raise
    except (ValueError, OSError, EOFError, KeyError, csv.Error) as error:
        raise BadInput(f"labels {path} ({' '.join(str(error).split())[:200]})", _EXPECTED) from error


def _parsed(lines: Iterable[list[str]]) -> np.ndarray | dict[str, int]:
    """Classes in order, or by id; a first line without one is a header.

    Raises:
      ValueError: these lines are neither.
    """
    rows = (row for row in lines if row)
    first = next(rows, None)
    if first is not None and not _is_number(first[-1]):
        first = next(rows, None)
    if first is None or len(first) > 2:
        raise ValueError("no lines of one number, nor of an id and a number")
    ordered: list[int] = []
    by_id: dict[str, int] = {}
    for row in itertools.chain([first], rows):
        if len(row) != len(first):
            raise ValueError(f"a line of {len(row)} parts among lines of {len(first)}")
        if len(row) == 2:
            name, label = row[0].strip(), _number(row[1])
            if by_id.setdefault(name, label) != label:
                raise ValueError(f"{name[:40]} has the classes {by_id[name]} and {label}")
        else:
            ordered.append(_number(row[0]))
        if max(len(ordered), len(by_id)) > MOST:
            raise ValueError(f"more than {MOST} lines")
    return by_id or np.array(ordered)
