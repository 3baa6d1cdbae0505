"""The loop around a solver: it keeps each row's best code, and stops rows one by one."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfinvert.objective import Objective
from tfinvert.settings import Stopping
from tfinvert.solvers import rows
from tfinvert.solvers.solver import Memory, Solver, Turn
from tfinvert.solvers.status import Status

Constrain = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]  # (codes [N, *shape], steps taken) -> codes in the space

_OVER = (Status.CONVERGED, Status.STALLED, Status.FLAT, Status.DIVERGED, Status.NOT_FINITE)  # ends by one objective
_NEVER = (Status.CONSTANT, Status.INVALID_IMAGE)  # rows that had no work to do


class Progress(NamedTuple):
    """Where N rows stand."""

    count: tf.Tensor  # steps taken, int32 scalar
    begun: tf.Tensor  # how many were when the solver's memory was new, int32 scalar
    codes: tf.Tensor  # [N, *shape]
    memory: Memory
    best_codes: tf.Tensor  # [N, *shape], always finite
    best_value: tf.Tensor  # [N]; infinite until a finite value was seen
    mark_value: tf.Tensor  # [N]: the value that patience last accepted as progress
    mark_count: tf.Tensor  # [N] int32: when that was
    status: tf.Tensor  # [N] int32, see `Status`
    steps: tf.Tensor  # [N] int32: steps taken by this row
    passes: tf.Tensor  # [N] int32: generator passes spent on this row


def start(solver: Solver, objective: Objective, codes: tf.Tensor, status: tf.Tensor, seeds: tf.Tensor) -> Progress:
    """Rows at their first codes [N, *shape]; a row whose status [N] is not RUNNING will not move.

    `seeds` (int64 [N, 2]) fix what the solver draws for each row.
    """
    infinite = tf.fill(tf.shape(codes)[:1], tf.constant(float("inf"), codes.dtype))
    none = tf.zeros(tf.shape(codes)[:1], tf.int32)
    return Progress(
        tf.constant(0),
        tf.constant(0),
        codes,
        solver.init(codes, objective, seeds),
        codes,
        infinite,
        infinite,
        none,
        tf.cast(status, tf.int32),
        none,
        none,
    )


def renew(solver: Solver, objective: Objective, progress: Progress, seeds: tf.Tensor, count: tf.Tensor) -> Progress:
    """The same rows where the objective has become another one, of which nothing is known.

    They go on from their best codes. Rows that had ended go on, but for those that never had work to do.
    `count` is that of the steps that are behind them, or were left out.
    """
    codes = progress.best_codes
    again = functools.reduce(operator.or_, [progress.status == end for end in _OVER])
    infinite = tf.fill(tf.shape(progress.status), tf.constant(float("inf"), codes.dtype))
    return progress._replace(
        count=count,
        begun=count,
        codes=codes,
        memory=solver.init(codes, objective, seeds),
        best_value=infinite,
        mark_value=infinite,
        mark_count=tf.fill(tf.shape(progress.status), count),
        status=tf.where(again, int(Status.RUNNING), progress.status),
    )


def advance(
    solver: Solver, objective: Objective, constrain: Constrain, stopping: Stopping, progress: Progress, until: tf.Tensor
) -> Progress:
    """Takes steps until `until` were taken or every row has stopped. `constrain` brings codes back to the space."""

    def going(progress: Progress) -> tf.Tensor:
        return (progress.count < until) & tf.reduce_any(progress.status == Status.RUNNING)

    def body(progress: Progress) -> tuple[Progress]:
        worked = progress.status == Status.RUNNING
        since = progress.count - progress.begun
        turn = Turn(progress.count, worked, lambda codes: constrain(codes, progress.count), since)
        step = solver.step(objective, progress.codes, progress.memory, turn)
        codes = turn.constrain(step.codes)
        progress = _judge(progress, step.value, stopping)
        finite = rows.finite(codes)
        status = _settle(progress.status, ~finite, Status.DIVERGED)
        status = _settle(status, step.ended != Status.RUNNING, step.ended)
        running = status == Status.RUNNING
        # A stopped row rests on its best code, so that nothing it computes from now on can be infinite.
        codes = tf.where(_rows(running, codes), codes, progress.best_codes)
        return (
            progress._replace(
                count=progress.count + 1,
                codes=codes,
                memory=step.memory,
                status=status,
                steps=progress.steps + tf.cast(running, tf.int32),
                passes=progress.passes + tf.where(worked, step.passes, 0),
            ),
        )

    return tf.while_loop(going, body, (progress,), parallel_iterations=1)[0]


def finish(
    objective: Objective,
    stopping: Stopping,
    progress: Progress,
    end: Status | tf.Tensor = Status.FINISHED,
    first: tf.Tensor | None = None,
) -> Progress:
    """Values the last codes, which no step has looked at yet; `end` is that of the rows that still ran.

    Rows that were renewed never saw what this objective says of their first codes [N, *shape]; where these are given
    and better than the best, they are the best.
    """
    running = tf.cast(progress.status == Status.RUNNING, tf.int32)
    if first is None:
        progress = _judge(progress, objective(progress.codes), stopping)._replace(passes=progress.passes + running)
    else:
        count = tf.range(tf.shape(running)[0])
        of = objective.of(tf.concat([count, count], axis=0))  # in one graph
        last, begun = tf.split(of(tf.concat([progress.codes, first], axis=0)), 2)
        progress = _judge(progress, last, stopping)._replace(passes=progress.passes + running + 1)
        worked = functools.reduce(operator.and_, [progress.status != end for end in _NEVER])
        better = worked & (begun < progress.best_value)
        status = tf.where(better & (progress.status == Status.NOT_FINITE), int(Status.DIVERGED), progress.status)
        progress = progress._replace(
            best_codes=tf.where(_rows(better, first), first, progress.best_codes),
            best_value=tf.where(better, begun, progress.best_value),
            status=tf.where(better & (begun <= stopping.tolerance), int(Status.CONVERGED), status),
        )
    return progress._replace(status=_settle(progress.status, tf.constant(True), end))


def _judge(progress: Progress, value: tf.Tensor, stopping: Stopping) -> Progress:
    """Takes in the value [N] of the present codes: best code, and the ends that follow from the value."""
    running = progress.status == Status.RUNNING
    finite = tf.math.is_finite(value)
    seen = tf.math.is_finite(progress.best_value)
    better = running & finite & (value <= progress.best_value)  # of equals the later: it is nearer the end
    best_value = tf.where(better, value, progress.best_value)
    best_codes = tf.where(_rows(better, progress.codes), progress.codes, progress.best_codes)
    mark, since = progress.mark_value, progress.mark_count
    ahead = running & finite & (tf.math.is_inf(mark) | (value < mark - 0.01 * tf.abs(mark)))
    mark, since = tf.where(ahead, value, mark), tf.where(ahead, progress.count, since)
    status = _settle(progress.status, ~finite & seen, Status.DIVERGED)
    status = _settle(status, ~finite, Status.NOT_FINITE)
    status = _settle(status, value <= stopping.tolerance, Status.CONVERGED)
    if stopping.patience:
        status = _settle(status, progress.count - since >= stopping.patience, Status.STALLED)
    return progress._replace(
        best_codes=best_codes, best_value=best_value, mark_value=mark, mark_count=since, status=status
    )


def _settle(status: tf.Tensor, condition: tf.Tensor, new: Status | tf.Tensor) -> tf.Tensor:
    """The first end of a row is the one that stays."""
    return tf.where((status == Status.RUNNING) & condition, tf.cast(new, tf.int32), status)


def _rows(condition: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """A condition [N] shaped to select whole rows of codes [N, *shape]."""
    return tf.reshape(condition, tf.concat([tf.shape(condition), tf.ones([tf.rank(codes) - 1], tf.int32)], 0))
