"""How a training went."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tfinvert.experiments.epochs import KID, KID_ERROR
from tfinvert.remote import path_of
from tfinvert.report.figures import Picture, plain


class Losses(NamedTuple):
    """Those of a training by its epochs."""

    epochs: list[float]
    series: dict[str, list[float]]  # a value for each epoch; NaN where the table has none


def read_losses(table: str | Path) -> Losses:
    """Reads a CSV file with the column `epoch` and one for each loss; its last line may not be whole yet."""
    with path_of(table).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = [row for row in rows if np.isfinite(_number(row.get("epoch")))]
    names = [name for name in (known[0] if known else {}) if name and name != "epoch"]
    return Losses(
        [_number(row["epoch"]) for row in known], {name: [_number(row[name]) for row in known] for name in names}
    )


def losses(table: str | Path, path: str | Path, title: str = "") -> Path:
    """Writes the curves of `read_losses`.

    Args:
      table: the CSV file.
      path: of the PNG.
      title: over it all.
    """
    found = read_losses(table)
    figure = Picture(7, 4, title)
    axis = figure.subplots()
    rated = {name: found.series.pop(name) for name in (KID, KID_ERROR) if name in found.series}
    for name, values in found.series.items():
        axis.plot(found.epochs, values, marker=".", label=plain(name))
    axis.set(xlabel="epoch", ylabel="mean loss")
    axis.legend(fontsize=8, loc="center right" if rated else "best")  # rated, the right upper corner is taken
    if rated:
        beside = axis.twinx()
        beside.errorbar(found.epochs, rated[KID], rated.get(KID_ERROR), color="black", capsize=2, label="KID")
        beside.set(ylabel="KID of samples to unseen pictures, times 1000", ylim=(0, None))
        beside.legend(fontsize=8, loc="upper right")
    axis.grid(alpha=0.3)
    return figure.write(path)


def _number(text: str | None) -> float:
    """NaN for what is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return np.nan
