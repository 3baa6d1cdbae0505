"""How far two sets of images are apart in the eyes of a network that was trained on photographs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.losses.features import NETWORKS, Features
from tfinvert.settings import ScoreSettings

LEAST = 4  # images in a set
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
      BadInput: there are fewer than 4 images, or their features are no numbers.
    """

    def __init__(self, features: Features, images: np.ndarray) -> None:
        self._features = features.averaged()
        self._known = self.features(images)
        if not np.isfinite(self._known).all():
            raise BadInput("features of pictures that are no numbers", "take another network, or another layer of it")

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
        if len(images) < LEAST:
            raise BadInput(f"a distance between sets, of {len(images)} images", f"expected at least {LEAST}")
        parts = [images[first : first + _BATCH] for first in range(0, len(images), _BATCH)]
        clipped = [tf.constant(np.clip(part, 0, 1), tf.float32) for part in parts]
        return np.concatenate([self._features.prepare(part) for part in clipped]).astype(np.float64)


def distance(one: np.ndarray, other: np.ndarray) -> Distance:
    """Between features [M, K] and [N, K]; the standard error is a jackknife's, by blocks of both sets.

    Where sets have fewer than `_BLOCKS` images a block is an image.
    """
    count = min(_BLOCKS, len(one), len(other))
    blocks = [[each[number::count] for number in range(count)] for each in (one, other)]
    sizes = [np.array(list(map(len, each))) for each in blocks]
    sums = [_sums(blocks[a], blocks[b]) for a, b in ((0, 0), (1, 1), (0, 1))]

    def value(kept: np.ndarray) -> float:
        within, others, across = (table[np.ix_(kept, kept)].sum() for table in sums)
        m, n = (size[kept].sum() for size in sizes)
        return float(1000 * (within / (m * (m - 1)) + others / (n * (n - 1)) - 2 * across / (m * n)))

    left = [value(np.arange(count) != block) for block in range(count)]
    return Distance(value(np.full(count, True)), float(np.sqrt((count - 1) * np.var(left))))


def _sums(one: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
    """The kernel's sums over pairs of images, for each pair of blocks; no image is paired with itself."""
    table = np.zeros((len(one), len(other)))
    for row, first in enumerate(one):
        for column, second in enumerate(other):
            kernel = (first @ second.T / first.shape[1] + 1) ** 3
            table[row, column] = kernel.sum() - (np.trace(kernel) if first is second else 0)
    return table
