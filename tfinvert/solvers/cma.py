"""CMA-ES, row by row in one batch: no gradient is asked for."""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import seeds as streams
from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import STEPS
from tfinvert.solvers import rows
from tfinvert.solvers.solver import Step, Turn
from tfinvert.solvers.status import Status

_LONG = 128  # entries of a code from which on only variances are learned: matrices would take d^2 numbers a row


class Memory(NamedTuple):
    """The distribution that N rows draw their candidates from; float64."""

    mean: tf.Tensor  # [N, d]
    width: tf.Tensor  # [N]: sigma
    covariance: tf.Tensor  # [N, d, d], or variances [N, d]
    axes: tf.Tensor  # [N, d, d]: its eigenvectors; [N, 0, 0] where there are only variances
    scales: tf.Tensor  # [N, d]: the roots of its eigenvalues
    path: tf.Tensor  # [N, d]: the evolution path of the covariance
    straight: tf.Tensor  # [N, d]: that of the width
    offsets: tf.Tensor  # float32 [N, population, d]: what makes a row's draws its own


class Weights(NamedTuple):
    """What follows from d and the population (Hansen 2016, table 1, with positive weights only)."""

    shares: np.ndarray  # of the candidates in the mean, the best first
    worth: float  # how many candidates a mean with these shares is worth: mu_eff
    path: float  # c_c
    straight: float  # c_sigma
    damping: float  # d_sigma
    one: float  # c_1
    many: float  # c_mu
    usual: float  # the length of a standard normal vector

    @classmethod
    def of(cls, entries: int, population: int, separable: bool) -> Weights:
        best = population // 2
        shares = np.log((population + 1) / 2) - np.log(np.arange(1, best + 1))
        shares /= shares.sum()
        count, d = 1 / float(np.square(shares).sum()), entries
        straight = (count + 2) / (d + count + 5)
        one = 2 / ((d + 1.3) ** 2 + count)
        many = min(1 - one, 2 * (count - 2 + 1 / count) / ((d + 2) ** 2 + count))
        if separable:  # fewer numbers are learned faster (Ros & Hansen 2008, section 2)
            one, many = min(1.0, one * (d + 2) / 3), many * (d + 2) / 3
            many = min(many, 1 - one)
        return cls(
            shares,
            count,
            (4 + count / d) / (d + 4 + 2 * count / d),
            straight,
            1 + 2 * max(0.0, math.sqrt((count - 1) / (d + 1)) - 1) + straight,
            one,
            many,
            math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d)),
        )


