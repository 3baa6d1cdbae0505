"""Small models, and what every loaded generator is held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfinvert.generators import Generator

LATENT = 6


def randomise(model: Any, seed: int = 0) -> Any:
    """Random weights everywhere, also where they begin as 0 or 1: swapped or forgotten ones then show."""
    random = np.random.default_rng(seed)
    model.set_weights(
        [
            random.uniform(0.3, 1.5, array.shape) if "variance" in variable.name else random.normal(0, 0.5, array.shape)
            for variable, array in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    return model


def trunk(layers: Any = keras.layers) -> list[Any]:
    """Dense to [4, 4, 2] with batch norm and a transposed convolution to [8, 8, 1]; of either Keras."""
    return [
        layers.Dense(32),
        layers.BatchNormalization(),
        layers.Activation("elu"),
        layers.Reshape((4, 4, 2)),
        layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="tanh"),
    ]


def sequential() -> keras.Model:
    return randomise(keras.Sequential([keras.Input((LATENT,)), *trunk()]))


def labelled(one_hot: bool = False, code_first: bool = True, names: tuple[str, str] = ("z", "y"), classes: int = 5):
    """A class-conditional Keras 3 model: integer through an Embedding, or one-hot."""
    code = keras.Input((LATENT,), name=names[0])
    label = keras.Input((classes if one_hot else 1,), name=names[1], dtype="float32" if one_hot else "int32")
    seen = label if one_hot else keras.layers.Flatten()(keras.layers.Embedding(classes, 3)(label))
    images = keras.layers.Concatenate()([code, seen])
    for layer in trunk():
        images = layer(images)
    return randomise(keras.Model([code, label] if code_first else [label, code], images))


def codes_for(generator: Generator, count: int = 5, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.7, (count, *generator.space.shape)).astype(np.float32)


def same(generator: Generator, expected: Callable, labels: Any = None) -> tuple[np.ndarray, tuple, np.ndarray]:
    """Images equal the original's to 1e-5; for files that differ only in how they are stored.

    Args:
      generator: as loaded.
      expected: codes, and labels where there are, to images as the original model gives them.
      labels: int [5], for conditional ones.

    Returns:
      The codes, the labels in a tuple, and the images.
    """
    codes = codes_for(generator)
    others = () if labels is None else (np.asarray(labels, np.int32),)
    images = generator(codes, *others).numpy()
    assert images.shape == (5, *generator.image_shape)
    assert images.dtype == np.float32
    wanted = np.asarray(expected(codes, *others), np.float32).reshape(images.shape)
    np.testing.assert_allclose(images, wanted, atol=1e-5)
    assert np.ptp(images, axis=0).max() > 1e-3  # else equality would say nothing
    return codes, others, images


def check(generator: Generator, expected: Callable, labels: Any = None) -> None:
    """The same images; the gradient is that of finite differences; any batch size traces."""
    codes, others, images = same(generator, expected, labels)
    _check_gradient(generator, codes, others, images)
    _check_tracing(generator, codes, others, images)


def _check_gradient(generator: Generator, codes: np.ndarray, others: tuple, images: np.ndarray) -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=images.shape).astype(np.float32)
    direction = random.normal(size=codes.shape).astype(np.float32)

    def value(at: Any) -> tf.Tensor:
        images = tf.cast(generator(at, *others), tf.float64) * weights
        return tf.reduce_sum(images, axis=list(range(1, images.shape.rank)))

    variable = tf.convert_to_tensor(codes)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        total = value(variable)
    gradient = tape.gradient(total, variable).numpy()
    assert (np.abs(gradient).reshape(len(codes), -1).max(axis=1) > 1e-4).all()
    step = 2e-3
    slope = (value(codes + step * direction) - value(codes - step * direction)).numpy() / (2 * step)
    along = (gradient * direction).reshape(len(codes), -1).sum(axis=1)
    np.testing.assert_allclose(along, slope, rtol=0.02, atol=0.02)


def _check_tracing(generator: Generator, codes: np.ndarray, others: tuple, images: np.ndarray) -> None:
    signature = [tf.TensorSpec([None, *codes.shape[1:]]), *[tf.TensorSpec([None], tf.int32) for _ in others]]
    traced = tf.function(lambda *inputs: generator(*inputs), input_signature=signature)
    for first, last in ((0, 5), (1, 2), (2, 5)):
        part = traced(*[tf.convert_to_tensor(array[first:last]) for array in (codes, *others)])
        np.testing.assert_allclose(part, images[first:last], atol=1e-5)


def linear(codes):
    return tf.reshape(tf.tanh(codes @ tf.reshape(tf.range(64.0) / 32 - 1, [4, 16])), [-1, 4, 4, 1])


def of_channels(channels: int, activation: str = "elu") -> keras.Model:
    """Dense, then a transposed convolution to [8, 8, channels]."""
    layers = keras.layers
    parts = [layers.Dense(4 * 4 * 3, activation), layers.Reshape((4, 4, 3))]
    last = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation="tanh")
    return randomise(keras.Sequential([keras.Input((LATENT,)), *parts, last]))


def of_series(channels: int = 3, activation: str = "elu") -> keras.Model:
    """Dense, then a transposed convolution to [64, channels], without bounds."""
    layers = keras.layers
    parts = [layers.Dense(16 * 4, activation), layers.Reshape((16, 4))]
    last = layers.Conv1DTranspose(channels, 8, strides=4, padding="same")
    return randomise(keras.Sequential([keras.Input((LATENT,)), *parts, last]))
