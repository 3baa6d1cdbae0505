"""What is minimised: one value for each row, and what else is known of it. Losses make it, solvers go down it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

Function = Callable[..., tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Objective:
    """`objective(codes [N, *shape], ...) -> values [N]`; rows are independent.

    A loss that knows its targets is one of (codes, images). `through` a generator it becomes one of codes alone, which
    is what solvers see. Objectives add with `+` and are weighted with `*`.

    Args:
      values: (codes, ...) -> [N], without the part that `sparsity` says.
      residuals: the same -> [N, M], whose squares add up to the values; None where it is no sum of squares.
      sparsity: c of a part c * sum(|codes|) of each row's value. It has a kink at zero, which gradients do not see:
        gradient methods take proximal steps for it, and `LBFGS` stays in an orthant, so that entries end at zero
        exactly. Others see it as part of the value.
      part: indices [n] of rows -> the objective of those rows alone; None where all rows have the same one.
      rough: the residuals once more, of float32 codes and only roughly, for derivatives that are cheaper than those of
        `residuals`; None where there is no cheaper way.

    >>> near, small = Objective(lambda codes: tf.reduce_sum((codes - 3) ** 2, 1)), Objective(lambda codes: codes[:, 0])
    >>> float((near + 0.5 * small)(tf.constant([[1.0]]))[0])
    4.5
    """

    values: Function
    residuals: Function | None = None
    sparsity: float = 0.0
    part: Callable[[tf.Tensor], Objective] | None = None
    rough: Function | None = None

    def __call__(self, codes: tf.Tensor, *more: Any) -> tf.Tensor:
        return self.charged(self.values(codes, *more), codes)

    def charged(self, values: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """Values [N] of these codes with the part that `sparsity` says."""
        if not self.sparsity:
            return values
        flat = tf.reshape(codes, [-1, math.prod(codes.shape[1:])])
        return values + self.sparsity * tf.reduce_sum(tf.abs(flat), axis=1)

    def rounded(self, width: tf.Tensor) -> Objective:
        """The same without the kink that `sparsity` has at zero: sqrt(x^2 + width^2) - width for |x|.

        `part` is left out, and `width` is [N], above 0.
        """
        if not self.sparsity:
            return self

        def values(codes: tf.Tensor, *more: Any) -> tf.Tensor:
            flat = tf.reshape(codes, [-1, math.prod(codes.shape[1:])])
            least = tf.cast(width, flat.dtype)[:, None]
            beyond = tf.sqrt(tf.square(flat) + tf.square(least)) - least
            return self.values(codes, *more) + self.sparsity * tf.reduce_sum(beyond, axis=1)

        return Objective(values)

    def __add__(self, other: Objective) -> Objective:
        values = lambda *given: self.values(*given) + other.values(*given)
        left, right = self.residuals, other.residuals
        residuals = None
        if left is not None and right is not None:
            residuals = lambda *given: tf.concat([left(*given), right(*given)], axis=1)
        part = None if self.part is None and other.part is None else lambda rows: self.of(rows) + other.of(rows)
        return Objective(values, residuals, self.sparsity + other.sparsity, part)

    def __mul__(self, weight: float) -> Objective:
        part = None if self.part is None else lambda rows: weight * self.of(rows)
        if weight < 0:  # no sum of squares any more, and no kink that pulls to zero
            return Objective(lambda *given: weight * self(*given), part=part)
        own, root = self.residuals, weight**0.5
        residuals = None if own is None else lambda *given: root * own(*given)
        return Objective(lambda *given: weight * self.values(*given), residuals, weight * self.sparsity, part)

    __rmul__ = __mul__

    def through(self, function: Callable[..., tuple]) -> Objective:
        """The objective of what goes into `function`, whose results go into this one.

        Args:
          function: codes -> (codes, ...): the codes themselves come first, for `sparsity` is theirs. The same for all
            rows.
        """
        chained = lambda inner: None if inner is None else lambda *given: inner(*function(*given))
        part = None if self.part is None else lambda rows: self.of(rows).through(function)
        return Objective(lambda *given: self.values(*function(*given)), chained(self.residuals), self.sparsity, part)

    def of(self, rows: tf.Tensor) -> Objective:
        """The objective of these rows [n] alone."""
        return self if self.part is None else self.part(rows)
