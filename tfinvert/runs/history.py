"""How the losses of a run fell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tfinvert.runs.stored import Stored
from tfinvert.solvers.status import Status

_MOST = 20_000  # images whose losses are read; quartiles of more are the same to within a percentage point
_VALUES = 20_000_000  # that are in memory at once


class History(NamedTuple):
    """The best loss so far, of each stage, over the images of a run. Of two-step runs both losses follow each other."""

    steps: np.ndarray  # [T] int: steps that were taken, of both steps together
    losses: np.ndarray  # [3, T]: the lower quartile, the median and the upper quartile


def history(stored: Stored) -> History | None:
    """What is known of it; None of a run by an older version, or without images.

    Images that ended before others count on with what they ended with; those that failed do not count. Of more than
    20,000 images, so many are looked at, evenly.
    """
    rows = stored.read(["status", "loss_steps", "losses"], most=_MOST).to_pylist()
    good = [row for row in rows if not Status[row["status"].upper()].failed]
    known = [(row["loss_steps"], row["losses"]) for row in good if row["losses"]]
    if not known:
        return None
    steps = np.unique(np.concatenate([each for each, _ in known]))
    known = known[:: -(-len(known) * len(steps) // _VALUES)]
    # Each image's last loss at or before every step; before its first, the first.
    values = [
        np.asarray(losses)[np.maximum(np.searchsorted(each, steps, side="right") - 1, 0)] for each, losses in known
    ]
    return History(steps, np.quantile(values, [0.25, 0.5, 0.75], axis=0))
