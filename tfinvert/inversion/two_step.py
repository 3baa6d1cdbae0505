"""Images that no code gives: first the nearest code, then a little beyond what codes reach.

Behind its first dense layer a generator makes images that no code leads to, photographs among them. So the code z* is
found as by any `Inverter`; then the layer's values h = G1(z*) + delta move, with delta kept sparse, while the code and
the class are held for whatever else takes them (Pividori et al., "Exploiting GAN Internal Capacity for High-Quality
Reconstruction of Natural Images", section 3).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import metrics, seeds
from tfinvert.errors import BadInput
from tfinvert.generators.derived.curvature import SAMPLES, curvature, inverse_root
from tfinvert.generators.derived.smoothed import SMOOTHING as SMOOTHED
from tfinvert.generators.derived.smoothed import smoothed
from tfinvert.generators.derived.split import HIDDEN, around, split
from tfinvert.generators.generator import Generator, derive
from tfinvert.generators.held import Held
from tfinvert.inversion.given import given
from tfinvert.inversion.graduated import Smoothing, smoothing_of
from tfinvert.inversion.inverter import Inverter, pad
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.watching import Watch, Watcher
from tfinvert.losses import Sparsity, Term, loss_of
from tfinvert.settings import SMOOTHING, LossSettings, SecondStep, SolverSettings
from tfinvert.solvers import LBFGS, solver_of
from tfinvert.solvers.named import RATED
from tfinvert.solvers.solver import Solver
from tfinvert.solvers.status import Status

_RATE = 0.1  # of the second step, in units of the layer's values
_SPARSITY = 1e-3  # weight of mean(|delta|), in the same units


class TwoStepInversion(NamedTuple):
    """Codes and reconstructions of B images; the first six are those of `Inversion`, after both steps."""

    codes: tf.Tensor  # z*, [B, *shape]
    images: tf.Tensor  # [B, H, W, C], in the generator's value range
    loss: tf.Tensor  # [B], of the second step
    status: tf.Tensor  # [B] int32, of the second step where the first has not failed
    steps: tf.Tensor  # [B] int32, of both
    passes: tf.Tensor  # [B] int32, of both
    delta: tf.Tensor  # [B, n]: what is added to the layer's values
    delta_zeros: tf.Tensor  # [B]: the share of its entries that are exactly zero
    hidden: tf.Tensor  # [B, n]: the layer's values h* = G1(z*) + delta
    images_latent: tf.Tensor  # [B, H, W, C]: the reconstructions from the codes alone
    mse_latent: tf.Tensor  # [B]: their mean squared error on [0, 1]


class TwoStep:
    """Inverts images at the code and then behind a cut: `TwoStep(Inverter(generator))(images) -> TwoStepInversion`.

    Args:
      first: what finds codes; the generator's tail must be differentiable in the values at the cut. The paper's loss is
        `Pixel() + Features() + 0.1 * LogPrior()`.
      at: where to cut, see `tfinvert.split`; or `SecondStep`, which says how sparse and how long, too.
      loss: of the second step, without terms of the code; default: that of the first.
      solver: of the second step, in place of the one that `SecondStep` names: L-BFGS by default, with a guess of the
        curvature behind the cut.

    Kinks of the tail and that of mean(|delta|) at zero are smoothed by 0.5, then by 0.05 and then not at all: an
    entry behind which a ReLU is off would get no gradient, and stay. `SecondStep(smoothing=[0])` leaves that out.

    The weight of mean(|delta|) is 10 in the paper. By default it is 1e-3 over the standard deviation of the values at
    the cut, which differs by orders of magnitude from generator to generator.

    Raises:
      BadInput: the generator cannot be cut there.
    """

    def __init__(
        self,
        first: Inverter,
        at: SecondStep | str = "first_dense",
        *,
        loss: Term | LossSettings | str | None = None,
        solver: Solver | None = None,
    ) -> None:
        if not isinstance(first, Inverter):
            raise BadInput(
                f"a first step of type {type(first).__name__}", "expected an Inverter, TwoStep(Inverter(generator))"
            )
        if first.generator.dtype != tf.float32:
            raise BadInput(f"two steps of {first.generator.name} in {first.generator.dtype.name}", "expected float32")
        self._how = how = at if isinstance(at, SecondStep) else SecondStep(at)
        self.generator, self.batch_size, self.restarts = first.generator, first.batch_size, first.restarts
        self.parts = split(first.generator, how.at)
        scale = self.parts.tail.space.spread
        self.sparsity = _SPARSITY / scale if how.sparsity is None else how.sparsity
        seen = (first.loss if loss is None else loss_of(loss)).of_images()
        if seen is None:
            raise BadInput("a second step whose loss sees no image", "expected a term such as Pixel()")
        self.loss = seen
        self._first = first
        solver = _second(how, scale) if solver is None else solver_of(solver)
        smoothing = self._smoothing(how.smoothing, solver)
        if isinstance(solver, LBFGS) and solver.inverse is None:
            solver = dataclasses.replace(solver, inverse=self._inverse(smoothing))
        self._second = Inverter(
            around(self.parts.tail),
            seen + self.sparsity * Sparsity() if self.sparsity else seen,
            solver,
            restarts=1,
            stopping=first.stopping,
            smoothing=smoothing,
            batch_size=first.batch_size,
            seed=first.seed,
        )

    def __reduce__(self) -> tuple:
        """For pickles, as of `Inverter`."""
        return functools.partial(TwoStep, loss=self.loss, solver=self._second.solver), (self._first, self._how)

    def __call__(
        self,
        images: Any,
        ids: Any = None,
        labels: Any = None,
        *,
        held: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
    ) -> TwoStepInversion:
        """Inverts images.

        Args:
          images: [B, H, W, C] in the generator's value range, or `Images`, which bring ids and labels along.
          ids: strings or integers [B] that seed each image's starts; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          held: as of `Inverter`.
          watch: as of `Inverter`; the codes that it sees are those of the step at hand.

        Raises:
          BadInput: as of `Inverter`.
        """
        images, ids, labels = given(self.generator, images, ids, labels)
        images = tf.cast(images, tf.float32)
        first = Watcher(_half(watch))
        found = self._first(images, ids, labels, held=held, watch=first)
        hidden, beside = self._before(found.codes, labels, held)
        better = self._second(
            images,
            ids,
            beside.labels,
            held={**beside.tensors, HIDDEN: hidden},
            starts=tf.zeros([tf.shape(images)[0], 1, *hidden.shape[1:]]),
            watch=Watcher(_half(watch, self._first.solver.steps), first.stopped),
        )
        return self._result(images, found, hidden, better)

    def _smoothing(self, amounts: Sequence[float] | None, solver: Solver) -> Smoothing:
        """Smoothed by what enters kinks for values as the prior has them, not for distances between them."""
        stated = smoothing_of(SMOOTHING if amounts is None else amounts)
        too_short = amounts is None and solver.steps <= len(stated.amounts)
        if not stated.amounts or too_short:
            return Smoothing(())
        try:
            smooth = smoothed(self.parts.tail)
        except BadInput as error:
            if amounts is not None:
                raise
            if not self.sparsity or not isinstance(solver, LBFGS):  # others take proximal steps for the charge
                return Smoothing(())
            logging.info("the second step smooths its charge alone: %s", error)
            smooth = _as_it_is(self.parts.tail)
        return stated._replace(generator=around(smooth))

    def _inverse(self, smoothing: Smoothing) -> np.ndarray:
        """A guess of the inverse Hessian for distances from values as the prior has them."""
        numbers = tf.range(SAMPLES)
        codes = self.generator.space.sample(seeds.of(0, numbers))
        hidden, held = self.parts.before(codes, *self.generator.takes.turns(numbers))
        tensors, generator = {**held.tensors, HIDDEN: hidden}, around(self.parts.tail)
        if smoothing.amounts and smoothing.generator is not None:
            tensors[SMOOTHED], generator = tf.fill(numbers.shape, smoothing.amounts[0]), smoothing.generator
        return inverse_root(curvature(generator, tf.zeros_like(hidden), held._replace(tensors=tensors)))

    def _before(self, codes: tf.Tensor, labels: Any, held: Mapping[str, Any] | None) -> tuple[tf.Tensor, Held]:
        """As `Split.before`, in whole blocks, so that the values are the same in any batch: see `Inverter`."""
        codes, beside = self.generator.check(codes, labels, held)
        count = tf.shape(codes)[0]
        spare = -count % self._first.block
        codes, beside = tf.nest.map_structure(lambda rows: pad(rows, spare), (codes, beside))
        return tf.nest.map_structure(lambda rows: rows[:count], self.parts.before(codes, *beside))

    def _result(self, images: tf.Tensor, found: Inversion, hidden: tf.Tensor, better: Inversion) -> TwoStepInversion:
        flat = tf.reshape(better.codes, [-1, self.parts.tail.space.entries])
        status = tf.where(found.status >= int(Status.DIVERGED), found.status, better.status)
        return TwoStepInversion(
            found.codes,
            better.images,
            better.loss,
            status,
            found.steps + better.steps,
            found.passes + better.passes,
            better.codes,
            tf.reduce_mean(tf.cast(flat == 0, tf.float32), axis=1),
            hidden + better.codes,
            found.images,
            metrics.mse(self.generator.to_unit(found.images), self.generator.to_unit(images)),
        )


def _as_it_is(tail: Generator) -> Generator:
    """The tail, which holds `smoothing` and has no use for it."""
    return derive(
        tail,
        tail.name,
        lambda values, held: tail.function(values, held.without(SMOOTHED)[1]),
        holds={**tail.holds, SMOOTHED: ()},
    )


def _second(how: SecondStep, scale: float) -> Solver:
    """The solver of the second step, in which values are larger or smaller than codes."""
    rate = how.learning_rate
    if how.solver in RATED:
        rate = _RATE * scale if rate is None else rate
    elif rate is not None:
        raise BadInput(f"second_learning_rate={rate} for {how.solver}", "it has none: leave it out, or take adam")
    elif how.schedule is not None:
        raise BadInput(f"second_schedule={how.schedule} for {how.solver}", "it has none: leave it out, or take adam")
    return solver_of(SolverSettings(how.solver, how.steps, rate, how.schedule))


def _half(watch: Watch | None, before: int = 0) -> Watch | None:
    """What tells `watch` of the first half of the work, or of the second with so many steps before it."""
    if watch is None:
        return None
    return lambda seen: watch(seen._replace(share=(bool(before) + seen.share) / 2, steps=before + seen.steps))
