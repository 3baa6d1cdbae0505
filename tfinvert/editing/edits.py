"""Edits: from the points of some images to those of others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.editing import paths
from tfinvert.editing.attributes import Direction
from tfinvert.editing.points import CODE, Place, Points
from tfinvert.errors import BadInput

LINEAR, SPHERICAL = WAYS = ("linear", "spherical")


def path(place: Place, ends: Points, steps: int, way: str = LINEAR, closed: bool = False) -> Points:
    """The path through images; see `paths.linear` for the number of its points.

    Behind a cut the straight path is that of h (Pividori et al., "Exploiting GAN Internal Capacity for High-Quality
    Reconstruction of Natural Images", supplement, "Intra class interpolation"), and the codes go straight along with
    it, for the layers that they also drive. On the spherical one the codes turn, and delta goes straight.

    Raises:
      BadInput: there are fewer than two images, or they are of different classes.
    """
    if len(ends.codes) < 2:
        raise BadInput("a path through one image", "expected at least two (--ids=A,B)")
    if way not in WAYS:
        raise BadInput(f"way {way!r}", f"expected one of {', '.join(WAYS)}")
    if way == LINEAR:
        made = _of_one_class(paths.linear(ends.codes, steps, closed), ends)
        if ends.delta is None:
            return made
        # Where the cut is behind one affine layer this is delta's own straight path, elsewhere only h's is straight.
        straight = paths.linear(place.hidden(ends), steps, closed)
        return made._replace(delta=straight - place.hidden(place.without(made)))
    space = place.generator.space
    made = _of_one_class(_supported(place, paths.spherical(ends.codes, steps, closed, space.centre)), ends)
    return made if ends.delta is None else made._replace(delta=paths.linear(ends.delta, steps, closed))


def circle(place: Place, ends: Points, count: int, seed: int = 0) -> Points:
    """The great circle from an image's code all round back to it (Egan et al., section 5.2): `count` points.

    It goes through the code of a second image, if there is one; else the way is drawn. Behind a cut, delta goes
    straight to the second image's and back.

    Raises:
      BadInput: there are more than two images, or they are of different classes.
    """
    centre = place.generator.space.centre
    made = _of_one_class(_supported(place, paths.circle(ends.codes, count, centre, seed)), ends)
    if ends.delta is None:
        return made
    share = paths.nearness(ends.codes, count, centre).reshape(-1, *[1] * (ends.delta.ndim - 1)).astype(np.float32)
    return made._replace(delta=(1 - share) * ends.delta[:1] + share * ends.delta[-1:])


def gap(point: Points, steps: int) -> Points:
    """From G1(z*) to G1(z*) + delta of one image (Pividori et al., figures 3 and 7): `steps` + 1 points.

    Raises:
      BadInput: the points are at the code.
    """
    if point.delta is None:
        raise BadInput("the way from G1(z) to G1(z) + delta at the code", "edit behind the dense layer (--at=dense)")
    ends = np.concatenate([np.zeros_like(point.delta), point.delta])
    return point.repeat(steps + 1)._replace(delta=paths.linear(ends, steps))


def drawn(place: Place, point: Points, count: int, seed: int = 0) -> Points:
    """`count` codes from the prior, of one image's class, with no delta: the generator's own images."""
    codes = place.generator.space.sample(seeds.of(seed, tf.range(count))).numpy()
    return place.without(point.take([0]).repeat(count)._replace(codes=codes))


def switched(place: Place, points: Points, labels: Sequence[int]) -> Points:
    """Each image in each of these classes, image after image, the code and delta held (Pividori et al., figure 12).

    Raises:
      BadInput: the generator is not class-conditional, or has no such class, or none is given.
    """
    condition, name = place.generator.condition, place.generator.name
    if condition is None or points.labels is None:
        raise BadInput(f"other classes for {name}", "it is not class-conditional: there is no class to switch")
    if not len(labels):
        raise BadInput("other classes, but none is given", "expected some (--switch=3,7)")
    wanted = condition.check(np.array(labels, np.int32)).numpy()
    return points.repeat(len(wanted))._replace(labels=np.tile(wanted, len(points.codes)))


def combined(place: Place, points: Points, weights: Sequence[float]) -> Points:
    """One image: the sum of images' codes, and of their deltas, by weights (Egan et al., section 5.1).

    Where the prior's centre is not 0 it is the codes' distances from it that are added. The class is the first image's.

    Raises:
      BadInput: there is not one weight for each image.
    """
    if len(weights) != len(points.codes):
        raise BadInput(f"{len(weights)} weights for {len(points.codes)} images", "expected one for each (1,-1,1)")
    centre = place.generator.space.centre
    add = lambda rows: np.tensordot(np.array(weights, np.float32), rows, 1)[np.newaxis]
    codes = _supported(place, centre + add(points.codes - centre))
    return points.take([0])._replace(codes=codes, delta=None if points.delta is None else add(points.delta))


def moved(place: Place, point: Points, direction: np.ndarray, amounts: Sequence[float]) -> Points:
    """One image's code moved along a direction [*shape] by these amounts; its class and delta are held."""
    shift = np.multiply.outer(np.array(amounts, np.float32), direction)
    return point.repeat(len(amounts))._replace(codes=_supported(place, point.codes + shift))


def along(place: Place, point: Points, direction: Direction, strengths: Sequence[float]) -> Points:
    """One image moved along a direction by these strengths, in its standard deviations; its class is held.

    A direction of codes moves the code, and holds delta; one of values in the dense layer moves delta.

    Raises:
      BadInput: there are several images; the direction is of another generator, or of values in the dense layer where
        there are none.
    """
    if len(point.codes) != 1:
        raise BadInput(f"{len(point.codes)} images to move", "expected one: points.take(slice(0, 1))")
    space = place.generator.space if direction.at == CODE else place.split and place.split.tail.space
    if not space:
        raise BadInput(f"direction {direction.name} of values in the dense layer", "edit there (--at=dense)")
    if direction.vector.shape != (space.shape or ()):
        raise BadInput(
            f"direction {direction.name} {list(direction.vector.shape)} for {place.generator.name}",
            f"expected {list(space.shape or ())}: find one for this generator",
        )
    amounts = direction.spread * np.array(strengths, np.float32)
    if direction.at == CODE:
        return moved(place, point, direction.vector, amounts.tolist())
    made = point.repeat(len(amounts))
    return made._replace(delta=made.delta + np.multiply.outer(amounts, direction.vector))


def _supported(place: Place, codes: np.ndarray) -> np.ndarray:
    """Codes brought back to where the prior is: straying ones of a uniform prior are clipped."""
    return place.generator.space.supported(tf.constant(codes, tf.float32)).numpy()


def _of_one_class(codes: np.ndarray, ends: Points) -> Points:
    """Codes in the one class that the ends have."""
    if ends.labels is None:
        return Points(codes, None, None)
    if len(set(ends.labels.tolist())) > 1:
        raise BadInput(
            f"a path between classes {', '.join(map(str, ends.labels))}",
            "classes have nothing between them: hold one for all (--label=N), or run with --labels=embedding",
        )
    return Points(codes, np.full(len(codes), ends.labels[0], np.int32), None)
