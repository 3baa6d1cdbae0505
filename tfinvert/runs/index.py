"""Which rows of a folder count, and in which order: one for each image, in the images' order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.runs import parts
from tfinvert.runs.parts import Head, Part
from tfinvert.settings import Job, by_flags
from tfinvert.solvers.status import Status

AGAIN = pa.array([status.name.lower() for status in Status if status.again])  # of images that are tried again
LOST = pa.array([Status.LOST.name.lower()])
_told: set[str] = set()  # what was said of folders: once is enough


class Index(NamedTuple):
    """What lies in a folder of parts."""

    parts: list[Part]  # those that count, in the order of their first rows
    ids: pa.Array  # of all their N rows, as they lie there
    rows: np.ndarray  # int64 [n], n <= N: which of them count, in the images' order
    left_over: list[Path]  # files whose rows stand in others, as a killed writer may leave them
    run: bytes  # run.json, or what most parts say that it was; empty where nothing is known
    made_up: int = 0  # rows of images of which another try has found more

    @property
    def double(self) -> int:
        """Rows that do not count, for there is one of the same image before them."""
        return len(self.ids) - len(self.rows) - self.made_up

    def known(self) -> pa.Array:
        """The ids of all images, in their order."""
        return self.ids if self._as_they_lie() else self.ids.take(pa.array(self.rows))

    def find(self, ids: Iterable[str]) -> np.ndarray:
        """The rows of those images that have one, in the images' order."""
        wanted = pa.array(list(ids), self.ids.type)
        return self.rows[pc.is_in(self.known(), value_set=wanted).to_numpy(zero_copy_only=False)]

    def lacking(self, ids: Iterable[str]) -> list[str]:
        """Those of some ids that have no row."""
        wanted = pa.array(list(ids), self.ids.type)
        return wanted.filter(pc.invert(pc.is_in(wanted, value_set=self.ids))).to_pylist()

    def read(self, columns: Sequence[str], rows: np.ndarray) -> pa.Table:
        """Some columns of some rows, in the order of `rows`; only those are in memory.

        Raises:
          BadInput: a part is damaged.
          FileNotFoundError: a part was merged with others meanwhile.
        """
        order = np.argsort(rows, kind="stable")
        rising = rows[order]
        ends = np.cumsum([part.rows for part in self.parts])
        chosen: list[tuple[Part, np.ndarray | None]] = []
        for part, end in zip(self.parts, ends, strict=True):
            start = end - part.rows
            rows_of = rising[np.searchsorted(rising, start) : np.searchsorted(rising, end)] - start
            if len(rows_of):
                chosen.append((part, None if len(rows_of) == part.rows else rows_of))
        paths = [part.path for part, _ in chosen]
        tables = parts.each(paths, lambda each: parts.read(each[0], columns, each[1]), chosen)
        found = pa.concat_tables([parts.schema(columns).empty_table(), *tables])
        return found if np.array_equal(rising, rows) else found.take(pa.array(np.argsort(order, kind="stable")))

    def _as_they_lie(self) -> bool:
        return np.array_equal(self.rows, np.arange(len(self.ids)))


