"""The inverters that a search for codes goes through, from cheap to expensive, each built when first wanted."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.generators import Generator
from tfinvert.generators.derived.precise import in_float64
from tfinvert.inversion.inverter import Inverter
from tfinvert.losses import Logit, Pixel, Ridge, Rounded, Term
from tfinvert.settings import Stopping
from tfinvert.solvers import LBFGS, LevenbergMarquardt
from tfinvert.solvers.jacobian import jacobian
from tfinvert.solvers.solver import Solver
from tfinvert.spaces import unconstrained

_ROUNDED = 3e-16  # float32 images near black and white are not known better than this loss of `Logit`
_DETOUR = 1e-5  # floor of the way round; at 1e-6 the rounding of float32 images is too large already
_PATIENCE = 15  # steps; a damping that is wrong by six orders of magnitude takes ten to mend
_MEMORY = 2**27  # entries of the Jacobians held at once
_LONG = 256  # entries of a code from which on its Jacobians are expensive
_STEPS, _PAIRS = 100, 40  # of L-BFGS; its pairs are what it learns of the curvature at an image's own code
_PLACES, _SPREAD = 2, 0.7  # codes at which the curvature is looked at, and how far out, in units of the prior's spread
_LOOSE = 0.01  # weight of the prior beside plain logits, whose errors are far below 1
_VALLEY, _LASTING = 3000, 100  # steps of L-BFGS and its patience: between walls of rounding the valleys are long
_STIFF = 0.1  # share of the mean curvature that every direction has at least


def loss(floor: float | None) -> Term:
    """`Logit(floor)`, and plain pixels for None."""
    return Pixel() if floor is None else Logit(floor)


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
        self._built: dict[Any, Inverter] = {}
        self.expensive = generator.space.entries >= _LONG  # whether its Jacobians are

    def approach(self, floor: float | None) -> Inverter | None:
        """The first part of the way, for codes so long that Jacobians are expensive; None where they are not.

        L-BFGS, as if the loss were curved everywhere as it is on average.
        """
        if not self.expensive:
            return None
        name = ("approach", floor)
        if name in self._built:
            return self._built[name]
        inverse = np.linalg.inv(2 * self._curvature(floor))
        return self._once(name, loss(floor), LBFGS(_STEPS, _PAIRS, inverse[None]), _tolerance(floor))

    def search(self, floor: float | None) -> Inverter:
        """The long way, by `Logit(floor)` or, for None, by plain pixels."""
        tolerance = _tolerance(floor)
        if self.expensive and floor is None:
            tolerance = max(tolerance, self._rounding)  # Jacobians there would only fit the rounding
        damping = 1e-4 if self.expensive else 0.1
        return self._once(("search", floor), loss(floor), LevenbergMarquardt(90, damping), tolerance)

    def polish(self) -> Inverter:
        """The last orders of magnitude, by plain pixels.

        The code's weakest directions are found here, for which secant updates are too coarse.
        """
        return self._once("polish", Pixel(), LevenbergMarquardt(60, 1e-6, 0.3), 1e-14)

    def rounded(self) -> tuple[Inverter, Inverter]:
        """From a guess to the most probable code of an 8-bit picture, for generators that saturate.

        What tells their codes apart lies mostly below the rounding. First by logits, which leads from far away; then by
        what the rounding makes likely, beside the prior.
        """
        space = self.generator.space
        posterior = space.entries / (math.prod(self.generator.image_shape) * space.spread**2) * Ridge()
        solver = LBFGS(_VALLEY, _PAIRS) if self.expensive else LevenbergMarquardt(60)
        return (
            self._once("logits", Rounded(power=0) + _LOOSE * posterior, solver, 0.0),
            self._once("rounded", Rounded() + posterior, LBFGS(_VALLEY, 60), 0.0, patience=_LASTING),
        )

    def finish(self) -> Inverter | None:
        """Float64, for codes that float32 cannot tell apart; None where the generator cannot be computed so."""
        if self._precise is None:
            return None
        worth = 0.9 if self.expensive else 0.5
        return self._once("finish", Pixel(), LevenbergMarquardt(60, 1e-6, worth), 1e-18, self._precise, 10)

    def detour(self) -> Inverter:
        """Float64 through `Logit`, for codes that the finish left in a narrow curved valley of the plain error.

        Before the saturation the valley is nearly straight. Another finish is to follow.
        """
        return self._once("detour", Logit(_DETOUR), LevenbergMarquardt(90, 1e-6, 0.5), 1e-18, self._precise)

    def likeliest(self, noise: float) -> Inverter:
        """From a code that explains an image within its noise to the most probable one nearby.

        It minimises squared error / noise^2 + squared distance from the centre / spread^2, the negative logarithm of
        the posterior for Gaussian noise and a Gaussian prior of the same spread as the generator's. What the image
        tells stays as it is; what it does not tell comes back from wherever the search has strayed.

        Args:
          noise: standard deviation on the [0, 1] scale, taken to the nearest power of the square root of two.
        """
        power, space = round(2 * math.log2(noise)), self.generator.space
        weight = 2.0**power * space.entries / (math.prod(self.generator.image_shape) * space.spread**2)
        return self._once(("likeliest", power), Pixel() + weight * Ridge(), LevenbergMarquardt(60, 1e-2, 0.3), 0.0)

    @functools.cached_property
    def _precise(self) -> Generator | None:
        return in_float64(self.generator)

    @functools.cached_property
    def _rounding(self) -> float:
        """Mean squared difference of its images in float32 and in float64, on the [0, 1] scale; 0 where unknown."""
        if self._precise is None:
            return 0.0
        codes, held = self.generator.space.sample(_streams("rounding")), self.generator.takes.example(_PLACES)
        images = [np.asarray(each.to_unit(each(codes, *held))) for each in (self.generator, self._precise)]
        return float(np.mean((images[0] - images[1]) ** 2))

    def _curvature(self, floor: float | None) -> np.ndarray:
        """Half of the loss's mean second derivative [d, d] where it is zero, made stiffer in its weak directions."""
        view = Logit(floor) if floor is not None else lambda images: images
        generator, space = self.generator, self.generator.space
        held = generator.takes.example(_PLACES)

        def seen(codes: tf.Tensor) -> tf.Tensor:
            return tf.reshape(
                view(generator.to_unit(generator(codes, *held))), [_PLACES, math.prod(generator.image_shape)]
            )

        codes = space.centre + _SPREAD * (space.sample(_streams("curvature")) - space.centre)
        matrices = tf.function(lambda: jacobian(seen, codes), autograph=False)().numpy().astype(np.float64)
        mean = np.einsum("ndm,nem->de", matrices, matrices, optimize=True) / (_PLACES * matrices.shape[2])
        return mean + _STIFF * np.trace(mean) / len(mean) * np.eye(len(mean))

    def _once(
        self,
        name: Any,
        loss: Term,
        solver: Solver,
        tolerance: float,
        generator: Generator | None = None,
        patience: int = _PATIENCE,
    ) -> Inverter:
        if name not in self._built:
            self._built[name] = Inverter(
                self.generator if generator is None else generator,
                loss,
                solver,
                restarts=1,
                smoothing=(),
                stopping=Stopping(tolerance, patience),
                batch_size=self._batch_size,
            )
        return self._built[name]


def _streams(purpose: str) -> tf.Tensor:
    return seeds.of(0, tf.constant([f"{purpose} {number}" for number in range(_PLACES)]))


def _tolerance(floor: float | None) -> float:
    return 1e-14 if floor is None else max(1e-9 * floor**2, _ROUNDED)
