"""What becomes of entries of a code that stray from the prior's centre: clipped, or drawn anew.

Thresholds are on |z - centre| in the code's own units. With the standard normal prior that is the |z| of
Egan, Zhang & Shen ("Generalized Latent Variable Recovery for Generative Adversarial Networks").
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


@dataclasses.dataclass(frozen=True)
class Constraint:
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
class Unconstrained(Constraint):
    """Codes go where they will, beyond a uniform prior's support too."""

    random: ClassVar[bool] = False

    def apply(self, codes: tf.Tensor, centre: Any, draw: Draw, steps: int) -> tf.Tensor:
        return codes

    def __str__(self) -> str:
        return "unconstrained()"


@dataclasses.dataclass(frozen=True)
class Clip(Constraint):
    """Entries beyond centre +- bound are set to the bound."""

    random: ClassVar[bool] = False
    bound: float

    def apply(self, codes: tf.Tensor, centre: Any, draw: Draw, steps: int) -> tf.Tensor:
        clipped = tf.clip_by_value(codes, centre - self.bound, centre + self.bound)
        return tf.where(tf.math.is_finite(codes), clipped, codes)

    def __str__(self) -> str:
        return f"clip({self.bound})"


@dataclasses.dataclass(frozen=True)
class StochasticClip(Constraint):
    """Entries beyond centre +- bound are drawn anew from the prior, each on its own.

    Lipton & Tripathi, "Precise Recovery of Latent Vectors from Generative Adversarial Networks": an entry that is
    set to its bound gets stuck there.
    """

    bound: float

    def probability(self, distance: tf.Tensor, steps: int) -> tf.Tensor:
        return tf.cast(distance > self.bound, distance.dtype)

    def __str__(self) -> str:
        return f"stochastic_clip({self.bound})"


@dataclasses.dataclass(frozen=True)
class Criterion:
    """How likely it should be, over a whole run, that an entry is drawn anew: P(|z|)."""

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        """log(1 - P) at this |z - centre|."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Resample(Constraint):
    """In each step an entry is drawn anew from the prior with probability 1 - (1 - P)^(1/E), E steps in all.

    Held where it is, an entry is thus drawn anew at least once in a run with probability P (Egan, Zhang & Shen,
    section 3.2 and Algorithm 1).
    """

    criterion: Criterion

    def probability(self, distance: tf.Tensor, steps: int) -> tf.Tensor:
        # From log(1 - P): in float32 a P near 1 rounds to 1, where the root of 1 - P is still far from 0.
        return -tf.math.expm1(self.criterion.log_keep(distance) / steps)

    def __str__(self) -> str:
        return f"resample({self.criterion})"


@dataclasses.dataclass(frozen=True)
class Hard(Criterion):
    """P = 1 where |z| > c, else 0: an entry beyond c is drawn anew in every step.

    Section 3.2.1 prints |z| < c, against its own text.
    """

    c: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        return tf.where(distance > self.c, tf.constant(-math.inf, distance.dtype), tf.zeros_like(distance))

    def __str__(self) -> str:
        return f"hard({self.c})"


@dataclasses.dataclass(frozen=True)
class Logistic(Criterion):
    """P = 1 / (1 + exp(-a (|z| - b))): steepness a, and P = 1/2 at b (section 3.2.2)."""

    a: float
    b: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        return -tf.math.softplus(self.a * (distance - self.b))

    def __str__(self) -> str:
        return f"logistic({self.a}, {self.b})"


@dataclasses.dataclass(frozen=True)
class TruncatedNormal(Criterion):
    """P = N(a) / N(z) = exp((z^2 - a^2) / 2) where |z| <= a, else 1; N is the standard normal (section 3.2.3).

    The paper's trunc_norm; the 3.5 in the list of its experiments is 3.75 in its table.
    """

    a: float

    def log_keep(self, distance: tf.Tensor) -> tf.Tensor:
        log_p = tf.minimum((distance - self.a) * (distance + self.a) / 2, 0.0)
        # log(1 - P) keeps its digits only in one of its two forms on either side of P = 1/2.
        near, far = tf.math.log(-tf.math.expm1(log_p)), tf.math.log1p(-tf.exp(log_p))
        return tf.where(log_p > -math.log(2), near, far)

    def __str__(self) -> str:
        return f"truncated_normal({self.a})"


def unconstrained() -> Unconstrained:
    """Codes go where they will; without any constraint a uniform prior would clip them to its support."""
    return Unconstrained()


def clip(b: float) -> Clip:
    """Entries beyond centre +- b are set to the bound.

    Raises:
      BadInput: `b` is not positive, as for all functions here.
    """
    return Clip(_positive("clip", b=b))


def stochastic_clip(b: float) -> StochasticClip:
    """Entries beyond centre +- b are drawn anew from the prior, see `StochasticClip`."""
    return StochasticClip(_positive("stochastic_clip", b=b))


def resample(criterion: Criterion) -> Resample:
    """Entries are drawn anew from the prior with a probability that grows with |z|, see `Resample`.

    Raises:
      BadInput: `criterion` is none.
    """
    if not isinstance(criterion, Criterion):
        raise BadInput(f"resample({criterion})", "give hard(2.5), logistic(2, 2) or truncated_normal(2.5)")
    return Resample(criterion)


def hard(c: float) -> Hard:
    """A criterion for `resample`: always beyond c, see `Hard`."""
    return Hard(_positive("hard", c=c))


def logistic(a: float, b: float) -> Logistic:
    """A criterion for `resample`: ever likelier about b, more steeply for larger a, see `Logistic`."""
    return Logistic(_positive("logistic", a=a), _positive("logistic", b=b))


def truncated_normal(a: float) -> TruncatedNormal:
    """A criterion for `resample`: as the normal density falls, certain from a on, see `TruncatedNormal`."""
    return TruncatedNormal(_positive("truncated_normal", a=a))


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (unconstrained, clip, stochastic_clip, resample, hard, logistic, truncated_normal)
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


def _positive(owner: str, **named: float) -> float:
    ((name, number),) = named.items()
    if not (isinstance(number, numbers.Real) and 0 < number < math.inf):
        raise BadInput(f"{owner} with {name}={number}", "give a positive number")
    return float(number)