def index(folder: Path, paths: Iterable[Path], run: bytes, known: dict[Path, Head] | None = None) -> Index:
    """Looks through all parts: at their ids and places only.

    Parts that belong to another run do not count. Of an image that has several rows the first does, but for one that
    says that another try may find more; the log says so.

    Args:
      folder: of the run, as the log is to name it.
      paths: of the parts.
      run: run.json; empty where it is lost.
      known: heads of parts that were read already; more are added, so that a second try need not read all again.

    Raises:
      BadInput: a part is damaged.
      FileNotFoundError: a part was merged with others meanwhile.
    """
    known = {} if known is None else known
    paths = list(paths)
    parts.heads([path for path in paths if path not in known], known)
    heads = sorted((known[path] for path in paths), key=lambda each: (each.part.first, each.part.path.name))
    run = run or next(iter(copies(each.part for each in heads)), b"")
    own = _own(heads, run)
    left_over = _left_over(own)
    heads = [each for each in own if each.part.path not in left_over]
    # Texts of more than 2 GB in all need the large kind.
    ids = pa.chunked_array([chunk for each in heads for chunk in each.ids.chunks], pa.string()).cast(pa.large_string())
    together = ids.combine_chunks() if ids.num_chunks != 1 else ids.chunk(0)
    numbers = pc.dictionary_encode(together).indices.to_numpy()  # rising where an id comes for the first time
    highest = np.maximum.accumulate(np.concatenate([[-1], numbers]))
    rows, made_up = np.flatnonzero(numbers > highest[:-1]), 0
    if len(rows) < len(numbers):
        rows, made_up = _counting(heads, numbers)
    places = np.concatenate([np.empty(0, np.int64), *(each.places for each in heads)])[rows]
    if len(places) and np.any(np.diff(places) < 0):
        rows = rows[np.argsort(places, kind="stable")]
    found = Index([each.part for each in heads], together, rows, sorted(left_over), run, made_up)
    if found.double:
        tell(f"{folder}: {found.double} rows are double; of each image the first one counts")
    return found


def _counting(heads: Sequence[Head], numbers: np.ndarray) -> tuple[np.ndarray, int]:
    """The row of each image that counts, and how many do not because another try found more."""
    files = [each.part for each in heads]
    tables = parts.each([part.path for part in files], lambda part: parts.read(part, ["status"]), files)
    statuses = pa.chunked_array([chunk for table in tables for chunk in table["status"].chunks])
    again = pc.is_in(statuses, value_set=AGAIN).to_numpy()
    order = np.lexsort((again, numbers))
    rows = order[np.diff(numbers[order], prepend=-1) > 0]
    left = np.ones(len(numbers), bool)
    left[rows] = False
    found = np.zeros(len(rows), bool)
    found[numbers[rows]] = ~again[rows]
    return rows, int((left & again & found[numbers]).sum())


def copies(found: Iterable[Part]) -> list[bytes]:
    """What run.json was, as the parts say it: what most rows belong to comes first."""
    rows: Counter[bytes] = Counter()
    for part in found:
        if part.run:
            rows[part.run] += part.rows
    return [run for run, _ in rows.most_common()]


def settings_of(run: bytes) -> dict[str, Any]:
    """The settings in a copy of run.json.

    Raises:
      BadInput: it is none.
    """
    try:
        found = json.loads(run)["settings"]
    except (ValueError, TypeError, KeyError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadInput("a run.json without settings", "expected what tfinvert invert writes")
    return found


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which settings (JSON values) are others, in words and by their flags; empty where none is."""
    before, now = by_flags(before, Job), by_flags(now, Job)
    names = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    return ", ".join(f"{key} was {before.get(key)!r} and is {now.get(key)!r}" for key in names)


def tell(text: str) -> None:
    """Warns, once."""
    if text not in _told:
        _told.add(text)
        logging.warning("%s", text)


def _own(heads: Sequence[Head], run: bytes) -> list[Head]:
    """Those that belong to the run; older ones do not say, and count."""
    if not run:
        return list(heads)
    ours, why = settings_of(run), {b"": "", run: ""}
    for each in heads:
        if each.part.run not in why:
            try:
                why[each.part.run] = changed(settings_of(each.part.run), ours)
            except BadInput as error:
                raise error.about(str(each.part.path)) from error
        if why[each.part.run]:
            tell(f"{each.part.path} is of a run with other settings ({why[each.part.run]}), and is left out")
    return [each for each in heads if not why[each.part.run]]


def _left_over(heads: Sequence[Head]) -> set[Path]:
    """Files that were merged into others, and whose writer was killed before it deleted them."""
    names = {each.part.path.name: each for each in heads}
    found = set()
    for each in heads:
        sources = [names[name] for name in each.part.replaces if name in names]
        held = set(each.ids.to_pylist()) if sources else set()
        # A name alone proves nothing: somebody may have copied a file there.
        found |= {source.part.path for source in sources if held.issuperset(source.ids.to_pylist())}
    return found
