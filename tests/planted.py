"""Generators whose attention stays within known regions."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
import tf_keras

CODE, GRID, WIDTH = 6, (8, 8), 4
AWAY = -1e9  # added to a logit: its weight is exactly 0


def regions(grid: Sequence[int] = GRID, block: int = 2) -> np.ndarray:
    """Labels [h, w] of four regions of whole blocks, the largest first; the second is in two pieces."""
    height, width = (side // block for side in grid)
    labels = np.zeros((height, width), int)
    labels[:, : width // 4] = 1
    labels[0, -1] = 1
    labels[height // 2 :, width // 2 :] = 2
    labels[-1, width // 4] = 3
    order = np.argsort(np.argsort(-np.bincount(labels.ravel()), kind="stable"))
    return order[labels].repeat(block, axis=0).repeat(block, axis=1)


def barred(grid: Sequence[int] = GRID, pooled: int = 1) -> np.ndarray:
    """What keeps the N places from those of other regions, [N, M] to be added to logits; keys may be pooled."""
    labels = regions(grid)
    same = labels.ravel()[:, np.newaxis] == labels[::pooled, ::pooled].ravel()
    return np.where(same, 0, AWAY).astype(np.float32)


def planted(kind: str, grid: tuple[int, int] = GRID, extra: bool = False) -> keras.Model:
    """Codes [B, 6] -> images [B, 2 h, 2 w, 3], through attention over a map [B, h, w, 4].

    With `extra`, a smaller map behind it attends to itself too.
    """
    maker = tf_keras if kind == "tf_keras" else keras
    maker.utils.set_random_seed(0)
    layers, places = maker.layers, grid[0] * grid[1]
    codes = maker.Input((CODE,))
    x = layers.Reshape((*grid, WIDTH))(layers.Dense(places * WIDTH, name="first")(codes))
    rows = layers.Reshape((places, WIDTH))(x)
    x = layers.Add()([x, layers.Reshape((*grid, WIDTH))(ATTENTION[kind](x, rows, layers))])
    if extra:
        small = layers.Reshape((-1, WIDTH))(layers.AveragePooling2D(2)(x))
        small = layers.Attention(name="small")([small, small])
        small = layers.Reshape((grid[0] // 2, grid[1] // 2, WIDTH))(small)
        x = layers.Add()([x, layers.UpSampling2D()(small)])
    x = layers.LeakyReLU(name="behind")(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh", name="last")(x)
    return maker.Model(codes, x, name="planted")


def _softmax(x, rows, layers):
    logits = layers.Dot(axes=2)([rows, rows])
    return layers.Dot(axes=(2, 1))([layers.Softmax(name="looks")(logits + barred(x.shape[1:3])), rows])


def _pooled(x, rows, layers):
    keys = layers.Reshape((-1, WIDTH))(layers.MaxPooling2D()(x))
    logits = layers.Dot(axes=2)([rows, keys]) + barred(x.shape[1:3], pooled=2)
    return layers.Dot(axes=(2, 1))([layers.Softmax(name="looks")(logits), keys])


def _attention(x, rows, layers):
    marked = layers.Concatenate()([rows, 0 * rows + 100 * np.eye(4, dtype=np.float32)[regions().ravel()]])
    return layers.Attention(name="looks")([marked, rows, marked])


def _heads(x, rows, layers):
    mask = (barred() == 0)[np.newaxis]
    return layers.MultiHeadAttention(2, 3, name="looks")(rows, rows, attention_mask=mask)


def _heads_of_maps(x, rows, layers):
    mask = (barred() == 0).reshape(1, *GRID, *GRID)
    return layers.MultiHeadAttention(2, 3, name="looks")(x, x, attention_mask=mask)


class _ByHand(keras.layers.Layer):
    """Softmax as people write it, over rows [B, N, C]."""

    def __init__(self, softmax, **more):
        super().__init__(**more)
        self.softmax = softmax

    def call(self, rows):
        return tf.einsum("bnm,bmd->bnd", self.softmax(tf.einsum("bnd,bmd->bnm", rows, rows) + barred()), rows)


class _MiddleHeads(keras.layers.Layer):
    def call(self, rows):
        split = tf.reshape(rows, [-1, rows.shape[1], 2, rows.shape[2] // 2])
        weights = tf.nn.softmax(tf.einsum("bnhd,bmhd->bnhm", split, split) + barred()[:, np.newaxis])
        return tf.reshape(tf.einsum("bnhm,bmhd->bnhd", weights, split), tf.shape(rows))


def _decomposed(logits):
    weights = tf.exp(logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def _flat(logits):  # as TensorFlow 1 once did it
    shape = tf.shape(logits)
    return tf.reshape(tf.nn.softmax(tf.reshape(logits, [-1, shape[-1]])), shape)


def _half(logits):
    return tf.cast(tf.nn.softmax(tf.cast(tf.maximum(logits, -6e4), tf.float16)), tf.float32)


def _first_axis(logits):
    return tf.transpose(tf.nn.softmax(tf.transpose(logits, [0, 2, 1]), axis=1), [0, 2, 1])


def _by_hand(softmax):
    return lambda x, rows, layers: _ByHand(softmax, name="looks")(rows)


ATTENTION = {
    "softmax": _softmax,
    "pooled": _pooled,
    "tf_keras": _softmax,
    "attention": _attention,
    "heads": _heads,
    "heads-of-maps": _heads_of_maps,
    "heads-in-the-middle": lambda x, rows, layers: _MiddleHeads(name="looks")(rows),
    "decomposed": _by_hand(_decomposed),
    "logarithm": _by_hand(lambda logits: tf.exp(tf.nn.log_softmax(logits))),
    "flat": _by_hand(_flat),
    "half": _by_hand(_half),
    "first-axis": _by_hand(_first_axis),
}
