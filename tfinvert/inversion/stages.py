"""The inverters that a search for codes goes through, from cheap to dear. Each is built when it is first wanted."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tfinvert.generators import Generator
from tfinvert.generators.precise import in_float64
from tfinvert.inversion.inverter import Inverter
from tfinvert.losses import Logit, Pixel, Term
from tfinvert.solvers import LevenbergMarquardt
from tfinvert.solvers.solver import Solver
from tfinvert.spaces import unconstrained

_ROUNDED = 3e-16  # float32 images near black and white are not known better than this loss of `Logit`
_PATIENCE = 15  # steps; a damping that is wrong by six orders of magnitude takes ten to mend
_MEMORY = 2**27  # entries of the Jacobians held at once


class Stages:
    """Inverters that start where the stage before has ended; none of them draws anything.

    Args:
      generator: whose constraint is left out: an exact code lies inside the prior's support anyway, and a wall on
        the way to it only stops the search.
      batch_size: images at once; default by the size of their Jacobians.
    """

    def __init__(self, generator: Generator, batch_size: int | None = None) -> None:
        self.generator = dataclasses.replace(generator, space=generator.space.constrained(unconstrained()))
        fitting = _MEMORY // (generator.space.entries * int(np.prod(generator.image_shape))) // 16 * 16
        self._batch_size = max(16, min(64, fitting)) if batch_size is None else batch_size
        self._built: dict[Any, Inverter | None] = {}

    def search(self, floor: float | None) -> Inverter:
        """The long way, by `Logit(floor)` or, for None, by plain pixels."""
        if floor is None:
            return self._once("plain", Pixel(), LevenbergMarquardt(90, 0.1), 1e-14)
        return self._once(floor, Logit(floor), LevenbergMarquardt(90, 0.1), max(1e-9 * floor**2, _ROUNDED))

    def polish(self) -> Inverter:
        """The last orders of magnitude, by plain pixels.

        The code's weakest directions are found here, for which secant updates are too coarse.
        """
        return self._once("polish", Pixel(), LevenbergMarquardt(60, 1e-6, 0.3), 1e-14)

    def finish(self) -> Inverter | None:
        """Float64, for codes that float32 cannot tell apart; None where the generator cannot be computed so."""
        if "finish" not in self._built:
            precise = in_float64(self.generator)
            if precise is None:
                self._built["finish"] = None
            else:
                self._once("finish", Pixel(), LevenbergMarquardt(60, 1e-6, 0.5), 1e-18, precise, 10)
        return self._built["finish"]

    def _once(
        self, name: Any, loss: Term, solver: Solver, tolerance: float,
        generator: Generator | None = None, patience: int = _PATIENCE,
    ) -> Inverter:  # fmt: skip
        if self._built.get(name) is None:
            self._built[name] = Inverter(
                self.generator if generator is None else generator, loss, solver, restarts=1, tolerance=tolerance,
                patience=patience, batch_size=self._batch_size,
            )  # fmt: skip
        inverter = self._built[name]
        assert inverter is not None
        return inverter
