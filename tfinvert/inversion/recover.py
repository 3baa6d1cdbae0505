"""Was this image made by this generator, and from which code?

`Recovery` tries cheap things first and dear things only on images that are still unsolved. One attempt is a start
from a regression on the generator's own samples, Levenberg-Marquardt through `Logit` where the generator saturates,
and Levenberg-Marquardt on the plain pixels.
"""

from __future__ import annotations

import dataclasses
import enum
import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import metrics, seeds
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.regression import FLOORS, Regression
from tfinvert.inversion.uncertainty import Uncertainty
from tfinvert.losses import Logit, Pixel, Term
from tfinvert.solvers import LevenbergMarquardt
from tfinvert.solvers.status import Status
from tfinvert.spaces import unconstrained

EXACT = 1e-10  # mean squared error on [0, 1] below which a float image counts as matched
_SOUGHT = 1e-12  # what the search for exact codes aims at: float32 allows it, and ill-conditioned codes need it
FALSE_ALARM = 1e-3  # of the test behind `Verdict.NOT_IN_RANGE`
_ROUNDED = 3e-16  # float32 images near black and white are not known better than this loss of `Logit`
_PATIENCE = 15  # steps; a damping that is wrong by six orders of magnitude takes ten to mend
_MEMORY = 2**27  # entries of the Jacobians held at once


class Verdict(enum.IntEnum):
    """What became of the search for an image's code; `message` says it in words."""

    RECOVERED = 0
    NOT_UNIQUE = 1
    NOT_IN_RANGE = 2
    OUT_OF_BUDGET = 3
    CONSTANT = 4
    INVALID_IMAGE = 5

    @property
    def message(self) -> str:
        """One line for people."""
        return _MESSAGES[self]


_MESSAGES = {
    Verdict.RECOVERED: "the image is matched and determines its code",
    Verdict.NOT_UNIQUE: "the image is matched, but other codes make it too: see rank and directions",
    Verdict.NOT_IN_RANGE: "every start ended in a minimum whose error the noise does not explain",
    Verdict.OUT_OF_BUDGET: "not matched yet, and the search was still moving; more attempts may match it",
    Verdict.CONSTANT: "the generator's image does not depend on the code, so there is nothing to find",
    Verdict.INVALID_IMAGE: "the image holds NaN or infinite values; mend the image",
}


class Recovered(NamedTuple):
    """What was found for B images, as arrays."""

    codes: np.ndarray  # [B, *shape] float32
    images: np.ndarray  # [B, H, W, C] float32, made from the codes, in the generator's value range
    error: np.ndarray  # [B]: mean squared error on the [0, 1] scale
    verdict: np.ndarray  # [B] int, see `Verdict`
    noise: np.ndarray  # [B]: the noise's standard deviation, on the [0, 1] scale, by which the image was judged
    rank: np.ndarray  # [B] int: how many of the code's d directions the image determines; -1 where not matched
    deviation: np.ndarray  # [B, *shape]: standard error of each entry; NaN where not matched
    directions: tuple[np.ndarray, ...]  # for each image [d - rank, *shape]: along these the code may move
    attempts: np.ndarray  # [B] int
    passes: np.ndarray  # [B] int: generator passes; those of the regression's samples are not among them

    @property
    def messages(self) -> list[str]:
        """What `verdict` says, in words."""
        return [Verdict(int(value)).message for value in self.verdict]


