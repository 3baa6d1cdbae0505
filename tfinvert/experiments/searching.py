"""Methods look for codes, by an engine: a task is some of the samples that one method is given.

Seeds belong to samples, so what is found does not depend on which of them stand together; where it does
(`Method.together`), all are one task.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from tfinvert.engines import Lost, Sign, Start, Task, Tell, Work, engine_of
from tfinvert.errors import BadInput
from tfinvert.experiments.memory import Peak
from tfinvert.experiments.methods import Finder, Found, Method
from tfinvert.generators import Generator
from tfinvert.inversion.noise import EXACT
from tfinvert.inversion.uncertainty import Uncertainty
from tfinvert.runs.elsewhere import Packages, Sent
from tfinvert.settings import EngineSettings, Job

_BATCH = 16  # samples of a task that goes elsewhere: a whole block of rows, see docs/design.md
_OTHER = 1e-6  # code error from which on a code is another one


class Sample(NamedTuple):
    """An image whose code is to be found."""

    id: str
    image: np.ndarray  # [H, W, C] in the generator's value range
    label: int | None = None
    code: np.ndarray | None = None  # [*shape] that it was made from, where that is known


class Trial(NamedTuple):
    """What one method is to find: codes of samples, whose ids differ."""

    method: Method
    samples: Sequence[Sample]
    budget: int  # steps of the gradient methods
    seed: int
    noise: float | None = None  # what `Recovery` takes


class Answer(NamedTuple):
    """What was found for one sample."""

    code: np.ndarray  # [*shape]
    passes: int  # of the generator
    error: float  # ||z - z'||^2 / d; NaN where z is not known
    image_error: float  # mean squared error on [0, 1]
    open: bool  # matched to EXACT by another code, and the image leaves directions of the code open
    trace: tuple[np.ndarray, np.ndarray]  # passes [n] and errors [n] on the way
    seconds: float  # of its task, shared among its samples
    peak: float  # MiB that the process grew to which did it


def search(
    generator: Generator, trials: Sequence[Trial], job: Job | None = None, batch_size: int | None = None
) -> Iterator[list[Answer | Lost]]:
    """What each trial finds, trial after trial, for its samples in their order.

    Args:
      generator: of the samples.
      trials: to be done.
      job: says which engine does it, and from where its workers load the generator; default: this process.
      batch_size: samples at once; default: all in this process, 16 elsewhere.

    Raises:
      BadInput: a number is out of range, a method does not take this generator, the engine has no workers, or these
        cannot load the generator.
    """
    if batch_size is not None and batch_size < 1:
        raise BadInput(f"batch_size={batch_size}", "expected at least 1")
    settings = EngineSettings() if job is None else job.engine
    engine = engine_of(settings)
    if batch_size is None and settings.name != "plain":
        batch_size = _BATCH
    sizes = [_size(trial, generator, batch_size) for trial in trials]
    start = _start(generator, [_maker(*each) for each in zip(trials, sizes, strict=True)], job)
    tasks = [
        Task(number, list(trial.samples[first : first + size]), _together(trial, generator))
        for number, (trial, size) in enumerate(zip(trials, sizes, strict=True))
        for first in range(0, len(trial.samples), size)
    ]
    found: list[dict[str, Answer | Lost]] = [{} for _ in trials]
    told = 0
    for task, answers in engine.results(start, tasks, lambda sign: None):
        _tell_lost(trials[task.run].method.name, task.items, answers)
        found[task.run] |= zip([sample.id for sample in task.items], answers, strict=True)
        while told < len(trials) and len(found[told]) == len(trials[told].samples):
            yield [found[told][sample.id] for sample in trials[told].samples]
            told += 1


def _size(trial: Trial, generator: Generator, batch_size: int | None) -> int:
    """Samples in a task."""
    count = len(trial.samples)
    return count if batch_size is None or batch_size >= count or _together(trial, generator) else batch_size


def _together(trial: Trial, generator: Generator) -> bool:
    """Whether what is found for a sample depends on the others."""
    unit = np.asarray(generator.to_unit(np.stack([sample.image for sample in trial.samples])))
    return trial.method.together(unit, trial.noise)


def _maker(trial: Trial, size: int) -> Callable[[Generator], Finder]:
    among, (method, _, budget, seed, noise) = len(trial.samples), trial
    return functools.partial(method.on, batch=size, budget=budget, seed=seed, noise=noise, among=among)


def _tell_lost(method: str, samples: Sequence[Sample], answers: Sequence[Answer | Lost]) -> None:
    for sample, answer in zip(samples, answers, strict=True):
        if isinstance(answer, Lost):
            logging.warning("%s is lost: %s: it %s", sample.id, method, answer.why)


def _start(generator: Generator, makers: list[Callable[[Generator], Finder]], job: Job | None) -> Start:
    if job is None or job.engine.name == "plain":
        return lambda: _Searching(generator, makers)
    return _Elsewhere(Sent.of(job, generator), Packages.here(), makers)


@dataclasses.dataclass(frozen=True)
class _Elsewhere:
    """A `Start` in a process that has no generator yet."""

    sent: Sent
    packages: Packages
    makers: list[Callable[[Generator], Finder]]

    def __call__(self) -> Work:
        self.packages.require()
        return _Searching(self.sent.load(), self.makers)


class _Searching:
    """A `Work` that keeps the graphs of the latest trial: tasks come in the order of the trials."""

    def __init__(self, generator: Generator, makers: Sequence[Callable[[Generator], Finder]]) -> None:
        self._generator, self._makers = generator, makers
        self._uncertainty = Uncertainty(generator)
        self._latest: tuple[int, Finder] | None = None

    def __call__(self, task: Task, tell: Tell) -> list[Answer]:
        samples: list[Sample] = task.items
        images = np.stack([sample.image for sample in samples])
        labels = None if samples[0].label is None else np.array([sample.label for sample in samples])
        points: list[list[tuple[float, float]]] = [[] for _ in samples]

        def watch(rows: np.ndarray, codes: np.ndarray, passes: np.ndarray) -> None:
            tell(Sign())
            for row, error, cost in zip(rows, _errors(codes, [samples[row] for row in rows]), passes, strict=True):
                points[row].append((float(cost), float(error)))

        tell(Sign())
        began = time.perf_counter()
        with Peak() as peak:
            found = self._finder(task.run)(images, np.array([sample.id for sample in samples]), labels, watch)
        seconds = (time.perf_counter() - began) / len(samples)
        about = self._about(found, samples, images, labels)
        return [
            Answer(
                found.codes[row],
                int(found.passes[row]),
                error,
                image_error,
                opened,
                _trace(points[row], int(found.passes[row]), error),
                seconds,
                peak.mebibytes,
            )
            for row, (error, image_error, opened) in enumerate(about)
        ]

    def _finder(self, number: int) -> Finder:
        if self._latest is None or self._latest[0] != number:
            self._latest = None  # before the next takes memory
            self._latest = number, self._makers[number](self._generator)
        return self._latest[1]

    def _about(
        self, found: Found, samples: Sequence[Sample], images: np.ndarray, labels: Any
    ) -> Iterator[tuple[float, float, bool]]:
        """Code error, image error, and whether the code is open, of each sample."""
        errors = _errors(found.codes, samples)
        given = np.asarray(self._generator.to_unit(images))
        image_errors = distance(self._uncertainty.images(found.codes, labels), given)
        opened = np.zeros(len(samples), bool)
        rows = np.flatnonzero((image_errors < EXACT) & (errors > _OTHER))
        of_rows = None if labels is None else labels[rows]
        known = self._uncertainty(found.codes[rows], of_rows, np.sqrt(image_errors[rows]))
        opened[rows] = [each.rank < self._generator.space.entries for each in known]
        yield from zip(map(float, errors), map(float, image_errors), map(bool, opened), strict=True)


def _trace(line: list[tuple[float, float]], passes: int, error: float) -> tuple[np.ndarray, np.ndarray]:
    """With the end, which some methods reach without a snapshot."""
    costs, errors = zip(*line, (float(passes), error), strict=True)
    return np.array(costs), np.array(errors)


def _errors(codes: np.ndarray, samples: Sequence[Sample]) -> np.ndarray:
    """||z - z'||^2 / d [n]; NaN where z is not known."""
    if samples[0].code is None:
        return np.full(len(samples), np.nan)
    return distance(codes, np.stack([sample.code for sample in samples if sample.code is not None]))


def distance(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """||z - z'||^2 / d [B] between codes [B, *shape], or between images."""
    return np.mean((codes - others).reshape(len(codes), -1).astype(np.float64) ** 2, axis=1)
