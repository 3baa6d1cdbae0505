"""A run's folder: `run.json` with the settings, `results/*.parquet` with one row per image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tfinvert.errors import BadInput
from tfinvert.runs.files import read_json, whole, writable

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
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
        ("reconstruction", pa.binary()),  # PNG
        # Of two-step runs, null in others: what was added behind the cut, and how good the codes alone are.
        ("delta", pa.list_(pa.float32())),  # flat
        ("delta_zeros", pa.float32()),  # share of its entries
        ("mse_latent", pa.float32()),
        ("reconstruction_latent", pa.binary()),
    ]
)


class Stored:
    """What a run's folder holds; nothing in it is changed.

    Args:
      folder: of the run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.results = self.folder / "results"

    def about(self) -> dict[str, Any]:
        """What `run.json` says: the settings as "settings", and what else is worth knowing.

        Raises:
          BadInput: the folder holds no run, or its `run.json` is none.
        """
        path = self.folder / "run.json"
        if not path.is_file():
            raise BadInput(f"{self.folder} holds no run", "expected a folder that bin/invert.py wrote, with run.json")
        about = read_json(path)
        if not isinstance(about.get("settings"), dict):
            raise BadInput(f"{path} is no run's settings", "choose another folder")
        return about

    def parts(self) -> list[Path]:
        """The files of rows, in the images' order."""
        return sorted(self.results.glob("part-*.parquet"))

    def done(self) -> frozenset[str]:
        """Ids of all images that have a row."""
        return frozenset(self.ids())

    def ids(self) -> list[str]:
        """The same, in the images' order."""
        columns = [_table(part, columns=["id"])["id"].to_pylist() for part in self.parts()]
        return [image_id for column in columns for image_id in column]

    def read(self, columns: Sequence[str] | None = None, ids: Sequence[str] | None = None) -> pa.Table:
        """All rows, or those of some ids, in the images' order."""
        # With the schema, so that columns that an older version did not write are null.
        columns = None if columns is None else list(columns)
        chosen = None if ids is None else pc.field("id").isin(list(ids))
        tables = [_table(part, columns=columns, schema=SCHEMA, filters=chosen) for part in self.parts()]
        if tables:
            return pa.concat_tables(tables)
        empty = SCHEMA.empty_table()
        return empty if columns is None else empty.select(columns)


class Store(Stored):
    """A folder that rows are added to and that refuses to mix settings.

    Every file is written under another name and then renamed, so a reader, or a killed writer, never leaves half
    a file under a name that counts.

    Args:
      folder: made if it is not there.

    Raises:
      BadInput: the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__(folder)
        writable(self.results)

    def claim(self, settings: dict[str, Any], about: dict[str, Any]) -> None:
        """Writes `run.json`, or holds it against the one that is there.

        Args:
          settings: everything that a result depends on (JSON values).
          about: what else is worth knowing, such as versions.

        Raises:
          BadInput: the folder holds a run with other settings, or results without any.
        """
        path = self.folder / "run.json"
        if path.exists():
            hold(self.folder, self.about()["settings"], settings)
            return
        if self.parts():
            raise BadInput(f"{self.folder} holds results but no run.json", "choose another folder with --out")
        with whole(path) as temporary:
            temporary.write_text(json.dumps({"settings": settings, **about}, indent=1))

    def write(self, first: int, rows: Sequence[dict[str, Any]]) -> None:
        """Adds rows as one file; `first` is the place of the first among all images and names the file."""
        table = pa.Table.from_pylist(list(rows), schema=SCHEMA)
        with whole(self.results / f"part-{first:08d}.parquet") as path:
            pq.write_table(table, path)


def hold(folder: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Holds the settings (JSON values) that a run is to go on with against those that it began with.

    Raises:
      BadInput: they are others.
    """
    settings = json.loads(json.dumps(settings))
    changed = [key for key in sorted({*before, *settings}) if before.get(key) != settings.get(key)]
    if changed:
        shown = ", ".join(f"{key} was {before.get(key)!r} and is {settings.get(key)!r}" for key in changed)
        raise BadInput(
            f"{folder} holds a run with other settings ({shown})",
            "choose another folder with --out, or give the same settings to go on with it",
        )


def _table(path: Path, **given: Any) -> pa.Table:
    """The rows of one file.

    Raises:
      BadInput: it is no Parquet file of ours.
    """
    try:
        return pq.read_table(path, **given)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise BadInput(
            f"{path} is damaged ({reason})", "put it right, or delete it and run again: its images are done anew"
        ) from error
