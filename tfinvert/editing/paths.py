"""Paths through points [K, ...], as arrays [F, ...]: straight ones, on spheres, and all round a sphere.

In many dimensions a normal prior has nearly all its mass near a sphere, and straight paths leave it for codes that are
not likely; paths on the sphere do not (White, "Sampling Generative Networks", section 2; Egan et al., "Generalized
Latent Variable Recovery for Generative Adversarial Networks", section 5.2).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from tfinvert.errors import BadInput

_TINY = 1e-6  # a point this near to another's line, by its own norm, does not tell which way to turn


def linear(points: np.ndarray, steps: int, closed: bool = False) -> np.ndarray:
    """The straight path through points [K, ...]: (K - 1) * steps + 1 of them, the ends included.

    Args:
      points: two or more.
      steps: from one point to the next.
      closed: goes on to the first point, and ends one step before it: K * steps, a loop when repeated.

    Raises:
      BadInput: there are fewer than two points, or no steps.
    """
    return _through(points, steps, closed, lambda one, other, share: (1 - share) * one + share * other)


def spherical(points: np.ndarray, steps: int, closed: bool = False, centre: float = 0.0) -> np.ndarray:
    """The path through points [K, ...] on spheres about `centre`, as of `linear`.

    The direction turns evenly from each point to the next, and the norm changes evenly. For equal norms that is Slerp:
    sin((1 - t) a) / sin(a) one + sin(t a) / sin(a) other, with a the angle between them (Egan et al., section 5.2;
    Shoemake 1985); for others Slerp itself leaves the range of the norms. Between opposite points the way round is
    any, so one is drawn, always the same; between equal ones nothing turns.
    """
    return centre + _through(np.asarray(points) - centre, steps, closed, _turned)


def circle(points: np.ndarray, count: int, centre: float = 0.0, seed: int = 0) -> np.ndarray:
    """The great circle about `centre` from a point all round back to it: `count` points, the first one once.

    Args:
      points: [1, ...] or [2, ...]; of two, the circle goes through both, and its radius changes evenly from one to the
        other where their norms differ. Through one the way is drawn.
      count: points on the circle.
      seed: fixes what is drawn: for one point, and for two that are equal or opposite.

    Raises:
      BadInput: there are more than two points, no steps, or the first is the centre.
    """
    points = np.asarray(points)
    if len(points) not in (1, 2):
        raise BadInput(f"a circle through {len(points)} points", "expected one or two")
    if count < 1:
        raise BadInput(f"a circle of {count} points", "expected at least 1")
    first, last = _ends(points, centre)
    if not np.linalg.norm(first):
        raise BadInput("a circle from the centre", "expected another point: the centre has no direction")
    along, across, _ = _plane(first, last, seed)
    share, turn = nearness(points, count, centre), 2 * np.pi * np.arange(count)[:, None] / count
    radius = (1 - share) * np.linalg.norm(first) + share * np.linalg.norm(last)
    found = radius[:, None] * (np.cos(turn) * along + np.sin(turn) * across)
    return (centre + found).reshape(count, *points.shape[1:]).astype(points.dtype)


def nearness(points: np.ndarray, count: int, centre: float = 0.0) -> np.ndarray:
    """How far those of a `circle` are from the first point, 0, to the second, 1: [count], by the angle; 0 for one."""
    angle = _plane(*_ends(np.asarray(points), centre), 0)[2] / (2 * np.pi)
    if not angle:
        return np.zeros(count)
    return np.interp(np.arange(count) / count, [0, angle, 1], [0, 1, 0])


def _ends(points: np.ndarray, centre: float) -> tuple[np.ndarray, np.ndarray]:
    flat = points.reshape(len(points), -1).astype(np.float64) - centre
    return flat[0], flat[-1]


def _through(
    points: np.ndarray, steps: int, closed: bool, between: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    points = np.asarray(points)
    if len(points) < 2:
        raise BadInput(f"a path through {len(points)} points", "expected at least two")
    if steps < 1:
        raise BadInput(f"a path of {steps} steps", "expected at least 1")
    flat = points.reshape(len(points), -1).astype(np.float64)
    ends = [*flat, flat[0]] if closed else list(flat)
    share = np.arange(steps)[:, None] / steps
    legs = [between(one, other, share) for one, other in itertools.pairwise(ends)]
    whole = np.concatenate(legs if closed else [*legs, flat[-1:]])
    return whole.reshape(-1, *points.shape[1:]).astype(points.dtype)


def _turned(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points [F, n] from `one` towards `other`, whose directions and norms change evenly with the shares [F, 1]."""
    along, across, angle = _plane(one, other, 0)
    norm = (1 - share) * np.linalg.norm(one) + share * np.linalg.norm(other)
    return norm * (np.cos(share * angle) * along + np.sin(share * angle) * across)


def _plane(one: np.ndarray, other: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Two unit vectors across each other, the first along `one`, the second on the side of `other`; and their angle.

    Where the points tell no plane, for they are equal, opposite or at the centre, the second is drawn.
    """
    norms = np.linalg.norm(one), np.linalg.norm(other)
    if not norms[0]:  # the centre has the direction of the other end
        one, norms = other, (norms[1], norms[1])
    if not norms[0]:
        return one, other, 0.0
    along = one / norms[0]
    level = float(other @ along)
    side = other - level * along
    angle = float(np.arctan2(np.linalg.norm(side), level)) if norms[1] else 0.0
    if np.linalg.norm(side) <= _TINY * norms[1]:
        drawn = np.random.default_rng(seed).normal(size=one.shape)
        side = drawn - (drawn @ along) * along
        angle = np.pi if level < 0 else 0.0
    length = np.linalg.norm(side)
    return along, side / length if length else side, angle
