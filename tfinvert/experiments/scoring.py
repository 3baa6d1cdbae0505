"""How good a generator in training is, as a number: the KID of its samples to pictures that it is not trained on."""

from __future__ import annotations

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.experiments.datasets import RANGE
from tfinvert.losses import Features
from tfinvert.losses.kid import KID, Distance
from tfinvert.settings import ScoreSettings


class Score:
    """Rates samples, by the pictures that were kept.

    Args:
      how: by which features, and how many samples.
      kept: pictures [N, H, W, C] in [-1, 1] that are not trained on.

    Raises:
      BadInput: there are no such features, or too few pictures.
    """

    def __init__(self, how: ScoreSettings, kept: np.ndarray) -> None:
        if how.network is None:
            raise BadInput("a score without a network", "expected one, such as InceptionV3 (--score)")
        self.samples = how.samples
        self._kid = KID(Features(how.layer, how.network, how.weights, how.size), _unit(kept))

    def __call__(self, images: np.ndarray) -> Distance:
        """Of samples [M, H, W, C] in [-1, 1]."""
        return self._kid(_unit(images))


def _unit(images: np.ndarray) -> np.ndarray:
    low, high = RANGE
    return (np.asarray(images) - low) / (high - low)
