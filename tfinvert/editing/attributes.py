"""Directions that mean something: learnt from examples with and without an attribute, or found in the first map."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.optimize
import tensorflow as tf

from tfinvert.editing.directions import Principal
from tfinvert.editing.points import CODE, PLACES
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.graphs.cuts import first_maps
from tfinvert.generators.graphs.frozen import examples, frozen_for, part
from tfinvert.images.numpy_files import NumpyFile
from tfinvert.remote import path_of
from tfinvert.runs.files import whole
from tfinvert.settings import DEFAULT_LIMITS

_LEAST = 10  # examples with the attribute, and without
_HELD_OUT = 5  # one of so many examples is kept for testing
_RIDGE = 1e-2  # weight of the squared norm, for features of unit spread
_ARRAY, _ABOUT = "vector", "about"


@dataclasses.dataclass(frozen=True, eq=False)
class Direction:
    """A direction of codes, or of values in the dense layer, along which an attribute changes.

    Attributes:
      vector: [*shape] of length 1.
      spread: the standard deviation of codes, or values, along it: strengths are in these.
      name: of the attribute.
      at: "code" or "dense".
      behind: the layer whose values were taken for the code, if they were (--behind).
      fingerprint: of the generator.
      accuracy: the share of examples, kept for testing, that it tells apart; None where nothing was learnt.
    """

    vector: np.ndarray
    spread: float
    name: str
    at: str = CODE
    behind: str | None = None
    fingerprint: str = ""
    accuracy: float | None = None

    def write(self, path: str | Path) -> Path:
        """Writes it to a `.npz` file."""
        file = path_of(path)
        if file.suffix != ".npz":
            raise BadInput(f"a direction in {file.name}", "expected a name that ends in .npz")
        about = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        vector = about.pop("vector")
        with whole(file) as temporary:
            np.savez(temporary, **{_ARRAY: vector, _ABOUT: np.frombuffer(json.dumps(about).encode(), np.uint8)})
        return file


def read(path: str | Path) -> Direction:
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
        found = Direction(np.asarray(arrays.read(_ARRAY), np.float32), **about)
        sound = found.at in PLACES and np.isfinite(found.vector).all() and np.isfinite(found.spread)
    except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise wrong from error
    if not sound:
        raise wrong
    return found


def learnt(values: np.ndarray, positive: np.ndarray, name: str, **more: Any) -> Direction:
    """The normal of the plane that best tells examples with an attribute from those without, entries at one spread.

    By logistic regression (Shen et al. 2020, "Interpreting the Latent Space of GANs for Semantic Face Editing",
    arXiv:1907.10786, section 3.1, with a linear support vector machine); both kinds count alike, however many.

    Args:
      values: codes or values in the dense layer, [N, *shape].
      positive: bool [N], whether an example has the attribute.
      name: of the attribute.
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
    vector /= np.linalg.norm(vector)
    shaped = vector.reshape(values.shape[1:]).astype(np.float32)
    return Direction(shaped, float(np.std(flat @ vector)), name, accuracy=accuracy, **more)


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
    "Closed-Form Factorization of Latent Semantics in GANs", arXiv:2007.06600, eq. 6).

    Raises:
      BadInput: codes go through no linear map, or `count` is more than a code has entries.
    """
    entries = generator.space.entries
    if not 1 <= count <= entries:
        raise BadInput(f"sefa:{count} of {generator.name}", f"expected 1 to {entries}, the entries of its codes")
    frozen = frozen_for(generator, "be taken apart")
    tensors = first_maps(frozen)
    if not tensors:
        raise BadInput(f"sefa:{count} of {generator.name}", "its codes go through no linear map")
    _, *held = examples(generator, 1 + entries)
    same = [tf.repeat(rows[:1], 1 + entries, axis=0) for rows in held]  # the class moves maps, too
    codes = np.concatenate([np.zeros((1, entries)), np.eye(entries)]).astype(np.float32)
    codes = tf.constant(generator.space.centre + codes.reshape(-1, *(generator.space.shape or ())), tf.float32)
    made = [part(frozen.definition, frozen.inputs, tensor)(codes, *same).numpy() for tensor in tensors]
    rows = np.concatenate([each.reshape(1 + entries, -1) for each in made], axis=1)
    _, sizes, across = np.linalg.svd((rows[1:] - rows[:1]).T.astype(np.float64), full_matrices=False)
    directions = across[:count]
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    shaped = (np.sign(largest) * directions).reshape(-1, *(generator.space.shape or ())).astype(np.float32)
    return Principal(shaped, np.full(len(shaped), generator.space.spread), sizes[:count] ** 2 / np.sum(sizes**2))
