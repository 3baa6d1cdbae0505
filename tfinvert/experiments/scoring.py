"""How good a generator in training is, as a number: the KID of its samples to pictures that it is not trained on."""

from __future__ import annotations

import numpy as np

from tfinvert.experiments.datasets import RANGE, Pictures
from tfinvert.losses.kid import KID, Distance
from tfinvert.settings import ScoreSettings


class Score:
    """Rates samples, by the pictures that were kept.

    Args:
      how: by which features, and how many samples.
      kept: pictures that are not trained on.

    Raises:
      BadInput: there are no such features, or too few pictures.
    """

    def __init__(self, how: ScoreSettings, kept: Pictures) -> None:
        labels = np.zeros(1, np.int32) if kept.labels is None else kept.labels
        # Of the samples: as often as among the pictures, which may stand in the order of their classes.
        self.classes = labels[np.arange(how.samples) * len(labels) // how.samples]
        self._kid = KID.of(how, _unit(kept.pixels))

    def __call__(self, images: np.ndarray) -> Distance:
        """Of samples [M, H, W, C] in [-1, 1]."""
        return self._kid(_unit(images))


def _unit(images: np.ndarray) -> np.ndarray:
    low, high = RANGE
    return (np.asarray(images) - low) / (high - low)
