"""Problems whose answer is known, for solvers and inverters."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import tfinvert as ti
from tfinvert.objective import Objective


def squares(residuals) -> Objective:
    """The sum of the squares of `residuals`: codes [N, *shape] -> [N, M]."""
    return Objective(lambda codes: tf.reduce_sum(residuals(codes) ** 2, axis=1), residuals)


def rosenbrock(codes: tf.Tensor) -> tf.Tensor:
    """Rosenbrock (1960) in two variables, values [N]; the minimum is 0 at (1, 1)."""
    x, y = codes[:, 0], codes[:, 1]
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


ROSENBROCK = squares(lambda codes: tf.stack([1 - codes[:, 0], 10 * (codes[:, 1] - codes[:, 0] ** 2)], axis=1))
STARTS = np.array([[-1.2, 1.0], [0.5, -0.3], [2.0, 2.0], [-3.0, -4.0]])  # for Rosenbrock; the first is the usual one


def quadratic(curvature: np.ndarray):
    """sum of c * z^2 / 2: gradient descent multiplies each entry by (1 - rate * c) in every step."""
    return lambda codes: tf.reduce_sum(0.5 * tf.constant(curvature, tf.float32) * tf.square(codes), axis=1)


class Linear:
    """A linear generator G(z) = A z + b of [4, 4, 1] images; least squares says which code is the best."""

    def __init__(self, latent: int = 3, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        # Orthogonal columns of length 2: the mean squared error over 16 pixels has curvature 1/2 everywhere.
        self.matrix = (2 * np.linalg.qr(random.normal(size=(16, latent)))[0]).astype(np.float32)
        self.offset = random.normal(size=16).astype(np.float32)
        self.generator = ti.load_generator(
            lambda codes: tf.reshape(codes @ self.matrix.T + self.offset, [-1, 4, 4, 1]),
            prior=ti.normal(latent),
            value_range=(0, 1),
        )

    def best(self, images: np.ndarray) -> np.ndarray:
        """The codes [B, latent] with the least squared error for these images [B, 4, 4, 1]."""
        flat = np.asarray(images).reshape(len(images), -1) - self.offset
        return np.linalg.lstsq(self.matrix, flat.T, rcond=None)[0].T
