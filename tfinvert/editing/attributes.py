"""Directions that mean something: learnt from examples with and without an attribute, or found in the first map."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
import scipy.special
import tensorflow as tf

from tfinvert.editing.directions import Principal, pointed
from tfinvert.editing.points import CODE, PLACES
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.graphs.cuts import first_maps
from tfinvert.generators.graphs.frozen import examples, frozen_for, part
from tfinvert.images.numpy_files import NumpyFile
from tfinvert.remote import path_of
from tfinvert.runs.files import whole, writable
from tfinvert.settings import DEFAULT_LIMITS

_LEAST = 10  # examples with the attribute, and without
_NAME = 200  # letters of a direction's name
_WIDEST = 1e6  # standard deviation along a direction
_HELD_OUT = 5  # one of so many examples is kept for testing
_BATCH = 64  # codes at once
_RANK = 1e-5  # of the largest singular value: smaller ones are rounding
_RIDGE = 1e-2  # weight of the squared norm, for features of unit spread
SUFFIX = ".npz"
_ARRAY, _ABOUT = "vector", "about"


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A direction of codes, or of values in the dense layer, along which an attribute changes.

    Attributes:
      vector: [*shape] of length 1.
      spread: the standard deviation of codes, or values, along it: strengths are in these.
      name: of the attribute.
      at: "code" or "dense".
      cut: the layer behind which the dense layer's values stand, or "first_dense".
      behind: the layer whose values were taken for the code, if they were (--behind).
      fingerprint: of the generator.
      accuracy: the share of examples, kept for testing, that it tells apart; None where nothing was learnt.
    """

    vector: np.ndarray
    spread: float
    name: str
    at: str = CODE
    cut: str | None = None
    behind: str | None = None
    fingerprint: str = ""
    accuracy: float | None = None

    def write(self, path: str | Path) -> Path:
        """Writes it to a `.npz` file."""
        file = path_of(path)
        if file.suffix != SUFFIX:
            raise BadInput(f"a direction in {file.name}", "expected a name that ends in .npz")
        writable(file.parent)
        about = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        vector = about.pop("vector")
        with whole(file) as temporary:
            np.savez(temporary, **{_ARRAY: vector, _ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8)})
        return file


def read_direction(path: str | Path) -> Direction:
    """What `Direction.write` wrote.

    Raises:
      BadInput: there is no such file, or it holds something else.
    """
    file = path_of(path)
    wrong = BadInput(f"direction {path}", "expected a file that `tfinvert direction` wrote, or sefa:1, sefa:2, ...")
    if not file.is_file():
        raise wrong
    try:
        arrays = NumpyFile(file, DEFAULT_LIMITS)
        about = json.loads(arrays.read(_ABOUT).tobytes())
        vector = arrays.read(_ARRAY)
        found = Direction(np.asarray(vector, np.float32), **about)
        texts = [found.name, found.fingerprint, found.behind or "", found.cut or ""]
        sound = (
            found.at in PLACES
            and all(isinstance(text, str) and text.isprintable() for text in texts)
            and vector.dtype.kind == "f"
            and bool(np.isfinite(found.vector).all() and found.vector.any())
            and isinstance(found.spread, float)
            and 0 < found.spread < _WIDEST
            and len(found.name) < _NAME
        )
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise wrong from error
    if not sound:
        raise wrong
    return found


