"""Levenberg-Marquardt, with secant updates between Jacobians."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import STEPS
from tfinvert.solvers import rows
from tfinvert.solvers.jacobian import jacobian, rows_at_once
from tfinvert.solvers.solver import Step, Turn

_LEAST, _MOST = 1e-14, 1e10  # of the damping
_NEAR = 0.1  # a Jacobian whose step gains what it promised, up to this share, is as good as new
_LITTLE = 1e-3  # share of the value; a computed Jacobian that promises no more need not be renewed


class Memory(NamedTuple):
    """What is known about N rows at their codes."""

    codes: tf.Tensor  # [N, d]
    residuals: tf.Tensor  # [N, M]
    damping: tf.Tensor  # [N] float64, in units of the mean of the normal matrix's diagonal
    jacobian: tf.Tensor  # [N, d, M]
    normal: tf.Tensor  # [N, d, d] float64: J J^T, whose float32 form would lose half of the digits
    wanted: tf.Tensor  # [N] bool: the Jacobian must be computed anew
    trusted: tf.Tensor  # [N] bool: the Jacobian is that of the codes, or the steps since then gained what they promised
    computed: tf.Tensor  # [N] bool: the Jacobian has no secant update in it


@dataclasses.dataclass(frozen=True)
class LevenbergMarquardt:
    """(J^T J + damping * scale * I) s = -J^T r for sums of squares |r|^2, damped row by row.

    A Jacobian costs as many passes as a code has entries, a trial costs one. So after a step that went well the
    Jacobian gets a secant update (Broyden 1965, eq. 4.5) instead of being computed anew. It is computed anew where the
    value fell by less than `worth` and not as the Jacobian had promised, but not again where a computed one promises
    next to nothing: there is the bottom. The scale is the mean of the diagonal of J^T J. Dampings fall slowly (x0.3 on
    success, x4 on failure) from a large first one. A Jacobian need not be exact: where the objective has a rough form,
    it is taken from that, and steps still end where the residuals say.

    Args:
      steps: trials at most.
      damping: the first one.
      worth: a secant step that leaves more than this share of the value calls for a new Jacobian; 0 computes one
        after every step.

    Raises:
      BadInput: a number is out of range.
    """

    steps: int = STEPS["levenberg_marquardt"]
    damping: float = 0.1
    worth: float = 0.9
    needs_residuals: ClassVar[bool] = True
    needs_gradients: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"steps={self.steps}", f"expected at least 1; {type(self).steps} is a good start")
        if not 0 < self.damping < float("inf"):
            raise BadInput(f"damping={self.damping}", "expected a positive number, such as 0.1")
        if not 0 <= self.worth <= 1:
            raise BadInput(f"worth={self.worth}", "expected a number from 0 to 1")

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        flat, residuals = rows.flat(codes), _residuals(objective, codes)
        count, entries = tf.shape(flat)[0], flat.shape[1]
        return Memory(
            flat,
            residuals,
            tf.fill([count], tf.constant(self.damping, tf.float64)),
            tf.zeros([count, entries, tf.shape(residuals)[1]], codes.dtype),
            tf.zeros([count, entries, entries], tf.float64),
            tf.fill([count], True),
            tf.fill([count], True),
            tf.fill([count], False),
        )

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        moved = turn.running & tf.reduce_any(rows.flat(codes) != memory.codes, axis=1)
        memory = _moved(memory, codes, objective, moved, turn.running)
        fresh = memory.wanted
        memory = _refresh(memory, codes.shape[1:], objective)
        value = _square(memory.residuals)
        gradient = tf.einsum("ndm,nm->nd", memory.jacobian, memory.residuals)
        move, expected = _solve(memory.normal, memory.damping, tf.cast(gradient, tf.float64))
        expected = tf.cast(expected, value.dtype)
        trial = memory.codes - tf.cast(move, codes.dtype)
        residuals = _residuals(objective, tf.reshape(trial, tf.shape(codes)))
        new = _square(residuals)
        better = tf.math.is_finite(new) & (new < value)
        foreseen = better & (tf.abs(value - new - expected) <= _NEAR * expected)
        bottom = memory.trusted & memory.computed & (expected <= _LITTLE * value)
        well = (foreseen | (new < tf.cast(self.worth, new.dtype) * value)) & better & ~bottom & (self.worth > 0)
        # A failure under a trusted Jacobian is the damping's fault; under another, the Jacobian's.
        factor = tf.where(well | (better & memory.trusted), 0.3, tf.where(memory.trusted & ~better, 4.0, 1.0))
        updated = _secant(memory, trial - memory.codes, residuals - memory.residuals, well)
        memory = Memory(
            tf.where(better[:, None], trial, memory.codes),
            tf.where(better[:, None], residuals, memory.residuals),
            tf.clip_by_value(memory.damping * tf.cast(factor, tf.float64), _LEAST, _MOST),
            *updated,
            wanted=~well & (better | ~memory.trusted) & ~bottom,
            trusted=memory.trusted & (foreseen | ~better | bottom),
            computed=memory.computed & ~well,
        )
        entries = math.prod(codes.shape[1:])
        first = tf.cast(turn.since == 0, tf.int32)  # the first codes were looked at in `init`
        looks = 1 + tf.cast(moved, tf.int32) + first
        passes = looks + tf.where(fresh, entries + 1, 0)
        return Step(tf.reshape(memory.codes, tf.shape(codes)), memory, value, rows.flat_ends(gradient), passes)


def _residuals(objective: Objective, codes: tf.Tensor) -> tf.Tensor:
    if objective.residuals is None:
        raise BadInput("a loss that is no sum of squares", "Levenberg-Marquardt takes Pixel('mse'), Logit and LogPrior")
    return objective.residuals(codes)


def _square(residuals: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.square(residuals), axis=1)


def _moved(memory: Memory, codes: tf.Tensor, objective: Objective, moved: tf.Tensor, running: tf.Tensor) -> Memory:
    """The memory where somebody else, such as a constraint, has `moved` codes since the last step."""

    def evaluate() -> Memory:
        residuals = tf.where(moved[:, None], _residuals(objective, codes), memory.residuals)
        return memory._replace(codes=tf.where(moved[:, None], rows.flat(codes), memory.codes), residuals=residuals)

    memory = tf.cond(tf.reduce_any(moved), evaluate, lambda: memory)
    return memory._replace(wanted=(memory.wanted | moved) & running)


def _refresh(memory: Memory, shape: tf.TensorShape, objective: Objective) -> Memory:
    """The memory with new Jacobians where they are wanted, a few rows at a time."""
    wanted = tf.cast(tf.where(memory.wanted)[:, 0], tf.int32)
    many, whole = rows_at_once(math.prod(shape))

    def compute(first: tf.Tensor, matrices: tf.Tensor, normals: tf.Tensor) -> tuple[tf.Tensor, ...]:
        chosen = wanted[first : first + many]
        count = tf.shape(chosen)[0]
        filled = tf.concat([chosen, tf.fill([-count % whole], chosen[0])], axis=0)
        codes = tf.reshape(tf.gather(memory.codes, filled), [-1, *shape])
        part = objective.of(filled)
        if part.rough is None:
            new = jacobian(lambda codes: _residuals(part, codes), codes)[:count]
        else:
            new = tf.cast(jacobian(part.rough, tf.cast(codes, tf.float32))[:count], codes.dtype)
        wide = tf.cast(new, tf.float64)
        normals = tf.tensor_scatter_nd_update(normals, chosen[:, None], tf.matmul(wide, wide, transpose_b=True))
        return first + many, tf.tensor_scatter_nd_update(matrices, chosen[:, None], new), normals

    _, matrices, normals = tf.while_loop(
        lambda first, *_: first < tf.size(wanted),
        compute,
        (tf.constant(0), memory.jacobian, memory.normal),
        parallel_iterations=1,
    )
    return memory._replace(
        jacobian=matrices,
        normal=normals,
        trusted=memory.trusted | memory.wanted,
        computed=memory.computed | memory.wanted,
    )


def _solve(normal: tf.Tensor, damping: tf.Tensor, gradient: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves [N, d], and how much of the value [N] each takes away if the residuals are linear.

    Zero for a row whose equations are not finite, and never an error, which would end all rows.
    """
    usable = tf.reduce_all(tf.math.is_finite(normal), axis=[1, 2]) & tf.reduce_all(tf.math.is_finite(gradient), axis=1)
    normal = tf.where(usable[:, None, None], normal, tf.zeros_like(normal))
    scale = tf.reduce_mean(tf.linalg.diag_part(normal), axis=1)
    shift = damping * scale
    shift = tf.where(shift > 1e-290, shift, 1.0)  # subnormal numbers may count as zero, and leave it singular
    move = tf.linalg.solve(
        tf.linalg.set_diag(normal, tf.linalg.diag_part(normal) + shift[:, None]), gradient[..., None]
    )
    move = tf.where(usable[:, None], move[..., 0], 0.0)
    gain = tf.einsum("nd,nd->n", gradient, move) + shift * tf.reduce_sum(tf.square(move), axis=1)
    return move, tf.where(usable, gain, 0.0)


def _secant(memory: Memory, step: tf.Tensor, change: tf.Tensor, where: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Jacobian and normal matrix after Broyden's rank-one update in the rows `where` [N]."""
    length = tf.reduce_sum(tf.square(step), axis=1, keepdims=True)
    missing = (change - tf.einsum("nd,ndm->nm", step, memory.jacobian)) / tf.where(length > 0, length, 1.0)
    missing = tf.where(where[:, None], missing, 0.0)
    step = tf.where(where[:, None], step, 0.0)
    wide, pull = tf.cast(step, tf.float64), tf.cast(tf.einsum("ndm,nm->nd", memory.jacobian, missing), tf.float64)
    square = tf.reduce_sum(tf.square(tf.cast(missing, tf.float64)), axis=1)
    cross = wide[:, :, None] * pull[:, None, :]
    outer = wide[:, :, None] * wide[:, None, :]
    normal = memory.normal + cross + tf.linalg.matrix_transpose(cross) + square[:, None, None] * outer
    return memory.jacobian + step[:, :, None] * missing[:, None, :], normal
