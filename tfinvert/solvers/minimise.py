"""A solver on any objective: the loop of an `Inverter`, without a generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert import seeds as streams
from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.settings import Stopping
from tfinvert.solvers import loop
from tfinvert.solvers.named import solver_of
from tfinvert.solvers.solver import Solver


class Minimum(NamedTuple):
    """Where N rows ended."""

    codes: tf.Tensor  # [N, *shape]: the best ones seen
    value: tf.Tensor  # [N]: the objective there
    status: tf.Tensor  # [N] int32, see `Status`
    steps: tf.Tensor  # [N] int32
    passes: tf.Tensor  # [N] int32: forward, backward and tangent passes of a row


def minimise(
    objective: Objective | Callable[[tf.Tensor], tf.Tensor],
    codes: Any,
    solver: Solver | str,
    *,
    stopping: Stopping | None = None,
    constrain: loop.Constrain | None = None,
    seeds: Any = None,
) -> Minimum:
    """Moves rows down an objective, each by itself.

    Args:
      objective: codes [N, *shape] -> values [N], or an `Objective`.
      codes: [N, *shape] float32 or float64: where the rows start.
      solver: such as `LBFGS()`, or a name; see `solver_of`.
      stopping: when a row ends early; default `Stopping()`.
      constrain: (codes, steps taken) -> codes that are allowed; default: all are.
      seeds: int64 [N, 2], for what a solver draws; default: of the rows' numbers.

    Raises:
      BadInput: there is no such solver, or it needs residuals and the objective has none.

    >>> from tfinvert.solvers import LBFGS
    >>> found = minimise(lambda codes: tf.reduce_sum((codes - 3) ** 2, axis=1), tf.zeros([2, 4]), LBFGS())
    >>> found.codes.numpy().round(3)[0]
    array([3., 3., 3., 3.], dtype=float32)
    """
    codes = tf.convert_to_tensor(codes)
    known = objective if isinstance(objective, Objective) else Objective(objective)
    solver, stopping = solver_of(solver), Stopping() if stopping is None else stopping
    if solver.needs_residuals and known.residuals is None:
        raise BadInput(
            f"{type(solver).__name__} for an objective without residuals",
            "it takes sums of squares only: Objective(values, residuals), residuals being codes -> [N, M]",
        )
    own = streams.of(0, tf.range(tf.shape(codes)[0])) if seeds is None else tf.cast(seeds, tf.int64)

    def run(codes: tf.Tensor, own: tf.Tensor) -> loop.Progress:
        progress = loop.start(solver, known, codes, tf.zeros(tf.shape(codes)[:1], tf.int32), own)
        free = lambda codes, count: codes
        progress = loop.advance(
            solver, known, free if constrain is None else constrain, stopping, progress, tf.constant(solver.steps)
        )
        return loop.finish(known, stopping, progress)

    found = tf.function(run, autograph=False)(codes, own)
    return Minimum(found.best_codes, found.best_value, found.status, found.steps, found.passes)
