"""All settings of one run in one place: what `bin/invert.py` has as flags."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tfinvert import limits, solvers
from tfinvert.errors import BadInput
from tfinvert.generators import Generator, load_generator
from tfinvert.generators.mixture import mixture
from tfinvert.images import Sources
from tfinvert.images.load import Like
from tfinvert.inversion import ClassSearch, Inverter, TwoStep, two_step
from tfinvert.losses import Features, LogPrior, Pixel, Term
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store
from tfinvert.solvers.first_order import schedule

# Each with its usual learning rate.
SOLVERS: dict[str, tuple[type[solvers.GradientDescent], float]] = {
    "adam": (solvers.Adam, 0.1),
    "rmsprop": (solvers.RMSprop, 0.01),
    "gd": (solvers.GradientDescent, 1.0),
}
# These change how fast or how far a run goes, not what it finds for an image, so a run may go on with others.
_FREE = ("out", "limit", "batch_size", "max_megapixels", "max_gigabytes", "max_seconds")
SEARCHED, MIXED = FOUND = ("search", "embedding")  # what `labels` may say where classes are not known


@dataclasses.dataclass(frozen=True)
class Job:
    """Images through a generator's inversion into a folder.

    The fields are the flags of `bin/invert.py`, with the same names and defaults; see `load_generator`,
    `images.Sources`, `Pixel` and `Inverter` for what each means. The labels "search" stand for a `ClassSearch`,
    "embedding" for the `mixture` of a generator.
    """

    out: str
    generator: str | None = None
    images: Any = None
    limit: int | None = None
    shuffle: bool = False
    prior: str | None = None
    value_range: Sequence[float] | None = None
    labels: Any = None
    fit: str = "crop"
    array_range: Sequence[float] | None = None
    image_shape: tuple[int, int, int] | None = None
    label_input: str | None = None
    classes: int | None = None
    class_entries: Sequence[int] | None = None
    signature: str | None = None
    truncation: float | None = None
    allow_unsafe: bool = False
    loss: str = "mse"
    prior_weight: float = 0.0
    solver: str = "adam"
    learning_rate: float | None = None
    schedule: str = "cosine"
    steps: int = 500
    restarts: int = 4
    spread: float = 0.3
    tolerance: float = 1e-10
    patience: int = 0
    features: str | None = None
    features_network: str = "InceptionV3"
    features_weights: str = "imagenet"
    features_weight: float = 1.0
    split: str | None = None
    sparsity: float | None = None
    beyond_steps: int = two_step.STEPS
    beyond_learning_rate: float | None = None
    batch_size: int = 16
    seed: int = 0
    max_megapixels: float = limits.DEFAULT.megapixels
    max_gigabytes: float = limits.DEFAULT.gigabytes
    max_seconds: float = limits.DEFAULT.seconds

    def run(self, show: bool = True) -> tuple[Summary, Store, Sources]:
        """Does what the store does not hold yet.

        Returns:
          How it ended, the store with all rows, and the images.

        Raises:
          BadInput: a setting cannot be used, or the folder holds a run with another.
        """
        ready = self.ready()
        ready.claim()
        return ready.run(show), ready.store, ready.sources

    def ready(self, generator: Generator | None = None) -> Ready:
        """All that is needed, before the work begins. The store is open: nobody else writes into its folder.

        Args:
          generator: what `load` gave, where it was asked before.

        Raises:
          BadInput: a setting cannot be used, or another writer is at work in the folder.
        """
        self._solver(self.learning_rate, self.steps)
        store = Store(self.out)
        store.open()  # before a generator is loaded: who comes second is told at once
        try:
            generator = self.load() if generator is None else generator
            sources, inverter, classes = self.sources(generator), self.inverter(generator), self.classes_of(generator)
        except BaseException:
            store.close()
            raise
        return Ready(self, store, generator, sources, inverter, classes)

    @property
    def limits(self) -> limits.Limits:
        """What opening one file may take.

        Raises:
          BadInput: one of them is no number above 0.
        """
        return limits.Limits(self.max_megapixels, self.max_gigabytes, self.max_seconds)

    def load(self) -> Generator:
        """The generator."""
        generator = load_generator(
            self.generator, prior=self.prior, value_range=self.value_range, image_shape=self.image_shape,
            label_input=self.label_input, classes=self.classes, class_entries=self.class_entries,
            signature=self.signature, truncation=self.truncation, allow_unsafe=self.allow_unsafe, limits=self.limits,
        )  # fmt: skip
        return mixture(generator) if self._found == MIXED else generator

    def sources(self, generator: Generator) -> Sources:
        """The images, with their classes where these are known."""
        sources = self.pictures(generator, None if self._found else self.labels)
        if not self._found:
            sources.check_labels(None if generator.condition is None else generator.condition.check)
        return sources

    def pictures(self, like: Like, labels: Any = None) -> Sources:
        """The images, as whatever this is could have made them."""
        return Sources(
            self.images, like, fit=self.fit, labels=labels, array_range=self.array_range, limit=self.limit,
            shuffle=self.seed if self.shuffle else None, limits=self.limits,
        )  # fmt: skip

    def classes_of(self, generator: Generator) -> ClassSearch | None:
        """What finds the images' classes; None where it is not to be done."""
        if self._found != SEARCHED:
            return None
        return ClassSearch(generator, self.objective(), batch_size=self.batch_size, seed=self.seed)

    @property
    def _found(self) -> str | None:
        """How classes are found; None where they are known."""
        return self.labels if isinstance(self.labels, str) and self.labels in FOUND else None

    def objective(self) -> Term:
        """The loss, without terms of the code."""
        loss: Term = Pixel(self.loss)
        if self.features is not None:
            loss += self.features_weight * Features(self.features, self.features_network, self.features_weights)
        return loss

    def inverter(self, generator: Generator) -> Inverter | TwoStep:
        """What inverts images, in one step or in two."""
        loss, solver = self.objective(), self._solver(self.learning_rate, self.steps)
        if self.split is None:
            for name in ("sparsity", "beyond_learning_rate"):
                if getattr(self, name) is not None:
                    raise BadInput(f"{name}={getattr(self, name)} without split", "give split=first_dense too")
            return Inverter(
                generator, loss + self.prior_weight * LogPrior() if self.prior_weight else loss, solver,
                restarts=self.restarts, spread=self.spread, tolerance=self.tolerance, patience=self.patience,
                batch_size=self.batch_size, seed=self.seed,
            )  # fmt: skip
        rate = self.beyond_learning_rate
        return TwoStep(
            generator, loss, at=self.split, prior_weight=self.prior_weight, sparsity=self.sparsity, latent=solver,
            beyond=lambda scale: self._solver(two_step.RATE * scale if rate is None else rate, self.beyond_steps),
            restarts=self.restarts, spread=self.spread, batch_size=self.batch_size, seed=self.seed,
        )  # fmt: skip

    def _solver(self, rate: float | None, steps: int) -> solvers.GradientDescent:
        if self.solver not in SOLVERS:
            raise BadInput(f"solver {self.solver!r}", f"expected one of {', '.join(SOLVERS)}")
        kind, usual = SOLVERS[self.solver]
        rate = usual if rate is None else rate
        kind(rate, steps=steps)  # checks both, before a schedule hides the rate
        return kind(schedule(self.schedule, rate, steps), steps=steps)

    def settings(self, generator: Generator) -> dict[str, Any]:
        """What a result depends on (JSON values)."""
        names = [field.name for field in dataclasses.fields(self) if field.name not in _FREE]
        stated = {name: _plain(getattr(self, name)) for name in names}
        return {
            **{name: value if _is_json(value) else f"<{type(value).__name__}>" for name, value in stated.items()},
            "prior": str(generator.space),
            "value_range": list(generator.value_range),
            "generator_sha256": generator.fingerprint,
        }

    def about(self, generator: Generator) -> dict[str, Any]:
        """What else is worth knowing."""
        packages = ("tfinvert", "tensorflow", "keras", "numpy", "pillow", "pyarrow")
        return {
            "assumed": list(generator.assumed),
            "generator_name": generator.name,
            "image_shape": list(generator.image_shape),
            "constant": generator.constant,
            "limit": _plain(self.limit),
            "batch_size": _plain(self.batch_size),
            "limits": dataclasses.asdict(self.limits),
            "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
            "machine": {"system": platform.platform(), "processor": platform.machine()},
        }


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
        self.store.claim(self.job.settings(self.generator), self.job.about(self.generator))

    def run(self, show: bool = True) -> Summary:
        """Does what the store does not hold yet."""
        return run(self.inverter, self.sources, self.store, show, self.classes)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _plain(value: Any) -> Any:
    """Paths as text and NumPy's numbers as Python's, in lists too: as they are compared, and used again."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, int, float, bool))
