"""Terms of pixels and of codes. A term is bound to its targets once, and then gives one value per image.

Images reach a term on the [0, 1] scale, whatever the generator's value range, so that a weight means the same
for every generator. They are [B, H, W, C], or series [B, L, C].
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import Any, Protocol

import keras
import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import PIXEL_LOSSES


class Prior(Protocol):
    """What the prior term asks of a space of codes."""

    @property
    def entries(self) -> int: ...
    @property
    def centre(self) -> Any: ...
    @property
    def stddev(self) -> float | None: ...
    def log_prob(self, codes: tf.Tensor) -> tf.Tensor: ...


class Term:
    """One term of a loss. Terms add with `+` and are weighted with `*`."""

    def prepare(self, targets: tf.Tensor) -> Any:
        """What is expensive to compute of targets [B, H, W, C] in [0, 1]: a nest of tensors with B rows each."""
        return ()

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        """The term for these targets [B, H, W, C] in [0, 1]: an objective of (codes [B, *shape], images in [0, 1]).

        Args:
          targets: in [0, 1].
          prior: of the codes.
          prepared: what `prepare` gave for them; None to have it computed here.
        """
        raise NotImplementedError(f"the loss {type(self).__name__} has no bind: see docs/extend.md")

    def of_images(self) -> Term | None:
        """The loss without its terms of the code alone, such as `LogPrior`; None where nothing is left."""
        return self

    def __add__(self, other: Term) -> Term:
        return Sum((self, other))

    def __mul__(self, weight: float) -> Term:
        return Weighted(float(weight), self)

    __rmul__ = __mul__


class _OfCodes(Term):
    """A term that sees no image."""

    def of_images(self) -> Term | None:
        return None


@dataclasses.dataclass(frozen=True)
class Pixel(Term):
    """A pixel loss, averaged over the H*W*C values of an image, or the L*C of a series.

    Generators with a linear output may leave [0, 1]. Where the target is black or white, being further out is no
    error: a picture shows no more. In series [B, L, C] it is one.

    Args:
      distance: "mse", "l1", "huber" or "bce" (binary cross-entropy), or a function with the signature of Keras's
        losses, (targets [B, M], images [B, M]) -> [B].
      delta: where "huber" turns from square to straight, on the [0, 1] scale.

    Raises:
      BadInput: `distance` is another string.

    >>> float(Pixel("l1").bind(tf.zeros([1, 2, 2, 1]), None)(None, tf.fill([1, 2, 2, 1], 0.5))[0])
    0.5
    """

    distance: str | Callable = "mse"
    delta: float = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.distance, str) and self.distance not in PIXEL_LOSSES:
            raise BadInput(f"loss {self.distance!r}", f"expected one of {', '.join(PIXEL_LOSSES)}")

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        named = {
            "mse": keras.losses.mean_squared_error,
            "l1": keras.losses.mean_absolute_error,
            "huber": functools.partial(keras.losses.huber, delta=self.delta),
            "bce": keras.losses.binary_crossentropy,
        }
        distance = named[self.distance] if isinstance(self.distance, str) else _one_for_each(self.distance)
        wanted = flat(targets)
        values = lambda codes, images: distance(wanted, flat(metrics.shown(images, targets)))
        if self.distance != "mse":
            return Objective(values)
        scale = tf.math.rsqrt(tf.cast(tf.shape(wanted)[1], wanted.dtype))
        return Objective(values, lambda codes, images: scale * (flat(metrics.shown(images, targets)) - wanted))


@dataclasses.dataclass(frozen=True)
class LogPrior(_OfCodes):
    """(log P(centre) - log P(z)) / d: how much less likely a code is than the likeliest, averaged over its entries.

    Weighted by beta it is the regulariser -beta * log P(z) of Creswell & Bharath ("Inverting the Generator of a
    GAN", section II-B) without its constant, which moves no code and would hide when a loss is near zero: for the
    standard normal it is mean(z^2) / 2, for a uniform prior 0 inside and infinite outside. Their code and that of
    Pividori et al. average over the entries, and so does this: multiply the weight by d for the sum. Their weight
    (0.01) stands beside an error on [-1, 1], which is four times the one on [0, 1].
    """

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        def values(codes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
            likeliest = prior.log_prob(tf.zeros_like(codes) + prior.centre)
            return (likeliest - prior.log_prob(codes)) / prior.entries

        if prior.stddev is None:
            return Objective(values)
        scale = (2 * prior.entries) ** -0.5 / prior.stddev
        return Objective(values, lambda codes, images: scale * flat(codes - prior.centre))


@dataclasses.dataclass(frozen=True)
class Ridge(_OfCodes):
    """mean((z - centre)^2) over the entries of a code, a sum of squares for every prior.

    For a normal prior it is `LogPrior` times twice the variance of an entry.
    """

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        residuals = lambda codes, images: flat(codes - prior.centre) / prior.entries**0.5
        return Objective(lambda codes, images: tf.reduce_sum(tf.square(residuals(codes, images)), axis=1), residuals)


@dataclasses.dataclass(frozen=True)
class Sparsity(_OfCodes):
    """mean(|z|) over the entries of a code: weighted enough, most entries become exactly zero.

    For the second step of Pividori et al., where the code is the distance from what a code of the whole generator gives
    ("Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images", section 3).
    """

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        nothing = lambda codes, images: tf.zeros_like(flat(codes)[:, 0])
        return Objective(nothing, sparsity=1 / prior.entries)


@dataclasses.dataclass(frozen=True)
class Sum(Term):
    """The sum of several terms."""

    terms: tuple[Term, ...]

    def of_images(self) -> Term | None:
        left = [term for each in self.terms if (term := each.of_images()) is not None]
        return Sum(tuple(left)) if left else None

    def prepare(self, targets: tf.Tensor) -> Any:
        return tuple(term.prepare(targets) for term in self.terms)

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        each = [None] * len(self.terms) if prepared is None else prepared
        bound = [term.bind(targets, prior, own) for term, own in zip(self.terms, each, strict=True)]
        return functools.reduce(operator.add, bound)


@dataclasses.dataclass(frozen=True)
class Weighted(Term):
    """A term times a number."""

    weight: float
    term: Term

    def of_images(self) -> Term | None:
        inner = self.term.of_images()
        return None if inner is None else Weighted(self.weight, inner)

    def prepare(self, targets: tf.Tensor) -> Any:
        return self.term.prepare(targets)

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        return self.weight * self.term.bind(targets, prior, prepared)


def _one_for_each(distance: Callable) -> Callable:
    """The user's distance; a mean over all images, which would tie their paths together, is refused."""

    def checked(wanted: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        values = tf.convert_to_tensor(distance(wanted, images))
        if values.shape.rank not in (None, 1):
            raise BadInput(
                f"a pixel loss that gives {values.shape.as_list()} for images {wanted.shape.as_list()}",
                "expected one value for each image: average over the last axis only",
            )
        return values

    return checked


def flat(rows: tf.Tensor) -> tf.Tensor:
    """Rows [B, ...] as [B, M], M being known to the graph where it can be."""
    rows = tf.convert_to_tensor(rows)
    return tf.reshape(rows, [tf.shape(rows)[0], rows.shape[1:].num_elements() or -1])
