"""A first guess of codes where what the first dense layer gives may move freely at first, and less and less so.

A code has d entries, the layer behind it gives n > d values, and in that wider space the way to an image leads round
minima in which codes get stuck.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.inversion.inverter import Glimpse, Inverter
from tfinvert.losses import Pixel, Prior, Term
from tfinvert.objective import Objective
from tfinvert.solvers import Adam
from tfinvert.solvers.first_order import schedule
from tfinvert.spaces import normal, unconstrained

_CHARGES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # of the mean squared distance from what codes can reach, one after the other
_RATE = 0.1  # of Adam


@dataclasses.dataclass(frozen=True)
class _Outside(Term):
    """Mean over n values of what of them lies outside the subspace that orthonormal `axes` [n, d] span, squared."""

    axes: tf.Tensor

    def bind(self, targets: tf.Tensor, prior: Prior, seen: Any = None) -> Objective:
        outside = lambda values: values - tf.matmul(values @ self.axes, self.axes, transpose_b=True)
        return Objective(lambda values, images: tf.reduce_mean(tf.square(outside(values)), axis=1))


class Relaxed:
    """Codes of images by way of the first dense layer's output h, in units of its standard deviations.

    Minimises the mean squared error plus c * mean((h - P h)^2), P h being what codes can reach, by Adam from h = 0 with
    c from 1e-5 to 0.1 in five stages. The codes are then the least squares solution of h = W z + b.

    Args:
      generator: without class labels, and with a dense layer that gives more values than its codes have entries.
      steps: of Adam, in all.
      batch_size: images at once.

    Raises:
      BadInput: the generator is another.
    """

    def __init__(self, generator: Generator, steps: int = 1500, batch_size: int = 64) -> None:
        if generator.condition is not None:
            raise BadInput(f"a relaxed start for {generator.name}", "it takes class labels: use another method")
        head, behind = generator.split()
        space, entries, width = generator.space, generator.space.entries, behind.space.entries
        if behind.condition is not None:
            raise BadInput(
                f"a relaxed start for {generator.name}", "its codes also go round its dense layer: use another method"
            )
        if width <= entries:
            raise BadInput(
                f"a relaxed start for {generator.name}",
                f"its dense layer makes {width} values of {entries}, which is no wider: use another method",
            )
        self._shape, self._centre = space.shape, space.centre
        units = tf.reshape(tf.concat([tf.zeros([1, entries]), tf.eye(entries)], axis=0), [-1, *(space.shape or ())])
        given = head(units + space.centre).numpy().astype(np.float64).reshape(-1, width)
        offset, matrix = given[0], given[1:] - given[0]
        scale = np.maximum(space.spread * np.linalg.norm(matrix, axis=0), 1e-12)
        axes = np.linalg.svd((matrix / scale).T, full_matrices=False)[0]
        self._back = np.linalg.pinv(matrix / scale)  # [n, d]
        scale, offset, axes = (tf.constant(values, tf.float32) for values in (scale, offset, axes))
        tail = dataclasses.replace(
            generator,
            function=lambda values, labels: behind.function(
                tf.reshape(scale * values + offset, [-1, *(behind.space.shape or ())]), None
            ),
            space=normal(width, constraint=unconstrained()),
        )
        each = max(1, steps // len(_CHARGES))
        self._stages = [
            Inverter(
                tail, Pixel() + charge * _Outside(axes), Adam(schedule("cosine", _RATE, each), steps=each), restarts=1,
                batch_size=batch_size,
            )
            for charge in _CHARGES
        ]  # fmt: skip

    def __call__(self, images: np.ndarray, ids: Any = None, watch: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Codes float32 [B, *shape] of images [B, H, W, C] in the generator's value range, and the passes [B] taken.

        `watch` is called between steps with a `Glimpse` of codes.
        """
        width = self._stages[0].generator.space.entries
        values, passes = np.zeros((len(images), width), np.float32), np.zeros(len(images), int)

        def show(glimpse: Glimpse) -> None:
            sofar = passes[glimpse.rows] + glimpse.passes
            watch(glimpse._replace(codes=self._codes(glimpse.codes), passes=sofar))

        for stage in self._stages:
            found = stage(images, ids, starts=values[:, None], watch=None if watch is None else show)
            values, passes = found.codes.numpy(), passes + found.passes.numpy()
        return self._codes(values), passes

    def _codes(self, values: np.ndarray) -> np.ndarray:
        codes = self._centre + values.astype(np.float64) @ self._back
        return codes.reshape(-1, *(self._shape or ())).astype(np.float32)
