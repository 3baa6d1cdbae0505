"""Which generator represents these images better, and is the difference more than chance?

Creswell & Bharath, "Inverting the Generator of a Generative Adversarial Network", section VII: the generator with the
smaller reconstruction error on unseen images has learnt more.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.stats
import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.images.fit import fit
from tfinvert.inversion import Inverter
from tfinvert.losses import Features

LEAST = 10  # images, below which no test is run
_LOOKS = 16  # images that a perceptual network sees at once
_DRAWS = 2_000  # of the bootstrap
_BETTER = 0.99  # a further start counts where it leaves less than this share of the first one's error


class Represented(NamedTuple):
    """How a generator represents n images."""

    name: str
    ids: np.ndarray  # [n]
    images: np.ndarray  # [n, H, W, C] in [0, 1], at the scale that all generators are compared at
    reconstructions: np.ndarray  # the same
    error: np.ndarray  # [n]: mean squared error there
    first: np.ndarray  # [n]: the same of the first start alone
    seconds: float


class Pair(NamedTuple):
    """The difference of two generators' errors on the same images, the first's minus the second's."""

    one: str
    other: str
    difference: float  # mean
    low: float  # of its 95% bootstrap interval
    high: float
    p: float  # Wilcoxon's signed-rank test, Holm's correction for all pairs; NaN where it is not run


def common_shape(generators: Sequence[Generator]) -> tuple[int, int, int]:
    """The scale [H, W, C] at which generators are compared: the smallest height and width, grey if one of them is."""
    height, width, channels = zip(*(each.image_shape for each in generators), strict=True)
    return min(height), min(width), min(channels)


def at_scale(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Images [n, H, W, C] in [0, 1] at this shape."""
    if images.shape[1:] == shape:
        return images
    return np.stack([fit(image, shape, "stretch")[0] for image in np.clip(images, 0, 1)])


def represent(
    name: str, generator: Generator, images: Any, ids: np.ndarray, shape: tuple[int, int, int],
    inverter: Inverter, first: Inverter, labels: Any = None,
) -> Represented:  # fmt: skip
    """Inverts images [n, H, W, C] in the generator's value range, and compares at this shape.

    Args:
      name: of the generator.
      generator: whose range they are in.
      images: at the generator's own size.
      ids: [n].
      shape: see `common_shape`.
      inverter: with all starts.
      first: the same with one.
      labels: as of `Inverter`.
    """
    began = tf.timestamp()
    targets = at_scale(np.asarray(generator.to_unit(images)), shape)

    def result(by: Inverter) -> tuple[np.ndarray, np.ndarray]:
        found = at_scale(np.asarray(generator.to_unit(by(images, ids, labels).images)), shape)
        return found, np.asarray(metrics.mse(tf.constant(found), tf.constant(targets)))

    made, error = result(inverter)
    seconds = float(tf.timestamp() - began)
    alone = error if inverter.restarts == 1 else result(first)[1]
    return Represented(name, ids, targets, np.clip(made, 0, 1), error, alone, seconds)


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


def table(found: Sequence[Represented], seed: int = 0, features: Features | None = None) -> list[dict[str, Any]]:
    """One row for each generator.

    `improved` is the share of images that further starts made better by 1% or more; `feature_distance` the mean of the
    perceptual loss `features`, and empty without it.
    """
    rows = []
    for each in found:
        low, high = interval(each.error, seed)
        images, made = tf.constant(each.images), tf.constant(each.reconstructions)
        rows.append({
            "generator": each.name, "n": len(each.error), "mse": f"{each.error.mean():.6g}",
            "std": f"{each.error.std(ddof=1) if len(each.error) > 1 else 0.0:.6g}",
            "low": f"{low:.6g}", "high": f"{high:.6g}", "median": f"{np.median(each.error):.6g}",
            "psnr": f"{np.mean(metrics.psnr(made, images)):.4g}", "ssim": f"{np.mean(metrics.ssim(made, images)):.4g}",
            "feature_distance": "" if features is None else f"{_apart(features, made, images):.6g}",
            "improved": round(float(np.mean(each.error < _BETTER * each.first)), 4),
            "seconds_per_image": round(each.seconds / len(each.error), 4),
        })  # fmt: skip
    return rows


def _apart(features: Features, made: tf.Tensor, images: tf.Tensor) -> float:
    """The mean perceptual loss of images [n, H, W, C] in [0, 1]."""
    batches = tf.data.Dataset.from_tensor_slices((made, images)).batch(_LOOKS)
    found = [tf.reduce_mean(tf.square(features.look(one) - features.look(other)), 1) for one, other in batches]
    return float(tf.reduce_mean(tf.concat(found, 0)))


def _chance(differences: np.ndarray) -> float:
    """Wilcoxon's p for paired differences [n]; NaN for fewer than `LEAST` of them, 1 where all are zero."""
    if len(differences) < LEAST:
        return float("nan")
    return float(scipy.stats.wilcoxon(differences).pvalue) if differences.any() else 1.0
