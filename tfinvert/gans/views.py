"""What the discriminator sees of images in place of them: real and made ones alike, so that a game stays the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput

# Images [B, H, W, C], the number of the step, the run's stream of seeds, and which draw of that step -> images.
View = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, int], tf.Tensor]

_SHIFT = 8  # a translation moves by at most one of so many parts of the image
_HOLE = 2  # a cutout takes one of so many parts of height and of width


@dataclasses.dataclass(frozen=True)
class Noisy:
    """Noise on all that the discriminator sees, less and less of it.

    Arjovsky & Bottou 2017, "Towards Principled Methods for Training Generative Adversarial Networks"
    (arXiv:1701.04862), section 3: with it the two distributions overlap, and the discriminator has slopes everywhere.

    Args:
      stddev: of the first step, in units of the images' values.
      steps: after which there is none.
    """

    stddev: float = 0.3
    steps: int = 5_000

    def __post_init__(self) -> None:
        if self.stddev < 0 or self.steps < 1:
            raise BadInput(f"stddev={self.stddev}, steps={self.steps}", "expected at least 0, and at least 1")

    def __call__(self, images: tf.Tensor, step: tf.Tensor, stream: tf.Tensor, number: int) -> tf.Tensor:
        """Images [B, H, W, C] as the discriminator sees them at this step, by another draw for every `number`."""
        left = tf.maximum(1 - tf.cast(step, images.dtype) / self.steps, 0)
        seed = seeds.fold_in(stream[None], number)[0]
        return images + self.stddev * left * tf.random.stateless_normal(tf.shape(images), seed, dtype=images.dtype)


@dataclasses.dataclass(frozen=True)
class Augmented:
    """Random changes of all that the discriminator sees, through which the generator's gradient goes.

    Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv:2006.10738), section 3.2: a
    discriminator that sees the same few pictures over and over learns them by heart; of changed ones it sees more. As
    made images are changed alike, the generator does not learn the changes.

    Args:
      changes: some of "colour" (brightness by up to 0.5, saturation by 0 to 2 times, contrast by 0.5 to 1.5 times),
        "translation" (by up to an eighth of the image, zeros beside it) and "cutout" (a rectangle of half the height
        and width becomes 0), made in this order. For values in [-1, 1].
    """

    changes: Sequence[str] = ("colour", "translation", "cutout")

    def __post_init__(self) -> None:
        wrong = [change for change in self.changes if change not in CHANGES]
        if wrong:
            raise BadInput(f"augmentation {', '.join(wrong)}", f"expected some of {', '.join(CHANGES)}")

    def __call__(self, images: tf.Tensor, step: tf.Tensor, stream: tf.Tensor, number: int) -> tf.Tensor:
        """Images [B, H, W, C] as the discriminator sees them, by another draw for every `number`."""
        seed = seeds.fold_in(stream[None], number)
        for place, (name, change) in enumerate(CHANGES.items(), 1):
            if name in self.changes:
                count = tf.shape(images)[0]
                shares = tf.random.stateless_uniform([count, 3], seeds.fold_in(seed, place)[0], dtype=images.dtype)
                images = change(images, shares[:, :, None, None, None])
        return images


def _coloured(images: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    images += shares[:, 0] - 0.5
    grey = tf.reduce_mean(images, axis=3, keepdims=True)
    images = grey + 2 * shares[:, 1] * (images - grey)
    mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
    return mean + (0.5 + shares[:, 2]) * (images - mean)


def _translated(images: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """By whole pixels, so that nothing is blurred."""
    size = tf.shape(images)[1:3]
    most = tf.cast(size // _SHIFT, images.dtype)
    down, right = (tf.round((2 * shares[:, place, 0, 0, 0] - 1) * most[place]) for place in range(2))
    one, none = tf.ones_like(down), tf.zeros_like(down)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.cast(tf.stack([one, none, -right, none, one, -down, none, none], axis=1), tf.float32),
        output_shape=size,
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )


def _cut_out(images: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """The rectangle's middle is anywhere in the image, so that part of it may lie outside."""
    inside = []
    for place in range(2):
        length = tf.shape(images)[1 + place]
        middle = tf.floor(shares[:, place, 0, 0] * tf.cast(length, images.dtype))
        far = tf.abs(tf.range(length, dtype=images.dtype)[None, :] + 0.5 - middle)
        inside.append(far < tf.cast(length // (2 * _HOLE), images.dtype))
    hole = inside[0][:, :, None, None] & inside[1][:, None, :, None]
    return tf.where(hole, tf.zeros_like(images), images)


CHANGES = {"colour": _coloured, "translation": _translated, "cutout": _cut_out}
