"""The search behind one cut: from values that are given there, to others near them whose image fits better."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.derived.curvature import SAMPLES, curvature, inverse_root
from tfinvert.generators.derived.smoothed import SMOOTHING as SMOOTHED
from tfinvert.generators.derived.smoothed import smoothed
from tfinvert.generators.derived.split import HIDDEN, Split, around
from tfinvert.generators.generator import Generator, derive
from tfinvert.generators.held import Held
from tfinvert.inversion.graduated import Smoothing, smoothing_of
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.targets import pad
from tfinvert.inversion.watching import Watcher
from tfinvert.losses import Sparsity, Term
from tfinvert.settings import SMOOTHING, SecondStep, SolverSettings
from tfinvert.solvers import LBFGS, solver_of
from tfinvert.solvers.named import RATED
from tfinvert.solvers.solver import Solver

_RATE = 0.1  # in units of the values at the cut
_SHARE = 0.6  # of the steps that are left, for each stage of smoothing: few images come to exact values here
_SPARSITY = 1e-3  # weight of mean(|delta|), in the same units


class Behind:
    """Inverts images behind one cut: the distance delta from given values moves, with a charge for mean(|delta|).

    Args:
      parts: the generator, cut.
      first: the search at the code, of which it takes what is not said.
      how: the settings.
      seen: the loss of images, without terms of the code.
      solver: in place of the one that the settings name.
    """

    def __init__(self, parts: Split, first: Inverter, how: SecondStep, seen: Term, solver: Solver | None) -> None:
        scale = parts.tail.space.spread
        self.parts, self._first = parts, first
        self.sparsity = _SPARSITY / scale if how.sparsity is None else how.sparsity
        self._loss = seen + self.sparsity * Sparsity() if self.sparsity else seen
        self._solver = _named(how, scale) if solver is None else solver_of(solver)
        self._smoothing = self._smoothed(how.smoothing)
        self._plain = self._inverter(self._solver)  # so that settings that cannot be are told before any work

    @functools.cached_property
    def inverter(self) -> Inverter:
        """Of the tail around given values; L-BFGS's first curvature is computed when it is needed."""
        if not isinstance(self._solver, LBFGS) or self._solver.inverse is not None:
            return self._plain
        with contextlib.nullcontext() if tf.executing_eagerly() else tf.init_scope():
            return self._inverter(dataclasses.replace(self._solver, inverse=self._inverse()))

    @property
    def steps(self) -> int:
        """That it takes at most."""
        return self._solver.steps

    def __call__(self, images: tf.Tensor, ids: Any, hidden: tf.Tensor, held: Held, watcher: Watcher) -> Inversion:
        """Distances [B, *hidden] as codes, from values [B, *hidden]; `held` as the tail holds it."""
        return self.inverter(
            images,
            ids,
            held.labels,
            held={**held.tensors, HIDDEN: hidden},
            starts=tf.zeros([tf.shape(images)[0], 1, *hidden.shape[1:]]),
            watch=watcher,
        )

    def before(self, codes: Any, labels: Any, held: Mapping[str, Any] | None) -> tuple[tf.Tensor, Held]:
        """As `Split.before`, in whole blocks, so that the values are the same in any batch: see `Inverter`."""
        codes, beside = self._first.generator.check(codes, labels, held)
        return in_blocks(lambda codes, beside: self.parts.before(codes, *beside), self._first.block, codes, beside)

    def _inverter(self, solver: Solver) -> Inverter:
        return Inverter(
            around(self.parts.tail),
            self._loss,
            solver,
            restarts=1,
            stopping=self._first.stopping,
            smoothing=self._smoothing,
            batch_size=self._first.batch_size,
            seed=self._first.seed,
        )

    def _smoothed(self, amounts: Sequence[float] | None) -> Smoothing:
        """Smoothed by what enters kinks for values as the prior has them, not for distances between them."""
        stated = smoothing_of(SMOOTHING if amounts is None else amounts)
        too_short = amounts is None and self.steps <= len(stated.amounts)
        if not stated.amounts or too_short:
            return Smoothing(())
        try:
            smooth = smoothed(self.parts.tail)
        except BadInput as error:
            if not self.sparsity or not isinstance(self._solver, LBFGS):  # others take proximal steps for the charge
                if amounts is not None:
                    raise
                return Smoothing(())
            logging.info("behind the cut the charge alone is smoothed: %s", error)
            smooth = _as_it_is(self.parts.tail)
        return stated._replace(generator=around(smooth), pull=0.0, share=_SHARE)

    def _inverse(self) -> np.ndarray:
        """A guess of the inverse Hessian for distances from values as the prior has them."""
        logging.info("%s: the curvature is taken from %d codes", self.parts.tail.name, SAMPLES)
        numbers, smoothing, whole = tf.range(SAMPLES), self._smoothing, self.parts.whole
        codes = whole.space.sample(seeds.of(0, numbers))
        hidden, held = self.parts.before(codes, *whole.takes.turns(numbers))
        tensors, generator = {**held.tensors, HIDDEN: hidden}, around(self.parts.tail)
        if smoothing.amounts and smoothing.generator is not None:
            tensors[SMOOTHED], generator = tf.fill(numbers.shape, smoothing.amounts[0]), smoothing.generator
        return inverse_root(curvature(generator, tf.zeros_like(hidden), held._replace(tensors=tensors)))


def in_blocks(function: Any, block: int, *rows: Any) -> Any:
    """A function of nests of B rows each, computed for whole blocks of rows."""
    count = tf.shape(tf.nest.flatten(rows)[0])[0]
    filled = tf.nest.map_structure(lambda each: pad(each, -count % block), rows)
    return tf.nest.map_structure(lambda each: each[:count], function(*filled))


def _named(how: SecondStep, scale: float) -> Solver:
    """The solver that the settings name, for values that are larger or smaller than codes."""
    rate = how.learning_rate
    for name, value in (("second_learning_rate", rate), ("second_schedule", how.schedule)):
        if value is not None and how.solver not in RATED:
            raise BadInput(f"{name}={value} for {how.solver}", "it has none: leave it out, or take adam")
    if how.solver in RATED:
        rate = _RATE * scale if rate is None else rate
    return solver_of(SolverSettings(how.solver, how.steps, rate, how.schedule))


def _as_it_is(tail: Generator) -> Generator:
    """The tail, which holds `smoothing` and has no use for it."""
    return derive(
        tail,
        tail.name,
        lambda values, held: tail.function(values, held.without(SMOOTHED)[1]),
        holds={**tail.holds, SMOOTHED: ()},
    )
