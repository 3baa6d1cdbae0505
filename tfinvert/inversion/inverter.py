"""An `Inverter` finds, for each image, the code in a generator's space whose image the loss cannot tell from it.

The way of the data: targets -> `loss.bind` -> the solver's loop over codes -> the best start of each image ->
`Inversion`. Restarts are more rows in the batch; every row has its own seed, from the image's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.images import Images
from tfinvert.inversion.result import Inversion
from tfinvert.losses import Pixel, Term
from tfinvert.solvers import Adam, loop
from tfinvert.solvers.first_order import schedule
from tfinvert.solvers.solver import Objective, Solver
from tfinvert.solvers.status import Status

_STEPS_A_CALL = 25  # so that progress can be told and Ctrl-C is heard
# Matrix products and convolutions round differently for small or odd batches, and hundreds of Adam steps blow
# that up to another code. With whole blocks of 16 rows every row was bitwise the same in any batch; see
# docs/design.md, "The same result in any batch".
_BLOCK = 16


class Targets(NamedTuple):
    """What the rows of one batch are held against: N = B * restarts rows."""

    images: tf.Tensor  # [N, H, W, C] in [0, 1], finite
    labels: tf.Tensor  # [N] int32; zeros where the generator takes none


class Inverter:
    """Inverts images with one generator, one loss and one solver.

    Args:
      generator: from `load_generator`.
      loss: terms that are bound to the targets; default `Pixel("mse")`. `Pixel() + 0.01 * LogPrior()` adds the
        prior term.
      solver: default Adam, 500 steps, learning rate 0.1 falling to zero by a cosine.
      restarts: starts per image; the best is kept.
      spread: starts are drawn from the prior and drawn together about its centre by this factor. 1 is the prior
        itself; less starts where generators are less saturated, which reaches better codes (docs/measured.md).
      tolerance, patience: when a row stops early, see `tfinvert.solvers.loop.Stopping`.
      batch_size: images that are worked on at once when many are given; rows are `batch_size * restarts`. Inside a
        graph (`dataset.map`) the given batch is taken as it is.
      seed: of the run; an image's starts come from this and its id.

    Raises:
      BadInput: a number is out of range.

    >>> from tfinvert import load_generator
    >>> generator = load_generator()
    >>> codes, images = generator.sample(2)
    >>> found = Inverter(generator, solver=Adam(steps=3))(images)
    >>> found.codes.shape, found.messages[0]
    (TensorShape([2, 64]), 'all steps were taken; the best code seen is kept')
    """

    def __init__(
        self, generator: Generator, loss: Term | None = None, solver: Solver | None = None, *,
        restarts: int = 4, spread: float = 0.3, tolerance: float = 1e-10, patience: int = 0,
        batch_size: int = 16, seed: int = 0,
    ) -> None:  # fmt: skip
        for name, value, least in (("restarts", restarts, 1), ("batch_size", batch_size, 1), ("patience", patience, 0)):
            if value < least:
                raise BadInput(f"{name}={value}", f"expected at least {least}")
        if not 0 <= spread <= 1:
            raise BadInput(f"spread={spread}", "expected a number from 0 to 1")
        self.generator = generator
        self.loss = Pixel() if loss is None else loss
        self.solver = Adam(schedule("cosine", 0.1, 500), steps=500) if solver is None else solver
        self.restarts, self.spread, self.batch_size, self.seed = restarts, spread, batch_size, seed
        self.stopping = loop.Stopping(tolerance, patience)
        # Not inlined: a caller's graph would be fused in other ways and round otherwise; so it is the same
        # computation to the bit whether it is called directly, in a tf.function or in dataset.map.
        self._compiled = {
            name: tf.function(
                getattr(self, name), autograph=False, reduce_retracing=True, experimental_attributes={"_noinline": True}
            )
            for name in ("_start", "_advance", "_finish")
        }

    def __call__(
        self, images: Any, ids: Any = None, labels: Any = None, *, watch: Callable[[float, float], None] | None = None
    ) -> Inversion:
        """Inverts images.

        Args:
          images: [B, H, W, C] in the generator's value range, or `Images`, which bring ids and labels along.
          ids: strings or integers [B] that seed each image's starts; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          watch: called between steps with the share of the work that is done, in [0, 1], and the mean best loss
            of the present batch; not inside graphs.

        Raises:
          BadInput: the images' shape is not the generator's, or labels are missing or out of range.
        """
        if isinstance(images, Images):
            ids = images.ids if ids is None else ids
            labels = images.labels if labels is None and self.generator.condition else labels
            images = images.pixels
        images = tf.convert_to_tensor(images, tf.float32)
        expected = (None, *self.generator.image_shape)
        if not images.shape.is_compatible_with(expected):
            raise BadInput(
                f"images {images.shape.as_list()} for {self.generator.name}",
                f"expected {['B', *expected[1:]]}; tfinvert.images.load(..., like=generator) fits them",
            )
        ids = tf.range(tf.shape(images)[0]) if ids is None else tf.convert_to_tensor(ids)
        labels = self._labels(labels, tf.shape(images)[0])
        if not tf.executing_eagerly():
            progress, targets = self._compiled["_start"](images, ids, labels)
            progress = self._compiled["_advance"](progress, targets, tf.constant(self.solver.steps))
            return self._compiled["_finish"](progress, targets, images)
        count = images.shape[0]
        parts = [
            self._batch(images[part], ids[part], labels[part], part.start, count, watch)
            for part in (slice(first, first + self.batch_size) for first in range(0, count, self.batch_size))
        ]
        if not parts:
            raise BadInput("no images", "expected at least one")
        return Inversion(*(tf.concat(column, axis=0) for column in zip(*parts, strict=True)))

    def _batch(self, images, ids, labels, first: int, count: int, watch) -> Inversion:
        progress, targets = self._compiled["_start"](images, ids, labels)
        done = 0
        while done < self.solver.steps and np.any(progress.status == Status.RUNNING):
            done = min(done + _STEPS_A_CALL, self.solver.steps)
            progress = self._compiled["_advance"](progress, targets, tf.constant(done))
            if watch is not None:
                share = (first + len(images) * done / self.solver.steps) / count
                watch(share, float(tf.reduce_mean(tf.reduce_min(self._by_image(progress.best_value, len(images)), 0))))
        return self._compiled["_finish"](progress, targets, images)

    def _by_image(self, values: tf.Tensor, count: Any) -> tf.Tensor:
        """The values [N] of all rows as [restarts, count], without those that only fill the block."""
        return tf.reshape(values[: self.restarts * count], [self.restarts, count])

    def _labels(self, labels: Any, count: tf.Tensor) -> tf.Tensor:
        if self.generator.condition is None:
            if labels is not None:
                raise BadInput(f"labels for {self.generator.name}", "it is not class-conditional: leave them out")
            return tf.zeros([count], tf.int32)
        if labels is not None:
            labels = tf.convert_to_tensor(labels)
            labels = tf.fill([count], labels) if labels.shape.rank == 0 else labels
        return self.generator.condition.check(labels)

    def _start(self, images, ids, labels) -> tuple[loop.Progress, Targets]:
        valid = tf.reduce_all(tf.math.is_finite(images), axis=[1, 2, 3])
        status = tf.where(valid, int(Status.RUNNING), int(Status.INVALID_IMAGE))
        if self.generator.constant:
            status = tf.fill(tf.shape(status), int(Status.CONSTANT))
        own = seeds.of(self.seed, ids)
        # Start number r of an image does not depend on how many there are.
        streams = [own, *(seeds.fold_in(own, number) for number in range(1, self.restarts))]
        space = self.generator.space
        codes = tf.concat([space.sample(stream) for stream in streams], axis=0)
        codes = space.centre + self.spread * (codes - space.centre)
        clean = tf.where(valid[:, None, None, None], images, tf.zeros_like(images))
        targets = Targets(
            tf.tile(self.generator.to_unit(clean), [self.restarts, 1, 1, 1]), tf.tile(labels, [self.restarts])
        )
        status = tf.tile(status, [self.restarts])
        spare = -tf.shape(status)[0] % _BLOCK
        codes, images, labels = (_pad(rows, spare) for rows in (codes, *targets))
        status = tf.concat([status, tf.fill([spare], int(Status.FINISHED))], axis=0)
        return loop.start(self.solver, codes, status), Targets(images, labels)

    def _objective(self, targets: Targets) -> Objective:
        bound = self.loss.bind(targets.images, self.generator.space)
        return lambda codes: bound(codes, self.generator.to_unit(self._generate(codes, targets.labels)))

    def _generate(self, codes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return self.generator(codes, None if self.generator.condition is None else labels)

    def _advance(self, progress: loop.Progress, targets: Targets, until: tf.Tensor) -> loop.Progress:
        constrain = self.generator.space.constrain
        return loop.advance(self.solver, self._objective(targets), constrain, self.stopping, progress, until)

    def _finish(self, progress: loop.Progress, targets: Targets, images: tf.Tensor) -> Inversion:
        progress = loop.finish(self._objective(targets), self.stopping, progress)
        count = tf.shape(images)[0]
        best = tf.argmin(self._by_image(progress.best_value, count), axis=0, output_type=tf.int32) * count + tf.range(
            count
        )
        codes, loss, status, steps = (
            tf.gather(rows, best)
            for rows in (progress.best_codes, progress.best_value, progress.status, progress.steps)
        )
        codes = tf.ensure_shape(codes, [None, *(self.generator.space.shape or ())])
        labels = tf.gather(targets.labels, best)
        return Inversion(codes, self._generate(codes, labels), loss, status, steps)


def _pad(rows: tf.Tensor, spare: tf.Tensor) -> tf.Tensor:
    """Rows [N, ...] with `spare` rows of zeros behind them."""
    return tf.concat([rows, tf.zeros(tf.concat([[spare], tf.shape(rows)[1:]], 0), rows.dtype)], axis=0)
