"""Rows at work and rows that are done: what has ended leaves the batch, so that its cost stops."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.solvers.loop import Progress
from tfinvert.solvers.status import Status


class Rows:
    """All rows of a batch, of which those that have ended leave in time.

    Args:
      progress: of N rows.
      targets: a tuple of tensors with N rows each.
      block: rows at work are N, or this many, twice as many, four times as many, ...: a graph is made for each number.
    """

    def __init__(self, progress: Progress, targets: Any, block: int) -> None:
        self.progress, self.targets = progress, targets  # of the rows at work
        self._places = np.arange(len(progress.status))  # where they stand among all rows
        self._block = block
        self._all = progress._replace(memory=())

    @property
    def running(self) -> bool:
        """Whether any row still runs."""
        return bool(np.any(self.progress.status == Status.RUNNING))

    def take(self, progress: Progress) -> None:
        """Takes in how far the rows at work have come; those that have ended leave where they are half of all."""
        self.progress = progress
        running = np.asarray(progress.status) == Status.RUNNING
        blocks = -(-max(1, int(running.sum())) // self._block)
        needed = self._block * 2 ** (blocks - 1).bit_length()
        if needed < len(running):
            self._all = self.whole()
            chosen = np.sort(np.argsort(~running, kind="stable")[:needed])
            self._places = self._places[chosen]
            self.progress = tf.nest.map_structure(lambda rows: _gather(rows, chosen), progress)
            self.targets = tf.nest.map_structure(lambda rows: _gather(rows, chosen), self.targets)

    def whole(self) -> Progress:
        """Where all rows stand, without the solver's memory."""
        places = self._places[:, None]
        new = self.progress._replace(memory=())
        merge = lambda old, rows: rows if rows.shape.rank == 0 else tf.tensor_scatter_nd_update(old, places, rows)
        return tf.nest.map_structure(merge, self._all, new)


def _gather(rows: tf.Tensor, chosen: np.ndarray) -> tf.Tensor:
    return rows if rows.shape.rank == 0 else tf.gather(rows, chosen)
