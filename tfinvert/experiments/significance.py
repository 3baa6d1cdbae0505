"""Is the difference of two generators' errors more than chance? Bootstrap intervals and paired tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy.stats

from tfinvert.errors import BadInput

LEAST = 10  # images, below which no test is run
_DRAWS = 2_000  # of the bootstrap


class Pair(NamedTuple):
    """The difference of two generators' errors on the same images, the first's minus the second's."""

    one: str
    other: str
    difference: float  # mean
    low: float  # of its 95% bootstrap interval
    high: float
    p: float  # Wilcoxon's signed-rank test, Holm's correction for all pairs; NaN where it is not run


def interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    """The 95% interval of the mean of these values [n], by the bootstrap's percentiles."""
    if len(values) < 2 or not np.ptp(values):
        return float(values.mean()), float(values.mean())
    random = np.random.default_rng([seed, 4])
    found = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=_DRAWS, random_state=random)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def pairs(errors: Mapping[str, np.ndarray], seed: int = 0) -> list[Pair]:
    """All pairs of generators, from their errors [n] on the same images.

    Raises:
      BadInput: fewer than two generators.
    """
    if len(errors) < 2:
        raise BadInput(f"{len(errors)} generators", "expected two or more to compare")
    names = list(itertools.combinations(errors, 2))
    differences = [errors[one] - errors[other] for one, other in names]
    chances = holm([_chance(each) for each in differences])
    return [
        Pair(one, other, float(each.mean()), *interval(each, seed), chance)
        for (one, other), each, chance in zip(names, differences, chances, strict=True)
    ]


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction of several tests' p; NaN stays, and counts for none."""
    known = [number for number, chance in enumerate(chances) if np.isfinite(chance)]
    corrected, most = list(chances), 0.0
    for place, number in enumerate(sorted(known, key=lambda number: chances[number])):
        most = max(most, min(1.0, (len(known) - place) * chances[number]))
        corrected[number] = most
    return corrected


def _chance(differences: np.ndarray) -> float:
    """Wilcoxon's p for paired differences [n]; NaN for fewer than `LEAST` of them, 1 where all are zero."""
    if len(differences) < LEAST:
        return float("nan")
    return float(scipy.stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
