"""Was this image made by this generator, and from which code?

`Recovery` tries cheap things first and expensive ones only on images that are still unsolved. One attempt is a start
from a regression on the generator's own samples, in later attempts the best of many codes around it; L-BFGS where codes
are so long that Jacobians are expensive; Levenberg-Marquardt, through `Logit` where the generator saturates and then
on the plain pixels; and float64 where float32 does not determine the code. Pictures of 8 bits have a regression of
their own; where rounding hides much of what tells codes apart, later attempts search by what it leaves
(`Stages.rounded`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators import Generator, load_generator
from tfinvert.inversion.given import given
from tfinvert.inversion.noise import Given
from tfinvert.inversion.regression import FLOORS, Regression
from tfinvert.inversion.search import Search, Watch
from tfinvert.inversion.stages import Stages, loss
from tfinvert.inversion.uncertainty import Uncertainty
from tfinvert.inversion.verdict import Recovered
from tfinvert.losses import Rounded

_CANDIDATES = 64  # starts per attempt; all but the one of the least loss are given up before a step is taken


class Recovery:
    """Finds the codes of generated images: `Recovery(generator)(images) -> Recovered`.

    Args:
      generator: from `load_generator`, or what that takes.
      noise: standard deviation of the images' noise on the [0, 1] scale; or a function that does to images
        [B, H, W, C] in [0, 1] what was done to these, such as saving them as JPEG: the noise is then its effect on
        images like the reconstruction. Default: 8-bit rounding for images all of whose values are multiples of
        1/255, and none for others.
      attempts: starts per image at most; an image that is matched takes no more.
      batch_size: images at once; default by the size of their Jacobians.
      samples: for the regression, see `Regression`.
      seed: fixes all that is drawn.

    Raises:
      BadInput: a number is out of range.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        noise: Given = None,
        attempts: int = 6,
        batch_size: int | None = None,
        samples: int | None = None,
        seed: int = 0,
    ) -> None:
        for name, value in (("attempts", attempts), ("batch_size", batch_size), ("samples", samples)):
            if value is not None and value < 1:
                raise BadInput(f"{name}={value}", "expected at least 1")
        if noise is not None and not callable(noise) and not 0 <= noise < np.inf:
            raise BadInput(f"noise={noise}", "expected a standard deviation on the [0, 1] scale, such as 0.01")
        generator = generator if isinstance(generator, Generator) else load_generator(generator)
        if generator.holds:
            raise BadInput(f"{generator.name} holds {', '.join(generator.holds)}", "expected codes and labels only")
        self.generator, self.noise, self.attempts, self.seed = generator, noise, attempts, seed
        self.stages = Stages(generator, batch_size)
        self.regression = Regression(self.stages.generator, samples, seed)
        self.uncertainty = Uncertainty(generator)

    def __call__(self, images: Any, ids: Any = None, labels: Any = None, *, watch: Watch | None = None) -> Recovered:
        """Searches for the codes of images.

        Args:
          images: [B, H, W, C] in the generator's value range, or `Images`, which bring ids and labels along.
          ids: strings or integers [B] that seed what is drawn for each; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          watch: called between steps with the present codes [B, *shape] and the passes [B] so far. Where it raises
            `StopIteration`, the search ends with what it has.

        Raises:
          BadInput: the shapes do not fit the generator, or labels are missing or out of range.
        """
        images, ids, labels = given(self.generator, images, ids, labels)
        images = np.asarray(images, np.float32)
        if not len(images):
            raise BadInput("no images", "expected at least one")
        ids = np.arange(len(images)) if ids is None else np.asarray(ids)
        if labels is not None:
            labels = np.asarray(labels)
        for name, column in (("ids", ids), ("labels", labels)):
            if column is not None and column.shape != (len(images),):
                raise BadInput(f"{name} {list(column.shape)} for {len(images)} images", "expected one for each")
        search = Search(self.stages, self.uncertainty, images, ids, labels, self.noise, watch)
        for number in range(0 if self.generator.about.constant else self.attempts):
            rows = search.unsolved()
            if not len(rows):
                break
            logging.info("attempt %d: %d images to go", number + 1, len(rows))
            search.begin(rows)
            for rounded in (False, True):
                self._attempt(search, number, rows[search.noise.rounded[rows] == rounded], ids)
        found = search.result()
        if watch is not None:
            with contextlib.suppress(StopIteration):  # it is over anyway
                watch(found.codes, found.passes)
        return found

    def _attempt(self, search: Search, number: int, rows: np.ndarray, ids: np.ndarray) -> None:
        """One more start for these images, all of which are rounded to 8 bits or none."""
        if not len(rows):
            return
        rounded = bool(search.noise.rounded[rows[0]])
        if rounded and number and self.regression.hidden:
            self._unround(search, number, rows, ids)
            return
        regression = self.regression.rounded if rounded else self.regression
        floor, distance = self._plan(regression, number, float(np.median(search.noise.level[rows])))
        codes = regression.codes(search.unit[rows], floor)
        if distance:
            around = self._around(codes, distance, regression.score(floor), number, ids[rows])
            codes = search.nearest(loss(floor), rows, around)
        approach = self.stages.approach(floor)
        if approach is not None:
            codes = search.stage(approach, rows, codes)
        # From a harsh way of looking to plain pixels in one stride; in smaller ones where that failed.
        milder = [other for other in FLOORS[:0:-1] if floor is not None and other is not None and other > floor]
        for through in (floor, *milder):
            codes = search.stage(self.stages.search(through), rows, codes)
            if through is not None:
                search.stage(self.stages.polish(), rows, codes)
            search.conclude(rows)
            left = search.unsolved(rows)
            codes, rows = codes[np.isin(rows, left)], left
            if not len(rows):
                break

    def _unround(self, search: Search, number: int, rows: np.ndarray, ids: np.ndarray) -> None:
        """One more start for 8-bit pictures where rounding hides much: expensive, and from other starts each time.

        Every other time what is nearly matched goes on from where it is.
        """
        near, regression = search.nearly(rows) & (number % 2 == 0), self.regression.rounded
        logits, rounded = self.stages.rounded()
        floor, anew = regression.best_floor(), rows[~near]
        if len(anew):
            codes = regression.codes(search.unit[anew], floor)
            if number > 1:
                around = self._around(codes, 1.0, regression.score(floor), number, ids[anew])
                codes = search.nearest(Rounded(power=0), anew, around)
            search.stage(rounded, anew, search.stage(logits, anew, codes))
        if near.any():
            search.stage(rounded, rows[near], search.codes(rows[near]))
        search.conclude(rows)
        search.keep_open(rows)

    def _around(
        self, codes: np.ndarray, distance: float, score: float, number: int, ids: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Candidates for the start of an attempt: as far from the regression's guess as the code may be, times that."""
        own, space = seeds.fold_in(seeds.of(self.seed, tf.constant(ids)), 1000 + number), self.generator.space
        spread = distance * np.sqrt(max(0.0, 1 - score))
        for candidate in range(_CANDIDATES):
            drawn = space.sample(seeds.fold_in(own, candidate)).numpy()
            yield (codes + spread * (drawn - space.centre)).astype(np.float32)

    def _plan(self, regression: Regression, attempt: int, noise: float) -> tuple[float | None, float]:
        """How attempt number 0, 1, ... looks at pixels, and how far from the regression's guess it starts.

        A magnifying glass that shows the noise is of no use: only floors above it are tried.
        """
        usable = [floor for floor in FLOORS if floor is None or floor > 0.5 * noise]
        best = regression.best_floor(usable)
        order = [best, *(floor for floor in reversed(usable) if floor != best)]
        if attempt < 2:
            return best, float(attempt)
        return order[attempt // 2 % len(order)], float(attempt % 2)
