"""Which class of a class-conditional generator comes nearest to an image."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.watching import Watch
from tfinvert.losses import Term
from tfinvert.solvers import Adam
from tfinvert.solvers.first_order import schedule

_KEPT = 4  # of so many classes one is tried further, for so many times as many steps


class ClassSearch:
    """Finds classes of images: `ClassSearch(generator)(images) -> labels`.

    Every class is tried for a few steps from the same starts; the better quarter of them is tried again for four times
    as many, and so on until one is left. That is about `steps * classes * (1 + log4(classes))` steps a start.

    Args:
      generator: class-conditional.
      loss: that tells which class is nearer; default the pixels' squared error.
      steps: of the first round.
      restarts: starts per class; the best counts.
      candidates: the classes that are tried; default all.
      batch_size: images at once, each with each of its classes.
      seed: of the starts.

    Raises:
      BadInput: the generator is not class-conditional or does not say how many classes there are, or a number is out of
        range.
    """

    def __init__(
        self,
        generator: Generator,
        loss: Term | None = None,
        *,
        steps: int = 25,
        restarts: int = 2,
        candidates: Any = None,
        batch_size: int = 16,
        seed: int = 0,
    ) -> None:
        if generator.condition is None:
            raise BadInput(f"a search for classes of {generator.name}", "it is not class-conditional: leave it out")
        if candidates is None:
            known = generator.condition.classes
            if known is None:
                raise BadInput(f"{generator.name} does not say how many classes there are", "state it (--classes)")
            candidates = range(known)
        self.candidates = generator.condition.check(np.array(candidates, np.int32)).numpy()
        if not len(self.candidates) or steps < 1:
            raise BadInput(f"{len(self.candidates)} classes, {steps} steps", "expected at least one of each")
        self._rounds: list[tuple[int, Inverter]] = []  # how many classes each image has there
        count, budget = len(self.candidates), steps
        while count > 1:
            solver = Adam(schedule("cosine", 0.1, budget), steps=budget)
            inverter = Inverter(generator, loss, solver, restarts=restarts, batch_size=batch_size, seed=seed)
            self._rounds.append((count, inverter))
            count, budget = math.ceil(count / _KEPT), _KEPT * budget

    def __call__(self, images: Any, ids: Any = None, watch: Watch | None = None) -> np.ndarray:
        """The classes, int32 [B], of images [B, H, W, C] in the generator's value range.

        Args:
          images: those that hold NaN get the first class.
          ids: as of `Inverter`.
          watch: is called as each round goes on, as that of `Inverter` is.
        """
        images = tf.cast(images, tf.float32)
        ids = np.arange(len(images)) if ids is None else np.asarray(ids)
        left = np.tile(self.candidates, (len(images), 1))  # [B, classes], the better ones first
        for count, inverter in self._rounds:
            left = left[:, :count]
            found = inverter(tf.repeat(images, count, axis=0), np.repeat(ids, count), left.ravel(), watch=watch)
            loss = np.reshape(found.loss, left.shape)
            order = np.argsort(np.where(np.isfinite(loss), loss, np.inf), axis=1, kind="stable")
            left = np.take_along_axis(left, order, axis=1)
        return left[:, 0]
