"""Tunes the generator of a run to its images: to all at once, or to each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.runs import FinishedRun
from tfinvert.runs.files import read_json, safe_names, writable, write_json, write_table
from tfinvert.runs.finished import Row
from tfinvert.runs.job import MIXED
from tfinvert.runs.lock import Lock
from tfinvert.runs.store import hold
from tfinvert.settings import ScoreSettings, TuningSettings, as_nest
from tfinvert.tuning.tune import Tuned, Tuner

GENERATOR, TABLE, SETTINGS = "generator.keras", "tuning.csv", "tuning.json"


class Task(NamedTuple):
    """Images of a run that a generator is tuned to."""

    folder: Path
    ids: list[str]
    targets: np.ndarray  # [N, H, W, C] in [0, 1]
    codes: np.ndarray  # [N, d], flat
    labels: np.ndarray | None

    def part(self, place: int, folder: Path) -> Task:
        """One image of it."""
        rows = slice(place, place + 1)
        labels = None if self.labels is None else self.labels[rows]
        return Task(folder, self.ids[rows], self.targets[rows], self.codes[rows], labels)


def tasks(run: FinishedRun, out: Path, ids: Sequence[str] | None = None, each: bool = False) -> list[Task]:
    """What there is to do.

    Args:
      run: the images, and the codes that were found for them; what a second step found behind a cut is left out.
      out: the folder.
      ids: of the images; default: all that have a code and can be read.
      each: whether each has a generator of its own, in a folder within `out`; else there is one for all.

    Raises:
      BadInput: an image has no code, or cannot be read any more.
    """
    rows, targets = _readable(run, ids)
    if run.job.beyond is not None:
        logging.info("the codes alone are tuned to: what the run found behind its cut is left out")
    labels = None if any(row.label is None for row in rows) else np.array([row.label for row in rows], np.int32)
    codes = np.stack([row.code for row in rows if row.code is not None])
    whole = Task(out, [row.id for row in rows], np.stack([targets[row.id] for row in rows]), codes, labels)
    if not each:
        return [whole]
    names = safe_names(run.ids())
    return [whole.part(place, out / names[name]) for place, name in enumerate(whole.ids)]


def _readable(run: FinishedRun, ids: Sequence[str] | None) -> tuple[list[Row], dict[str, np.ndarray]]:
    """The rows that have a code and an image, and the images."""
    rows = run.rows(ids, ("label", "code", "message"))
    lacking = [row for row in rows if row.code is None]
    if lacking and ids is not None:
        raise BadInput(f"image {lacking[0].id!r} has no code", lacking[0].message)
    rows = [row for row in rows if row.code is not None]
    targets = run.targets([row.id for row in rows])
    gone = [row.id for row in rows if row.id not in targets]
    if gone and ids is not None:
        raise BadInput(f"image {gone[0]!r} cannot be read any more", "a generator is tuned to images: put it back")
    rows = [row for row in rows if row.id in targets]
    if not rows:
        raise BadInput(f"no image of {run.stored.folder} has a code and can be read", "expected some to tune to")
    return rows, targets


def opened(run: FinishedRun, score: ScoreSettings | None = None) -> Tuner:
    """What tunes the run's generator.

    Args:
      run: whose generator it is.
      score: how sets of other images are compared, see `tune`.

    Raises:
      BadInput: it cannot be read, is not the one that the run was made with, or has no weights to move.
    """
    if run.job.images.labels == MIXED:
        raise BadInput(
            f"tuning for a run with --labels={MIXED}",
            "its classes are part of the code, which the model does not know: run again with --labels=search",
        )
    return Tuner(run.whole(), run.job.generator.behind, score)


def _done(run: FinishedRun, task: Task, settings: TuningSettings, score: ScoreSettings | None) -> bool:
    """Whether this was done before; else it notes in FOLDER/tuning.json what is going to be.

    Raises:
      BadInput: a generator that was tuned otherwise is there.
    """
    folder, own = task.folder, {"ids": task.ids, **as_nest(settings), "run": run.fingerprint}
    if score is not None:
        own["score"] = {**as_nest(score), "network": str(score.network), "weights": str(score.weights)}
    if (folder / GENERATOR).exists():
        if not (folder / SETTINGS).exists():
            raise BadInput(f"{folder} holds a generator already", "choose another folder with --out")
        hold(folder, read_json(folder / SETTINGS), own)
        return (folder / TABLE).exists()
    write_json(folder / SETTINGS, own)
    return False


def tuned(
    run: FinishedRun,
    tuner: Tuner,
    task: Task,
    settings: TuningSettings,
    score: ScoreSettings | None = None,
    watch: Callable[[int, float, float], None] | None = None,
) -> Tuned | None:
    """Writes FOLDER/generator.keras and FOLDER/tuning.csv; None where they are there, of the same settings.

    Args:
      run: whose images these are.
      tuner: as of `opened`.
      task: as of `tasks`.
      settings: how it is tuned.
      score: that of the tuner.
      watch: see `tune`.

    Raises:
      BadInput: as of `tune`; or a generator that was tuned otherwise is in the folder, or somebody is at work there.
    """
    folder, generator = task.folder, tuner.live.whole
    with Lock(writable(folder)):
        if _done(run, task, settings, score):
            return None
        found = tuner(
            generator.from_unit(task.targets),
            task.codes.reshape(-1, *tuner.live.shape),
            folder / GENERATOR,
            settings,
            labels=None if generator.condition is None or run.job.generator.behind else task.labels,
            watch=watch,
        )
        others = found.drift.columns
        rows = zip(task.ids, found.psnr_before, found.psnr_after, strict=True)
        write_table(folder / TABLE, [{"id": name, "psnr_before": a, "psnr_after": b, **others} for name, a, b in rows])
    return found
