"""What a page says and shows of each image of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tfinvert.report.charts import Chart
from tfinvert.report.series import Lines
from tfinvert.report.thumbnails import Thumbnail
from tfinvert.report.view import View
from tfinvert.solvers.status import Status

COLUMNS = (
    "id",
    "label",
    "loss",
    "mse",
    "psnr",
    "ssim",
    "status",
    "message",
    "steps",
    "seconds",
    "reconstruction",
    "delta_zeros",
    "mse_latent",
    "reconstruction_latent",
)
# What images are sorted by: the column, its name on the page, and how its values are written.
FIGURES = (
    ("mse", "mse", "{:.3g}"),
    ("psnr", "psnr", "{:.1f} dB"),
    ("ssim", "ssim", "{:.3f}"),
    ("mse_latent", "mse of the code alone", "{:.3g}"),
    ("delta_zeros", "zeros of delta", "{:.1%}"),
)
_WORK = (("label", "class {}"), ("loss", "loss {:.3g}"), ("steps", "{} steps"), ("seconds", "{:.2g} s"))


class Card(NamedTuple):
    """One image of a run."""

    id: str
    name: str  # the id without the folder that all are in
    status: str
    failed: bool
    values: dict[str, str]  # by column: numbers as JavaScript reads them
    figures: list[tuple[str, str]]  # names and values as people read them
    pictures: list[tuple[str, Thumbnail | str]]  # what it is, and the picture or why there is none
    charts: list[tuple[Chart, str]]  # of series, instead of pictures: one of each channel, with its name
    details: list[str]


def cards(rows: Sequence[Mapping[str, Any]], targets: Mapping[str, Thumbnail | Lines | str], view: View) -> list[Card]:
    """One for each row.

    Args:
      rows: with `COLUMNS` of the store.
      targets: by id: the image as it is shown, or why it is not.
      view: of the run.
    """
    shared = _shared([row["id"] for row in rows])
    two_steps = any(row["reconstruction_latent"] for row in rows)
    return [_card(row, targets[row["id"]], shared, two_steps, view) for row in rows]


def _card(row: Mapping[str, Any], target: Thumbnail | Lines | str, shared: int, two_steps: bool, view: View) -> Card:
    status = Status[row["status"].upper()]
    known = [(key, name, how, row[key]) for key, name, how in FIGURES if row[key] is not None]
    images: dict[str, Thumbnail | Lines | str] = {"target": target}
    for column, name in (("reconstruction_latent", "code alone"), ("reconstruction", "reconstruction")):
        if column == "reconstruction" or two_steps:
            there = row[column] and not status.empty
            images[name] = view.unpacked(row[column]) if there else "no result"
    name = row["id"][shared:]
    return Card(
        row["id"],
        name,
        row["status"],
        status.failed,
        {key: _number(value) for key, _, _, value in known if not math.isnan(value)},
        [(name, how.format(value)) for _, name, how, value in known],
        [(what, shown) for what, shown in images.items() if not isinstance(shown, Lines)],
        view.charts({what: shown for what, shown in images.items() if isinstance(shown, Lines)}),
        _details(row, name),
    )


def _details(row: Mapping[str, Any], name: str) -> list[str]:
    work = [text.format(row[key]) for key, text in _WORK if row[key] is not None]
    return [text for text in (row["message"], ", ".join(work), "" if row["id"] == name else row["id"]) if text]


def _shared(ids: Sequence[str]) -> int:
    """How many characters name the folder that all are in."""
    low, high = min(ids, default=""), max(ids, default="")  # what these two have in common, all have
    same = next((place for place, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    return low.rfind("/", 0, same) + 1


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"
