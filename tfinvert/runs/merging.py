"""Small parts become larger ones, so that a million images are hundreds of files."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.runs import parts
from tfinvert.runs.parts import SCHEMA, Part
from tfinvert.settings import Shard

MANY = 64  # small parts, from which on they are merged
_ROWS, _BYTES = 8192, 64 * 2**20  # of a merged part at most
_GROUP_ROWS, _GROUP_BYTES = 1024, 16 * 2**20  # of what is in memory at once


def small(found: Sequence[Part]) -> list[Part]:
    """Those that a merged part has room for."""
    return [part for part in found if _filled(part) < 0.5]


def own(found: Sequence[Part], shard: Shard) -> list[Part]:
    """The small ones whose rows all belong to a shard: no writer of another one touches these."""

    def belongs(part: Part) -> bool:
        try:
            return shard.has(part.first) and all(map(shard.has, parts.head(part.path).places.tolist()))
        except FileNotFoundError:  # those of others come and go meanwhile
            return False

    few = small(found)
    return list(itertools.compress(few, parts.each([part.path for part in few], belongs, few)))


def group(found: Sequence[Part]) -> list[Part]:
    """The first of these small parts, as many as one merged part takes."""
    filled = itertools.accumulate(map(_filled, found))
    return [part for part, until in zip(found, filled, strict=True) if until <= 1]


def merge(sources: Sequence[Part], run: bytes) -> Part | None:
    """Makes one part of several, and deletes those.

    A kill leaves either the parts, or the merged one and some of them: it names them, so that readers and the next
    writer know which rows stand there twice. What cannot be read, or has no room, stays as it is.

    Args:
      sources: parts of one folder, two or more.
      run: run.json.

    Returns:
      The new part; None where there is none.
    """
    folder = sources[0].path.parent
    beside = {path.name for path in folder.glob("part-*.parquet")}
    # A source that could not be deleted before (Windows, while it is read) must not come to life again.
    names = {part.path.name for part in sources} | {name for part in sources for name in part.replaces & beside}
    try:
        made = parts.write(folder, min(part.first for part in sources), _groups(sources), run, names)
    except (BadInput, FileNotFoundError) as error:
        logging.warning("%d parts of %s are not merged: %s", len(sources), folder, error)
        return None
    if made.rows != sum(part.rows for part in sources):
        made.path.unlink()
        raise BadInput(f"{folder} is changed by others", "one writer at a time")
    delete([part.path for part in sources])
    return made


def delete(paths: Sequence[Path]) -> None:
    """Deletes parts whose rows stand in others."""
    parts.each(paths, _delete, paths)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # Windows deletes nothing that somebody reads; it does not count any more
        logging.debug("%s stays: %s", path, error)


def _groups(sources: Sequence[Part]) -> Iterator[pa.Table]:
    """Their rows, in pieces that are worth a row group."""
    waiting: list[pa.Table] = []
    for part in sources:
        for table in parts.groups(part, SCHEMA.names):
            if waiting and (
                sum(map(len, waiting)) + len(table) > _GROUP_ROWS
                or sum(each.nbytes for each in waiting) + table.nbytes > _GROUP_BYTES
            ):
                yield pa.concat_tables(waiting)
                waiting = []
            waiting.append(table)
    if waiting:
        yield pa.concat_tables(waiting)


def _filled(part: Part) -> float:
    return max(part.rows / _ROWS, part.size / _BYTES)
