"""How well an image determines its code: ranks, standard errors, and the directions that it leaves open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics
from tfinvert.generators import Generator
from tfinvert.solvers.jacobian import jacobian, rows_at_once

OPEN = 0.1  # a direction whose standard error is above this share of the prior's spread counts as open
_BLIND = 4e-7  # of a Jacobian's largest singular value: smaller ones are the rounding of float32
_ROUNDING = 3e-8  # the least noise: float32 values near 1 are this far apart


class Known(NamedTuple):
    """What an image tells of its code of d entries.

    The standard error of what is open is the prior's own spread.
    """

    rank: int  # how many directions the image determines
    deviation: np.ndarray  # [*shape]: standard error of each entry
    directions: np.ndarray  # [d - rank, *shape]: unit vectors along which the code is open


class Uncertainty:
    """Covariances of codes found from noisy images: sigma^2 (J^T J)^-1 where the noise is independent.

    Args:
      generator: whose Jacobian J is taken, on the [0, 1] scale of images.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

        def flat(codes: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
            return tf.reshape(generator.to_unit(generator(codes, labels)), [-1, math.prod(generator.image_shape)])

        compiled = {"autograph": False, "reduce_retracing": True}
        self._images = tf.function(lambda codes, labels: generator.to_unit(generator(codes, labels)), **compiled)
        self._jacobian = tf.function(lambda codes, labels: jacobian(lambda each: flat(each, labels), codes), **compiled)
        self._spread = generator.space.spread

    def images(self, codes: np.ndarray, labels: Any = None, chunk: int = 64) -> np.ndarray:
        """Images [B, H, W, C] on the [0, 1] scale of codes [B, *shape]."""
        parts = []
        for first in range(0, len(codes), chunk):
            part = slice(first, first + chunk)
            parts.append(self._images(tf.constant(codes[part]), None if labels is None else tf.constant(labels[part])))
        return np.concatenate(parts)

    def __call__(
        self,
        codes: np.ndarray,
        labels: Any,
        noise: np.ndarray,
        errors: Sequence[np.ndarray | None] | None = None,
        images: np.ndarray | None = None,
    ) -> list[Known]:
        """What is known of each code.

        Args:
          codes: [B, *shape].
          labels: int [B] or None.
          noise: [B], standard deviations of the images' values on the [0, 1] scale.
          errors: for each image, draws [K, M] of what its noise may be; standard errors are then those of the moves
            (J^T J)^-1 J^T e that the draws call for. None where noise is independent from value to value.
          images: [B, H, W, C] on [0, 1] that the codes were found for; values that are black or white there, and beyond
            it in the generator's images, tell nothing. Default: none are.
        """
        many, whole = rows_at_once(math.prod(codes.shape[1:]))
        known: list[Known] = []
        for first in range(0, len(codes), many):
            chosen = list(range(first, min(first + many, len(codes))))
            # Whole blocks are rounded alike whatever else is there.
            filled = np.concatenate([chosen, np.full(-len(chosen) % whole, first)])
            part = None if labels is None else tf.constant(np.asarray(labels)[filled])
            matrices = self._jacobian(tf.constant(codes[filled]), part).numpy()[: len(chosen)]
            if images is not None:
                made = self.images(codes[chosen], None if labels is None else np.asarray(labels)[chosen])
                hidden = np.asarray(metrics.beyond(made, images[chosen])).reshape(len(chosen), 1, -1)
                matrices = np.where(hidden, 0, matrices)
            known += [
                self._judged(matrix.astype(np.float64), noise[row], errors and errors[row], codes.shape[1:])
                for matrix, row in zip(matrices, chosen, strict=True)
            ]
        return known

    def _judged(self, matrix: np.ndarray, noise: float, draws: Any, shape: tuple[int, ...]) -> Known:
        values, vectors = np.linalg.eigh(matrix @ matrix.T)
        values = np.where(values < _BLIND**2 * values.max(), 0, values) + 1e-60
        least = _ROUNDING / np.sqrt(values)
        # Moves along the directions, one column for each draw; white noise moves each direction by itself.
        if draws is None:
            moves = np.diag(max(noise, _ROUNDING) / np.sqrt(values))
        else:
            moves = (draws @ matrix.T @ vectors / values).T / np.sqrt(len(draws))
        errors = np.maximum(np.linalg.norm(moves, axis=1), least)
        opened = errors > OPEN * self._spread
        seen = np.sum((vectors[:, ~opened] @ moves[~opened]) ** 2, axis=1)
        unseen = vectors[:, opened] ** 2 @ np.minimum(errors[opened], self._spread) ** 2
        deviation = np.sqrt(np.maximum(seen + unseen, vectors**2 @ np.minimum(least, self._spread) ** 2))
        return Known(
            int(np.sum(~opened)),
            deviation.reshape(shape).astype(np.float32),
            vectors[:, opened].T.reshape(-1, *shape).astype(np.float32),
        )
