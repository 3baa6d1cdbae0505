"""The files of a run's rows: how one is made, and how some of its columns and rows are read."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfinvert.errors import BadInput
from tfinvert.remote import is_remote
from tfinvert.runs.files import whole
from tfinvert.solvers.status import Status

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        ("place", pa.int64()),  # among the run's images, from 0
        ("label", pa.int32()),
        ("code", pa.list_(pa.float32())),  # flat; null where there is none
        ("loss", pa.float32()),
        ("mse", pa.float32()),  # on the [0, 1] scale
        ("psnr", pa.float32()),  # decibels
        ("ssim", pa.float32()),
        ("status", pa.string()),
        ("message", pa.string()),
        ("steps", pa.int32()),
        ("seconds", pa.float32()),  # the batch's time, divided by its images
        ("start_losses", pa.list_(pa.float32())),  # what each start came to; null in two-step runs
        ("loss_steps", pa.list_(pa.int32())),  # after how many steps it was looked how small the loss had become
        ("losses", pa.list_(pa.float32())),  # what it was then
        ("reconstruction", pa.binary()),  # as `images.encode.packed` has it
        # Of two-step runs, null in others: what was added behind the cut, and how good the codes alone are.
        ("delta", pa.list_(pa.float32())),  # flat
        ("delta_zeros", pa.float32()),  # share of its entries
        ("mse_latent", pa.float32()),
        ("reconstruction_latent", pa.binary()),
    ]
)

_REPEATED = ("status", "message")  # columns that are written as numbers of texts
_COMPRESSIONS = ("SNAPPY", "UNCOMPRESSED")  # which cannot unfold to a thousand times their size
_FOLDED = 2**30  # bytes that a column with a dictionary may unfold to
_FEW = 1_000_000  # values that any file may have
_TEXTS = 10**8  # bytes of such texts in a group of rows

_RUN, _REPLACES = b"tfinvert:run", b"tfinvert:replaces"
_GROUP = 1024  # rows that are read at once where one of them is wanted
_STATUSES = {status.name.lower() for status in Status}
_AWAY = "move it out of the folder"
_AT_ONCE, _BLOCK = 16, 2**16  # parts in a store that are asked for at a time, and bytes that are fetched of one
_Given = TypeVar("_Given")
_Made = TypeVar("_Made")
_NOWHERE = 2**62  # the place of rows of which nobody knows it: behind all others


class Part(NamedTuple):
    """One file."""

    path: Path
    rows: int
    size: int  # bytes
    first: int  # the first place of its rows
    run: bytes  # run.json as it was when the file was made; empty in older ones
    replaces: frozenset[str]  # names of the files whose rows it holds, where it was merged


class Head(NamedTuple):
    """What is always read of a file: which images are in it."""

    part: Part
    ids: pa.ChunkedArray  # strings
    places: np.ndarray  # int64


def write(folder: Path, first: int, tables: Iterable[pa.Table], run: bytes = b"", replaces: Iterable[str] = ()) -> Part:
    """Adds a file; it is there whole or not at all, and never takes the place of another.

    Args:
      folder: for it.
      first: the first place of its rows; the name begins with it, so that names stand in the images' order.
      tables: of `SCHEMA`; each is in memory only while it is written.
      run: run.json.
      replaces: names of the files whose rows it holds.

    Raises:
      BadInput: there is no room, or no folder any more.
    """
    names, rows = frozenset(replaces), 0
    stated = SCHEMA.with_metadata({_RUN: run, _REPLACES: json.dumps(sorted(names)).encode()})
    path = folder / f"part-{first:08d}-{secrets.token_hex(6)}.parquet"
    with whole(path, new=True) as temporary:
        with pq.ParquetWriter(
            temporary,
            stated,
            use_dictionary=["status", "message"],
            write_statistics=["place"],
            write_page_checksum=True,
        ) as writer:
            for table in tables:
                writer.write_table(table.select(SCHEMA.names).cast(stated), row_group_size=_GROUP)
                rows += len(table)
        size = temporary.stat().st_size
    return Part(path, rows, size, first, run, names)


def heads(paths: Sequence[Path], known: dict[Path, Head] | None = None) -> list[Head]:
    """Which images are in some files; those in a store are asked for many at a time.

    Args:
      paths: of the files.
      known: where each is added once it is known, also where another raises.

    Raises:
      BadInput, FileNotFoundError: as of `head`.
    """
    found: dict[Path, Head] = {} if known is None else known

    return each(paths, lambda path: found.setdefault(path, head(path)), paths)


def each(paths: Sequence[Path], work: Callable[[_Given], _Made], given: Sequence[_Given]) -> list[_Made]:
    """What `work` makes of each of what is given; of many at a time where the files are in a store, which is far."""
    if not any(map(is_remote, paths[:1])):
        return list(map(work, given))
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(work, given))


def head(path: Path) -> Head:
    """Which images are in a file.

    Raises:
      BadInput: it is damaged, or no file of ours.
      FileNotFoundError: it is not there any more.
    """
    with _opened(path) as (file, size):
        there = [name for name in ("id", "place") if name in file.schema_arrow.names]
        rows = file.metadata.num_rows
        _refuse_bombs(file, path, size, there)
        table = _fitting(path, file.read(there, use_threads=False), ("id", "place"), 0, rows)
        places, stated = table["place"].to_numpy(), file.metadata.metadata or {}
        replaces = frozenset(filter(lambda name: isinstance(name, str), json.loads(stated.get(_REPLACES, b"[]"))))
        first = int(places.min(initial=_NOWHERE))
        part = Part(path, rows, size, first, stated.get(_RUN, b""), replaces)
    return Head(part, table["id"], places)


def read(part: Part, columns: Sequence[str], rows: np.ndarray | None = None) -> pa.Table:
    """Some columns of a file.

    Args:
      part: the file.
      columns: of `SCHEMA`; those that an older version did not write are null.
      rows: int [n], rising: which are read; default: all.

    Raises:
      BadInput: it is damaged, no file of ours, or by a version with other statuses.
      FileNotFoundError: it is not there any more.
    """
    return pa.concat_tables([schema(columns).empty_table(), *groups(part, columns, rows)])


def groups(part: Part, columns: Sequence[str], rows: np.ndarray | None = None) -> Iterator[pa.Table]:
    """The same, as tables of some rows each: what is large need never be in memory all at once."""
    with _opened(part.path) as (file, size):
        there = [name for name in file.schema_arrow.names if name in columns]
        _refuse_bombs(file, part.path, size, there)
        end = 0
        for group in range(file.metadata.num_row_groups):
            start, end = end, end + file.metadata.row_group(group).num_rows
            chosen = None if rows is None else rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)] - start
            if chosen is not None and not len(chosen):
                continue
            table = file.read_row_group(group, there, use_threads=False) if there else None
            table = None if table is None else _unfolded(table, part.path)
            table = _fitting(part.path, table, columns, start, end - start)
            yield table if chosen is None or len(chosen) == end - start else table.take(pa.array(chosen))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[pq.ParquetFile, int]]:
    """The file, and its bytes."""
    try:
        with _source(path) as (source, size):
            known = pq.read_metadata(source)
            how: dict[str, Any] = {"read_dictionary": [name for name in _REPEATED if name in known.schema.names]}
            # In a store, ranges that lie near each other are fetched at once.
            how |= {"page_checksum_verification": True, "pre_buffer": is_remote(path)}
            with pq.ParquetFile(source, metadata=known, **how) as file:
                missing = [name for name in ("id", "status") if name not in file.schema_arrow.names]
                if missing:
                    raise BadInput(f"{path} holds no rows of a run (no column {missing[0]})", _AWAY)
                yield file, size
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise BadInput(
            f"{path} is damaged ({reason})", "put it right, or delete it and run again: its images are done anew"
        ) from error


@contextlib.contextmanager
def _source(path: Path) -> Iterator[tuple[Any, int]]:
    """What Parquet's reader takes, and its bytes."""
    if is_remote(path):
        with path.open("rb", _BLOCK) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            yield file, size
        return
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # a pipe would keep one waiting
        raise BadInput(f"{path} is no regular file", _AWAY)
    yield path, status.st_size


