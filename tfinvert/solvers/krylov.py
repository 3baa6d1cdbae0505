"""Gauss-Newton without a matrix: for codes whose Jacobian has too many columns."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import STEPS
from tfinvert.solvers import rows
from tfinvert.solvers.jacobian import push
from tfinvert.solvers.solver import Memory, Step, Turn

Function = Callable[[tf.Tensor], tf.Tensor]

_LEAST, _MOST = 1e-14, 1e10  # of the damping
_SOLVED = 1e-8  # a linear system whose residual fell by this is solved; most end at `inner` long before


@dataclasses.dataclass(frozen=True)
class GaussNewtonCG:
    """Truncated Gauss-Newton: (J^T J + damping * scale * I) s = -J^T r by a few conjugate gradient iterations.

    J is only ever multiplied with vectors, one tangent and one backward pass an iteration, so that it suits codes of
    hundreds to thousands of entries. Conjugate gradients stopped early still give a way down (Dembo & Steihaug 1983,
    Truncated-Newton algorithms for large-scale unconstrained optimization; Steihaug 1983). A trial that lowers |r|^2
    is taken and the row's damping falls (x0.3); else the row stays and its damping rises (x4). The scale is the mean
    eigenvalue of J^T J, estimated with one fixed vector of signs (Hutchinson 1990).

    Args:
      steps: linearisations, and so trials, at most.
      inner: conjugate gradient iterations in each; one costs three passes.
      damping: the first one, in units of the scale.

    Raises:
      BadInput: a number is not positive, or the objective has no residuals.
    """

    steps: int = STEPS["gauss_newton_cg"]
    inner: int = 30
    damping: float = 1e-2
    needs_residuals: ClassVar[bool] = True
    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"steps={self.steps}", f"expected at least 1; {type(self).steps} is a good start")
        if self.inner < 1:
            raise BadInput(f"inner={self.inner}", "expected at least 1; 30 is a good start")
        if not 0 < self.damping < float("inf"):
            raise BadInput(f"damping={self.damping}", "expected a positive number, such as 0.01")

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        """The damping of each row, float64 [N]."""
        return tf.fill(tf.shape(codes)[:1], tf.constant(self.damping, tf.float64))

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        if objective.residuals is None:
            raise BadInput("a loss that is no sum of squares", "Gauss-Newton takes residuals; LBFGS does without")
        function = objective.residuals
        signs = _signs(codes)
        residuals, image, pull = _linearise(function, codes, signs)
        half = pull(residuals)  # the gradient of |r|^2 is twice this
        scale = rows.square(image) / math.prod(codes.shape[1:])

        def product(direction: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            tangent = tf.reshape(tf.cast(direction, codes.dtype), tf.shape(codes))
            _, image, pull = _linearise(function, codes, tangent)
            return rows.square(image), rows.flat(tf.cast(pull(image), tf.float64))

        right = -rows.flat(tf.cast(half, tf.float64))
        move, used = _conjugate_gradients(product, right, memory * scale, turn.running, self.inner)
        trial = codes + tf.reshape(tf.cast(move, codes.dtype), tf.shape(codes))
        value, new = rows.square(residuals), rows.square(function(trial))
        better = tf.math.is_finite(new) & (new < value) & rows.finite(rows.flat(trial))
        damping = tf.clip_by_value(memory * tf.where(better, tf.cast(0.3, tf.float64), 4.0), _LEAST, _MOST)
        taken = tf.reshape(tf.where(better[:, None], rows.flat(trial), rows.flat(codes)), tf.shape(codes))
        passes = 3 + 3 * used + 1  # each time forward, tangent and backward; and the trial
        return Step(taken, damping, tf.cast(value, residuals.dtype), rows.flat_ends(half), passes)


def _linearise(function: Function, codes: tf.Tensor, tangent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Function]:
    """r [N, M] at the codes, J tangent [N, M], and the function u [N, M] -> J^T u [N, *shape], to be used once."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(codes)
        residuals, image = push(function, codes, tangent)

    def pull(cotangent: tf.Tensor) -> tf.Tensor:
        return tf.convert_to_tensor(tape.gradient(residuals, codes, cotangent, unconnected_gradients="zero"))

    return residuals, image, pull


def _conjugate_gradients(
    product: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    right: tf.Tensor,
    shift: tf.Tensor,
    active: tf.Tensor,
    most: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Solves (A + shift I) s = right in each row; a row that is solved, or not `active` [N], keeps still.

    Args:
      product: p [N, d] -> (p . A p [N], A p [N, d]), in float64 as all else here.
      right: [N, d].
      shift: [N], not negative.
      active: bool [N].
      most: iterations.

    Returns:
      s [N, d], always finite, and how many iterations each row took, int32 [N].
    """
    start = rows.square(right)

    def body(solution: tf.Tensor, rest: tf.Tensor, way: tf.Tensor, active: tf.Tensor, used: tf.Tensor) -> tuple:
        used += tf.cast(active, tf.int32)
        bend, turned = product(way)
        turned += shift[:, None] * way
        bend += shift * rows.square(way)  # from |J p|^2, which rounding cannot make negative as it can p . (A p)
        active &= (bend > 0) & tf.math.is_finite(bend) & rows.finite(turned)
        size = rows.square(rest)
        length = tf.where(active, size / bend, tf.zeros_like(bend))[:, None]
        moved, left = solution + length * way, rest - length * turned
        active &= rows.finite(moved) & rows.finite(left)
        turn = left + (rows.square(left) / size)[:, None] * way
        solution, rest, way = (
            tf.where(active[:, None], new, old) for new, old in ((moved, solution), (left, rest), (turn, way))
        )
        return solution, rest, way, active & (rows.square(rest) > _SOLVED**2 * start), used

    state = (
        tf.zeros_like(right),
        right,
        right,
        active & tf.math.is_finite(start) & (start > 0),
        tf.zeros_like(active, tf.int32),
    )
    solution, _, _, _, used = tf.while_loop(
        lambda solution, rest, way, active, used: tf.reduce_any(active),
        body,
        state,
        maximum_iterations=most,
        parallel_iterations=1,
    )
    return solution, used


def _signs(codes: tf.Tensor) -> tf.Tensor:
    """One vector of random signs for all rows and steps, as [N, *shape]."""
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=tuple(codes.shape[1:]))
    return tf.zeros_like(codes) + tf.constant(signs, codes.dtype)
