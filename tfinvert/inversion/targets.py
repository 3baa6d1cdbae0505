"""What the rows of a batch are held against, and the objective that their codes have for it."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.smoothed import SMOOTHING
from tfinvert.generators.held import Held
from tfinvert.inversion.graduated import Smoothing, Stage, pulled
from tfinvert.losses import Term
from tfinvert.objective import Objective
from tfinvert.solvers.solver import Solver


class Targets(NamedTuple):
    """What the rows of one batch are held against: N = B * restarts rows."""

    images: tf.Tensor  # [N, *image_shape] in [0, 1], finite
    starts: tf.Tensor  # [N, *shape]: the rows' first codes
    held: Held  # of N rows: labels int32, and what else the generator takes
    offsets: tf.Tensor  # [N, ...]: what makes the draws of a constraint a row's own, see `Space.offsets`
    seeds: tf.Tensor  # int64 [N, 2]: of what the solver draws
    prepared: Any  # what the loss sees of the images: a nest of tensors with N rows each, see `Term.prepare`


class Objectives:
    """Objectives of codes, by one generator and one loss, in any stage of smoothing.

    Args:
      generator: of the last stage.
      loss: of images in [0, 1].
      smoothing: how the other stages smooth.
      smooth: the generator of the first stage.
    """

    def __init__(self, generator: Generator, loss: Term, smoothing: Smoothing, smooth: Generator) -> None:
        self.generator, self.loss, self._smoothing, self._smooth = generator, loss, smoothing, smooth

    def __call__(self, targets: Targets) -> Objective:
        """Of these rows; smoothed where they hold an amount that the generator does not."""
        smooth = SMOOTHING in targets.held.tensors and SMOOTHING not in self.generator.holds
        exact, rough = self._by(self._smooth if smooth else self.generator, targets), self.generator.rough
        if smooth:
            space, amounts = self.generator.space, targets.held.tensors[SMOOTHING]
            exact = exact.rounded(space.spread * amounts)
            if self._smoothing.pull:
                exact += pulled(space, self._smoothing.pull * amounts)
        return dataclasses.replace(
            exact,
            part=lambda rows: self(tf.nest.map_structure(lambda each: tf.gather(each, rows), targets)),
            rough=None if rough is None else self._by(rough, targets).residuals,
        )

    def check(self, solver: Solver) -> None:
        """Asks whether a solver can take them.

        Raises:
          BadInput: it cannot.
        """
        bound = self.loss.bind(tf.zeros([1, *self.generator.image_shape], self.generator.dtype), self.generator.space)
        if not isinstance(bound, Objective):
            raise BadInput(
                f"a loss whose bind gives a {type(bound).__name__}", "expected an Objective: see docs/extend.md"
            )
        if solver.needs_residuals and bound.residuals is None:
            raise BadInput(
                f"{type(solver).__name__} for {self.loss}",
                "it takes sums of squares only: Pixel('mse'), Logit, LogPrior of a normal prior, and terms of yours "
                "whose Objective has residuals",
            )
        if solver.needs_gradients and not self.generator.about.differentiable:
            raise BadInput(
                f"{type(solver).__name__} for {self.generator.name}",
                "it gives no TensorFlow gradient: use TensorFlow operations throughout, or take CMA() (--solver=cma)",
            )

    def _by(self, generator: Generator, targets: Targets) -> Objective:
        """The loss of codes, by this generator."""
        bound = self.loss.bind(tf.cast(targets.images, generator.dtype), generator.space, targets.prepared)
        return bound.through(lambda codes: (codes, generator.to_unit(generator(codes, *targets.held))))


def at_stage(stage: Stage, targets: Targets) -> Targets:
    """What rows are held against in a stage."""
    return targets._replace(held=stage.held(targets.held, tf.shape(targets.images)[0]))


def pad(rows: tf.Tensor, spare: tf.Tensor) -> tf.Tensor:
    """Rows [N, ...] with `spare` rows of zeros behind them."""
    return tf.concat([rows, tf.zeros(tf.concat([[spare], tf.shape(rows)[1:]], 0), rows.dtype)], axis=0)
