"""Small convolutional generators and discriminators (DCGAN, Radford et al. 2016, arXiv:1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers


def dcgan_generator(
    latent: int, size: int = 32, channels: int = 1, widths: Sequence[int] = (128, 64, 32, 16)
) -> keras.Model:
    """A generator [B, latent] -> [B, size, size, channels] with values in [-1, 1].

    Args:
      latent: entries of a code.
      size: height and width; a power of two times 4, one doubling for each width after the first.
      channels: 1 for grey, 3 for colour.
      widths: channels of the 4x4 map that the dense layer makes, then of each doubled map.

    Raises:
      ValueError: `size` is not `4 * 2 ** (len(widths) - 1)`.
    """
    if size != 4 * 2 ** (len(widths) - 1):
        raise ValueError(f"size={size} with {len(widths)} widths: expected {4 * 2 ** (len(widths) - 1)}")
    code = keras.Input((latent,), name="code")
    x = layers.Dense(4 * 4 * widths[0], use_bias=False)(code)
    x = layers.Reshape((4, 4, widths[0]))(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    for width in widths[1:]:
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    image = layers.Conv2D(channels, 3, padding="same", activation="tanh", name="image")(x)
    return keras.Model(code, image, name="dcgan_generator")


def dcgan_discriminator(size: int = 32, channels: int = 1, widths: Sequence[int] = (32, 64, 128)) -> keras.Model:
    """A discriminator [B, size, size, channels] -> logits [B, 1], without batch norm (its penalty is per image)."""
    image = keras.Input((size, size, channels), name="image")
    x = image
    for width in widths:
        x = layers.LeakyReLU(0.2)(layers.Conv2D(width, 4, strides=2, padding="same")(x))
    logit = layers.Dense(1, name="logit")(layers.Flatten()(x))
    return keras.Model(image, logit, name="dcgan_discriminator")