def learnt(
    values: np.ndarray, positive: np.ndarray, name: str, every: np.ndarray | None = None, **more: Any
) -> Direction:
    """The direction that best tells examples with an attribute from those without.

    It is the normal of the plane between them where each entry is measured in its own standard deviation, so that
    entries which vary much move much, as they do from image to image. By logistic regression (Shen et al. 2020,
    "Interpreting the Latent Space of GANs for Semantic Face Editing", arXiv:1907.10786, with a linear support vector
    machine); both kinds count alike, however many.

    Args:
      values: codes or values in the dense layer, [N, *shape].
      positive: bool [N], whether an example has the attribute.
      name: of the attribute.
      every: values [M, *shape] that the examples were chosen from, whose spread is the direction's; default: `values`.
      more: other attributes of the `Direction`.

    Raises:
      BadInput: there are fewer than 10 examples of either kind, or they do not differ.
    """
    positive = np.asarray(positive, bool)
    counts = int(positive.sum()), int((~positive).sum())
    if min(counts) < _LEAST:
        raise BadInput(
            f"{name}: {counts[0]} examples with it and {counts[1]} without", f"expected at least {_LEAST} of each"
        )
    flat = values.reshape(len(values), -1).astype(np.float64)
    mean, spread = flat.mean(axis=0), flat.std(axis=0)
    if not spread.any():
        raise BadInput(f"{name}: examples that do not differ", "expected codes of different images")
    features = (flat - mean) / np.where(spread > 0, spread, np.inf)
    test = np.zeros(len(flat), bool)
    for kind in (positive, ~positive):
        test[np.flatnonzero(kind)[_HELD_OUT - 1 :: _HELD_OUT]] = True
    weights, offset = _regression(features[~test], positive[~test])
    right = (features[test] @ weights + offset > 0) == positive[test]
    accuracy = float(np.mean([right[positive[test]].mean(), right[~positive[test]].mean()]))
    weights, _ = _regression(features, positive)
    vector = weights * spread
    if not vector.any():
        raise BadInput(f"{name}: examples with it and without it are the same", "expected labels that differ by image")
    vector /= np.linalg.norm(vector)
    shaped = vector.reshape(values.shape[1:]).astype(np.float32)
    wide = flat if every is None else every.reshape(len(every), -1)
    return Direction(shaped, float(np.std(wide @ vector)), name, accuracy=accuracy, **more)


def _regression(features: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights [d] and offset of a logistic regression with a ridge."""
    signs = np.where(positive, 1.0, -1.0)
    share = np.where(positive, 0.5 / positive.sum(), 0.5 / (~positive).sum())

    def loss(packed: np.ndarray) -> tuple[float, np.ndarray]:
        weights, margin = packed[:-1], signs * (features @ packed[:-1] + packed[-1])
        slope = -signs * share * scipy.special.expit(-margin)
        value = share @ np.logaddexp(0, -margin) + 0.5 * _RIDGE * weights @ weights
        return value, np.append(features.T @ slope + _RIDGE * weights, slope.sum())

    found = scipy.optimize.minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B")
    return found.x[:-1], float(found.x[-1])


def of_first_map(generator: Generator, count: int) -> Principal:
    """The directions of codes that change most in the first linear maps: of any code, without examples.

    They are the right singular vectors of the weights of all maps that codes enter first, together (Shen & Zhou 2021,
    "Closed-Form Factorization of Latent Semantics in GANs", arXiv:2007.06600).

    Raises:
      BadInput: codes go through no linear map, or `count` is more than the maps have directions.
    """
    frozen = frozen_for(generator, "be taken apart")
    tensors = first_maps(frozen)
    if not tensors:
        raise BadInput(f"directions of the first map of {generator.name}", "its codes go through no linear map")
    entries, shape = generator.space.entries, generator.space.shape or ()
    maps = part(frozen.definition, frozen.inputs, tensors)
    _, *held = examples(generator, 1)  # the class moves maps, too

    def values(codes: np.ndarray) -> np.ndarray:
        given = tf.constant(generator.space.centre + codes.reshape(-1, *shape), tf.float32)
        made = maps(given, *(tf.repeat(rows, len(codes), axis=0) for rows in held))
        return np.concatenate([np.asarray(each).reshape(len(codes), -1) for each in made], axis=1)

    units = np.eye(entries, dtype=np.float32)
    moved = np.concatenate([values(units[first : first + _BATCH]) for first in range(0, entries, _BATCH)])
    weights = (moved - values(np.zeros((1, entries), np.float32))).astype(np.float64)
    across, sizes, _ = np.linalg.svd(weights, full_matrices=False)
    rank = int(np.sum(sizes > sizes[0] * _RANK)) if sizes[0] > 0 else 0
    if not 1 <= count <= rank:
        raise BadInput(f"{count} directions of the first map of {generator.name}", f"expected 1 to {rank}")
    shaped = pointed(across.T[:count]).reshape(-1, *shape).astype(np.float32)
    return Principal(shaped, np.full(count, generator.space.spread), sizes[:count] ** 2 / np.sum(sizes**2))
