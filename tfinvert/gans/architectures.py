"""Small convolutional generators and discriminators (DCGAN, Radford et al. 2016, arXiv:1511.06434)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from tfinvert.errors import BadInput

_WIDEST, _NARROWEST = 128, 16


def dcgan_generator(
    latent: int,
    size: int = 32,
    channels: int = 1,
    widths: Sequence[int] | None = None,
    *,
    shuffle: bool = False,
    classes: int | None = None,
    leak: float = 0.0,
) -> keras.Model:
    """A generator [B, latent] -> [B, size, size, channels] with values in [-1, 1].

    Args:
      latent: entries of a code.
      size: height and width.
      channels: 1 for grey, 3 for colour.
      widths: channels of the map that the dense layer makes, then of each doubled map, so their number says how
        small the first one is; default: halved from 128 to 16, from a map of 4x4 or 7x7.
      shuffle: the last doubling is a convolution whose channels become pixels, instead of a transposed one (Shi et al.
        2016, arXiv:1609.05158, section 2.2), as in Egan, Zhang & Shen, section 4.1.3.
      classes: how many; the generator then takes ([B, latent], labels int [B, 1]), whose embedding is put behind the
        code.
      leak: slope of the ReLUs below zero, 0 to 1; above 0 no unit is dead (Maas, Hannun & Ng 2013).

    Raises:
      BadInput: the size cannot be halved so often as there are widths.
    """
    widths = generator_widths(size) if widths is None else widths
    start = first_size(size, widths)
    code = keras.Input((latent,), name="code")
    inputs, x = code, code
    if classes is not None:
        label = keras.Input((1,), dtype="int32", name="label")
        embedded = layers.Flatten()(layers.Embedding(classes, latent)(label))
        inputs, x = [code, label], layers.Concatenate()([code, embedded])
    x = layers.Dense(start * start * widths[0], use_bias=False)(x)
    x = layers.Reshape((start, start, widths[0]))(x)
    x = layers.ReLU(negative_slope=leak)(layers.BatchNormalization(momentum=0.98)(x))
    for number, width in enumerate(widths[1:], start=2):
        if shuffle and number == len(widths):
            x = _shuffled(layers.Conv2D(4 * width, 3, padding="same", use_bias=False)(x))
        else:
            x = layers.Conv2DTranspose(width, 4, strides=2, padding="same", use_bias=False)(x)
        x = layers.ReLU(negative_slope=leak)(layers.BatchNormalization(momentum=0.98)(x))
    image = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32", name="image")(x)
    return keras.Model(inputs, image, name="dcgan_generator")


def dcgan_discriminator(
    size: int = 32,
    channels: int = 1,
    widths: Sequence[int] | None = None,
    *,
    normalised: bool = False,
    classes: int | None = None,
) -> keras.Model:
    """A discriminator [B, size, size, channels] -> logits [B, 1].

    Args:
      size: height and width.
      channels: 1 for grey, 3 for colour.
      widths: channels after each halving; default: doubled from 32.
      normalised: batch normalisation after all but the first convolution, as in Egan, Zhang & Shen, section 4.1.2. Not
        with penalties on slopes, which are each image's own.
      classes: how many; the discriminator then takes (images, labels int [B, 1]), and the label's embedding times the
        features is added to the logit (Miyato & Koyama 2018, arXiv:1802.05637, eq. 5).
    """
    image = keras.Input((size, size, channels), name="image")
    x: Any = image
    for number, width in enumerate(_doubled(size) if widths is None else widths):
        x = layers.Conv2D(width, 4, strides=2, padding="same")(x)
        x = layers.BatchNormalization(momentum=0.9)(x) if normalised and number else x
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    if classes is None:
        return keras.Model(image, logit, name="dcgan_discriminator")
    label = keras.Input((1,), dtype="int32", name="label")
    embedded = layers.Flatten()(layers.Embedding(classes, x.shape[-1], embeddings_initializer="zeros")(label))
    logit = layers.Add()([logit, layers.Dot(axes=1, dtype="float32")([embedded, x])])
    return keras.Model([image, label], logit, name="dcgan_discriminator")


def _shuffled(x: Any) -> Any:
    """Maps [B, H, W, 4 C] as [B, 2 H, 2 W, C]; of Keras's own layers, so that files load anywhere."""
    _, height, width, channels = x.shape
    x = layers.Permute((1, 3, 2, 4, 5))(layers.Reshape((height, width, 2, 2, channels // 4))(x))
    return layers.Reshape((2 * height, 2 * width, channels // 4))(x)


def first_size(size: int, widths: Sequence[int]) -> int:
    """Height and width of the map that a dense layer makes, which is doubled up to `size` for each width but the first.

    Raises:
      BadInput: no such map.
    """
    most = (size & -size).bit_length()
    if not 1 <= len(widths) <= most:
        given = f"widths={','.join(map(str, widths))} for images of {size}"
        raise BadInput(given, f"expected 1 to {most}: for each but the first the size is halved")
    return size >> (len(widths) - 1)


def generator_widths(size: int) -> list[int]:
    """Channels of the map that the dense layer makes, and after each doubling, where none are stated."""
    return [max(_NARROWEST, _WIDEST >> number) for number in range(1 + _doublings(size))]


def _doubled(size: int) -> list[int]:
    return [32 << number for number in range(_doublings(size))]


def _doublings(size: int) -> int:
    """How often a map of 4x4 or 7x7 is doubled."""
    return (size // (7 if size % 7 == 0 else 4)).bit_length() - 1
