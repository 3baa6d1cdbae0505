"""Files that are whole or not there, whenever their writer is killed."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput

_PARTIAL = ".partial-"


def writable(folder: str | Path) -> Path:
    """Makes a folder where there is none, and clears it of what killed writers left half done.

    Raises:
      BadInput: it cannot be made or written: told now, and not after an hour's work.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{_PARTIAL}{os.getpid()}").touch()
        for left_over in folder.glob(f"{_PARTIAL}*"):
            left_over.unlink()
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"output folder {folder} cannot be written ({reason})", "choose another with --out") from error
    return folder


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Another name to write to, which becomes `path` once all is written; of what fails nothing is left.

    It ends as `path` does, for Keras asks for that, and begins with a dot, so that no reader of the folder takes it.
    """
    temporary = path.with_name(f"{_PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows as CSV, one column for each key of the first."""
    with whole(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def read_json(path: Path) -> dict[str, Any]:
    """What a file of settings says.

    Raises:
      BadInput: it is damaged.
    """
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise TypeError(f"it holds a {type(found).__name__}")
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error})", "choose another folder, or delete this one") from error
    return found
