"""How much better images are represented behind the first dense layer than by a code, real ones and generated ones.

Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images", figure 5: codes
represent generated images and no others, the dense layer nearly all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.generators import Generator
from tfinvert.inversion import TwoStep
from tfinvert.losses import Term

PLACES = ("latent", "dense")
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_CHUNK = 16  # images whose loss is computed at once


class Errors(NamedTuple):
    """The losses of a set of n images, each reconstructed at both places."""

    name: str
    latent: np.ndarray  # [n]
    dense: np.ndarray  # [n]
    delta_zeros: np.ndarray  # [n], see `TwoStepInversion`

    def at(self, place: str) -> np.ndarray:
        """Those that are finite."""
        values = getattr(self, place)
        return values[np.isfinite(values)]


def measure(name: str, inverter: TwoStep, images: Any, ids: Any = None, labels: Any = None) -> Errors:
    """Inverts images in two steps and compares them with both reconstructions.

    Args:
      name: of the set.
      inverter: of the generator.
      images: [n, H, W, C] in the generator's value range.
      ids: as of `Inverter`.
      labels: int [n], where the generator is class-conditional.
    """
    found = inverter(images, ids, labels)
    latent, dense = (
        _losses(inverter.loss, inverter.generator, images, each) for each in (found.images_latent, found.images)
    )
    return Errors(name, latent, dense, found.delta_zeros.numpy())


def _losses(loss: Term, generator: Generator, targets: Any, images: tf.Tensor) -> np.ndarray:
    parts = []
    for first in range(0, len(images), _CHUNK):
        wanted, made = (generator.to_unit(tf.cast(x[first : first + _CHUNK], tf.float32)) for x in (targets, images))
        parts.append(loss.bind(wanted, generator.space)(None, made).numpy())
    return np.concatenate(parts)


def table(sets: Sequence[Errors]) -> list[dict[str, Any]]:
    """One row for each set and place: how many images, mean and quantiles of their losses.

    `told` of every set but the first is how often an image of it has a larger loss than one of the first, ties
    counting half: 0.5 where the losses do not tell the sets apart, 1 where they always do.
    """
    rows = []
    for each in sets:
        for place in PLACES:
            values = each.at(place)
            row: dict[str, Any] = {"images": each.name, "place": place, "n": len(values)}
            row["mean"] = f"{values.mean():.4g}" if len(values) else ""
            for share in _QUANTILES:
                row[f"q{100 * share:02.0f}"] = f"{np.quantile(values, share):.4g}" if len(values) else ""
            first = sets[0].at(place)
            row["told"] = "" if each is sets[0] or not len(values) or not len(first) else round(_told(first, values), 3)
            row["delta_zeros"] = round(float(np.mean(each.delta_zeros)), 3) if place == "dense" else ""
            rows.append(row)
    return rows


def _told(first: np.ndarray, other: np.ndarray) -> float:
    """The share of pairs in which the other is larger."""
    larger = other[:, np.newaxis] > first
    return float(np.mean(larger + 0.5 * (other[:, np.newaxis] == first)))
