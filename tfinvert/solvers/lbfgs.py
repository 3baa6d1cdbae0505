"""L-BFGS, row by row in one batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import STEPS
from tfinvert.solvers import rows
from tfinvert.solvers.solver import Step, Turn

_ARMIJO = 1e-4  # a trial must gain this share of what the slope promises
_SHORTEST = 1e-6  # a step length below this: the pairs mislead
_CURVED = 1e-10  # least cosine of the angle between move and change of a pair


class Memory(NamedTuple):
    """What is known about N rows of d entries at their codes. The direction follows from it."""

    codes: tf.Tensor  # [N, d]
    value: tf.Tensor  # [N]
    gradient: tf.Tensor  # [N, d]: of the smooth part, see `Objective.sparsity`
    length: tf.Tensor  # [N] float64: the share of the direction that the next trial goes
    moves: tf.Tensor  # [N, m, d]: the last moves s; a new one takes the place of the oldest
    changes: tf.Tensor  # [N, m, d]: the changes y of the gradient over them, in the same places
    newest: tf.Tensor  # [N] int32: the place of the newest pair; the others follow backwards, and round
    weights: tf.Tensor  # [N, m] float64: 1 / (s . y), the newest first; 0 where there is no pair
    crossed: tf.Tensor  # [N, m, m] float64: s . y of all pairs, the newest first
    bent: tf.Tensor  # [N, m, m] float64: y . B y, B being the guess of the inverse Hessian


@dataclasses.dataclass(frozen=True)
class LBFGS:
    """Limited-memory BFGS (Nocedal & Wright, Numerical Optimization, 2nd ed., section 7.2).

    A step is one trial of each row: one value and one gradient; the first trial is the start itself. A row whose trial
    gains enough (Armijo's rule) goes there; another stays and tries a shorter step next time, so that no row waits for
    its neighbours' line searches.
    A row that finds nothing on its way down forgets its pairs and starts again with steepest descent. Instead of
    Wolfe's second condition, a pair is left out where the slope did not rise along the move.

    Beside an L1 term it is OWL-QN (Andrew & Gao, "Scalable Training of L1-Regularized Log-Linear Models", 2007): a
    trial stays in the orthant that the steepest way down leads into, so that entries become exactly zero.

    Args:
      steps: trials at most.
      memory: pairs of moves and gradient changes that a row remembers, each two tensors like the codes.
      inverse: a guess of the inverse Hessian, the same for all rows, where the identity, to a factor, is too far from
        it: the blocks [m, k, k] on its diagonal, each symmetric and positive definite, m * k = d. The search is then
        that in the coordinates in which the guess is the identity.

    Raises:
      BadInput: `steps` or `memory` is not positive, or `inverse` is no stack of square matrices.
    """

    steps: int = STEPS["lbfgs"]
    memory: int = 40
    inverse: np.ndarray | None = dataclasses.field(default=None, compare=False, repr=False)
    needs_residuals: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"steps={self.steps}", f"expected at least 1; {type(self).steps} is a good start")
        if self.memory < 1:
            raise BadInput(f"memory={self.memory}", "expected at least 1; 40 is a good start")
        if self.inverse is not None and (self.inverse.ndim != 3 or self.inverse.shape[1] != self.inverse.shape[2]):
            raise BadInput(f"inverse {list(self.inverse.shape)}", "expected blocks [m, k, k]; one is a whole matrix")

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        flat = rows.flat(codes)  # nothing is known there yet: the first step looks, so that one graph does it all
        pairs = tf.zeros_like(tf.stack([flat] * self.memory, axis=1))
        ones = tf.ones_like(flat[:, 0], tf.float64)
        weights = tf.zeros_like(tf.stack([ones] * self.memory, axis=1))
        products = tf.zeros_like(tf.stack([weights] * self.memory, axis=1))
        newest = tf.zeros_like(flat[:, 0], tf.int32)
        return Memory(flat, flat[:, 0], tf.zeros_like(flat), ones, pairs, pairs, newest, weights, products, products)

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        flat, charge = rows.flat(codes), objective.sparsity
        # At first, and where somebody else, such as a constraint, has moved the codes, the trial is a look at them.
        moved = _moved(flat, memory.codes) | (turn.since == 0)
        length = tf.where(moved, tf.zeros_like(memory.length), memory.length)
        slopes = _slopes(memory.codes, memory.gradient, charge)
        direction = _direction(memory, slopes, self._scaled)
        if charge:  # what leads against the steepest way down leads out of the orthant
            direction = tf.where(direction * slopes < 0, direction, tf.zeros_like(direction))
        trial = flat + tf.cast(length[:, None], codes.dtype) * direction
        if charge:
            trial = tf.where(moved[:, None] | (trial * _orthant(memory.codes, slopes) > 0), trial, tf.zeros_like(trial))
        value, gradient = _evaluate(objective, tf.reshape(trial, tf.shape(codes)))
        old_value = tf.where(moved, value, memory.value)
        old_gradient = tf.where(moved[:, None], gradient, memory.gradient)
        slope = rows.dot(slopes, direction)
        promised = rows.dot(slopes, trial - memory.codes) if charge else length * slope
        gain = tf.cast(value, tf.float64) - tf.cast(memory.value, tf.float64)
        finite = tf.math.is_finite(value) & rows.finite(gradient) & rows.finite(trial)
        accepted = finite & (moved | (gain <= _ARMIJO * promised))
        shorter = _shorter(length, slope, gain)
        again = (~accepted & (shorter < _SHORTEST)) | (~moved & (slope == 0))
        after = _remember(memory, trial - memory.codes, gradient - memory.gradient, accepted, self._scaled)
        after = after._replace(
            codes=tf.where(accepted[:, None], trial, flat),
            value=tf.where(accepted, value, old_value),
            gradient=tf.where(accepted[:, None], gradient, old_gradient),
            length=tf.where(accepted | again, tf.ones_like(length), shorter),
            weights=tf.where(again[:, None], tf.zeros_like(after.weights), after.weights),
        )
        ended = rows.flat_ends(_slopes(flat, old_gradient, charge))
        return Step(tf.reshape(after.codes, tf.shape(codes)), after, old_value, ended, tf.fill(tf.shape(value), 2))

    def _scaled(self, gradients: tf.Tensor) -> tf.Tensor:
        """Gradients float64 [N, d] times the guess of the inverse Hessian."""
        if self.inverse is None:
            return gradients
        guess = tf.constant(self.inverse)
        blocks = tf.reshape(tf.cast(gradients, guess.dtype), [-1, *self.inverse.shape[:2]])
        scaled = tf.einsum("nmk,mkl->nml", blocks, guess)
        return tf.cast(tf.reshape(scaled, tf.shape(gradients)), gradients.dtype)


def _evaluate(objective: Objective, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Values [N] and gradients [N, d] of their smooth part at codes [N, *shape]."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(codes)
        smooth = objective.values(codes)
        total = tf.reduce_sum(smooth)
    gradient = tape.gradient(total, codes, unconnected_gradients="zero")
    value = objective.charged(smooth, codes)
    return value, rows.flat(tf.reshape(tf.convert_to_tensor(gradient), tf.shape(codes)))


def _slopes(codes: tf.Tensor, gradient: tf.Tensor, charge: float) -> tf.Tensor:
    """The steepest way up [N, d] of a smooth part with this gradient and of charge * sum(|codes|).

    Equation 4 of Andrew & Gao: at zero the charge has two slopes, and where the gradient lies between them none leads
    down.
    """
    if not charge:
        return gradient
    rest = tf.sign(gradient) * tf.maximum(tf.abs(gradient) - charge, 0)
    return tf.where(codes == 0, rest, gradient + charge * tf.sign(codes))


def _orthant(codes: tf.Tensor, slopes: tf.Tensor) -> tf.Tensor:
    """The signs [N, d] that entries may have after a step: their own, and at zero that of the way down."""
    return tf.where(codes == 0, -tf.sign(slopes), tf.sign(codes))


def _moved(codes: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Whether rows [N, d] are elsewhere; a constraint that rounds a code again and again has not moved it."""
    rounding = 8 * float(np.finfo(codes.dtype.as_numpy_dtype).eps)
    return rows.dot(codes - known, codes - known) > rounding**2 * rows.dot(known, known)


def _direction(memory: Memory, slopes: tf.Tensor, scaled: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """The way down [N, d]: -H g, g being the slopes; zero where one is not finite.

    H is that of algorithm 7.4, in one piece instead of by two loops: equation 3.1 of Byrd, Nocedal & Schnabel,
    "Representations of quasi-Newton matrices and their use in limited memory methods" (1994). There the newest pair is
    the last one; here it is the first, so that their upper triangle is the lower one. Products of pairs are remembered,
    so that a step reads the pairs a few times only.
    """
    moves, changes, kept = memory.moves, memory.changes, memory.weights > 0
    wide = lambda narrow: tf.cast(narrow, tf.float64)
    # The newest pair tells the scale of the inverse Hessian; without one, the first step is at most 1 long.
    gradient, known = wide(slopes), kept[:, 0]
    curvature = memory.weights[:, 0] * memory.bent[:, 0, 0]
    scale = 1 / tf.where(known, curvature, tf.ones_like(curvature))
    first = scale[:, None] * scaled(gradient)
    # Forgotten pairs are out of the way: zeros, and a one on the triangle's diagonal so that it can be solved with.
    inner, among = tf.math.reciprocal_no_nan(memory.weights), wide(kept)
    pairs = among[:, :, None] * among[:, None, :]
    triangle = tf.linalg.set_diag(pairs * memory.crossed, inner + 1 - among)
    middle = scale[:, None, None] * pairs * memory.bent + tf.linalg.diag(inner)
    along = among * _by_age(wide(tf.linalg.matvec(moves, slopes)), memory.newest)
    bent = among * _by_age(wide(tf.linalg.matvec(changes, tf.cast(first, slopes.dtype))), memory.newest)
    low = tf.linalg.triangular_solve(triangle, along[..., None])
    high = tf.linalg.triangular_solve(triangle, middle @ low - bent[..., None], adjoint=True)
    low, high = (_by_age(tf.cast(shares[..., 0], slopes.dtype), memory.newest) for shares in (low, high))
    rest = first + wide(tf.linalg.matvec(moves, high, transpose_a=True))
    rest -= scale[:, None] * wide(scaled(tf.linalg.matvec(changes, low, transpose_a=True)))
    steepest = -scaled(gradient)
    steepest *= tf.minimum(tf.math.rsqrt(-rows.dot(gradient, steepest)), 1.0)[:, None]
    downhill = known & (rows.dot(rest, gradient) > 0) & rows.finite(tf.cast(rest, memory.codes.dtype))
    direction = tf.cast(tf.where(downhill[:, None], -rest, steepest), memory.codes.dtype)
    return tf.where(rows.finite(direction)[:, None], direction, tf.zeros_like(direction))


def _shorter(length: tf.Tensor, slope: tf.Tensor, gain: tf.Tensor) -> tf.Tensor:
    """Where the parabola through value, slope and trial is lowest, within [0.1, 0.5] of the length [N]."""
    best = -0.5 * slope * tf.square(length) / (gain - slope * length)
    return tf.where(tf.math.is_finite(best), tf.clip_by_value(best, 0.1 * length, 0.5 * length), 0.1 * length)


def _remember(
    memory: Memory, move: tf.Tensor, change: tf.Tensor, accepted: tf.Tensor, scaled: Callable[[tf.Tensor], tf.Tensor]
) -> Memory:
    """The memory with a new pair [N, d] in place of the oldest, where the move was accepted and the slope rose."""
    curvature = rows.dot(move, change)
    learn = accepted & (curvature > _CURVED * tf.sqrt(rows.dot(move, move) * rows.dot(change, change)))
    newest = tf.where(learn, (memory.newest + 1) % memory.moves.shape[1], memory.newest)
    places = tf.stack([tf.range(tf.shape(newest)[0]), newest], axis=1)

    def kept(new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        return tf.tensor_scatter_nd_update(old, places, tf.where(learn[:, None], new, tf.gather_nd(old, places)))

    moves, changes = kept(move, memory.moves), kept(change, memory.changes)
    with_pairs = lambda pairs, new: _by_age(tf.cast(tf.linalg.matvec(pairs, new), tf.float64), newest)
    guessed = scaled(tf.cast(change, tf.float64))
    bends = with_pairs(changes, tf.cast(guessed, change.dtype))
    # The first one gives the scale, which could vanish in float32.
    bends = tf.concat([rows.dot(change, guessed)[:, None], bends[:, 1:]], axis=1)
    inner = 1 / tf.where(learn, curvature, tf.ones_like(curvature))

    def framed(row: tf.Tensor, column: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
        below = tf.concat([column[:, 1:, None], old[:, :-1, :-1]], axis=2)
        return tf.where(learn[:, None, None], tf.concat([row[:, None], below], axis=1), old)

    return memory._replace(
        moves=moves,
        changes=changes,
        newest=newest,
        weights=tf.where(learn[:, None], tf.concat([inner[:, None], memory.weights[:, :-1]], axis=1), memory.weights),
        crossed=framed(with_pairs(changes, move), with_pairs(moves, change), memory.crossed),
        bent=framed(bends, bends, memory.bent),
    )


def _by_age(found: tf.Tensor, newest: tf.Tensor) -> tf.Tensor:
    """What stands in the order of the places of pairs [N, m], the newest first; and the way back."""
    count = found.shape[1]
    return tf.gather(found, (newest[:, None] - tf.range(count)) % count, batch_dims=1)
