"""What the settings of a `Job` stand for."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import logging

from tfinvert import spaces
from tfinvert.errors import BadInput
from tfinvert.generators import Generator, load_generator
from tfinvert.generators.derived.mixture import mixture
from tfinvert.images import Sources
from tfinvert.images.labels import FOLDERS, FolderLabels
from tfinvert.images.like import Like
from tfinvert.images.shown import check_shown
from tfinvert.inversion import ClassSearch, Inverter, TwoStep
from tfinvert.losses import loss_of
from tfinvert.runs.inverting import Inverting
from tfinvert.runs.store import Store
from tfinvert.settings import Job, Shard, as_nest, changed
from tfinvert.solvers import solver_of

_PACKAGES = ("tfinvert", "tensorflow", "keras", "numpy", "pillow", "pyarrow")
SEARCHED, MIXED = FOUND = ("search", "embedding")  # what `labels` may say where classes are not known


class Ready(NamedTuple):
    """A job whose settings can be used."""

    job: Job
    store: Store
    generator: Generator
    sources: Sources
    inverter: Inverter | TwoStep
    classes: ClassSearch | None  # what finds the images' classes, where that is to be done

    def claim(self) -> None:
        """Notes in the folder whose run it is.

        Raises:
          BadInput: it holds a run with other settings.
        """
        self.store.claim(decisive(self.job, self.generator), about(self.job, self.generator))

    def inverting(self) -> Inverting:
        """What makes rows of its images."""
        return Inverting(self.inverter, self.sources.reader, self.classes)


def ready(job: Job, generator: Generator | None = None) -> Ready:
    """All that is needed, before the work begins. The store is open: nobody else writes into its folder.

    Args:
      job: the settings.
      generator: what `load` gave, where it was asked before.

    Raises:
      BadInput: a setting cannot be used, or another writer is at work in the folder.
    """
    solver_of(job.solver)
    store = Store(job.out, Shard.of(job.shard))
    store.open()  # before a generator is loaded: who comes second is told at once
    try:
        generator = load(job) if generator is None else generator
        check_shown(generator.image_shape, job.images.shown_channels)
        return Ready(
            job, store, generator, sources(job, generator), inverter(job, generator), classes_of(job, generator)
        )
    except BaseException:
        store.close()
        raise


def load(job: Job) -> Generator:
    """The job's generator.

    Raises:
      BadInput: as of `load_generator`, or it holds tensors, of which a run has none.
    """
    generator = load_generator(job.generator, limits=job.limits)
    if generator.holds:
        raise BadInput(
            f"{generator.name} holds {', '.join(generator.holds)}, and a run has nowhere to take them from",
            "draw them once (drawn_inputs), or invert in Python: Inverter(generator)(images, held={...})",
        )
    return mixture(generator) if found(job) == MIXED else generator


def sources(job: Job, generator: Generator) -> Sources:
    """The images, with their classes where these are known."""
    given = pictures(job, generator, None if found(job) else _labels(job, generator))
    if not found(job):
        if job.images.labels is not None and generator.condition is None:
            logging.info("%s takes no classes: labels only go into the results", generator.name)
        given.check_labels(None if generator.condition is None else generator.condition.check)
    return given


def _labels(job: Job, generator: Generator) -> Any:
    """The labels that are given, or those of folders."""
    given = job.images.labels
    if not (isinstance(given, str) and given == FOLDERS):
        return given
    names = generator.condition.names if generator.condition is not None else ()
    if not names:
        raise BadInput(
            f"labels={FOLDERS} for {generator.name}",
            "expected one whose file names its classes, as `tfinvert train --by_class` writes them; else give a file",
        )
    return FolderLabels(names)


def pictures(job: Job, like: Like, labels: Any = None) -> Sources:
    """The images, as whatever this is could have made them."""
    how = {**as_nest(job.images), "labels": labels, "shuffle": job.seed if job.images.shuffle else None}
    del how["shown_channels"]
    return Sources(how.pop("source"), like, **how, limits=job.limits, shard=Shard.of(job.shard))


def classes_of(job: Job, generator: Generator) -> ClassSearch | None:
    """What finds the images' classes; None where it is not to be done."""
    if found(job) != SEARCHED:
        return None
    loss = loss_of(job.loss).of_images()
    return ClassSearch(generator, loss, batch_size=job.batch_size, seed=job.seed)


def found(job: Job) -> str | None:
    """How classes are found; None where they are known."""
    labels = job.images.labels
    return labels if isinstance(labels, str) and labels in FOUND else None


def inverter(job: Job, generator: Generator) -> Inverter | TwoStep:
    """What inverts images, in one step or in two."""
    first = Inverter(
        generator,
        job.loss,
        job.solver,
        restarts=job.starts,
        stopping=job.stopping,
        smoothing=job.smoothing,
        batch_size=job.batch_size,
        seed=job.seed,
    )
    return first if job.beyond is None else TwoStep(first, job.beyond)


def stated(job: Job) -> dict[str, Any]:
    """The settings that a result depends on (JSON values)."""
    nest = _plain(as_nest(job))
    # These change how fast or how far a run goes, not what it finds for an image, so a run may go on with others.
    for name in ("out", "limits", "engine", "batch_size", "shard"):
        del nest[name]
    for name in ("limit", "shown_channels"):
        del nest["images"][name]
    return nest


def decisive(job: Job, generator: Generator) -> dict[str, Any]:
    """The same with the prior and the range that the generator has, and its fingerprint."""
    nest = stated(job)
    own = {"prior": prior_of(job, generator), "value_range": list(generator.value_range)}
    return {**nest, "generator": {**nest["generator"], **own}, "generator_sha256": generator.about.fingerprint}


def settled(job: Job, prior: str | None, value_range: Sequence[float] | None) -> Job:
    """The job with the prior and the range that its generator had, for whoever loads it again."""
    if found(job) == MIXED and prior is not None:  # its shape counts the classes, too
        prior = str(dataclasses.replace(spaces.parse(prior), shape=None))
    return changed(job, prior=prior, value_range=value_range)


def prior_of(job: Job, generator: Generator) -> str | None:
    """The prior that the generator has; behind a cut that which the user states, for the one there follows from it."""
    if job.generator.behind is None:
        return str(generator.space)
    return None if job.generator.prior is None else str(job.generator.prior)


def about(job: Job, generator: Generator) -> dict[str, Any]:
    """What else is worth knowing (JSON values)."""
    return {
        "assumed": list(generator.about.assumed),
        "generator_name": generator.name,
        "image_shape": list(generator.image_shape),
        "constant": generator.about.constant,
        "limit": _plain(job.images.limit),
        "shown_channels": _plain(job.images.shown_channels),
        "batch_size": _plain(job.batch_size),
        "limits": as_nest(job.limits),
        "engine": as_nest(job.engine),
        "versions": versions(),
        "machine": {"system": platform.platform(), "processor": platform.machine()},
    }


def versions() -> dict[str, str]:
    """Of what results are made with."""
    return {"python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _plain(value: Any) -> Any:
    """JSON of a setting: paths as text, NumPy's numbers as Python's, and of an object only its kind."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value]
        odd = any(isinstance(item, str) and item.startswith("<") for item in items)
        return f"<{type(value).__name__}>" if odd else items
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else f"<{type(value).__name__}>"
