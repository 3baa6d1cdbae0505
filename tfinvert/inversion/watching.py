"""Tells a caller how far an inversion has come, and hears from it that this is enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from tfinvert.errors import BadInput


class Snapshot(NamedTuple):
    """How far an inversion has come, for those who watch."""

    share: float  # of the work that is done, in [0, 1]
    steps: int  # taken with the present batch
    rows: np.ndarray  # [n]: which of the images this batch holds
    losses: np.ndarray  # [n]: their best losses so far; infinite where an image cannot be inverted
    codes: np.ndarray  # [n, *shape]: their best codes
    passes: np.ndarray  # [n]: generator passes so far


Watch = Callable[[Snapshot], object]


class Watcher:
    """Calls `watch` between steps until it raises `StopIteration`, and remembers that it did.

    Args:
      watch: what to call; None for nobody.
      stopped: whether it is over already.
    """

    def __init__(self, watch: Watch | None, stopped: bool = False) -> None:
        if watch is not None and not callable(watch):
            raise BadInput(f"watch={watch!r}", "expected a function of a Snapshot")
        self._watch, self.stopped = watch, stopped

    @property
    def wanted(self) -> bool:
        """Whether anybody watches."""
        return self._watch is not None

    def __call__(self, snapshot: Snapshot) -> None:
        if self._watch is not None:
            try:
                self._watch(snapshot)
            except StopIteration:
                self.stopped = True
