"""The nearest values that a code can make: what the code alone has of an image that was found behind the cut."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.editing.points import Place, Points
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.split import Split
from tfinvert.generators.generator import derive
from tfinvert.generators.held import Held
from tfinvert.inversion import Inverter
from tfinvert.settings import Stopping
from tfinvert.solvers import LevenbergMarquardt
from tfinvert.spaces import unconstrained

_STEPS = 30  # an affine layer needs a few, by which the damping falls


class Projected(NamedTuple):
    """The points without delta, and how far each was: |h* - G1(z)| / |h*|, [B]."""

    points: Points
    distance: np.ndarray


def project(place: Place, points: Points) -> Projected:
    """The points of G1(Z) next to h* = G1(z*) + delta (Pividori et al., figure 13), the classes held.

    The head is inverted like a generator: least squares from z* on, by Levenberg-Marquardt. For an affine head, as
    before the first dense layer's activation, that is the projection on the subspace G1(R^d), and bounds of the prior
    are not heeded; for others, a minimum near z*. Entries of the code that h does not depend on stay z*'s. Near the
    minimum values in float32 are all alike, which leaves codes an error of 1e-3 or so.

    Raises:
      BadInput: the points are at the code.
    """
    if place.split is None or points.delta is None:
        raise BadInput("a projection at the code", "edit behind the dense layer (--at=dense)")
    hidden = place.hidden(points)
    generator = _head(place.generator, place.split, float(np.max(np.abs(hidden))) or 1.0)
    inverter = Inverter(generator, solver=LevenbergMarquardt(steps=_STEPS), restarts=1, stopping=Stopping(0.0))
    targets = hidden.reshape(len(hidden), *generator.image_shape)
    found = inverter(targets, labels=points.labels, starts=points.codes[:, np.newaxis])
    nearest = place.without(points._replace(codes=found.codes.numpy()))
    flat = lambda values: values.reshape(len(values), -1)
    left = np.linalg.norm(flat(hidden - place.hidden(nearest)), axis=1)
    return Projected(nearest, left / np.linalg.norm(flat(hidden), axis=1))


def _head(generator: Generator, split: Split, size: float) -> Generator:
    """The part before the cut as a generator, whose images [n, 1, 1] are the values h, of this size at most."""
    shape = (math.prod(split.tail.space.shape or ()), 1, 1)

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        return tf.reshape(split.head([codes, *held.rows]), [-1, *shape])

    return derive(
        generator,
        f"the head of {generator.name}",
        function,
        space=generator.space.constrained(unconstrained()),
        image_shape=shape,
        value_range=(-size, size),
    )
