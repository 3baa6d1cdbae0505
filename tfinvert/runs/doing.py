"""Jobs that are done, here or by an engine's workers."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfinvert.engines import Start, Task, Tell, Work, engine_of
from tfinvert.errors import BadInput
from tfinvert.generators.safety.config import registered
from tfinvert.images import Sources
from tfinvert.images.reader import Reader
from tfinvert.runs.inverting import Inverting
from tfinvert.runs.job import Ready, classes_of, found, inverter, load, ready, settled, versions
from tfinvert.runs.run import Summary, Todo, run_all
from tfinvert.runs.store import Store
from tfinvert.settings import EngineSettings, Job, changed

_ALIKE = ("tfinvert", "tensorflow", "keras", "numpy", "pillow")  # packages that change what is found


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
    prepared.claim()
    return run_jobs([prepared], show)[0], prepared.store, prepared.sources


def run_jobs(jobs: Sequence[Ready], show: bool = True) -> list[Summary]:
    """Does several jobs by one engine, that of the first; the images of all wait in one row.

    Raises:
      BadInput: as of `run_job`.
    """
    settings = jobs[0].job.engine
    works = [Todo(each.sources, each.store, each.inverter.batch_size) for each in jobs]
    return run_all(works, _start(jobs, settings), engine_of(settings), show)


def _start(jobs: Sequence[Ready], settings: EngineSettings) -> Start:
    if settings.name == "plain":
        return lambda: _one_of([each.inverting() for each in jobs])
    return Elsewhere(
        [_sent(each) for each in jobs], [each.generator.about.fingerprint for each in jobs], versions(), _registering()
    )


def _one_of(works: Sequence[Inverting]) -> Work:
    return lambda task, tell: works[task.run](task, tell)


def _sent(prepared: Ready) -> Job:
    """The job for another process, which is sent the images with their classes.

    Raises:
      BadInput: its generator is an object in memory.
    """
    job = prepared.job
    source = job.generator.source
    if source is not None and not isinstance(source, (str, Path)):
        raise BadInput(
            f"engine={job.engine.name} and a generator in memory, {type(source).__name__}",
            "workers load it themselves: save it, and give its file",
        )
    known = job.images.labels if found(job) else None
    return changed(settled(job, prepared.generator), images=None, labels=known, shard=None)


def _registering() -> list[str]:
    """The user's modules that have registered layers of generators."""
    modules = {getattr(each, "__module__", "__main__") for each in registered().values()}
    return sorted(each for each in modules if each.partition(".")[0] not in ("__main__", "keras", "tf_keras"))


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A `Start` in a process that knows nothing of the jobs yet.

    Attributes:
      jobs: the settings, without images.
      fingerprints: of the jobs' generators.
      versions: of what results are made with, where the jobs were begun.
      modules: to be imported first.
    """

    jobs: list[Job]
    fingerprints: list[str]
    versions: dict[str, str]
    modules: list[str]

    def __call__(self) -> Work:
        """Loads the first generator that is asked for.

        Raises:
          BadInput: other versions are installed here.
        """
        here = versions()
        for name in _ALIKE:
            if here[name] != self.versions[name]:
                raise BadInput(
                    f"{name} is {here[name]}, and {self.versions[name]} where the run was begun",
                    "install the same versions on all machines",
                )
        for name in self.modules:
            importlib.import_module(name)
        return _Latest(self)


class _Latest:
    """A `Work` that has one generator in memory, the one of the latest task: tasks come in the order of their runs."""

    def __init__(self, known: Elsewhere) -> None:
        self._known = known
        self._loaded: tuple[int, Inverting] | None = None

    def __call__(self, task: Task, tell: Tell) -> list[Any]:
        if self._loaded is None or self._loaded[0] != task.run:
            self._loaded = None  # before the next takes memory
            self._loaded = task.run, self._load(task.run)
        return self._loaded[1](task, tell)

    def _load(self, number: int) -> Inverting:
        job = self._known.jobs[number]
        generator = load(job)
        if generator.about.fingerprint != self._known.fingerprints[number]:
            raise BadInput(
                f"{job.generator.source} is another file than where the run was begun",
                "copy it there, or put it where all machines see the same",
            )
        reader = Reader(generator, job.images.fit, job.limits)
        return Inverting(inverter(job, generator), reader, classes_of(job, generator))
