"""A small generator in StyleGAN's form, of Keras's own layers, so that its file loads anywhere.

Karras, Laine & Aila 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks"
(arXiv:1812.04948), section 2. Without noise inputs, so that an image follows from its code, and without progressive
growing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

MAPPED, STYLES = "w", "w_plus"  # layers: where a mapping ends, and where w stands once for each style
_SLOPE = 0.2  # of leaky rectifiers
_EPSILON = 1e-5


def style_generator(
    latent: int, widths: Sequence[int] = (128, 128, 64, 32, 16), channels: int = 3, start: int = 4, depth: int = 4
) -> keras.Model:
    """A generator [B, latent] -> images [B, H, H, channels] with values in [-1, 1].

    The mapping ends in the layer "w" [latent]; "w_plus" [styles, latent] repeats it for each of the styles, two for
    each map. `tfinvert.behind(generator, "w")`, or "w_plus", takes what stands there for the code.

    Args:
      latent: entries of a code, and of w.
      widths: channels of the first map, which is the same for all codes, then of each doubled one.
      channels: 1 for grey, 3 for colour.
      start: height and width of the first map.
      depth: dense layers of the mapping.
    """
    code = keras.Input((latent,), name="z")
    w: Any = layers.Rescaling(latent**0.5)(layers.UnitNormalization()(code))
    for number in range(depth):
        w = layers.Dense(latent, kernel_initializer="he_normal", name=f"mapping_{number}")(w)
        w = layers.LeakyReLU(_SLOPE, name=MAPPED if number == depth - 1 else None)(w)
    count = 2 * len(widths)
    styles = layers.RepeatVector(count, name=STYLES)(w)
    each = [layers.Flatten()(layers.Cropping1D((number, count - 1 - number))(styles)) for number in range(count)]
    x = _constant(each[0], start, widths[0])
    for number, width in enumerate(widths):
        if number:
            x = layers.UpSampling2D(interpolation="bilinear")(x)
            x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal")(x)
        x = _styled(layers.LeakyReLU(_SLOPE)(x), each[2 * number], f"style_{2 * number}")
        x = layers.Conv2D(width, 3, padding="same", kernel_initializer="he_normal")(x)
        x = _styled(layers.LeakyReLU(_SLOPE)(x), each[2 * number + 1], f"style_{2 * number + 1}")
    image = layers.Conv2D(channels, 1, activation="tanh", dtype="float32", name="image")(x)
    return keras.Model(code, image, name="style_generator")


def _constant(style: Any, size: int, width: int) -> Any:
    """The map [size, size, width] that is learnt and the same for all codes: a bias."""
    nothing = layers.Rescaling(0.0)(style)
    first = layers.Dense(size * size * width, bias_initializer="random_normal", name="constant")(nothing)
    return layers.Reshape((size, size, width))(first)


def _styled(x: Any, style: Any, name: str) -> Any:
    """Adaptive instance normalisation: each channel's mean and spread are linear in the style (eq. 1)."""
    width = x.shape[-1]
    x = layers.GroupNormalization(-1, epsilon=_EPSILON, center=False, scale=False)(x)
    scale, shift = (
        layers.Reshape((1, 1, width))(layers.Dense(width, bias_initializer=start, name=f"{name}_{part}")(style))
        for part, start in (("scale", "ones"), ("shift", "zeros"))
    )
    return layers.Add()([layers.Multiply()([x, scale]), shift])
