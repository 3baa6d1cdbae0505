"""A run's folder: `run.json` with the settings, `results/*.parquet` with one row per image; here it is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.remote import is_remote
from tfinvert.runs import merging, parts
from tfinvert.runs.files import clear, writable, write_bytes
from tfinvert.runs.index import changed, copies, settings_of
from tfinvert.runs.lease import Lease
from tfinvert.runs.lock import Lock
from tfinvert.runs.parts import SCHEMA, Part
from tfinvert.runs.stored import Stored, listed
from tfinvert.settings import Shard


class Store(Stored):
    """A folder that rows are added to by one writer at a time, or one of each shard, and that refuses to mix settings.

    A writer of a shard merges only files whose rows all belong to it, and leaves half files of others alone.

    `open` takes the folder's lock, and so do `claim` and `with store:`; `close` and the end of the block give it back.
    Every file is written under another name first, so a reader, or a killed writer, never leaves half a file under a
    name that counts, and none ever takes another's place.

    Args:
      folder: made if it is not there.
      shard: which is written; default: the whole run.

    Raises:
      BadInput: the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path, shard: Shard | None = None) -> None:
        super().__init__(folder)
        if self.results.is_symlink():
            raise BadInput(f"{self.results} is a link", "rows would be written elsewhere: link the run's whole folder")
        writable(self.results)
        kind = Lease if is_remote(self.folder) else Lock
        self._shard = shard
        self._lock: Lock | Lease = kind(self.folder, shard)
        self._entered = False
        self._run = b""  # run.json, which every part has a copy of
        self._small: list[Part] = []

    def open(self) -> None:
        """Takes the folder's lock, if this store has it not yet, and clears away what a killed writer left.

        Raises:
          BadInput: another writer is at work there; who, is said.
        """
        self._lock.acquire()
        clear(self.folder)  # figures and pages are written there without the lock
        clear(self.results, every=self._shard is None)
        self._run = self._run or self._run_json()

    def close(self) -> None:
        """Lets others write. What is there can still be read."""
        self._lock.release()

    def __enter__(self) -> Store:
        if self._entered:
            raise BadInput(f"{self.folder} is being written by this process", "one writer at a time")
        self.open()
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self._entered = False
        self.close()

    def claim(self, settings: dict[str, Any], about: dict[str, Any]) -> None:
        """Writes `run.json`, or holds the settings against the one that is there, and keeps the folder for writing.

        Where no row was written yet, there is nothing to hold them against. But shards may be at work on their first
        rows: the first that comes writes it, and all others are held against that.

        Where it is lost or damaged, it is restored from the parts, if they are of a run with these settings.

        Args:
          settings: everything that a result depends on (JSON values).
          about: what else is worth knowing, such as versions.

        Raises:
          BadInput: another writer is at work, or the folder holds a run with other settings, or results without any.
        """
        try:
            self.open()
            # Without rows, anything may begin, unless another shard did just now.
            self._run = self._run_json() if self._shard or listed(self.results) else b""
            self._run = self._run or self._restored(settings)
            if not self._run:
                self._run = json.dumps({"settings": settings, **about}, indent=1).encode()
            if self._run != self._run_json():
                self._run = self._put(self._run)
            hold(self.folder, settings_of(self._run), settings)
        except BaseException:
            self.close()
            raise

    def tidy(self) -> None:
        """Deletes parts that a killed writer had merged into others, and notes which are small."""
        found = self._indexed()
        self._lock.check()
        merging.delete(found.left_over)
        self._small = merging.small(found.parts) if self._shard is None else merging.own(found.parts, self._shard)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows as one file.

        Args:
          rows: with the columns of `parts.SCHEMA`: their "id", "status" and "place" among the run's images, and what
            else there is.

        Raises:
          BadInput: there is no room, the store is not open, or its folder was removed.
        """
        self._lock.check()
        if not rows:
            return
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        self._note(parts.write(self.results, min(row["place"] for row in rows), [table], self._run))
        if len(self._small) >= merging.MANY:
            self.merge_some()

    def merge_some(self) -> None:
        """Makes one part of some small ones."""
        self._lock.check()
        sources = merging.group(self._small)
        made = merging.merge(sources, self._run)
        self._small = self._small[len(sources) :]
        if made is not None:
            self._note(made)

    def merge(self) -> None:
        """Merges small parts until there are few."""
        if len(self._small) > merging.MANY**2:
            logging.info("%s: merging %d small files, some minutes' work", self.folder, len(self._small))
        while len(self._small) >= merging.MANY:
            self.merge_some()

    def _note(self, part: Part) -> None:
        self._small = sorted([*self._small, *merging.small([part])], key=lambda each: each.first)

    def _put(self, run: bytes) -> bytes:
        """Writes run.json; of shards that begin at once the first does, and this is what it wrote."""
        path = self.folder / "run.json"
        if self._shard is not None:
            try:
                write_bytes(path, run, new=True)
            except BadInput:
                found = self._run_json()
                if found:
                    return found
            else:
                return run
        write_bytes(path, run)  # in place of a damaged one, too
        return run

    def _restored(self, wanted: dict[str, Any]) -> bytes:
        """The parts' copy of run.json; nothing where the folder holds no rows.

        Raises:
          BadInput: rows are there, and none is of a run with these settings.
        """
        path = self.folder / "run.json"
        paths = [self.results / name for name, *_ in listed(self.results)]
        found = [each.part for each in parts.heads(paths)]
        known = copies(found)
        plain = json.loads(json.dumps(wanted))
        for copy in known:
            if not changed(settings_of(copy), plain):
                logging.warning("%s was %s: restored from the parts", path, "damaged" if path.is_file() else "lost")
                return copy
        if known:
            hold(self.folder, settings_of(known[0]), wanted)
        if path.is_file():
            self.about()  # raises
        if found:
            raise BadInput(f"{self.folder} holds results but no run.json", "choose another folder with --out")
        return b""


def hold(folder: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Holds the settings (JSON values) that a run is to go on with against those that it began with.

    Raises:
      BadInput: they are others.
    """
    shown = changed(before, json.loads(json.dumps(settings)))
    if shown:
        raise BadInput(
            f"{folder} holds a run with other settings ({shown})",
            "choose another folder with --out, or give the same settings to go on with it",
        )
