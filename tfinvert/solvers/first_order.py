"""Gradient methods. Keras's optimizers keep their state in variables and cannot run on rows of a loop, so the
updates stand here as pure functions; the tests hold them against `keras.optimizers` step by step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import keras
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import LEARNING_RATES, SCHEDULES, STEPS
from tfinvert.solvers import rows
from tfinvert.solvers.solver import Memory, Step, Turn

Schedule = Callable[[tf.Tensor], tf.Tensor]  # steps taken so far -> learning rate


def schedule(name: str, learning_rate: float, steps: int) -> float | Schedule:
    """A learning rate by name, from Keras's schedules.

    "constant"; "cosine" falls to zero at the last step; "exponential" falls to a hundredth; "halving" halves it
    at every eighth of the steps (Lipton & Tripathi's code: every 50,000 steps); "drop" falls to a tenth at half of them
    (Pividori et al.'s code).

    Raises:
      BadInput: another name.
    """
    schedules = keras.optimizers.schedules
    if name == "constant":
        return learning_rate
    if name == "cosine":
        return schedules.CosineDecay(learning_rate, steps)
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps, 0.01)
    if name == "halving":
        return schedules.ExponentialDecay(learning_rate, max(1, steps // 8), 0.5, staircase=True)
    if name == "drop":
        return schedules.PiecewiseConstantDecay([steps // 2], [learning_rate, 0.1 * learning_rate])
    raise BadInput(f"schedule {name!r}", f"expected one of {', '.join(SCHEDULES)}")


@dataclasses.dataclass(frozen=True)
class GradientDescent:
    """z <- z - rate * gradient.

    Args:
      learning_rate: a number, or a function of the steps taken, such as `keras.optimizers.schedules.CosineDecay`.
      steps: how many steps are taken at most.

    Raises:
      BadInput: `steps` or `learning_rate` is not positive.
    """

    learning_rate: float | Schedule = LEARNING_RATES["gd"]
    steps: int = STEPS["gd"]
    slots: ClassVar[int] = 0  # tensors like the codes that the method remembers
    needs_residuals: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"steps={self.steps}", f"expected at least 1; {type(self).steps} is a good start")
        if not callable(self.learning_rate) and not 0 < self.learning_rate < float("inf"):
            raise BadInput(
                f"learning_rate={self.learning_rate}",
                f"expected a positive number, such as {LEARNING_RATES['adam']} for adam",
            )

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        return tuple(tf.zeros_like(codes) for _ in range(self.slots))

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(codes)
            value = objective.values(codes)
            # The sum, not the mean: a row's path must not depend on how many neighbours it has.
            total = tf.reduce_sum(value)
        gradient = tf.convert_to_tensor(tape.gradient(total, codes, unconnected_gradients="zero"))
        gradient = tf.ensure_shape(gradient, codes.shape)  # what comes back through an imported graph has lost it
        rate = self.learning_rate(turn.count) if callable(self.learning_rate) else self.learning_rate
        rate = tf.cast(rate, codes.dtype)
        move, scale, memory = self._move(gradient, memory, tf.cast(turn.since + 1, codes.dtype))
        after = codes - rate * move
        if objective.sparsity:
            after = _towards_zero(after, rate * scale * objective.sparsity)
        value = objective.charged(value, codes)
        return Step(after, memory, value, rows.flat_ends(gradient), tf.fill(tf.shape(value), 2))

    def _move(
        self, gradient: tf.Tensor, memory: Memory, time: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | float, Memory]:
        """The direction to subtract, what each entry's slope is multiplied by in it, and the new memory.

        `time` is 1 at the first step.
        """
        return gradient, 1.0, memory


def _towards_zero(codes: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
    """Each entry nearer to zero by its distance, and zero where it would pass it: the proximal step of an L1 term.

    With the distances of an adaptive method, entry by entry, as in Yun, Lozano & Yang ("Adaptive Proximal Gradient
    Methods for Structured Neural Networks", 2021), so that it ends where the L1 term's own optimum is.
    """
    return tf.sign(codes) * tf.maximum(tf.abs(codes) - distance, 0)


@dataclasses.dataclass(frozen=True)
class Adam(GradientDescent):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, algorithm 1, with epsilon where Keras puts it)."""

    learning_rate: float | Schedule = LEARNING_RATES["adam"]
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    slots: ClassVar[int] = 2

    def _move(self, gradient: tf.Tensor, memory: Memory, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Memory]:
        mean = memory[0] + (gradient - memory[0]) * (1 - self.beta_1)
        square = memory[1] + (tf.square(gradient) - memory[1]) * (1 - self.beta_2)
        correction = tf.sqrt(1 - self.beta_2**time) / (1 - self.beta_1**time)
        return correction * mean / (tf.sqrt(square) + self.epsilon), self._scale(square, time), (mean, square)

    def _scale(self, square: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        # What a slope that stays the same moves by: the mean's own start from zero is corrected for.
        return tf.sqrt(1 - self.beta_2**time) / (tf.sqrt(square) + self.epsilon)


@dataclasses.dataclass(frozen=True)
class RMSprop(GradientDescent):
    """RMSprop without momentum, as `keras.optimizers.RMSprop` computes it."""

    learning_rate: float | Schedule = LEARNING_RATES["rmsprop"]
    rho: float = 0.9
    epsilon: float = 1e-7
    slots: ClassVar[int] = 1

    def _move(self, gradient: tf.Tensor, memory: Memory, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Memory]:
        square = self.rho * memory[0] + (1 - self.rho) * tf.square(gradient)
        scale = tf.math.rsqrt(square + self.epsilon)
        return gradient / tf.sqrt(square + self.epsilon), scale, (square,)
