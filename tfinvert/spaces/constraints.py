"""What becomes of entries of a code that stray from the prior's centre: clipped, or drawn anew.

Thresholds are on |z - centre| in the code's own units. With the standard normal prior that is the |z| of
Egan, Zhang & Shen ("Generalized Latent Variable Recovery for Generative Adversarial Networks").

Constraints and criteria have the names that they have in texts: `resample(logistic(2, 2))`.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.spaces import calls

Draw = Callable[[], tuple[tf.Tensor, tf.Tensor]]  # -> numbers in [0, 1) and codes from the prior, both [B, *shape]


class _Call:
    """What is told by the call that makes it."""

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, vars(self).values()))})"


class _Positive:
    """What is made of positive numbers; others are a `BadInput`."""

    def __post_init__(self) -> None:
        for name, number in vars(self).items():
            if not (isinstance(number, numbers.Real) and 0 < float(number) < math.inf):
                raise BadInput(f"{type(self).__name__} with {name}={number}", "give a positive number")
            object.__setattr__(self, name, float(number))


@dataclasses.dataclass(frozen=True)
class Constraint(_Call):
    """Looks at codes [B, *shape] after each step, and at each of their entries on its own."""

    random: ClassVar[bool] = True

    def apply(self, codes: tf.Tensor, centre: Any, draw: Draw, steps: int) -> tf.Tensor:
        """The codes [B, *shape] after one step of `steps`; entries that are not finite stay as they are."""
        chance, fresh = draw()
        probability = self.probability(tf.abs(codes - centre), steps)
        strays = tf.math.is_finite(codes) & (chance < tf.cast(probability, chance.dtype))
        return tf.where(strays, fresh, codes)

    def probability(self, distance: tf.Tensor, steps: int) -> tf.Tensor:
        """That an entry at this |z - centre| is drawn anew in one step of `steps`."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class unconstrained(Constraint):
    """Codes go where they will; without any constraint a uniform prior would clip them to its support."""

    random: ClassVar[bool] = False

    def apply(self, codes: tf.Tensor, centre: Any, draw: Draw, steps: int) -> tf.Tensor:
        return codes


@dataclasses.dataclass(frozen=True)
class clip(_Positive, Constraint):
    """Entries beyond centre +- b are set to the bound."""

    random: ClassVar[bool] = False
    b: float

    def apply(self, codes: tf.Tensor, centre: Any, draw: Draw, steps: int) -> tf.Tensor:
        clipped = tf.clip_by_value(codes, centre - self.b, centre + self.b)
        return tf.where(tf.math.is_finite(codes), clipped, codes)


@dataclasses.dataclass(frozen=True)
class stochastic_clip(_Positive, Constraint):
    """Entries beyond centre +- b are drawn anew from the prior, each on its own.

    Lipton & Tripathi, "Precise Recovery of Latent Vectors from Generative Adversarial Networks": an entry that is
    set to its bound gets stuck there.
    """

    b: float

    def probability(self, distance: tf.Tensor, steps: int) -> tf.Tensor:
        return tf.cast(distance > self.b, distance.dtype)


@dataclasses.dataclass(frozen=True)
class Criterion(_Call):
    """How likely it should be, over a whole run, that an entry is drawn anew: P(|z|)."""

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        """log(1 - P) at this |z - centre|."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class resample(Constraint):
    """In each step an entry is drawn anew from the prior with probability 1 - (1 - P)^(1/E), E steps in all.

    Held where it is, an entry is thus drawn anew at least once in a run with probability P (Egan, Zhang & Shen,
    section 3.2 and Algorithm 1).

    Raises:
      BadInput: `criterion` is none.
    """

    criterion: Criterion

    def __post_init__(self) -> None:
        if not isinstance(self.criterion, Criterion):
            raise BadInput(str(self), "give hard(2.5), logistic(2, 2) or truncated_normal(2.5)")

    def probability(self, distance: tf.Tensor, steps: int) -> tf.Tensor:
        # From log(1 - P): in float32 a P near 1 rounds to 1, where the root of 1 - P is still far from 0.
        return -tf.math.expm1(self.criterion.log_keep(distance) / steps)


@dataclasses.dataclass(frozen=True)
class hard(_Positive, Criterion):
    """P = 1 where |z| > c, else 0: an entry beyond c is drawn anew in every step.

    Section 3.2.1 prints |z| < c, against its own text.
    """

    c: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        return tf.where(distance > self.c, tf.constant(-math.inf, distance.dtype), tf.zeros_like(distance))


@dataclasses.dataclass(frozen=True)
class logistic(_Positive, Criterion):
    """P = 1 / (1 + exp(-a (|z| - b))): steepness a, and P = 1/2 at b (section 3.2.2)."""

    a: float
    b: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        return -tf.math.softplus(self.a * (distance - self.b))


@dataclasses.dataclass(frozen=True)
class truncated_normal(_Positive, Criterion):
    """P = N(a) / N(z) = exp((z^2 - a^2) / 2) where |z| <= a, else 1; N is the standard normal (section 3.2.3).

    The paper's trunc_norm; the 3.5 in the list of its experiments is 3.75 in its table.
    """

    a: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        log_p = tf.minimum((distance - self.a) * (distance + self.a) / 2, 0.0)
        # log(1 - P) keeps its digits only in one of its two forms on either side of P = 1/2.
        near, far = tf.math.log(-tf.math.expm1(log_p)), tf.math.log1p(-tf.exp(log_p))
        return tf.where(log_p > -math.log(2), near, far)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    kind.__name__: kind for kind in (unconstrained, clip, stochastic_clip, resample, hard, logistic, truncated_normal)
}


def parse(text: str) -> Constraint:
    """A constraint from the text of its Python call.

    >>> print(parse("clip(3)"), parse("resample(logistic(2, b=2.5))"))
    clip(3.0) resample(logistic(2.0, 2.5))

    Raises:
      BadInput: the text is no such call.
    """
    wrong = BadInput(
        f"constraint {text!r}",
        "expected unconstrained, clip(3), stochastic_clip(1), resample(hard(2.5)), resample(logistic(2, 2)) or "
        "resample(truncated_normal(2.5))",
    )
    return calls.read(text, FUNCTIONS, Constraint, wrong)
