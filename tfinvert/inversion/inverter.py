"""An `Inverter` finds, for each image, the code in a generator's space whose image the loss cannot tell from it.

The way of the data: targets -> `loss.bind` -> the solver's loop over codes -> the best start of each image ->
`Inversion`. Restarts are more rows in the batch; every row has its own seed, from the image's id.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators import Generator, load_generator
from tfinvert.generators.held import Held
from tfinvert.inversion.at_work import Rows
from tfinvert.inversion.given import given
from tfinvert.inversion.graduated import Smoothing, smoothing_of, stages, usual
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.targets import Objectives, Targets, at_stage, pad
from tfinvert.inversion.watching import Snapshot, Watch, Watcher
from tfinvert.losses import Term, loss_of
from tfinvert.settings import Job, LossSettings, SolverSettings, Starts, Stopping, check
from tfinvert.solvers import loop, solver_of
from tfinvert.solvers.rows import finite
from tfinvert.solvers.solver import Solver
from tfinvert.solvers.status import Status

_STEPS_A_CALL = 25  # so that progress can be told, Ctrl-C is heard, and what is done leaves the batch
_EXPENSIVE_STEPS_A_CALL = 5  # of solvers that compute Jacobians
# Matrix products and convolutions round differently for small or odd batches, and hundreds of Adam steps blow
# that up to another code. With whole blocks of 16 rows every row was bitwise the same in any batch; see
# docs/design.md, "The same result in any batch". Where images are larger, so many would not fit.
_BLOCK, _LARGE = 16, 64 * 64
_WORTH = 2  # times as many images cost less than another graph
_SOLVER = -2  # folded into a start's seed, for what solvers draw; restarts fold 1, 2, ..., spaces -1


class Inverter:
    """Inverts images with one generator, one loss and one solver.

    Args:
      generator: from `load_generator`, or what that takes.
      loss: terms that are bound to the targets, such as `Pixel() + 0.01 * LogPrior()`; or as of `losses.loss_of`.
      solver: such as `LBFGS()`; or as of `solvers.solver_of`.
      restarts: how many starts an image has, of which the best is kept; or `Starts`, which says how far from the
        prior's centre, too. Near it generators are less saturated, which reaches better codes (docs/measured.md).
      stopping: when a start ends early.
      smoothing: how far the generator's kinks are smoothed (see `smoothed`) in one stage after the other; in the last
        one it is the generator itself, and 0 is not at all. Default: `settings.SMOOTHING_AT_CODE` for L-BFGS, not at
        all for other solvers. The smoothed generator has the weights of when the inverter was made.
      batch_size: images that are worked on at once when many are given; rows are `batch_size * restarts`. Inside a
        graph (`dataset.map`) the given batch is taken as it is.
      seed: of the run; an image's starts come from this and its id.

    Raises:
      BadInput: a number is out of range, the solver cannot take the loss, or the generator has nothing to smooth.

    >>> from tfinvert import Adam, load_generator
    >>> generator = load_generator()
    >>> codes, images = generator.sample(2)
    >>> found = Inverter(generator, solver=Adam(steps=3))(images)
    >>> found.codes.shape, found.messages[0]
    (TensorShape([2, 64]), 'all steps were taken; the best code seen is kept')
    """

    def __init__(
        self,
        generator: Any,
        loss: Term | LossSettings | str | None = None,
        solver: Solver | SolverSettings | str | None = None,
        *,
        restarts: Starts | int | None = None,
        stopping: Stopping | None = None,
        smoothing: Smoothing | Sequence[float] | float | None = None,
        batch_size: int = 16,
        seed: int = 0,
    ) -> None:
        check(Job, batch_size=batch_size, seed=seed)
        if not isinstance(stopping or Stopping(), Stopping):
            raise BadInput(f"stopping={stopping!r}", "expected Stopping(tolerance, patience)")
        generator = generator if isinstance(generator, Generator) else load_generator(generator)
        starts = Starts() if restarts is None else restarts if isinstance(restarts, Starts) else Starts(restarts)
        self.generator, self.loss, self.solver = generator, loss_of(loss), solver_of(solver)
        self.restarts, self.spread, self.batch_size, self.seed = starts.count, starts.spread, batch_size, seed
        # Rows at work are a multiple of this.
        self.block = max(1, min(_BLOCK, _BLOCK * _LARGE // math.prod(generator.image_shape[:-1])))
        self._asked = smoothing
        self.smoothing = usual(generator, self.solver) if smoothing is None else smoothing_of(smoothing)
        self._stages = stages(generator, self.smoothing, self.solver.steps)
        self._objective = Objectives(generator, self.loss, self.smoothing, self._stages[0].generator)
        self._objective.check(self.solver)
        self.stopping = Stopping() if stopping is None else stopping
        # Not inlined: a caller's graph would be fused in other ways and round otherwise; so it is the same
        # computation to the bit whether it is called directly, in a tf.function or in dataset.map.
        self._compiled = {
            # Graphs of one size each: those for any size round otherwise, and would come in with the second size.
            # A partial, for TensorFlow counts retracings by the code of methods, which all inverters share, and warns.
            name: tf.function(
                functools.partial(getattr(self, name)), autograph=False, experimental_attributes={"_noinline": True}
            )
            for name in ("_draw", "_start", "_renew", "_advance", "_finish")
        }
        self._sizes: set[int] = set()  # images for which there are graphs

    def __reduce__(self) -> tuple:
        """For pickles: graphs are built again."""
        settings: dict[str, Any] = {
            "restarts": Starts(self.restarts, self.spread),
            "stopping": self.stopping,
            "smoothing": self._asked,
            "batch_size": self.batch_size,
            "seed": self.seed,
        }
        return functools.partial(Inverter, **settings), (self.generator, self.loss, self.solver)

    def __call__(
        self,
        images: Any,
        ids: Any = None,
        labels: Any = None,
        *,
        held: Mapping[str, Any] | None = None,
        starts: Any = None,
        watch: Watch | Watcher | None = None,
    ) -> Inversion:
        """Inverts images.

        Args:
          images: [B, H, W, C] in the generator's value range, or `Images`, which bring ids and labels along.
          ids: strings or integers [B] that seed each image's starts; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          held: tensors [B, ...] by name, where the generator takes some: see `Generator.holds`.
          starts: codes [B, restarts, *shape] to start from; default: drawn from the prior, see `spread`.
          watch: called between steps with a `Snapshot`; not inside graphs. Where it raises `StopIteration`, the work
            ends, and the best codes so far are kept.

        Raises:
          BadInput: the shape of the images or starts is another, or labels or what is held are missing, out of range
            or of another shape.
        """
        images, ids, labels = given(self.generator, images, ids, labels)
        images = tf.cast(images, self.generator.dtype)
        ids = tf.range(tf.shape(images)[0]) if ids is None else _known(ids, images)
        beside = self.generator.takes.check(self.generator.name, labels, held, images.shape[0])
        starts = self._compiled["_draw"](ids) if starts is None else self._given(starts, images)
        if not tf.executing_eagerly():
            progress, targets = self._compiled["_start"](images, ids, beside, starts, tf.shape(images)[0])
            for number, stage in enumerate(self._stages):
                progress, targets = self._enter(number, progress, targets)
                progress = self._compiled["_advance"](progress, targets, tf.constant(stage.until))
            end = tf.constant(int(Status.FINISHED))
            return self._compiled["_finish"](progress._replace(memory=()), targets, images, end)
        count, watcher = images.shape[0], watch if isinstance(watch, Watcher) else Watcher(watch)
        parts = [
            self._batch(images[part], ids[part], beside.each(_rows(part)), starts[part], part.start, count, watcher)
            for part in (slice(first, first + self.batch_size) for first in range(0, count, self.batch_size))
        ]
        if not parts:
            raise BadInput("no images", "expected at least one")
        return Inversion(*(tf.concat(column, axis=0) for column in zip(*parts, strict=True)))

    def _batch(self, images, ids, held: Held, starts, first: int, count: int, watcher: Watcher) -> Inversion:
        own, size = len(images), self._size(len(images))
        fill = lambda rows: pad(rows, size - own)
        images, ids, held, starts = fill(images), fill(ids), held.each(fill), fill(starts)
        progress, targets = self._compiled["_start"](images, ids, held, starts, tf.constant(own))
        several = _EXPENSIVE_STEPS_A_CALL if self.solver.needs_residuals else _STEPS_A_CALL
        rows = Rows(progress, targets, self.block)
        for number, stage in enumerate(self._stages):
            if number:
                progress, targets = self._enter(number, rows.whole(), targets)
                rows = Rows(progress, targets, self.block)
            done = int(progress.count)
            while done < stage.until and rows.running and not watcher.stopped:
                done = min(done + several, stage.until)
                rows.take(self._compiled["_advance"](rows.progress, rows.targets, tf.constant(done)))
                if watcher.wanted:
                    watcher(self._snapshot(rows.whole(), size, own, first, done, count))
        end = Status.STOPPED if watcher.stopped else Status.FINISHED
        found = self._compiled["_finish"](rows.whole(), targets, images, tf.constant(int(end)))
        return Inversion(*(column[:own] for column in found))

    def _size(self, images: int) -> int:
        """To how many images a batch is filled up: whole blocks of rows, and a graph that is there already."""
        whole = max(1, self.block // self.restarts)
        least = -(-images // whole) * whole
        size = min((each for each in self._sizes if least <= each <= _WORTH * least), default=least)
        self._sizes.add(size)
        return size

    def _snapshot(self, progress: loop.Progress, size: int, images: int, first: int, done: int, count: int) -> Snapshot:
        value = self._by_image(progress.best_value, size).numpy()[:, :images]
        codes = progress.best_codes.numpy()[np.argmin(value, axis=0) * size + np.arange(images)]
        passes = self._by_image(progress.passes, size).numpy().sum(axis=0)[:images]
        share = (first + images * done / self.solver.steps) / count
        return Snapshot(share, done, first + np.arange(images), value.min(axis=0), codes, passes)

    def _by_image(self, values: tf.Tensor, count: Any) -> tf.Tensor:
        """The values [N] of all rows as [restarts, count], without those that only fill the block."""
        return tf.reshape(values[: self.restarts * count], [self.restarts, count])

    def _draw(self, ids: tf.Tensor) -> tf.Tensor:
        """Starts [B, restarts, *shape]; number r of an image does not depend on how many there are."""
        space = self.generator.space
        codes = tf.stack(tf.split(space.sample(self._streams(ids)), self.restarts), axis=1)
        return tf.cast(space.centre + self.spread * (codes - space.centre), self.generator.dtype)

    def _streams(self, ids: tf.Tensor) -> tf.Tensor:
        """Seeds int64 [restarts * B, 2] of each image's starts: all first ones, then all second ones."""
        return seeds.streams(seeds.of(self.seed, ids), self.restarts)

    def _given(self, starts: Any, images: tf.Tensor) -> tf.Tensor:
        starts = tf.cast(starts, self.generator.dtype)
        expected = [images.shape[0], self.restarts, *(self.generator.space.shape or ())]
        if not starts.shape.is_compatible_with(expected):
            raise BadInput(f"starts {starts.shape.as_list()}", f"expected {expected}: codes for each image and start")
        return starts

    def _start(self, images, ids, held: Held, starts, own: tf.Tensor) -> tuple[loop.Progress, Targets]:
        """Rows at their beginning; images from number `own` on only fill the batch up."""
        valid = finite(images)
        status = tf.where(valid, int(Status.RUNNING), int(Status.INVALID_IMAGE))
        if self.generator.about.constant:
            status = tf.fill(tf.shape(status), int(Status.CONSTANT))
        status = tf.where(tf.range(tf.shape(status)[0]) < own, status, int(Status.FINISHED))
        clean = tf.where(tf.reshape(valid, [-1, *[1] * (images.shape.rank - 1)]), images, tf.zeros_like(images))
        unit = self.generator.to_unit(clean)
        once = (status, unit, held, self.loss.prepare(unit))
        status, unit, held, prepared = tf.nest.map_structure(
            lambda rows: tf.tile(rows, [self.restarts, *[1] * (rows.shape.rank - 1)]), once
        )
        codes = tf.concat(tf.unstack(starts, num=self.restarts, axis=1), axis=0)
        streams = self._streams(ids)
        drawn = (self.generator.space.offsets(streams), seeds.fold_in(streams, _SOLVER))
        spare = -tf.shape(status)[0] % self.block
        codes, targets = tf.nest.map_structure(
            lambda rows: pad(rows, spare), (codes, Targets(unit, codes, held, *drawn, prepared))
        )
        targets = at_stage(self._stages[0], targets)
        status = tf.concat([status, tf.fill([spare], int(Status.FINISHED))], axis=0)
        return loop.start(self.solver, self._objective(targets), codes, status, targets.seeds), targets

    def _enter(self, number: int, progress: loop.Progress, targets: Targets) -> tuple[loop.Progress, Targets]:
        """Rows, and what they are held against, at the beginning of a stage."""
        if not number:
            return progress, targets
        targets, begun = at_stage(self._stages[number], targets), tf.constant(self._stages[number - 1].until)
        return self._compiled["_renew"](progress._replace(memory=()), targets, begun), targets

    def _renew(self, progress: loop.Progress, targets: Targets, begun: tf.Tensor) -> loop.Progress:
        return loop.renew(self.solver, self._objective(targets), progress, targets.seeds, begun)

    def _advance(self, progress: loop.Progress, targets: Targets, until: tf.Tensor) -> loop.Progress:
        constrain = lambda codes, count: self.generator.space.constrain(
            codes, targets.offsets, count, self.solver.steps
        )
        return loop.advance(self.solver, self._objective(targets), constrain, self.stopping, progress, until)

    def _finish(self, progress: loop.Progress, targets: Targets, images: tf.Tensor, end: tf.Tensor) -> Inversion:
        first = targets.starts if len(self._stages) > 1 else None
        progress = loop.finish(self._objective(targets), self.stopping, progress, end, first)
        count = tf.shape(images)[0]
        best = tf.argmin(self._by_image(progress.best_value, count), axis=0, output_type=tf.int32) * count + tf.range(
            count
        )
        codes, loss, status, steps = (
            tf.gather(rows, best)
            for rows in (progress.best_codes, progress.best_value, progress.status, progress.steps)
        )
        codes = tf.ensure_shape(codes, [None, *(self.generator.space.shape or ())])
        held = targets.held.each(lambda rows: tf.gather(rows, best))
        passes = tf.reduce_sum(self._by_image(progress.passes, count), axis=0)
        start_losses = tf.transpose(self._by_image(progress.best_value, count))
        return Inversion(codes, self.generator(codes, *held), loss, status, steps, passes, start_losses)


def _known(ids: Any, images: tf.Tensor) -> tf.Tensor:
    """Ids as a tensor, one for each image."""
    expected = "expected strings or whole numbers, one for each image"
    try:
        ids = tf.convert_to_tensor(ids)
    except (TypeError, ValueError) as error:
        raise BadInput(f"ids of type {type(ids).__name__}", expected) from error
    if not ids.shape.is_compatible_with(images.shape[:1]):
        raise BadInput(f"ids {ids.shape.as_list()} for {images.shape[0]} images", expected)
    return ids


def _rows(part: slice) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda rows: rows[part]
