"""What generator and discriminator play for: losses, penalties, and what else is done to a discriminator.

An objective sees logits [B, 1] of real and of made images, not the networks, but for penalties and clipping.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import keras
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput

Judge = Callable[[tf.Tensor], tf.Tensor]  # images [B, H, W, C] -> logits [B, 1]


class Objective:
    """The game of one GAN. `every` is how many steps the discriminator takes for one of the generator."""

    every: int = 1

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        """The discriminator's loss of logits [B, 1]; `stream` int64 [2] seeds what is drawn."""
        raise NotImplementedError

    def generator(self, fake: tf.Tensor) -> tf.Tensor:
        """The generator's loss of logits [B, 1] of its images."""
        return tf.reduce_mean(tf.nn.softplus(-fake))

    def penalty(self, judge: Judge, real: tf.Tensor, fake: tf.Tensor, step: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        """What is added to the discriminator's loss for its slopes."""
        return tf.constant(0.0)

    def restrain(self, discriminator: keras.Model) -> None:
        """What is done to the discriminator after its step."""


@dataclasses.dataclass(frozen=True)
class Standard(Objective):
    """The non-saturating GAN (Goodfellow et al. 2014, arXiv:1406.2661, section 3), with the R1 penalty.

    gamma / 2 * mean ||grad_x D(x)||^2 over real images (Mescheder et al. 2018, arXiv:1801.04406, eq. 9), taken every
    `lazy` steps and weighted by `lazy`, which changes its cost and not its size.

    Args:
      gamma: weight of the penalty; 0 for the game as it was first stated.
      lazy: steps between two penalties.
    """

    gamma: float = 1.0
    lazy: int = 8

    def __post_init__(self) -> None:
        if self.gamma < 0 or self.lazy < 1:
            raise BadInput(f"gamma={self.gamma}, lazy={self.lazy}", "expected at least 0, and at least 1")

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.nn.softplus(fake)) + tf.reduce_mean(tf.nn.softplus(-real))

    def penalty(self, judge: Judge, real: tf.Tensor, fake: tf.Tensor, step: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        if not self.gamma:
            return tf.constant(0.0)
        now = lambda: 0.5 * self.gamma * self.lazy * tf.reduce_mean(_squared_slopes(judge, real))
        return tf.cond(step % self.lazy == 0, now, lambda: tf.constant(0.0))


@dataclasses.dataclass(frozen=True)
class SoftLabels(Objective):
    """Cross-entropy against labels drawn for each image: fake ~ U[0, 0.3], real ~ U[0.7, 1.2].

    Egan, Zhang & Shen, section 4.1.4; only the discriminator's labels are soft.

    Args:
      fake, real: (low, high) of the labels.
    """

    fake: tuple[float, float] = (0.0, 0.3)
    real: tuple[float, float] = (0.7, 1.2)

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        def loss(logits: tf.Tensor, bounds: tuple[float, float], number: int) -> tf.Tensor:
            labels = tf.random.stateless_uniform(tf.shape(logits), seeds.fold_in(stream[None], number)[0], *bounds)
            return tf.reduce_mean(tf.nn.softplus(logits) - labels * logits)  # cross-entropy, for labels above 1 too

        return loss(real, self.real, 1) + loss(fake, self.fake, 2)


@dataclasses.dataclass(frozen=True)
class WGAN(Objective):
    """The Wasserstein distance with clipped weights (Arjovsky, Chintala & Bottou 2017, arXiv:1701.07875, algorithm 1).

    Batch normalisation undoes the size of the kernels before it, so what it multiplies with has a bound of its own;
    with that of the kernels, the generator's slopes would be lost behind each layer.

    Args:
      clip: the discriminator's kernels are kept within it.
      every: steps of the discriminator for one of the generator.
      gain: bound of its biases, and of the factors of batch normalisation.
    """

    clip: float = 0.01
    every: int = 5
    gain: float = 1.0

    def __post_init__(self) -> None:
        if not (self.clip > 0 and self.gain > 0) or self.every < 1:
            given = f"clip={self.clip}, gain={self.gain}, every={self.every}"
            raise BadInput(given, "expected above 0, above 0, and at least 1")

    def discriminator(self, real: tf.Tensor, fake: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(fake) - tf.reduce_mean(real)

    def generator(self, fake: tf.Tensor) -> tf.Tensor:
        return -tf.reduce_mean(fake)

    def restrain(self, discriminator: keras.Model) -> None:
        for weight in discriminator.trainable_variables:
            bound = self.clip if len(weight.shape) > 1 else self.gain
            weight.assign(tf.clip_by_value(weight, -bound, bound))


@dataclasses.dataclass(frozen=True)
class WGANGP(Objective):
    """The Wasserstein distance with a penalty on slopes other than 1 (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3).

    The slopes are taken half way, at random, between real and made images.

    Args:
      weight: of the penalty.
      every: steps of the discriminator for one of the generator.
    """

    weight: float = 10.0
    every: int = 5

    def __post_init__(self) -> None:
        if self.weight < 0 or self.every < 1:
            raise BadInput(f"weight={self.weight}, every={self.every}", "expected at least 0, and at least 1")

    discriminator = WGAN.discriminator
    generator = WGAN.generator

    def penalty(self, judge: Judge, real: tf.Tensor, fake: tf.Tensor, step: tf.Tensor, stream: tf.Tensor) -> tf.Tensor:
        share = tf.random.stateless_uniform([tf.shape(real)[0], 1, 1, 1], seeds.fold_in(stream[None], 3)[0])
        slopes = tf.sqrt(_squared_slopes(judge, real + share * (fake - real)) + 1e-12)
        return self.weight * tf.reduce_mean(tf.square(slopes - 1))


def _squared_slopes(judge: Judge, images: tf.Tensor) -> tf.Tensor:
    """||grad_x D(x)||^2 [B] at images [B, H, W, C]."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = judge(images)
    return tf.reduce_sum(tf.square(tape.gradient(logits, images)), axis=[1, 2, 3])