@dataclasses.dataclass(frozen=True)
class CMA:
    """CMA-ES (Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772), without a gradient.

    Each row has a normal distribution of its own. A step draws a population from it, and moves the distribution towards
    the better half. Codes of more than 128 entries have variances instead of covariances (Ros & Hansen, "A Simple
    Modification in CMA-ES Achieving Linear Time and Space Complexity", 2008). It serves generators without gradients,
    and losses with steps; where there are gradients, they take far fewer passes.

    Args:
      steps: populations at most.
      population: candidates in a step, each a pass; default 4 + 3 log(d).
      width: standard deviation of the first candidates' entries about the start.

    Raises:
      BadInput: a number is out of range.
    """

    steps: int = STEPS["cma"]
    population: int | None = None
    width: float = 0.3
    needs_residuals: ClassVar[bool] = False
    needs_gradients: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise BadInput(f"steps={self.steps}", f"expected at least 1; {type(self).steps} is a good start")
        if self.population is not None and self.population < 4:
            raise BadInput(f"population={self.population}", "expected at least 4")
        if not 0 < self.width < float("inf"):
            raise BadInput(f"width={self.width}", "expected a positive number, such as 0.3")

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        flat = rows.flat(codes)
        mean, entries = tf.cast(flat, tf.float64), flat.shape[1]
        ones = tf.ones_like(mean)
        unit = tf.linalg.diag(ones)
        separable = entries > _LONG
        return Memory(
            mean,
            self.width * ones[:, 0],
            ones if separable else unit,
            unit[:, :0, :0] if separable else unit,
            ones,
            tf.zeros_like(mean),
            tf.zeros_like(mean),
            streams.uniform(seeds, (self._count(entries), entries)),
        )

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        flat = rows.flat(codes)
        entries, shape = flat.shape[1], tf.shape(codes)
        drawn = self._drawn(memory.offsets, turn.count)  # [population, N, d]
        moves = _turned(memory, drawn * memory.scales)
        candidates = tf.cast(memory.mean + memory.width[:, None] * moves, codes.dtype)
        # N rows at once, as in any other solver; what a constraint would make of a candidate is what counts.
        value_of = lambda each: objective(turn.constrain(tf.reshape(each, shape)))
        values = tf.map_fn(value_of, candidates, parallel_iterations=1)
        value = objective(codes)
        values = tf.where(tf.math.is_finite(values), values, tf.constant(np.inf, values.dtype))
        order = tf.argsort(values, axis=0, stable=True)
        least = tf.reduce_min(values, axis=0)
        better = least < value
        best = tf.where(better[:, None], _picked(candidates, order[:1])[0], flat)
        known = tf.reduce_any(tf.math.is_finite(values), axis=0)
        memory = self._moved(memory, order, drawn, moves, turn.since, known)
        ended = tf.where(_narrow(memory, codes.dtype), int(Status.STALLED), int(Status.RUNNING))
        passes = tf.fill(tf.shape(value), self._count(entries) + 1)
        return Step(tf.reshape(best, shape), memory, value, ended, passes)

    def _count(self, entries: int) -> int:
        return self.population or 4 + int(3 * math.log(entries))

    @staticmethod
    def _drawn(offsets: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Standard normal numbers float64 [population, N, d], new in each step."""
        chance = tf.clip_by_value(streams.rotate(offsets, count), 1e-12, 1 - 1e-12)
        return tf.transpose(tf.math.ndtri(chance), [1, 0, 2])

    def _moved(
        self, memory: Memory, order: tf.Tensor, drawn: tf.Tensor, moves: tf.Tensor, count: tf.Tensor, known: tf.Tensor
    ) -> Memory:
        """The distribution after a population, of whose values `order` [population, N] is the ascending one.

        Rows that are not `known` [N], because no candidate has a value, stay as they are but for half the width.
        """
        entries, separable = memory.mean.shape[1], memory.axes.shape[1] == 0
        w = Weights.of(entries, self._count(entries), separable)
        shares = tf.constant(w.shares[:, None, None])
        chosen = _picked(moves, order[: len(w.shares)])
        step = tf.reduce_sum(shares * chosen, axis=0)
        white = _turned(memory, tf.reduce_sum(shares * _picked(drawn, order[: len(w.shares)]), axis=0)[None])[0]
        straight = (1 - w.straight) * memory.straight + math.sqrt(w.straight * (2 - w.straight) * w.worth) * white
        length = tf.norm(straight, axis=1)
        settled = tf.sqrt(1 - (1 - w.straight) ** (2 * tf.cast(count + 1, tf.float64)))
        calm = tf.cast(length / settled < (1.4 + 2 / (entries + 1)) * w.usual, tf.float64)
        path = (1 - w.path) * memory.path + (calm * math.sqrt(w.path * (2 - w.path) * w.worth))[:, None] * step
        kept = 1 - w.one - w.many + (1 - calm) * w.one * w.path * (2 - w.path)
        if separable:
            learned = w.one * tf.square(path) + w.many * tf.reduce_sum(shares * tf.square(chosen), axis=0)
            covariance = kept[:, None] * memory.covariance + learned
        else:
            learned = w.one * path[:, :, None] * path[:, None, :] + w.many * tf.einsum(
                "k,kni,knj->nij", tf.constant(w.shares), chosen, chosen
            )
            covariance = kept[:, None, None] * memory.covariance + learned
        width = memory.width * tf.exp(tf.minimum(w.straight / w.damping * (length / w.usual - 1), 1.0))
        mean = memory.mean + memory.width[:, None] * step
        new = memory._replace(mean=mean, width=width, covariance=covariance, path=path, straight=straight)
        stay = memory._replace(width=memory.width / 2)
        new = tf.nest.map_structure(lambda new, old: tf.where(_like(known, new), new, old), new, stay)
        return self._decomposed(new, w, count)

    @staticmethod
    def _decomposed(memory: Memory, w: Weights, count: tf.Tensor) -> Memory:
        """With axes and scales of the present covariance; of a matrix only every few steps, for it changes slowly."""
        if memory.axes.shape[1] == 0:
            return memory._replace(scales=tf.sqrt(memory.covariance))
        every = max(1, int(1 / (10 * memory.mean.shape[1] * (w.one + w.many))))

        def decompose() -> tuple[tf.Tensor, tf.Tensor]:
            squares, axes = tf.linalg.eigh(memory.covariance)
            return axes, tf.sqrt(tf.maximum(squares, 1e-14 * tf.reduce_max(squares, axis=1, keepdims=True)))

        axes, scales = tf.cond(count % every == every - 1, decompose, lambda: (memory.axes, memory.scales))
        return memory._replace(axes=axes, scales=scales)


def _turned(memory: Memory, moves: tf.Tensor) -> tf.Tensor:
    """Moves [K, N, d] along the distribution's axes as moves of codes."""
    return moves if memory.axes.shape[1] == 0 else tf.einsum("nij,knj->kni", memory.axes, moves)


def _picked(candidates: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Of candidates [population, N, d] those of these numbers [K, N], as [K, N, d]."""
    rows = tf.gather(tf.transpose(candidates, [1, 0, 2]), tf.transpose(order), batch_dims=1, axis=1)
    return tf.transpose(rows, [1, 0, 2])


def _narrow(memory: Memory, dtype: tf.DType) -> tf.Tensor:
    """Whether a row's candidates are all the same to the rounding of its codes, bool [N]."""
    spread = memory.width * tf.reduce_max(memory.scales, axis=1)
    size = tf.maximum(tf.reduce_max(tf.abs(memory.mean), axis=1), 1e-3)
    return spread < float(np.finfo(dtype.as_numpy_dtype).eps) * size


def _like(condition: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
    """A condition [N] shaped to select whole rows [N, ...]."""
    return tf.reshape(condition, [-1, *[1] * (rows.shape.rank - 1)])
