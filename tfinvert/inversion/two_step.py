"""Images that no code gives: first the nearest code, then a little beyond what codes reach.

Behind its first dense layer a generator makes images that no code leads to, photographs among them. So the code z* is
found as by any `Inverter`; then the layer's values h = G1(z*) + delta move, with delta kept sparse, while the code and
the class are held for whatever else takes them (Pividori et al., "Exploiting GAN Internal Capacity for High-Quality
Reconstruction of Natural Images", section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.condition import Beside
from tfinvert.generators.split import around
from tfinvert.inversion.inverter import Glimpse, Inverter
from tfinvert.inversion.result import Inversion
from tfinvert.losses import LogPrior, Pixel, Sparsity, Term
from tfinvert.solvers import Adam
from tfinvert.solvers.first_order import schedule
from tfinvert.solvers.solver import Solver
from tfinvert.solvers.status import Status

STEPS = 1000  # of the second step
RATE = 0.1  # of the second step, in units of the layer's values
_SPARSITY = 1e-3  # weight of mean(|delta|), in the same units


class Beyond(NamedTuple):
    """Codes and reconstructions of B images; the first six are those of `Inversion`, after both steps."""

    codes: tf.Tensor  # z*, [B, *shape]
    images: tf.Tensor  # [B, H, W, C], in the generator's value range
    loss: tf.Tensor  # [B], of the second step
    status: tf.Tensor  # [B] int32, of the second step where the first has not failed
    steps: tf.Tensor  # [B] int32, of both
    passes: tf.Tensor  # [B] int32, of both
    delta: tf.Tensor  # [B, n]: what is added to the layer's values
    delta_zeros: tf.Tensor  # [B]: the share of its entries that are exactly zero
    hidden: tf.Tensor  # [B, n]: the layer's values h* = G1(z*) + delta
    images_latent: tf.Tensor  # [B, H, W, C]: the reconstructions from the codes alone
    mse_latent: tf.Tensor  # [B]: their mean squared error on [0, 1]


class TwoStep:
    """Inverts images at the code and then behind the first dense layer: `TwoStep(generator)(images) -> Beyond`.

    Args:
      generator: from `load_generator`; its tail must be differentiable in the layer's values.
      loss: of both steps, without terms of the code; default `Pixel()`. The paper's is `Pixel() + Features()`.
      at: where to cut, see `Generator.split`.
      prior_weight: of `LogPrior` in the first step; the paper's is 0.1.
      sparsity: weight of mean(|delta|) in the second; the paper's is 10. Default: 1e-3 over the standard deviation of
        the layer's values, which differs by orders of magnitude from generator to generator.
      latent, beyond: the solvers of the two steps; default Adam, 500 and 1,000 steps, with rates that fall to zero by a
        cosine from 0.1, and from 0.1 times that deviation. The second may be a function of it that gives the solver.
      restarts, spread: of the first step, see `Inverter`.
      batch_size: images at once.
      seed: of the run.

    Raises:
      BadInput: the generator cannot be cut there, or a number is out of range.
    """

    def __init__(
        self, generator: Generator, loss: Term | None = None, *,
        at: str = "first_dense", prior_weight: float = 0.0, sparsity: float | None = None,
        latent: Solver | None = None, beyond: Solver | Callable[[float], Solver] | None = None,
        restarts: int = 4, spread: float = 0.3, batch_size: int = 16, seed: int = 0,
    ) -> None:  # fmt: skip
        for name, value in (("prior_weight", prior_weight), ("sparsity", sparsity)):
            if value is not None and not 0 <= value < np.inf:
                raise BadInput(f"{name}={value}", "expected a number of at least 0")
        loss = Pixel() if loss is None else loss
        self.generator, self.batch_size, self.restarts = generator, batch_size, restarts
        self.head, self.tail = self._split = generator.split(at)
        distances, self._held = around(self.tail)
        scale = self.tail.space.stddev or 1.0
        self.sparsity = _SPARSITY / scale if sparsity is None else sparsity
        if beyond is None:
            beyond = lambda scale: Adam(schedule("cosine", RATE * scale, STEPS), steps=STEPS)
        second: Any = beyond(scale) if callable(beyond) else beyond
        self._first = Inverter(
            generator, loss + prior_weight * LogPrior() if prior_weight else loss, latent,
            restarts=restarts, spread=spread, batch_size=batch_size, seed=seed,
        )  # fmt: skip
        self._second = Inverter(
            distances, loss + self.sparsity * Sparsity() if self.sparsity else loss, second, restarts=1,
            batch_size=batch_size, seed=seed,
        )  # fmt: skip

    def __call__(
        self, images: Any, ids: Any = None, labels: Any = None, *, watch: Callable[[Glimpse], None] | None = None
    ) -> Beyond:
        """Inverts images.

        Args:
          images: [B, H, W, C] in the generator's value range.
          ids: strings or integers [B] that seed each image's starts; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          watch: called between steps with a `Glimpse`; its codes are those of the step at hand.

        Raises:
          BadInput: as of `Inverter`.
        """
        images = tf.cast(images, tf.float32)
        if labels is not None and np.ndim(labels) == 0:
            labels = np.full(len(images), labels)
        found = self._first(images, ids, labels, watch=_half(watch))
        hidden, _ = self._split.before(found.codes, labels)
        codes = [found.codes] if isinstance(self.tail.condition, Beside) else []
        held = self._held.join(hidden, *codes, labels=labels)
        starts = tf.zeros([len(images), 1, *hidden.shape[1:]])
        better = self._second(images, ids, held, starts=starts, watch=_half(watch, self._first.solver.steps))
        return self._result(images, found, hidden, better)

    def _result(self, images: tf.Tensor, found: Inversion, hidden: tf.Tensor, better: Inversion) -> Beyond:
        flat = tf.reshape(better.codes, [len(images), self.tail.space.entries])
        status = tf.where(found.status >= int(Status.DIVERGED), found.status, better.status)
        return Beyond(
            found.codes, better.images, better.loss, status, found.steps + better.steps,
            found.passes + better.passes, better.codes, tf.reduce_mean(tf.cast(flat == 0, tf.float32), axis=1),
            hidden + better.codes, found.images,
            metrics.mse(self.generator.to_unit(found.images), self.generator.to_unit(images)),
        )  # fmt: skip


def _half(watch: Callable[[Glimpse], None] | None, before: int = 0) -> Callable[[Glimpse], None] | None:
    """What tells `watch` of the first half of the work, or of the second with so many steps before it."""
    if watch is None:
        return None
    return lambda seen: watch(seen._replace(share=(bool(before) + seen.share) / 2, steps=before + seen.steps))