def _refuse_bombs(file: pq.ParquetFile, path: Path, size: int, columns: Sequence[str]) -> None:
    """Raises `BadInput` where columns would unfold to far more than the file: ours are never written so."""
    most = _FEW + 8 * size
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        for number in range(about.num_columns):
            column = about.column(number)
            name = column.path_in_schema.split(".")[0]
            if name not in columns:
                continue
            # At worst every value is a whole dictionary.
            folded = column.has_dictionary_page and name not in _REPEATED
            folded = folded and column.num_values * column.total_uncompressed_size > _FOLDED
            if folded or column.compression not in _COMPRESSIONS or column.num_values > most:
                raise BadInput(f"{path} holds no rows of a run ({name} is packed in another way)", _AWAY)


def _unfolded(table: pa.Table, path: Path) -> pa.Table:
    """The table with texts in place of numbers of texts.

    Raises:
      BadInput: they would be far too large.
    """
    for place, name in enumerate(table.column_names):
        column = table[name]
        if pa.types.is_dictionary(column.type):
            lengths = (pc.binary_length(chunk.dictionary).take(chunk.indices) for chunk in column.chunks)
            if sum(pc.sum(each).as_py() or 0 for each in lengths) > _TEXTS:
                raise BadInput(f"{path} has texts of more than {_TEXTS / 1e9:g} GB", _AWAY)
            table = table.set_column(place, name, column.cast(pa.string()))
    return table


def _fitting(path: Path, table: pa.Table | None, columns: Sequence[str], start: int, count: int) -> pa.Table:
    """The columns as `SCHEMA` has them, of the `count` rows from `start` on; null where the file has them not.

    Raises:
      BadInput: a column is something else.
    """
    found = {}
    for name in columns:
        kind = SCHEMA.field(name).type
        lacking = table is None or name not in table.column_names
        column = pa.chunked_array([pa.nulls(count, kind)]) if table is None or lacking else table[name]
        if column.type != kind and not (pa.types.is_string(kind) and pa.types.is_large_string(column.type)):
            raise BadInput(f"{path} holds no rows of a run ({name} is {column.type})", _AWAY)
        found[name] = column.cast(kind)
    if "id" in found and found["id"].null_count:
        raise BadInput(f"{path} has rows without an id", _AWAY)
    if "place" in found and found["place"].null_count:
        found["place"] = pa.chunked_array([pa.array(_by_name(path) + np.arange(start, start + count))])
    if "status" in found:
        unknown = set(found["status"].unique().to_pylist()) - _STATUSES
        if unknown:
            raise BadInput(
                f"{path} has rows with the status {unknown.pop()!r}", "it is not known here: update tfinvert"
            )
    return pa.table(found)


def _by_name(path: Path) -> int:
    """The first place, as the name of an older file says it."""
    number = re.fullmatch(r"part-(\d{1,15})\b.*", path.name)
    return int(number[1]) if number else _NOWHERE


def schema(columns: Sequence[str]) -> pa.Schema:
    return pa.schema([SCHEMA.field(name).with_nullable(True) for name in columns])
