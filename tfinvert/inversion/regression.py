"""A first guess of codes from images: linear regression on a generator's own samples.

A generator makes as many pairs (code, image) as one wants. The linear map from images to codes that fits them best
explains only a part of the codes (docs/recovery.md says how much), but it points into the right basin where starts
drawn from the prior end in others.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.generators import Generator
from tfinvert.inversion.noise import to_8_bits
from tfinvert.losses import Logit

_HELD_OUT = 256  # samples that choose the strength of the ridge
_CHUNK = 256  # samples made at once
_MOST_PIXELS = 4096  # larger images are averaged down: the normal equations grow with the third power
_RIDGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # in units of the mean eigenvalue
_EQUAL = 0.02  # differences of R^2 that do not count
FLOORS = (None, 1e-2, 1e-3, 1e-4, 1e-6)  # ways to look at pixels: as they are, and by `Logit(floor)`


class Regression:
    """Ridge regression of codes on images, for each way of looking at pixels; fitted when it is first asked for.

    Args:
      generator: with labels drawn evenly where it takes them.
      count: samples to fit; default 10,000 for small images and 3,000 for others.
      seed: fixes the samples.
    """

    def __init__(self, generator: Generator, count: int | None = None, seed: int = 0) -> None:
        *sides, channels = generator.image_shape
        self._pool = 1
        while math.prod(-(-side // self._pool) for side in sides) * channels > _MOST_PIXELS and self._pool < max(sides):
            self._pool += 1
        small = math.prod(generator.image_shape) <= _MOST_PIXELS
        self._generator, self._seed = generator, seed
        self._count = (10_000 if small else 3_000) if count is None else count
        self._pairs: tuple[np.ndarray, np.ndarray] | None = None
        self._fits: dict[float | None, tuple[np.ndarray, np.ndarray, np.ndarray, float]] = {}

    @property
    def passes(self) -> int:
        """Generator passes that the samples take, once."""
        return self._count + _HELD_OUT

    @functools.cached_property
    def rounded(self) -> Regression:
        """The one for pictures of 8 bits, of the same samples: it does not rest on what rounding hides."""
        other = Regression(self._generator, self._count, self._seed)
        codes, images = self._sample()
        other._pairs = codes, to_8_bits(images).astype(np.float32)
        return other

    @functools.cached_property
    def hidden(self) -> bool:
        """Whether rounding to 8 bits hides much of what this one sees."""
        best, left = (max(map(each.score, FLOORS)) for each in (self, self.rounded))
        return bool(left < best - _EQUAL)

    def best_floor(self, among: Sequence[float | None] = FLOORS) -> float | None:
        """The way of looking at pixels under which codes are most nearly linear in images; the mildest of equals."""
        most = max(self.score(floor) for floor in among)
        return next(floor for floor in among if self.score(floor) > most - _EQUAL)

    def score(self, floor: float | None) -> float:
        """Share of the codes' variance that the regression explains, R^2 on samples it has not seen."""
        return self._fit(floor)[3]

    def codes(self, images: tf.Tensor, floor: float | None) -> np.ndarray:
        """Guesses float32 [B, *shape] for images [B, H, W, C] on the [0, 1] scale."""
        mean, matrix, offset, _ = self._fit(floor)
        flat = (self._view(np.asarray(images), floor) - mean) @ matrix + offset
        return flat.reshape(-1, *(self._generator.space.shape or ())).astype(np.float32)

    def _view(self, images: np.ndarray, floor: float | None) -> np.ndarray:
        """What the regression sees of images [B, H, W, C] in [0, 1]: float64 [B, M]."""
        seen = images if floor is None else Logit(floor)(tf.constant(images)).numpy() / floor
        if self._pool > 1:
            seen = tf.nn.avg_pool(seen, self._pool, self._pool, "SAME").numpy()
        return seen.reshape(len(seen), -1).astype(np.float64)

    def _fit(self, floor: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        if floor not in self._fits:
            codes, images = self._sample()
            seen = self._view(images, floor)
            mean, offset = seen[:-_HELD_OUT].mean(axis=0), codes[:-_HELD_OUT].mean(axis=0)
            seen, codes = seen - mean, codes - offset
            known, new = seen[:-_HELD_OUT], seen[-_HELD_OUT:]
            normal, target = known.T @ known, known.T @ codes[:-_HELD_OUT]
            best = (-np.inf, np.zeros_like(target))
            for ridge in _RIDGES:
                shift = ridge * np.trace(normal) / len(normal) + 1e-30
                matrix = np.linalg.solve(normal + shift * np.eye(len(normal)), target)
                error = np.mean((new @ matrix - codes[-_HELD_OUT:]) ** 2) / np.mean(codes[-_HELD_OUT:] ** 2)
                best = max(best, (1 - error, matrix), key=lambda fit: fit[0])
            self._fits[floor] = (mean, best[1], offset, best[0])
        return self._fits[floor]

    def _sample(self) -> tuple[np.ndarray, np.ndarray]:
        if self._pairs is None:
            generator, total = self._generator, self._count + _HELD_OUT
            condition = generator.condition

            def make(numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                ids = tf.strings.join(["regression", tf.strings.as_string(numbers)])
                codes = generator.space.sample(seeds.of(self._seed, ids))
                return codes, generator.to_unit(
                    generator(codes, None if condition is None else condition.turns(numbers))
                )

            made = tf.function(make, autograph=False, reduce_retracing=True)  # draws row by row: slow in eager mode
            parts = [made(tf.range(first, min(first + _CHUNK, total))) for first in range(0, total, _CHUNK)]
            codes, images = (np.concatenate([part[which].numpy() for part in parts]) for which in (0, 1))
            self._pairs = codes.reshape(total, -1).astype(np.float64), images
        return self._pairs
