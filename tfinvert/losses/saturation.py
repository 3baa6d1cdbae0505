"""Pixel losses for generators that saturate: they compare images before the squeeze into black and white."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.losses.terms import Prior, Term, flat
from tfinvert.objective import Objective

_FAR = 1e-6  # distance from black or white below which `Rounded` sees no differences


@dataclasses.dataclass(frozen=True)
class Logit(Term):
    """Mean squared error of floor * log((x + floor) / (1 - x + floor)): a pixel loss before a saturating output.

    A generator that ends in tanh or sigmoid squeezes most of what tells codes apart into pixels near black and
    white; there this loss looks through a magnifying glass. In its eyes such a generator is far nearer to a linear
    one, and second-order solvers reach the right code from where the plain error leads them astray
    (docs/recovery.md). Far from black and white it is the smaller the smaller the floor: choose tolerances of the
    order of 1e-9 * floor^2.

    Args:
      floor: distance from black or white, on the [0, 1] scale, below which differences are not magnified further;
        not less than the images' noise or rounding.

    Raises:
      BadInput: `floor` is not positive.
    """

    floor: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 < self.floor < float("inf"):
            raise BadInput(f"floor={self.floor}", "expected a positive number, such as 1e-3")

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Images of any shape, on the [0, 1] scale, as this loss sees them; values beyond it are stretched no more."""
        floor = tf.cast(self.floor, images.dtype)
        least = -0.5 * floor
        return floor * (
            tf.math.log(tf.maximum(images, least) + floor) - tf.math.log(tf.maximum(1 - images, least) + floor)
        )

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        wanted = flat(targets)
        seen = self(wanted)
        scale = tf.math.rsqrt(tf.cast(tf.shape(wanted)[1], wanted.dtype))
        residuals = lambda codes, images: scale * (self(flat(metrics.shown(images, targets))) - seen)
        return Objective(lambda codes, images: tf.reduce_sum(tf.square(residuals(codes, images)), axis=1), residuals)


@dataclasses.dataclass(frozen=True)
class Rounded(Term):
    """How far images are from pictures that were rounded, such as 8-bit files, seen before the saturation.

    The mean over pixels of (w * (logit(x) - logit(t)))^2 for targets t. A target that is black or white stands for
    all that is rounded to it: pixels beyond the edge of its step cost nothing, others as far as they are from that
    edge. With power 1 the weights w turn differences of logits into standard deviations of the rounding, step /
    sqrt(12), so that H * W * C times the value is twice the negative log-likelihood, to first order. With power 0 all
    logits weigh the same: for a generator that is nearly linear before its last activation that is nearly linear
    regression, and leads from far away (docs/recovery.md).

    Args:
      step: between two levels, on the [0, 1] scale.
      power: of the weights, from 0 to 1.

    Raises:
      BadInput: a number is out of range.
    """

    step: float = 1 / 255
    power: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.step < 1:
            raise BadInput(f"step={self.step}", "expected a number between 0 and 1, such as 1/255")
        if not 0 <= self.power <= 1:
            raise BadInput(f"power={self.power}", "expected a number from 0 to 1")

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        wanted = flat(targets)
        pixels = tf.cast(tf.shape(wanted)[1], wanted.dtype)
        low, high = 0.5 * self.step, 1 - 0.5 * self.step
        edge = tf.clip_by_value(wanted, low, high)
        logit = lambda rows: Logit(_FAR)(rows) / _FAR
        weights = tf.math.rsqrt(pixels) * (edge * (1 - edge) * 12**0.5 / self.step) ** self.power
        seen = logit(edge)

        def residuals(codes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
            rows = flat(images)
            hidden = ((wanted <= low) & (rows < edge)) | ((wanted >= high) & (rows > edge))
            return weights * (logit(tf.where(hidden, edge, rows)) - seen)

        return Objective(lambda codes, images: tf.reduce_sum(tf.square(residuals(codes, images)), axis=1), residuals)
