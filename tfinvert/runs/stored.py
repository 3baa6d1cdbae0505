"""A run's folder as it is read: nothing in it is changed, also while a run writes into it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.remote import is_remote, path_of
from tfinvert.runs.files import read_json, read_small
from tfinvert.runs.index import AGAIN, LOST, Index, index, settings_of, tell
from tfinvert.runs.parts import SCHEMA, Head

_TRIES = 20  # to read while another process merges what is read
_ALIKE = 3  # listings, after which two need not be the same
_Found = TypeVar("_Found")


class Stored:
    """What a run's folder holds; nothing in it is changed.

    It may be read while a run writes into it. Of an image with several rows the first counts, and the log says so;
    parts of another run do not count.

    Args:
      folder: of the run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = path_of(folder)
        self.results = self.folder / "results"
        self._seen: tuple[Any, Index] | None = None
        self._heads: dict[Path, Head] = {}  # of parts in a store: they never change, and take long to read

    def about(self) -> dict[str, Any]:
        """What `run.json` says: the settings as "settings", and what else is worth knowing.

        Where it is lost or damaged, the parts' own copy.

        Raises:
          BadInput: the folder holds no run, or its `run.json` is none and no part has a copy.
        """
        path = self.folder / "run.json"
        copy = b"" if self._run_json() else self._indexed().run
        if copy:
            tell(f"{path} is {'damaged' if path.is_file() else 'lost'}: the copy in {self.results} is read")
            return _checked(json.loads(copy), path)
        if not path.exists():
            raise BadInput(f"{self.folder} holds no run", "expected a folder that tfinvert invert wrote, with run.json")
        return _checked(read_json(path), path)

    def parts(self) -> list[Path]:
        """The files of rows, in the images' order."""
        return [part.path for part in self._indexed().parts]

    def done(self) -> frozenset[str]:
        """Ids of all images that have a row."""
        return frozenset(self.ids())

    def ids(self) -> list[str]:
        """The same, in the images' order."""
        return self._indexed().known().to_pylist()

    def again(self) -> frozenset[str]:
        """Ids of the images of which another try may find more: see `Status.again`."""
        return self._with(AGAIN)

    def lost(self) -> frozenset[str]:
        """Ids of the images that ended their worker: what reads them may end, too."""
        return self._with(LOST)

    def _with(self, statuses: pa.Array) -> frozenset[str]:
        """Ids of the images with one of these statuses."""

        def read(found: Index) -> frozenset[str]:
            such = pc.is_in(found.read(["status"], found.rows)["status"], value_set=statuses)
            return frozenset(found.known().filter(such.combine_chunks()).to_pylist())

        return self._settled(read)

    def lacking(self, ids: Sequence[str]) -> list[str]:
        """Those of some ids that have no row."""
        return self._indexed().lacking(ids)

    @property
    def double(self) -> int:
        """Rows that do not count, for their image has another one before."""
        return self._indexed().double

    def read(
        self, columns: Sequence[str] | None = None, ids: Sequence[str] | None = None, most: int | None = None
    ) -> pa.Table:
        """Rows in the images' order.

        Args:
          columns: of `parts.SCHEMA`; default: all, which may be much. Those of an older version may be null.
          ids: of the images; those that have no row are left out. Default: all.
          most: of more rows, so many, evenly.
        """
        columns = SCHEMA.names if columns is None else list(columns)

        def read(found: Index) -> pa.Table:
            rows = found.rows if ids is None else found.find(ids)
            if most is not None and len(rows) > most:
                rows = rows[np.linspace(0, len(rows) - 1, most).round().astype(int)]
            return found.read(columns, rows)

        return self._settled(read)

    def _indexed(self) -> Index:
        return self._settled(lambda found: found)

    def _settled(self, use: Callable[[Index], _Found]) -> _Found:
        """What `use` makes of the index, again where parts were merged meanwhile.

        Raises:
          BadInput: a part is damaged, or parts come and go all the time.
        """
        heads = self._heads if is_remote(self.folder) else {}
        for _ in range(_TRIES):
            try:
                names = listed(self.results)
                if self._seen is None or self._seen[0] != names:
                    paths = [self.results / name for name, *_ in names]
                    self._seen = (names, index(self.folder, paths, self._run_json(), heads))
                    self._heads = {path: heads[path] for path in paths} if is_remote(self.folder) else {}
                return use(self._seen[1])
            except FileNotFoundError as error:
                logging.debug("%s has been merged with others", error.filename)
        raise BadInput(f"{self.results} changes while it is read", "wait until its run has ended")

    def _run_json(self) -> bytes:
        """The file, where it is a run's settings; nothing else."""
        try:
            found = read_small(self.folder / "run.json")
            settings_of(found)
        except (OSError, BadInput):
            return b""
        return found


def listed(folder: Path) -> list[tuple[str, int, int]]:
    """Names, sizes and times of the parts, as they were at one moment.

    A listing that is made while parts are merged may have neither those nor the merged one; then the next differs.
    Where many write, no two are the same; then one will do in which all of the one before still are.
    """
    before, now, tries = _list(folder), _list(folder), 1
    while before != now and (tries < _ALIKE or {name for name, *_ in before} - {name for name, *_ in now}):
        before, now, tries = now, _list(folder), tries + 1
    return now


def _list(folder: Path) -> list[tuple[str, int, int]]:
    if is_remote(folder):
        store: Any = folder
        names = ((each["name"].rpartition("/")[2], each["size"] or 0, 0) for each in store.listing())
        return sorted(each for each in names if _is_part(each[0]))
    found: list[tuple[str, int, int]] = []
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is no folder", "choose another run's, or move it out of the way")
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if _is_part(entry.name):
                try:
                    status = entry.stat()
                    found.append((entry.name, status.st_size, status.st_mtime_ns))
                except FileNotFoundError:  # merged just now
                    continue
                except OSError:  # who reads it will say what is wrong
                    found.append((entry.name, 0, 0))
    return sorted(found)


def _is_part(name: str) -> bool:
    return name.startswith("part-") and name.endswith(".parquet")


def _checked(about: dict[str, Any], path: Path) -> dict[str, Any]:
    """What run.json says, where it is a run's: nobody else need ask again."""
    shape, assumed = about.get("image_shape", [1, 1, 1]), about.get("assumed", [])
    whole = isinstance(about.get("settings"), dict) and isinstance(assumed, list)
    whole = whole and isinstance(shape, list) and len(shape) in (2, 3)
    if not whole or not all(isinstance(size, int) and size > 0 for size in shape):
        raise BadInput(f"{path} is no run's settings", "choose another folder")
    return about
