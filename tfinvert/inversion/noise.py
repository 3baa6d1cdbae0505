"""What lies between a generator's image and the one that was given, and how large it may be."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import metrics, seeds
from tfinvert.generators import Generator

EXACT = 1e-10  # mean squared error on [0, 1] below which a float image counts as matched
FALSE_ALARM = 1e-3  # of the test behind `Verdict.NOT_IN_RANGE`
DRAWS = 64  # neighbours of a reconstruction on which the effect of what was done is seen
_NEAR = 0.05  # how far away they are, in units of the prior's spread

Given = float | Callable[[np.ndarray], np.ndarray] | None  # what `Recovery` takes


def to_8_bits(images: np.ndarray) -> np.ndarray:
    """Images in [0, 1], of any shape, as 8-bit files hold them."""
    return np.round(255 * np.clip(images, 0, 1)) / 255


def of_8_bits(images: np.ndarray) -> np.ndarray:
    """Which of images [B, H, W, C] on [0, 1] have multiples of 1/255 only: bool [B]."""
    return np.abs(images - to_8_bits(images)).reshape(len(images), -1).max(axis=1) < 1e-3 / 255


class Noise:
    """The noise of B images.

    Where it is known what was done to the images, such as rounding or JPEG, its effect is seen on neighbours of the
    reconstruction: how large it is there, how much that differs from one to the next, and in which directions it
    pushes codes. Such errors are neither independent nor the same for all pixels.

    Args:
      given: see `Recovery`.
      images: [B, H, W, C] on [0, 1].
      generator: whose images they may be.
      make: (codes [n, *shape], labels [n] or None) -> images [n, H, W, C] on [0, 1].

    Attributes:
      level: [B], standard deviation on [0, 1]; until `learn` has seen reconstructions, that of typical images.
      rounded: [B] bool, whether the images are of 8 bits and nothing else was said of them.
      allowed: [B], the largest mean squared error that the noise explains.
    """

    def __init__(
        self, given: Given, images: np.ndarray, generator: Generator, make: Callable[[np.ndarray, Any], np.ndarray]
    ) -> None:
        self._make, self._space = make, generator.space
        numbers = seeds.of(0, tf.constant([f"neighbour {number}" for number in range(DRAWS)]))
        self._codes = generator.space.sample(numbers).numpy()
        self._free = max(1, images[0].size - generator.space.entries)
        self._effect = given if callable(given) else to_8_bits
        if callable(given):
            self._simulated = np.ones(len(images), bool)
        elif given is None:
            self._simulated = of_8_bits(images)
        else:
            self._simulated = np.zeros(len(images), bool)
        self.rounded = self._simulated & (given is None)
        self.level = np.full(len(images), 0.0 if given is None or callable(given) else float(given))
        self.allowed = np.zeros(len(images))
        self._allow(np.arange(len(images)), np.zeros(len(images)))
        if self._simulated.any():
            label = None if generator.condition is None else np.zeros(DRAWS, int)
            typical = self._errors(self._codes, label)
            self.level[self._simulated] = np.sqrt(np.mean(typical**2))

    def learn(self, rows: np.ndarray, codes: np.ndarray, labels: Any) -> None:
        """Learns the noise of these images [n] from the codes [n, *shape] found for them."""
        for place, row in enumerate(rows):
            errors = self.errors(row, codes[place], None if labels is None else labels[place])
            if errors is not None:
                squares = np.mean(errors**2, axis=1)
                self.level[row] = np.sqrt(squares.mean())
                self._allow(rows[place : place + 1], squares.std(ddof=1, keepdims=True))

    def errors(self, row: int, code: np.ndarray, label: Any) -> np.ndarray | None:
        """What was done to image number `row`, seen on neighbours of its reconstruction: [DRAWS, M] differences.

        None where that is not known, or nothing.
        """
        if not self._simulated[row]:
            return None
        near = code + _NEAR * (self._codes - self._space.centre)
        return self._errors(near.astype(np.float32), None if label is None else np.full(DRAWS, label))

    def _errors(self, codes: np.ndarray, labels: Any) -> np.ndarray:
        made = self._make(codes, labels)  # may leave [0, 1], of which images show nothing
        given = np.asarray(self._effect(metrics.inside(made)), np.float64)
        return (given - np.asarray(metrics.shown(made.astype(np.float64), given))).reshape(len(made), -1)

    def _allow(self, rows: np.ndarray, spread: np.ndarray) -> None:
        """Bounds for errors whose mean square has this standard deviation [n] from one image to the next."""
        normal = statistics.NormalDist().inv_cdf(1 - FALSE_ALARM)
        # Student's t for DRAWS - 1 degrees of freedom, to first order in their inverse.
        student = normal + (normal**3 + normal) / (4 * (DRAWS - 1))
        square = self.level[rows] ** 2
        white = normal * square * np.sqrt(2 / self._free)
        seen = student * np.sqrt(1 + 1 / DRAWS) * spread
        self.allowed[rows] = np.maximum(EXACT, square + np.maximum(white, seen))
