"""How well an image determines its code: ranks, standard errors, and the directions that it leaves open."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.generators import Generator
from tfinvert.solvers.jacobian import jacobian

OPEN = 0.1  # a direction whose standard error is above this share of the prior's spread counts as open
_ROUNDING = 3e-8  # the least noise: float32 values near 1 are this far apart


class Uncertainty:
    """The covariance sigma^2 (J^T J)^-1 of codes found from images with independent noise sigma.

    Args:
      generator: whose Jacobian J is taken, on the [0, 1] scale of images.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

        def flat(codes: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
            return tf.reshape(generator.to_unit(generator(codes, labels)), [tf.shape(codes)[0], -1])

        compiled = {"autograph": False, "reduce_retracing": True}
        self._images = tf.function(lambda codes, labels: generator.to_unit(generator(codes, labels)), **compiled)
        self._jacobian = tf.function(lambda codes, labels: jacobian(lambda each: flat(each, labels), codes), **compiled)
        space = generator.space
        draws = space.sample(tf.constant([[0, n] for n in range(64)], tf.int64)).numpy()
        self._spread = float(np.std(draws))

    def images(self, codes: np.ndarray, labels: Any = None, chunk: int = 64) -> np.ndarray:
        """Images [B, H, W, C] on the [0, 1] scale of codes [B, *shape]."""
        parts = []
        for first in range(0, len(codes), chunk):
            part = slice(first, first + chunk)
            parts.append(self._images(tf.constant(codes[part]), None if labels is None else tf.constant(labels[part])))
        return np.concatenate(parts)

    def __call__(self, code: np.ndarray, label: Any, noise: float) -> tuple[int, np.ndarray, np.ndarray]:
        """Rank, standard errors and open directions at one code.

        Args:
          code: [*shape].
          label: int [1] or None.
          noise: standard deviation of the image's values on the [0, 1] scale.

        Returns:
          How many directions the image determines; the standard error of each entry [*shape], the prior's own spread
          standing for what is open; and the open directions, unit vectors [d - rank, *shape].
        """
        label = None if label is None else tf.constant(label)
        matrix = self._jacobian(tf.constant(code[None]), label).numpy()[0].astype(np.float64)
        values, vectors = np.linalg.eigh(matrix @ matrix.T)
        errors = max(noise, _ROUNDING) / np.sqrt(np.maximum(values, 1e-60))
        opened = errors > OPEN * self._spread
        errors = np.minimum(errors, self._spread)
        deviation = np.sqrt((vectors**2) @ errors**2)
        directions = vectors[:, opened].T
        shape = code.shape
        return (
            int(np.sum(~opened)),
            deviation.reshape(shape).astype(np.float32),
            directions.reshape(-1, *shape).astype(np.float32),
        )
