"""What a page shows of a run, or of a training."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tfinvert.errors import BadInput
from tfinvert.experiments.epochs import KID, KID_ERROR
from tfinvert.images import Sources
from tfinvert.report.cards import COLUMNS, FIGURES, Card, cards
from tfinvert.report.charts import Chart, curves, histogram
from tfinvert.report.figures import spread
from tfinvert.report.series import Lines
from tfinvert.report.thumbnails import Thumbnail
from tfinvert.report.training import read_losses
from tfinvert.report.view import View
from tfinvert.runs import FinishedRun, history
from tfinvert.runs.files import read_json
from tfinvert.runs.run import summarise
from tfinvert.runs.stored import Stored
from tfinvert.settings import Job, by_flags

_PLACES = {"mse": "reconstruction", "mse_latent": "from the code alone"}


class Contents(NamedTuple):
    """What the template is given."""

    summary: str
    notes: list[str]
    charts: list[tuple[Chart, str, str]]  # with a title, and what its axes are
    cards: list[Card]
    sorts: list[tuple[str, str]]  # columns and their names
    statuses: list[tuple[str, int]]
    settings: list[tuple[str, list[tuple[str, str]]]]  # groups of names and values


def of_run(run: FinishedRun, sources: Sources | None = None, most: int = 2000) -> Contents:
    """What there is of a run; see `tfinvert.report.page`."""
    stored, about = run.stored, run.stored.about()
    every = stored.read(["id", *_PLACES])
    chosen = frozenset(every["id"].take(spread(every["mse"], most)).to_pylist())
    errors = {name: every[name].drop_null().to_numpy() for name in _PLACES}
    two_steps = len(errors["mse_latent"]) > 0
    view = View(run, run.job.images.shown_channels, len(chosen) * (3 if two_steps else 2))
    targets = _targets(run, sources, chosen, view)
    shown = cards(stored.read(COLUMNS, sorted(chosen)).to_pylist(), targets, view)
    histograms = histogram({_PLACES[name]: values for name, values in errors.items() if len(values)})
    sorts = [(key, name) for key, name, _ in FIGURES if any(key in card.values for card in shown)]
    title, axes = "Reconstruction errors", "mean squared error on [0, 1], number of images"
    return Contents(
        str(summarise(stored)) if len(every) else "no results yet",
        _notes(about, shown, len(every), view.note),
        [*([(histograms, title, axes)] if histograms else []), *_fall(stored), *_losses(stored.folder)],
        shown,
        [("place", "order"), ("id", "id"), *sorts],
        sorted(Counter(card.status for card in shown).items()),
        _settings(about),
    )


def of_training(folder: Path) -> Contents:
    """What there is of the training of a GAN."""
    settings = read_json(folder / "training.json")
    return Contents("training of a generator", [], _losses(folder), [], [], [], _settings({"settings": settings}))


def _targets(
    run: FinishedRun, sources: Sources | None, wanted: frozenset[str], view: View
) -> dict[str, Thumbnail | Lines | str]:
    """By id: the image as it is shown, or why it is not."""
    found: dict[str, Thumbnail | Lines | str] = {}
    missing = "not where it was"
    lost = run.stored.lost()
    try:
        for image_id, pixels in (run.sources() if sources is None else sources).again(wanted - lost):
            found[image_id] = pixels if isinstance(pixels, str) else view.shown(pixels)
    except (BadInput, OSError) as error:
        missing = str(error)
    found |= dict.fromkeys(wanted & lost, "not read here: it ended its worker")
    return {image_id: found.get(image_id, missing) for image_id in wanted}


def _notes(about: Mapping[str, Any], shown: list[Card], total: int, channels: str) -> list[str]:
    notes = [f"assumed {text}" for text in about.get("assumed", [])]
    if about.get("constant"):
        notes.append("the generator's image does not depend on the code")
    if channels:
        notes.append(f"shown: {channels} (--shown_channels)")
    if len(shown) < total:
        notes.append(f"{len(shown)} of {total} images are shown, spread evenly by error")
    pictures = [picture for card in shown for _, picture in card.pictures if isinstance(picture, Thumbnail)]
    lossy = sum(not picture.exact for picture in pictures)
    if lossy:
        notes.append(f"{lossy} of {len(pictures)} pictures are shown smaller or with loss, and so are differences")
    return notes


def _fall(stored: Stored) -> list[tuple[Chart, str, str]]:
    """The curves of the losses of a run."""
    found = history(stored)
    if found is None:
        return []
    names = ("lower quartile", "median", "upper quartile")
    chart = curves(found.steps.tolist(), dict(zip(names, found.losses.tolist(), strict=True)), logarithmic=True)
    return (
        [(chart, "Losses of the inversion", "steps, best loss so far of each stage, over the images")] if chart else []
    )


def _losses(folder: Path) -> list[tuple[Chart, str, str]]:
    """The curves of losses.csv, where the folder has one."""
    path = folder / "losses.csv"
    if not path.is_file():
        return []
    found = read_losses(path)
    rated = {name: found.series.pop(name) for name in (KID, KID_ERROR) if name in found.series}
    charts = [
        (curves(found.epochs, found.series), "Losses of the training", "mean of each epoch"),
        (curves(found.epochs, {KID: rated.get(KID, [])}), "KID of the samples", "times 1000, to unseen pictures"),
    ]
    return [(chart, title, axis) for chart, title, axis in charts if chart]


def _settings(about: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups = {name: by_flags(value, Job) for name, value in about.items() if isinstance(value, dict)}
    groups["more"] = {name: value for name, value in about.items() if name not in groups}
    return [(name, [(key, _text(value)) for key, value in rows.items()]) for name, rows in groups.items() if rows]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
