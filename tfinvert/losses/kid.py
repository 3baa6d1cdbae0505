"""How far two sets of images are apart in the eyes of a network that was trained on photographs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.losses.features import NETWORKS, Features
from tfinvert.settings import ScoreSettings

_LEAST = 4  # images in a set
_SIZE = 128  # that networks see images at, for which most are made larger: 299 has five times the pixels
_BATCH = 64
_BLOCKS = 20  # of each set, for the standard error


class Distance(NamedTuple):
    """The squared maximum mean discrepancy between two sets, times 1000, without bias: around 0 for two of one kind."""

    value: float
    error: float  # its standard error

    def __str__(self) -> str:
        return f"{self.value:.2f} +- {self.error:.2f}"


class KID:
    """The kernel inception distance of images to given ones.

    Binkowski et al. 2018, "Demystifying MMD GANs" (arXiv:1801.01401): features averaged over places, a
    cubic kernel, no bias for any number of images. Theirs are InceptionV3's last features at 299 pixels; with those of
    another layer or size distances compare with each other only.

    Args:
      features: of which network, layer and size; they are averaged over places here.
      images: [N, H, W, C] in [0, 1].

    Raises:
      BadInput: there are fewer than 4 images.
    """

    def __init__(self, features: Features, images: np.ndarray) -> None:
        self._features = features.averaged()
        self._known = self.features(images)

    @classmethod
    def of(cls, how: ScoreSettings, images: np.ndarray) -> KID:
        """The same by settings.

        Raises:
          BadInput: they name no network, or one that cannot be had.
        """
        if how.network is None:
            raise BadInput("a score without a network", "expected one, such as InceptionV3 (--score)")
        size = _SIZE if how.size is None and how.network in NETWORKS else how.size
        return cls(Features(how.layer, how.network, how.weights, size), images)

    def __call__(self, images: np.ndarray) -> Distance:
        """Of images [M, H, W, C] in [0, 1] to the given ones."""
        return distance(self.features(images), self._known)

    def features(self, images: np.ndarray) -> np.ndarray:
        """What is compared of images [M, H, W, C] in [0, 1]: float64 [M, K]."""
        if len(images) < _LEAST:
            raise BadInput(f"a distance between sets, of {len(images)} images", f"expected at least {_LEAST}")
        parts = [images[first : first + _BATCH] for first in range(0, len(images), _BATCH)]
        clipped = [tf.constant(np.clip(part, 0, 1), tf.float32) for part in parts]
        return np.concatenate([self._features.prepare(part) for part in clipped]).astype(np.float64)


def distance(one: np.ndarray, other: np.ndarray) -> Distance:
    """Between features [M, K] and [N, K]; the standard error is a jackknife's, by blocks of both sets.

    Where sets have fewer than `_BLOCKS` images a block is an image.
    """
    within, others = _kernel(one, one), _kernel(other, other)
    for matrix in (within, others):
        np.fill_diagonal(matrix, 0)
    across = _kernel(one, other)
    blocks = min(_BLOCKS, len(one), len(other))
    owners = [np.arange(len(each)) % blocks for each in (one, other)]
    value = _discrepancy(within, others, across)
    left = []
    for block in range(blocks):
        rows, columns = (owner != block for owner in owners)
        left.append(
            _discrepancy(within[np.ix_(rows, rows)], others[np.ix_(columns, columns)], across[np.ix_(rows, columns)])
        )
    return Distance(value, float(np.sqrt((blocks - 1) * np.var(left))))


def _kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return (one @ other.T / one.shape[1] + 1) ** 3


def _discrepancy(within: np.ndarray, others: np.ndarray, across: np.ndarray) -> float:
    """Of kernels whose diagonals are 0 where images meet themselves."""
    mean = lambda matrix: matrix.sum() / len(matrix) / (len(matrix) - 1)
    return float(1000 * (mean(within) + mean(others) - 2 * across.mean()))
