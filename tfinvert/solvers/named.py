"""Solvers by their names."""

from __future__ import annotations

from typing import Any

from tfinvert.errors import BadInput
from tfinvert.settings import LEARNING_RATES, SCHEDULES, SOLVERS, STEPS, SolverSettings
from tfinvert.solvers.cma import CMA
from tfinvert.solvers.first_order import Adam, GradientDescent, RMSprop, schedule
from tfinvert.solvers.krylov import GaussNewtonCG
from tfinvert.solvers.lbfgs import LBFGS
from tfinvert.solvers.levenberg_marquardt import LevenbergMarquardt
from tfinvert.solvers.solver import Solver

_KINDS: dict[str, Any] = {
    "adam": Adam,
    "rmsprop": RMSprop,
    "gd": GradientDescent,
    "lbfgs": LBFGS,
    "levenberg_marquardt": LevenbergMarquardt,
    "gauss_newton_cg": GaussNewtonCG,
    "cma": CMA,
}
_PARTS = ("init", "step", "steps", "needs_gradients", "needs_residuals")  # see `Solver`
RATED = tuple(LEARNING_RATES)  # those that have a learning rate


def solver_of(given: Solver | SolverSettings | str | None) -> Solver:
    """The solver that is meant.

    Args:
      given: a solver, its name, such as "lbfgs", or settings; None for `SolverSettings()`, L-BFGS.

    Raises:
      BadInput: there is no such solver, or it has no such setting.

    >>> solver_of("lbfgs")
    LBFGS(steps=400, memory=40)
    """
    if given is None:
        given = SolverSettings()
    if isinstance(given, str):
        given = SolverSettings(given)
    if not isinstance(given, SolverSettings):
        if isinstance(given, type):
            raise BadInput(f"the class {given.__name__} as a solver", f"expected an object: {given.__name__}()")
        lacking = [name for name in _PARTS if not hasattr(given, name)]
        if lacking == list(_PARTS):
            raise BadInput(f"solver {given!r}", f"expected one of {', '.join(SOLVERS)}, or an object such as Adam()")
        if lacking:
            raise BadInput(f"the solver {type(given).__name__} without {', '.join(lacking)}", "see docs/extend.md")
        return given
    kind, steps = _KINDS[given.name], STEPS[given.name] if given.steps is None else given.steps
    if given.name in RATED:
        rate = LEARNING_RATES[given.name] if given.learning_rate is None else given.learning_rate
        return kind(schedule(given.schedule or SCHEDULES[0], rate, steps), steps)
    for name in ("learning_rate", "schedule"):
        if getattr(given, name) is not None:
            raise BadInput(f"{name}={getattr(given, name)} for {given.name}", "it has none: leave it out, or take adam")
    return kind(steps)
