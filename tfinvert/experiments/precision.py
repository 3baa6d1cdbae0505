"""Does half precision gain anything on this device? One that lacks it computes it in pieces, many times as slowly."""

from __future__ import annotations

import time

import keras
import tensorflow as tf
from absl import logging

_SLOWER = 1.5  # from which factor on it is told: single measurements scatter
_TRIALS = 3


def tell_if_slower(precision: str) -> None:
    """Warns where gradients take longer by the Keras dtype policy `precision` than in float32."""
    kind = keras.DTypePolicy(precision).compute_dtype
    if kind == "float32":
        return
    factor = _seconds(kind) / _seconds("float32")
    if factor > _SLOWER:
        logging.warning(
            "precision=%s: gradients take %.0f times as long as in float32 here, for want of %s; leave it out",
            precision,
            factor,
            kind,
        )


def _seconds(kind: str) -> float:
    """The least of a few convolutions with their gradients: some devices have only the former."""
    maps, kernel = tf.ones([16, 32, 32, 64], kind), tf.ones([4, 4, 64, 64], kind)
    seconds = []
    for _ in range(1 + _TRIALS):  # the first one also sets things up
        began = time.perf_counter()
        with tf.GradientTape() as tape:
            tape.watch((maps, kernel))
            seen = tf.nn.conv2d(maps, kernel, 2, "SAME")
        for slopes in tape.gradient(seen, (maps, kernel)):
            slopes.numpy()
        seconds.append(time.perf_counter() - began)
    return min(seconds[1:])
