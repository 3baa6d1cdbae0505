"""Segments the images of a finished run, each by the attention map at its own code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators import Generator, split
from tfinvert.images.like import is_series, words
from tfinvert.runs import FinishedRun
from tfinvert.runs.finished import Row
from tfinvert.segmentation.attention import Attention, find
from tfinvert.segmentation.clusters import PLACES, check, pooled, segment
from tfinvert.segmentation.regions import enlarged

CLUSTERS = (8, 20, 40)  # the paper's


class Segmenter:
    """Regions of the images of a run: `segmenter(row)` is int32 [H, W] for each number of clusters.

    The map is that of the code or, of a run in two steps, of h* = G1(z*) + delta (section 5 and supplement). Region 0
    is the largest.

    Args:
      run: where the images are.
      generator: the run's.
      clusters: how many, see `segment`.
      attention: which map, see `find`.
      most: places that are clustered; a map of more is pooled.
      grouping: see `segment`.

    Raises:
      BadInput: the run is of series, there is no such map, or it has fewer places than clusters.
    """

    def __init__(
        self,
        run: FinishedRun,
        generator: Generator,
        clusters: Sequence[int] = CLUSTERS,
        attention: str | None = None,
        *,
        most: int = PLACES,
        grouping: str = "alike",
    ) -> None:
        if is_series(generator.image_shape):
            raise BadInput(f"regions of {words(generator.image_shape)}", "expected a generator of pictures")
        self.generator, self.clusters, self.attention = generator, tuple(clusters), find(generator, attention)
        places = self.attention.layout.grid
        grid = pooled(places, most)
        check(self.clusters, grid)
        if grid != places:
            shown = ["{}x{}".format(*each) for each in (places, grid)]
            logging.info("the map of %s places is pooled to %s: clustering them all takes too much memory", *shown)
        self.most, self.grouping = most, grouping
        self._map = _maps(self.attention, generator, run.cut(generator))

    def __call__(self, row: Row) -> dict[int, np.ndarray]:
        """The regions of one image.

        Raises:
          BadInput: the row has no code, or its map is not finite.
        """
        if row.code is None:
            raise BadInput(f"image {row.id!r} has no code", row.message)
        weights = self._map(row)
        if not np.isfinite(weights).all():
            raise BadInput(
                f"the attention map of {row.id!r} holds NaN or infinite values",
                "expected finite ones: invert the image again with another --seed",
            )
        found = segment(weights, self.clusters, self.most, self.grouping)
        return {count: enlarged(labels, self.generator.image_shape) for count, labels in found.items()}


def _maps(attention: Attention, generator: Generator, cut: str | None) -> Callable[[Row], np.ndarray]:
    """What gives the map [h, w, h', w'] of a row; one at a time, for a map may take much of the memory."""

    def given(row: Row) -> tuple[Any, Any]:
        labels = None if generator.condition is None else np.array([row.label], np.int32)
        return np.reshape(np.asarray(row.code), (1, *(generator.space.shape or ()))), labels

    if cut is None:
        return lambda row: attention(*given(row))[0]
    parts = split(generator, cut)
    behind = attention.behind(parts)
    if behind is None:
        logging.info("the map stands before the cut at %s, so delta does not change it", cut)
        return lambda row: attention(*given(row))[0]

    def at_hidden(row: Row) -> np.ndarray:
        hidden, held = parts.before(*given(row))
        delta = 0.0 if row.delta is None else row.delta.reshape(hidden.shape)
        return behind(hidden + delta, *held)[0]

    return at_hidden
