"""Images as points that can be moved: codes, classes, and what is added behind the cut."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.split import HIDDEN, Split, around, split
from tfinvert.generators.held import Held
from tfinvert.runs import FinishedRun

CODE, DENSE = PLACES = ("code", "dense")


class Points(NamedTuple):
    """B images of a generator: G(codes, labels), or behind its cut G2(G1(codes, labels) + delta)."""

    codes: np.ndarray  # [B, *shape]
    labels: np.ndarray | None  # [B] int32, where the generator is class-conditional
    delta: np.ndarray | None  # [B, *hidden]; None where the images are codes' own

    def take(self, rows: Any) -> Points:
        """Some of them: a slice, indices, or a mask."""
        return self.each(lambda values: values[rows])

    def repeat(self, times: int) -> Points:
        """Each of them so many times."""
        return self.each(lambda values: np.repeat(values, times, axis=0))

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Points:
        """The same, with codes, labels and delta changed alike."""
        labels, delta = (None if values is None else change(values) for values in (self.labels, self.delta))
        return Points(change(self.codes), labels, delta)


def joined(parts: Sequence[Points]) -> Points:
    """All of several, one after the other; these have all labels and delta, or none has."""
    column = lambda name: [values for part in parts if (values := getattr(part, name)) is not None]
    labels, delta = (np.concatenate(column(name)) if column(name) else None for name in ("labels", "delta"))
    return Points(np.concatenate(column("codes")), labels, delta)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the images of a generator are edited.

    Attributes:
      generator: the whole.
      split: its parts before and behind the cut; None at the code.
    """

    generator: Generator
    split: Split | None = None

    def hidden(self, points: Points) -> np.ndarray:
        """h = G1(codes, labels) + delta, [B, *hidden]; behind a cut only."""
        return self._before(points)[0].numpy() + points.delta

    def without(self, points: Points) -> Points:
        """The same codes with no delta, where there is one."""
        if self.split is None:
            return points._replace(delta=None)
        shape = (len(points.codes), *(self.split.tail.space.shape or ()))
        return points._replace(delta=np.zeros(shape, np.float32))

    def images(self, points: Points, batch_size: int = 16) -> np.ndarray:
        """Images [B, H, W, C] in [0, 1], made in batches; series as they are on that scale.

        Raises:
          BadInput: labels are missing, not wanted or out of range.
        """
        draw = self._drawn()
        count = len(points.codes)
        batches = (points.take(slice(first, first + batch_size)) for first in range(0, count, batch_size))
        images = [self.generator.to_unit(draw(batch)).numpy() for batch in batches]
        return metrics.inside(np.concatenate(images))

    def _drawn(self) -> Callable[[Points], tf.Tensor]:
        if self.split is None:
            return lambda points: self.generator(points.codes, points.labels)
        distances = around(self.split.tail)

        def draw(points: Points) -> tf.Tensor:
            hidden, held = self._before(points)
            return distances(points.delta, held.labels, {**held.tensors, HIDDEN: hidden})

        return draw

    def _before(self, points: Points) -> tuple[tf.Tensor, Held]:
        if self.split is None:
            raise BadInput("values behind a cut", "there is none at the code: edit behind the dense layer")
        return self.split.before(points.codes, points.labels)


def place_of(run: FinishedRun, generator: Generator, at: str | None = None) -> Place:
    """Where the images of a run are edited: at its codes, or behind its cut (the default, if it has one).

    Raises:
      BadInput: the run has no cut, the generator was tuned to its codes, or it cannot be cut there any more.
    """
    if at not in (None, *PLACES):
        raise BadInput(f"at {at!r}", f"expected one of {', '.join(PLACES)}")
    if at == DENSE and run.job.beyond is None:
        raise no_delta(run)
    cut = run.cut(generator)
    if at == DENSE and cut is None:
        raise of_tuned(generator)
    return Place(generator) if at == CODE or cut is None else Place(generator, split(generator, cut))


def points_of(run: FinishedRun, place: Place, ids: Sequence[str] | None = None, label: int | None = None) -> Points:
    """What a run found for these images.

    Args:
      run: of the place's generator.
      place: where they are edited.
      ids: of the images, see `FinishedRun.rows`; default: all that have a code.
      label: of all of them; default: each its own.

    Raises:
      BadInput: an image has no row, or none with a code.
    """
    rows = run.rows(ids, ("label", "code", "message", *([] if place.split is None else ["delta"])))
    if ids is None:
        rows = [row for row in rows if row.code is not None]
    for row in rows:
        if row.code is None:
            raise BadInput(f"image {row.id!r} has no code", row.message)
    if not rows:
        raise BadInput(f"no image of {run.stored.folder}", "expected ids of images that have a code")
    stacked = lambda name, shape: np.stack([getattr(row, name) for row in rows]).reshape(-1, *shape)
    codes, labels, delta = stacked("code", place.generator.space.shape or ()), None, None
    if place.split is not None:
        if any(row.delta is None for row in rows):
            raise no_delta(run)
        delta = stacked("delta", place.split.tail.space.shape or ())
    if place.generator.condition is not None:
        given = [row.label if label is None else label for row in rows]
        labels = place.generator.condition.check(np.array(given, np.int32)).numpy()
    elif label is not None:
        raise BadInput(f"label {label}", f"{place.generator.name} is not class-conditional: leave it out")
    return Points(codes, labels, delta)


def of_tuned(generator: Generator) -> BadInput:
    """Says that a generator was tuned to the run's codes, so that the run's delta is not of its weights."""
    return BadInput(
        f"an edit behind the dense layer in {generator.name}, which was tuned to the run's codes",
        f"edit at the codes (--at={CODE}), or give the run's own generator",
    )


def no_delta(run: FinishedRun) -> BadInput:
    """Says that a run was made in one step."""
    return BadInput(
        f"{run.stored.folder} has codes, but nothing behind a dense layer (no delta)",
        "expected a run in two steps: tfinvert invert --split=first_dense ...",
    )
