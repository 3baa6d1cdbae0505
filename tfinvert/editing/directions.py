"""Directions in a space of codes: those of single entries, and those in which given codes differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.spaces import Space


class Principal(NamedTuple):
    """The directions in which codes differ most, the first one most of all."""

    directions: np.ndarray  # [K, *shape], of length 1 and across each other
    spreads: np.ndarray  # [K]: standard deviations of the codes along them
    shares: np.ndarray  # [K]: of the codes' whole variance


def units(space: Space, entries: Sequence[int], size: float = 1.0) -> np.ndarray:
    """Codes [K, *shape] that are `size` in one of these entries and 0 in all others, about the prior's centre.

    The coordinate unit vectors of Egan et al., "Generalized Latent Variable Recovery for Generative Adversarial
    Networks", section 5.1.

    Raises:
      BadInput: a code has no such entry.
    """
    wrong = [entry for entry in entries if not 0 <= entry < space.entries]
    if wrong or not len(entries):
        raise BadInput(f"entries {list(entries)} of a code", f"expected some of 0 to {space.entries - 1}")
    codes = np.zeros((len(entries), space.entries), np.float32)
    codes[np.arange(len(entries)), np.asarray(entries)] = size
    return space.centre + codes.reshape(-1, *(space.shape or ()))


def sums(space: Space, codes: np.ndarray) -> np.ndarray:
    """The sum of each pair of codes [K, *shape]: [K, K, *shape], about the prior's centre."""
    return codes[:, np.newaxis] + codes[np.newaxis] - space.centre


def principal(codes: np.ndarray, count: int) -> Principal:
    """The first principal directions of codes [B, *shape], by a singular value decomposition.

    Each points to where its largest entry is positive. There are at most `count`, and only those along which the codes
    differ: fewer than B.

    Raises:
      BadInput: fewer than one is asked for, or the codes do not differ.
    """
    if count < 1:
        raise BadInput(f"{count} principal directions", "expected at least 1")
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    flat = flat - flat.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat, full_matrices=False)
    rank = int(np.sum(sizes > sizes[0] * 1e-6)) if sizes[0] > 0 else 0
    rank = min(rank, count)
    if not rank:
        raise BadInput(f"principal directions of {len(codes)} codes", "expected at least two that differ")
    return Principal(
        pointed(directions[:rank]).reshape(-1, *codes.shape[1:]).astype(np.float32),
        sizes[:rank] / np.sqrt(len(codes) - 1),
        sizes[:rank] ** 2 / np.sum(sizes**2),
    )


def pointed(directions: np.ndarray) -> np.ndarray:
    """Directions [K, d], each turned to where its largest entry is positive: singular vectors have no sign."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return np.sign(largest) * directions
