"""Graduated smoothing: the stages of an inversion, from a generator without kinks to the generator itself.

Graduated non-convexity (Blake & Zisserman, "Visual Reconstruction", 1987): what is found for a smooth objective is the
start for a less smooth one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.smoothed import SMOOTHING, smoothed
from tfinvert.generators.held import Held
from tfinvert.objective import Objective
from tfinvert.settings import SMOOTHING_AT_CODE
from tfinvert.solvers import LBFGS
from tfinvert.solvers.solver import Solver
from tfinvert.spaces import Space

_PULL = 4e-3  # found on digits, clothes and faces: codes end nearer to the centre, with no larger errors
_LEAST = 2  # steps of a stage, where there are so many: the first one of L-BFGS is a look
_SHARE = 0.3  # the last stage comes to exact codes, if it is long


class Smoothing(NamedTuple):
    """How an inverter smooths.

    Attributes:
      amounts: of one stage after the other.
      generator: that holds `smoothing`; default: `smoothed` of the inverter's.
      pull: while it lasts codes are drawn to the prior's centre, by mean(z^2) / 2 in units of the prior's spread,
        weighted with this for each unit of smoothing. So they do not run away where that explains an image hardly
        better.
      share: of the steps that are left, for each stage but the last.
    """

    amounts: tuple[float, ...]
    generator: Generator | None = None
    pull: float = _PULL
    share: float = _SHARE


class Stage(NamedTuple):
    """One stage of an inversion."""

    generator: Generator
    smoothing: float  # 0 where it is the generator itself
    until: int  # the steps that are taken when it ends

    def held(self, held: Held, count: tf.Tensor) -> Held:
        """What `count` rows hold in this stage, from what they hold in any."""
        if SMOOTHING not in self.generator.holds:
            return held._replace(tensors={key: rows for key, rows in held.tensors.items() if key != SMOOTHING})
        if not self.smoothing:  # it is held by whoever calls the inverter
            return held
        return held._replace(tensors={**held.tensors, SMOOTHING: tf.fill([count], self.smoothing)})


def smoothing_of(given: Smoothing | Sequence[float] | float) -> Smoothing:
    """What is meant by amounts alone; a last one of 0 is the stage that comes last anyway.

    Raises:
      BadInput: they are no numbers, not positive, or do not fall.
    """
    try:
        several = [given] if isinstance(given, int | float) else given
        smoothing = several if isinstance(several, Smoothing) else Smoothing(tuple(map(float, several)))
    except (TypeError, ValueError) as error:
        raise BadInput(f"smoothing={given!r}", "expected positive numbers that fall, such as [0.5, 0.05]") from error
    if smoothing.amounts and not smoothing.amounts[-1]:
        smoothing = smoothing._replace(amounts=smoothing.amounts[:-1])
    falls = all(before > after for before, after in itertools.pairwise([float("inf"), *smoothing.amounts, 0]))
    if not falls:
        raise BadInput(f"smoothing={smoothing.amounts}", "expected positive numbers that fall, such as 0.5, 0.05")
    return smoothing


def usual(generator: Generator, solver: Solver) -> Smoothing:
    """How is smoothed where nothing is said: with L-BFGS alone, and where the generator has kinks."""
    if (
        isinstance(solver, LBFGS)
        and solver.steps >= _LEAST * (1 + len(SMOOTHING_AT_CODE))
        and generator.dtype == tf.float32
    ):
        try:
            return Smoothing(SMOOTHING_AT_CODE, smoothed(generator))
        except BadInput as error:
            logging.info("%s", error)
    return Smoothing(())


def pulled(prior: Space, weights: tf.Tensor) -> Objective:
    """mean(z^2) / 2 of codes [N, *shape] about the prior's centre, in units of its spread, with weights [N]."""
    scale = tf.sqrt(weights / (2 * prior.entries)) / prior.spread

    def residuals(codes: tf.Tensor) -> tf.Tensor:
        return tf.cast(scale, codes.dtype)[:, None] * tf.reshape(codes - prior.centre, [-1, prior.entries])

    return Objective(lambda codes: tf.reduce_sum(tf.square(residuals(codes)), axis=1), residuals)


def stages(generator: Generator, smoothing: Smoothing, steps: int) -> list[Stage]:
    """Stages that each take a share of the steps that are left, and a last one without smoothing that takes the rest.

    Raises:
      BadInput: there are fewer steps than stages, or the generator cannot be smoothed.
    """
    if not smoothing.amounts:
        return [Stage(generator, 0.0, steps)]
    count = len(smoothing.amounts) + 1
    if steps < count:
        raise BadInput(f"{steps} steps for {count} stages of smoothing", "give more steps, or less smoothing")
    least = min(_LEAST, steps // count)
    smooth = smoothed(generator) if smoothing.generator is None else smoothing.generator
    ends, made = [round(steps * (1 - (1 - smoothing.share) ** number)) for number in range(1, count)], []
    for number, (amount, end) in enumerate(zip(smoothing.amounts, ends, strict=True), 1):
        made.append(Stage(smooth, amount, max(least * number, min(end, steps - least * (count - number)))))
    return [*made, Stage(generator, 0.0, steps)]
