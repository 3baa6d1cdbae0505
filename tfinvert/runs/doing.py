"""Jobs that are done, here or by an engine's workers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Sequence
from typing import Any

from tfinvert.engines import Start, Task, Tell, Work, engine_of
from tfinvert.images import Sources
from tfinvert.images.reader import Reader
from tfinvert.runs.elsewhere import Packages, Sent
from tfinvert.runs.inverting import Inverting
from tfinvert.runs.job import Ready, classes_of, inverter, ready
from tfinvert.runs.run import Summary, Todo, run_all
from tfinvert.runs.store import Store
from tfinvert.settings import EngineSettings, Job


def run_job(job: Job, show: bool = True) -> tuple[Summary, Store, Sources]:
    """Does what the job's folder does not hold yet.

    The labels "search" stand for a `ClassSearch`, "embedding" for the `mixture` of a generator.

    Returns:
      How it ended, the store with all rows, and the images.

    Raises:
      BadInput: a setting cannot be used, the folder holds a run with another, or the engine has no workers.
    """
    engine_of(job.engine)  # what is missing is told before a generator is loaded
    prepared = ready(job)
    return run_jobs([prepared], show)[0], prepared.store, prepared.sources


def run_jobs(jobs: Sequence[Ready], show: bool = True) -> list[Summary]:
    """Does several jobs by one engine, that of the first; the images of all wait in one row. Their stores are closed.

    Raises:
      BadInput: as of `run_job`; before any work, where a folder holds a run with other settings.
    """
    settings = jobs[0].job.engine
    with contextlib.ExitStack() as stack:
        for each in jobs:
            stack.callback(each.store.close)
        start = _start(jobs, settings)  # what cannot go to workers is told before a folder is claimed
        for each in jobs:
            each.claim()
        todos = [Todo(each.sources, each.store, each.inverter.batch_size) for each in jobs]
        return run_all(todos, start, engine_of(settings), show)


def _start(jobs: Sequence[Ready], settings: EngineSettings) -> Start:
    if settings.name == "plain":
        return lambda: _one_of([each.inverting() for each in jobs])
    sent = [Sent.of(each.job, each.generator, each.sources.file()) for each in jobs]
    return Elsewhere(sent, Packages.here())


def _one_of(works: Sequence[Inverting]) -> Work:
    return lambda task, tell: works[task.run](task, tell)


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A `Start` in a process that knows nothing of the jobs yet.

    Attributes:
      jobs: to be done.
      packages: of the process where they were begun.
    """

    jobs: list[Sent]
    packages: Packages

    def __call__(self) -> Work:
        """Loads the first generator that is asked for.

        Raises:
          BadInput: other versions are installed here.
        """
        self.packages.require()
        return _Latest(self.jobs)


class _Latest:
    """A `Work` that has one generator in memory, the one of the latest task: tasks come in the order of their runs."""

    def __init__(self, jobs: Sequence[Sent]) -> None:
        self._jobs = jobs
        self._loaded: tuple[int, Inverting] | None = None

    def __call__(self, task: Task, tell: Tell) -> list[Any]:
        if self._loaded is None or self._loaded[0] != task.run:
            self._loaded = None  # before the next takes memory
            self._loaded = task.run, self._load(self._jobs[task.run])
        return self._loaded[1](task, tell)

    def _load(self, sent: Sent) -> Inverting:
        job, generator = sent.job, sent.load()
        reader = Reader(generator, job.images.fit, job.limits)
        return Inverting(inverter(job, generator), reader, classes_of(job, generator))
