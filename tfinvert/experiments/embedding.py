"""Codes as features: what lies near an image, and whether its neighbours are of its class.

Egan, Zhang & Shen, "Generalized Latent Variable Recovery for Generative Adversarial Networks", propose recovered codes
as an embedding of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.spatial
import scipy.stats
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.images.shown import seen
from tfinvert.runs import FinishedRun

LEAST = 10  # images, below which nothing is said of classes
_BLOCK = 512  # images whose distances to all others are held at once


class Embedded(NamedTuple):
    """n images of a run by their features."""

    ids: list[str]
    labels: np.ndarray | None  # [n] int; None where some image has none
    images: np.ndarray  # [n, H, W, C] in [0, 1], as they are `seen`; reconstructions where the images are gone
    # [n, d]: "codes"; "pixels", unless they are gone; "reconstructions", the pixels of what codes alone give
    features: dict[str, np.ndarray]


class Neighbours(NamedTuple):
    """The k nearest other images of each of n images."""

    places: np.ndarray  # [n, k] int
    distances: np.ndarray  # [n, k]

    def first(self, count: int) -> Neighbours:
        """Fewer of them."""
        return Neighbours(self.places[:, :count], self.distances[:, :count])


def embedded(run: FinishedRun) -> Embedded:
    """The images of a run that have a code and can be read again; where none can, those that have a code.

    Raises:
      BadInput: there are fewer than two.
    """
    found = run.rows(fields=("label", "code", "reconstruction", "reconstruction_latent"))
    rows = [row for row in found if row.code is not None and row.reconstruction is not None]
    targets = _targets(run, [row.id for row in rows])
    if targets:
        rows = [row for row in rows if row.id in targets]
    if len(rows) < 2:
        raise BadInput(f"{len(rows)} images with a code in {run.stored.folder}", "expected at least two")
    images = np.stack([targets[row.id] if targets else np.asarray(row.reconstruction) for row in rows])
    labels = [row.label for row in rows]
    flat = lambda values: np.stack([np.ravel(each) for each in values])
    made = [row.reconstruction if row.reconstruction_latent is None else row.reconstruction_latent for row in rows]
    features = {
        "codes": flat([row.code for row in rows]),
        **({"pixels": flat(images)} if targets else {}),
        "reconstructions": flat(made),
    }
    known = None if any(label is None for label in labels) else np.array(labels)
    shown = seen(images, run.image_shape, run.job.images.shown_channels)
    return Embedded([row.id for row in rows], known, shown, features)


def _targets(run: FinishedRun, ids: Sequence[str]) -> dict[str, np.ndarray]:
    try:
        targets = run.targets(ids)
    except BadInput as error:
        logging.warning("%s", error)
        targets = {}
    if not targets:
        logging.warning("without the images themselves codes and reconstructions are compared, and pixels are not")
    elif len(targets) < len(ids):
        logging.warning("%d of %d images are left out: not where they were", len(ids) - len(targets), len(ids))
    return targets


def neighbours(features: np.ndarray, count: int) -> Neighbours:
    """The nearest others of each row [n, d], by Euclidean distance; at most `count`, and at most n - 1.

    Raises:
      BadInput: fewer than one is asked for.
    """
    if count < 1:
        raise BadInput(f"{count} neighbours", "expected at least 1")
    count = min(count, len(features) - 1)
    places = np.zeros((len(features), count), int)
    distances = np.zeros((len(features), count))
    for first in range(0, len(features), _BLOCK):
        rows = np.arange(first, min(first + _BLOCK, len(features)))
        away = scipy.spatial.distance.cdist(features[rows], features)
        away[np.arange(len(rows)), rows] = np.inf
        places[rows] = np.argsort(away, axis=1, kind="stable")[:, :count]
        distances[rows] = np.take_along_axis(away, places[rows], axis=1)
    return Neighbours(places, distances)


def nearest(found: Embedded, count: int) -> dict[str, Neighbours]:
    """The neighbours by each kind of features; by reconstructions only where there are classes to guess."""
    wanted = [name for name in found.features if found.labels is not None or name != "reconstructions"]
    return {name: neighbours(found.features[name], count) for name in wanted}


def guesses(found: Neighbours, labels: np.ndarray, count: int) -> np.ndarray:
    """The class of most of the `count` nearest neighbours of each image, [n]; of equals, that of the nearest."""
    given = labels[found.places[:, :count]]
    votes = np.sum(given[:, :, None] == given[:, None, :], axis=2)
    first = np.argmax(votes, axis=1)  # the first of the largest: neighbours stand in order
    return given[np.arange(len(given)), first]


def table(found: Embedded, near: dict[str, Neighbours], counts: Sequence[int]) -> list[dict[str, Any]]:
    """The share of images whose class their neighbours guess, for each kind of features and number of neighbours.

    Every image is left out in turn. `low` and `high` are Wilson's 95% interval of the share; `p` that of McNemar's
    exact test, that codes and these features are right equally often.

    Args:
      found: the images.
      near: see `nearest`, with at least as many neighbours as any of the counts.
      counts: how many neighbours guess; those that are not there cannot, and have no row.

    Raises:
      BadInput: there are no labels, too few images, or no row.
    """
    if found.labels is None:
        raise BadInput("images without classes", "give the run their labels (--labels=FILE of tfinvert invert)")
    if len(found.ids) < LEAST:
        raise BadInput(f"{len(found.ids)} images", f"expected at least {LEAST} to say anything of classes")
    there = [count for count in counts if count < len(found.ids)]
    if not there:
        raise BadInput(f"{min(counts)} neighbours in {len(found.ids)} images", f"expected {len(found.ids) - 1} at most")
    if len(there) < len(counts):
        logging.warning("%d images have %d neighbours at most: more are left out", len(found.ids), len(found.ids) - 1)
    rows = []
    for count in there:
        right = {name: guesses(each, found.labels, count) == found.labels for name, each in near.items()}
        for name, hits in right.items():
            interval = scipy.stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
            rows.append(
                {
                    "features": name,
                    "k": count,
                    "n": len(hits),
                    "accuracy": round(float(hits.mean()), 4),
                    "low": round(interval.low, 4),
                    "high": round(interval.high, 4),
                    "p": "" if name == "codes" else f"{_chance(right['codes'], hits):.3g}",
                }
            )
    return rows


def _chance(one: np.ndarray, other: np.ndarray) -> float:
    """McNemar's exact p for two ways that were right [n] and [n]."""
    alone = int(np.sum(one & ~other))
    differ = alone + int(np.sum(~one & other))
    return float(scipy.stats.binomtest(alone, differ).pvalue) if differ else 1.0
