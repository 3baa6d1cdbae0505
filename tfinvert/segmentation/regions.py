"""Clusters of places as regions of an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def enlarged(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Labels [h, w] of places as labels [H, W] of the pixels that they make, without new ones between."""
    rows, columns = (np.arange(n) * places // n for n, places in zip(size, labels.shape, strict=False))
    return labels[np.ix_(rows, columns)]


def mean_colours(labels: np.ndarray, image: np.ndarray) -> np.ndarray:
    """An image [H, W, C] with the mean colour of each region of labels [H, W], as the paper shows clusters."""
    flat = labels.ravel()
    sums = [np.bincount(flat, image[..., channel].ravel()) for channel in range(image.shape[-1])]
    means = np.stack(sums, axis=1) / np.maximum(np.bincount(flat), 1)[:, np.newaxis]
    return means[labels].astype(image.dtype)
