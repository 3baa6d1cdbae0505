"""Classes of images: one for all, a list in the images' order, or a file of either kind or by id."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.arrays import read_idx

_EXPECTED = (
    "expected a class number for all, one for each image, or a file of them: .npy, idx, or text with one a line or "
    "'id,label' lines"
)


class Labels:
    """The class of each image.

    Args:
      given: an int (or its text) for all images; integers [N] in the images' order; a dict from id to class; a
        file: `.npy`, idx(.gz), or text with one class a line, or with `id,label` lines.

    Raises:
      BadInput: it is none of these.
    """

    def __init__(self, given: Any) -> None:
        self._all: int | None = None
        self._ordered: np.ndarray | None = None
        self._by_id: dict[str, int] | None = None
        if isinstance(given, (str, Path)):
            given = int(str(given)) if str(given).strip().lstrip("-").isdigit() else _read(Path(given))
        if isinstance(given, dict):
            wrong = [value for value in given.values() if not isinstance(value, (int, np.integer))]
            if wrong:
                raise BadInput(f"label {wrong[0]!r}", _EXPECTED)
            self._by_id = {str(key): int(value) for key, value in given.items()}
            return
        try:
            array = np.asarray(given)
        except ValueError as error:
            raise BadInput("labels of different lengths", _EXPECTED) from error
        if array.dtype.kind not in "iu" or array.ndim > 1:
            raise BadInput(f"labels of {array.dtype} {list(array.shape)}", _EXPECTED)
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

    def of(self, index: int, image_id: str) -> int:
        """The class of one image, by its place or its id.

        Raises:
          BadInput: there is none for it.
        """
        if self._all is not None:
            return self._all
        if self._by_id is not None:
            for key in (image_id, Path(image_id).name):
                if key in self._by_id:
                    return self._by_id[key]
            raise BadInput(f"no label for {image_id}", "the labels' file has no line with its path or name")
        if self._ordered is None or index >= len(self._ordered):
            raise BadInput(f"no label for image number {index}", "the list of labels is shorter than the images")
        return int(self._ordered[index])


def _read(path: Path) -> np.ndarray | dict[str, int]:
    if not path.is_file():
        raise BadInput(f"labels {path}", f"no such file; {_EXPECTED}")
    try:
        if path.suffix == ".npy":
            return np.load(path, allow_pickle=False)
        with path.open("rb") as file:
            head = file.read(2)
        if head in (b"\x1f\x8b", b"\x00\x00"):
            return read_idx(path)
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark before the first line
            rows = [row for row in csv.reader(file) if row]
        if rows and not rows[0][-1].strip().lstrip("-").isdigit():
            rows = rows[1:]  # a header
        if rows and all(len(row) == 2 for row in rows):
            return {row[0].strip(): int(row[1]) for row in rows}
        if rows and all(len(row) == 1 for row in rows):
            return np.array([int(row[0]) for row in rows])
    except BadInput:
        raise
    except (ValueError, OSError, EOFError, csv.Error) as error:
        raise BadInput(f"labels {path} ({error})", _EXPECTED) from error
    raise BadInput(f"labels {path}", _EXPECTED)