class Recovery:
    """Finds the codes of generated images: `Recovery(generator)(images) -> Recovered`.

    Args:
      generator: from `load_generator`.
      noise: standard deviation of the images' noise on the [0, 1] scale; or a function that does to images
        [B, H, W, C] in [0, 1] what was done to these, such as saving them as JPEG: its effect on the reconstruction
        is then the noise. Default: 8-bit rounding for images all of whose values are multiples of 1/255, and none
        for others.
      attempts: starts per image at most; an image that is matched takes no more.
      batch_size: images at once; default by the size of their Jacobians.
      samples: for the regression, see `Regression`.
      seed: fixes all that is drawn.

    Raises:
      BadInput: a number is out of range.
    """

    def __init__(
        self, generator: Generator, *,
        noise: float | Callable[[np.ndarray], np.ndarray] | None = None,
        attempts: int = 6, batch_size: int | None = None, samples: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        for name, value in (("attempts", attempts), ("batch_size", batch_size), ("samples", samples)):
            if value is not None and value < 1:
                raise BadInput(f"{name}={value}", "expected at least 1")
        if noise is not None and not callable(noise) and not 0 <= noise < np.inf:
            raise BadInput(f"noise={noise}", "expected a standard deviation on the [0, 1] scale, such as 0.01")
        self.generator, self.noise, self.attempts, self.seed = generator, noise, attempts, seed
        # An exact code lies inside the prior's support anyway; a wall on the way to it only stops the search.
        self._free = dataclasses.replace(generator, space=generator.space.constrained(unconstrained()))
        self.regression = Regression(self._free, samples, seed)
        self.uncertainty = Uncertainty(generator)
        pixels = int(np.prod(generator.image_shape))
        fitting = _MEMORY // (generator.space.entries * pixels) // 16 * 16
        self.batch_size = max(16, min(64, fitting)) if batch_size is None else batch_size
        self._inverters: dict[Any, Inverter] = {}

    def __call__(
        self,
        images: Any,
        ids: Any = None,
        labels: Any = None,
        *,
        watch: Callable[[np.ndarray, np.ndarray], None] | None = None,
    ) -> Recovered:
        """Searches for the codes of images.

        Args:
          images: [B, H, W, C] in the generator's value range.
          ids: strings or integers [B] that seed what is drawn for each; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          watch: called after each stage with the present codes [B, *shape] and the passes [B] so far.

        Raises:
          BadInput: the shapes do not fit the generator, or labels are missing or out of range.
        """
        images = np.asarray(images, np.float32)
        shape = self.generator.image_shape
        if images.ndim != 4 or images.shape[1:] != shape:
            raise BadInput(f"images {list(images.shape)} for {self.generator.name}", f"expected {['B', *shape]}")
        if not len(images):
            raise BadInput("no images", "expected at least one")
        ids = np.arange(len(images)) if ids is None else np.asarray(ids)
        if labels is not None:
            labels = np.asarray(labels)
            labels = np.full(len(images), labels) if labels.ndim == 0 else labels
        for name, given in (("ids", ids), ("labels", labels)):
            if given is not None and given.shape != (len(images),):
                raise BadInput(f"{name} {list(given.shape)} for {len(images)} images", "expected one for each")
        search = _Search(self, images, ids, labels)
        if not self.generator.constant:
            for attempt in range(self.attempts):
                if not search.unsolved.any():
                    break
                logging.info("attempt %d: %d images to go", attempt + 1, int(search.unsolved.sum()))
                search.attempt(attempt, watch)
        return search.result()

    def inverter(self, floor: float | None, final: bool) -> Inverter:
        """The inverter of one stage; kept, for its graph is dear to build."""
        floor = None if final else floor
        if (floor, final) not in self._inverters:
            if floor is None:
                loss: Term = Pixel()
                tolerance = 1e-14
            else:
                loss = Logit(floor)
                tolerance = max(1e-9 * floor**2, _ROUNDED)
            # At the end the code's weakest directions are found, for which secant updates are too coarse.
            solver = LevenbergMarquardt(60, 1e-6, 0.3) if final else LevenbergMarquardt(90, 0.1)
            self._inverters[floor, final] = Inverter(
                self._free, loss, solver, restarts=1, tolerance=tolerance, patience=_PATIENCE,
                batch_size=self.batch_size, seed=self.seed,
            )  # fmt: skip
        return self._inverters[floor, final]

    def plan(self, attempt: int, noise: float) -> tuple[float | None, float]:
        """How attempt number 0, 1, ... looks at pixels, and how far from the regression's guess it starts.

        A magnifying glass that shows the noise is of no use: only floors above it are tried.
        """
        usable = [floor for floor in FLOORS if floor is None or floor > 0.5 * noise]
        best = self.regression.best_floor(usable)
        order = [best, *(floor for floor in reversed(usable) if floor != best)]
        if attempt < 2:
            return best, float(attempt)
        return order[attempt // 2 % len(order)], float(attempt % 2)


class _Search:
    """Where the search for a set of images stands."""

    def __init__(self, recovery: Recovery, images: np.ndarray, ids: np.ndarray, labels: Any) -> None:
        self._recovery, self._images, self._ids, self._labels = recovery, images, ids, labels
        generator = recovery.generator
        self._valid = np.isfinite(images).all(axis=(1, 2, 3))
        clean = np.where(self._valid[:, None, None, None], images, generator.value_range[0])
        self._unit = np.asarray(generator.to_unit(clean))
        count = len(images)
        self._noise = self._measured_noise()
        self._codes = np.full((count, *(generator.space.shape or ())), generator.space.centre, np.float32)
        self._error = np.full(count, np.inf)
        self._moving = np.zeros(count, bool)
        self._attempts, self._passes = np.zeros(count, int), np.zeros(count, int)

    @property
    def unsolved(self) -> np.ndarray:
        matched = self._matched()  # first, for it may learn the noise
        return self._valid & (self._error > np.where(self._noise > 0, matched, _SOUGHT))

    def attempt(self, number: int, watch: Callable[[np.ndarray, np.ndarray], None] | None) -> None:
        """One more start for all that are unsolved."""
        recovery = self._recovery
        floor, distance = recovery.plan(number, float(np.median(self._noise)))
        rows = np.flatnonzero(self.unsolved)
        self._attempts[rows] += 1
        guess = recovery.regression.codes(self._unit[rows], floor)
        if distance:
            own = seeds.fold_in(seeds.of(recovery.seed, tf.constant(self._ids[rows])), 1000 + number)
            space = recovery.generator.space
            spread = np.sqrt(max(0.0, 1 - recovery.regression.score(floor)))
            guess = guess + distance * spread * (space.sample(own).numpy() - space.centre)
        codes = self._stage(floor, False, rows, guess)
        if floor is not None:
            self._stage(floor, True, rows, codes)
        # From a harsh way of looking to plain pixels in smaller strides, where the one big stride failed.
        for milder in (other for other in FLOORS[:0:-1] if floor is not None and other > floor):
            left = self.unsolved[rows]
            rows, codes = rows[left], codes[left]
            if not len(rows):
                break
            codes = self._stage(milder, False, rows, codes)
            self._stage(milder, True, rows, codes)
        if watch is not None:
            watch(self._codes.copy(), self._passes.copy())

    def _stage(self, floor: float | None, final: bool, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        inverter = self._recovery.inverter(floor, final)
        labels = None if self._labels is None else self._labels[rows]
        found = inverter(self._images[rows], self._ids[rows], labels, starts=starts[:, None])
        error = np.asarray(metrics.mse(self._recovery.generator.to_unit(found.images), self._unit[rows]))
        better = error < self._error[rows]
        self._codes[rows[better]] = found.codes.numpy()[better]
        self._error[rows[better]] = error[better]
        self._moving[rows[better]] = found.status.numpy()[better] == Status.FINISHED
        self._passes[rows] += found.passes.numpy()
        return found.codes.numpy()

    def _measured_noise(self) -> np.ndarray:
        """Standard deviation of each image's noise, as far as it is known before a reconstruction is."""
        noise = self._recovery.noise
        if noise is not None and not callable(noise):
            return np.full(len(self._images), float(noise))
        levels = self._unit * 255
        eight_bits = np.abs(levels - np.round(levels)).max(axis=(1, 2, 3)) < 1e-3
        return np.where(eight_bits, 1 / (255 * np.sqrt(12)), 0.0)

    def _made(self) -> np.ndarray:
        return self._recovery.uncertainty.images(self._codes, self._labels)

    def _matched(self) -> np.ndarray:
        """The largest mean squared error [B] that the noise explains."""
        noise = self._noise
        if callable(self._recovery.noise) and np.isfinite(self._error).any():
            made = np.clip(self._made(), 0, 1)
            noise = np.sqrt(np.mean((self._recovery.noise(made) - made) ** 2, axis=(1, 2, 3)))
            self._noise = noise
        pixels = self._unit[0].size
        # Chi-squared with M - d degrees of freedom, by its normal form: M is in the hundreds at least.
        free = max(1, pixels - self._recovery.generator.space.entries)
        bound = free + statistics.NormalDist().inv_cdf(1 - FALSE_ALARM) * np.sqrt(2 * free)
        return np.maximum(EXACT, noise**2 * bound / pixels)

    def result(self) -> Recovered:
        recovery, generator = self._recovery, self._recovery.generator
        made = self._made()
        matched = self._valid & (self._error <= self._matched()) & ~np.array(generator.constant)
        verdict = np.where(self._moving, Verdict.OUT_OF_BUDGET, Verdict.NOT_IN_RANGE)
        rank = np.full(len(matched), -1)
        deviation = np.full(self._codes.shape, np.nan, np.float32)
        directions = [np.zeros((0, *(generator.space.shape or ())), np.float32)] * len(matched)
        for row in np.flatnonzero(matched):
            label = None if self._labels is None else self._labels[row : row + 1]
            sure = recovery.uncertainty(self._codes[row], label, max(self._noise[row], np.sqrt(self._error[row])))
            rank[row], deviation[row], directions[row] = sure
            verdict[row] = Verdict.RECOVERED if rank[row] == generator.space.entries else Verdict.NOT_UNIQUE
        verdict[~self._valid] = Verdict.INVALID_IMAGE
        if generator.constant:
            verdict[:] = Verdict.CONSTANT
        return Recovered(
            self._codes, np.asarray(generator.from_unit(made)), self._error, verdict, self._noise,
            rank, deviation, tuple(directions), self._attempts, self._passes,
        )  # fmt: skip
