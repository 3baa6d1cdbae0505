"""Examples with and without an attribute: images of a run by their labels, or samples by a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.editing.points import Place, Points, points_of
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.split import split
from tfinvert.losses.features import read_network
from tfinvert.remote import path_of
from tfinvert.runs import FinishedRun

Classifier = Callable[[np.ndarray], np.ndarray]
_BATCH = 64
_SHARE = 3  # of samples, the third with the largest output and the third with the smallest are examples


class Examples(NamedTuple):
    """N codes, or values in the dense layer."""

    values: np.ndarray  # [N, *shape]
    positive: np.ndarray  # bool [N]: which have the attribute
    every: np.ndarray | None = None  # [M, *shape]: what they were chosen from


def of_run(run: FinishedRun, place: Place, attribute: int, labels: Any = None) -> Examples:
    """The images of a run that have a code.

    Args:
      run: of the place's generator.
      place: where the direction is wanted.
      attribute: the label of images that have it.
      labels: of the images, as of `tfinvert invert --labels`; those without one are left out. Default: the classes that
        stand in the run.

    Raises:
      BadInput: there are no labels.
    """
    rows = [row for row in run.rows(fields=("label", "code")) if row.code is not None]
    ids = [row.id for row in rows]
    if labels is None:
        known: list[Any] = [row.label for row in rows]
        if None in known:
            raise BadInput(f"{run.stored.folder} has no classes", "give labels (--labels), or a classifier")
    else:
        given = run.labels(labels)
        told = [row.id for row in rows if given.get(row.id) is not None]
        if len(told) < len(ids):
            logging.info("%d of %d images have no label, and are left out", len(ids) - len(told), len(ids))
        ids, known = told, [given[name] for name in told]
    return Examples(_values(place, points_of(run, place, ids)), np.array(known) == attribute)


def classifier(path: str, image_shape: Sequence[int], value_range: Sequence[float] = (0.0, 1.0)) -> Classifier:
    """The user's classifier of images [N, H, W, C] in [0, 1], which are brought to its size and channels.

    Args:
      path: of a Keras model [N, H, W, C] -> [N, K].
      image_shape: (H, W, C) of images, of 1 or 3 channels.
      value_range: (low, high) of the pixels that it takes.

    Raises:
      BadInput: it cannot be read, or takes no such images.
    """
    if len(image_shape) != 3 or image_shape[-1] not in (1, 3):
        raise BadInput(f"a classifier of images {list(image_shape)}", "expected pictures of 1 or 3 channels")
    model = read_network(path_of(path), "classifier")
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[-1] not in (1, 3):
        raise BadInput(f"classifier {path} of {shape}", "expected one input of images [N, H, W, C] of 1 or 3 channels")
    low, high = value_range

    def told(images: np.ndarray) -> np.ndarray:
        images = tf.constant(images)
        if images.shape[-1] != shape[-1]:
            images = tf.repeat(images, 3, axis=-1) if shape[-1] == 3 else tf.reduce_mean(images, axis=-1, keepdims=True)
        size = [own or other for own, other in zip(shape[1:3], images.shape[1:3], strict=True)]
        if size != list(images.shape[1:3]):
            images = tf.image.resize(images, size, antialias=True)
        made = model(low + (high - low) * images, training=False)
        if isinstance(made, (list, tuple, dict)) or len(made.shape) != 2:
            raise BadInput(f"classifier {path} does not give one tensor [N, K]", "expected a number for each class")
        return np.asarray(made, np.float32)

    return told


def codes_of(whole: Generator, count: int, seed: int = 0, behind: str | None = None) -> Points:
    """Codes of a generator's prior, classes in turn; where a layer is named, what stands behind it for them."""
    numbers = tf.range(count)
    codes, labels = whole.space.sample(seeds.of(seed, numbers)), whole.takes.turns(numbers).labels
    classes = None if whole.condition is None else np.asarray(labels)
    if behind is None:
        return Points(codes.numpy(), classes, None)
    parts = split(whole, behind)
    some = [slice(first, first + _BATCH) for first in range(0, count, _BATCH)]
    labelled = [None if classes is None else classes[part] for part in some]
    values = [parts.before(codes[part], label)[0].numpy() for part, label in zip(some, labelled, strict=True)]
    return Points(np.concatenate(values), classes, None)


def drawn(place: Place, classify: Classifier, attribute: int | None, points: Points) -> Examples:
    """Samples of a generator, by what a classifier says of their images: the surest of either kind.

    Args:
      place: where the direction is wanted.
      classify: images [N, H, W, C] in [0, 1] -> [N, K], of a class for each column, or [N, 1].
      attribute: the column, by default the last; its output less the largest of the others counts.
      points: the samples, as of `codes_of`; a third of them becomes examples with the attribute, a third without.

    Raises:
      BadInput: the classifier has no such output, or says the same of all.
    """
    count = len(points.codes)
    points = place.without(points if place.generator.condition is not None else points._replace(labels=None))
    parts = [points.take(slice(first, first + _BATCH)) for first in range(0, count, _BATCH)]
    told = np.concatenate([classify(place.images(part, _BATCH)) for part in parts])
    attribute = told.shape[1] - 1 if attribute is None else attribute
    if not 0 <= attribute < told.shape[1]:
        raise BadInput(f"attribute {attribute}", f"the classifier has the outputs 0 to {told.shape[1] - 1}")
    others = np.delete(told, attribute, axis=1)
    scores = told[:, attribute] - (others.max(axis=1) if others.size else 0)
    lost = np.count_nonzero(~np.isfinite(scores))
    if lost:
        raise BadInput(
            f"a classifier whose outputs are no numbers for {lost} of {count} samples", "expected finite ones"
        )
    if np.ptp(scores) == 0:
        raise BadInput(f"a classifier that says {scores[0]:.3g} of all samples", "expected one that tells them apart")
    order, some = np.argsort(scores, kind="stable"), count // _SHARE
    chosen = np.concatenate([order[:some], order[count - some :]])
    logging.info("%d samples: outputs from %.3g to %.3g", count, scores.min(), scores.max())
    every = _values(place, points)
    return Examples(every[chosen], np.arange(len(chosen)) >= some, every)


def _values(place: Place, points: Points) -> np.ndarray:
    if place.split is None:
        return points.codes
    parts = [points.take(slice(first, first + _BATCH)) for first in range(0, len(points.codes), _BATCH)]
    return np.concatenate([place.hidden(part) for part in parts])
