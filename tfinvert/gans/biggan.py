"""BigGAN's generator, at the sizes of its paper or small, of Keras's own layers.

Brock, Donahue & Simonyan 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
(arXiv:1809.11096), appendix B, table 4 and figure 15. Layers are named after the operations of DeepMind's modules on
TF-Hub, so that their weights have a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

_EPSILON = 1e-4  # of batch normalisation


def biggan_generator(
    widths: Sequence[int] = (1536, 1536, 768, 384, 192, 96),
    chunk: int = 20,
    embedding: int = 128,
    classes: int | None = 1000,
    channels: int = 3,
    attention: int = 64,
    start: int = 4,
    calm: bool = False,
) -> keras.Model:
    """A generator {"z": [B, d], "y": one-hot [B, classes]} -> images [B, H, H, channels] with values in [-1, 1].

    Without classes it takes codes [B, d] alone.

    The default is BigGAN-128, with 70.4 million parameters. Each block doubles the size. The code is cut into chunks
    of `chunk` entries: the first goes through the dense layer, each of the others, with the class's embedding behind
    it, drives the conditional batch normalisations of a block. So d = chunk * len(widths). The scale that attention
    learns is a part of its output convolution here.

    Args:
      widths: channels of the map that the dense layer makes, then of each block's output.
      chunk: entries of a code for the dense layer and for each block.
      embedding: entries of a class's embedding.
      classes: how many there are; None for a generator that takes none.
      channels: 1 for grey, 3 for colour.
      attention: the size of the map that attends to itself; one that no block makes for none.
      start: height and width of the map that the dense layer makes.
      calm: for training without BigGAN's spectral normalisation, where queries and keys grow until each place looks at
        a single other one: both are batch normalised, and their products divided by the root of their length (Vaswani
        et al. 2017, section 3.2.1). Attention adds nothing at first, as by SAGAN's scale of zero.
    """
    code = keras.Input((chunk * len(widths),), name="z")
    inputs, embedded = code, None
    if classes is not None:
        label = keras.Input((classes,), name="y")
        inputs = {"z": code, "y": label}
        embedded = layers.Dense(embedding, use_bias=False, name="linear")(label)
    x = layers.Dense(start * start * widths[0], name="G_linear")(code[:, :chunk])
    x = layers.Reshape((start, start, widths[0]), name="G_Z")(x)
    for number, width in enumerate(widths[1:], start=1):
        own = code[:, number * chunk : (number + 1) * chunk]
        condition = own if embedded is None else layers.Concatenate()([own, embedded])
        x = _block(x, condition, width, f"GBlock_{number - 1}")
        if x.shape[1] == attention:
            x = _attention(x, calm)
    x = layers.BatchNormalization(epsilon=_EPSILON, name="ScaledCrossReplicaBN")(x)
    image = layers.Conv2D(channels, 3, padding="same", activation="tanh", dtype="float32", name="conv_2d")(
        layers.ReLU()(x)
    )
    return keras.Model(inputs, image, name="biggan_generator")


def _block(x: Any, condition: Any, width: int, name: str) -> Any:
    """Two convolutions at twice the size, and a way round them."""
    way = layers.UpSampling2D(name=f"{name}_up_sc")(x)
    way = layers.Conv2D(width, 1, name=f"{name}_conv_sc")(way)
    x = layers.ReLU()(_normalised(x, condition, f"{name}_HyperBN"))
    x = layers.Conv2D(width, 3, padding="same", name=f"{name}_conv0")(layers.UpSampling2D(name=f"{name}_up")(x))
    x = layers.ReLU()(_normalised(x, condition, f"{name}_HyperBN_1"))
    return layers.Add(name=name)([layers.Conv2D(width, 3, padding="same", name=f"{name}_conv1")(x), way])


def _normalised(x: Any, condition: Any, name: str) -> Any:
    """Batch normalisation whose gain is 1 + gamma, gamma and beta being linear in the condition [B, n]."""
    width = x.shape[-1]
    gamma, beta = (
        layers.Reshape((1, 1, width))(layers.Dense(width, use_bias=False, name=f"{name}_{part}")(condition))
        for part in ("gamma", "beta")
    )
    x = layers.BatchNormalization(center=False, scale=False, epsilon=_EPSILON, name=name)(x)
    return x * (1 + gamma) + beta


def _attention(x: Any, calm: bool) -> Any:
    """Each place [H, W] looks at all places of the map at half its size (Zhang et al. 2019, arXiv:1805.08318)."""
    size, width = x.shape[1], x.shape[-1]

    def rows(name: str, entries: int, pooled: bool, normal: bool = False) -> Any:
        y = layers.Conv2D(entries, 1, use_bias=False, name=f"attention_{name}")(x)
        if normal:
            y = layers.BatchNormalization(scale=False, epsilon=_EPSILON, name=f"attention_{name}_norm")(y)
        return layers.Reshape((-1, entries))(layers.MaxPooling2D()(y) if pooled else y)

    few, half = max(1, width // 8), max(1, width // 2)
    theta, phi, g = rows("theta", few, False, calm), rows("phi", few, True, calm), rows("g", half, True)
    if calm:
        theta = theta * few**-0.5
    weights = layers.Softmax(name="attention")(layers.Dot(axes=2)([theta, phi]))
    seen = layers.Reshape((size, size, half))(layers.Dot(axes=(2, 1))([weights, g]))
    first = "zeros" if calm else "glorot_uniform"
    out = layers.Conv2D(width, 1, use_bias=False, kernel_initializer=first, name="attention_o_conv")
    return layers.Add()([x, out(seen)])
