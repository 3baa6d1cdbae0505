"""Methods of finding a code, by name: those of the papers, and this package's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tfinvert import solvers
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.noise import of_8_bits
from tfinvert.inversion.recover import Recovery
from tfinvert.settings import Starts, Stopping
from tfinvert.solvers.first_order import schedule
from tfinvert.spaces import Uniform, constraints

DISABLED = "disabled"  # what the criteria of Egan et al. are compared with
EGAN = (
    DISABLED,
    *(f"hard({c})" for c in (2.5, 3, 3.5)),
    *(f"truncated_normal({a})" for a in (2.5, 2.75, 3, 3.25, 3.75)),
    *(f"logistic({a}, {b})" for b in (2, 2.5, 3) for a in (2, 3, 4)),
)
LIPTON = ("descent", "clip", "stochastic_clip")
OWN = ("adam", "lbfgs", "levenberg_marquardt", "gauss_newton_cg", "recover")
GROUPS = {"egan": EGAN, "lipton": LIPTON, "own": OWN, "all": (*EGAN, *LIPTON, *OWN)}


class Found(NamedTuple):
    """What a method found for B images."""

    codes: np.ndarray  # [B, *shape]
    passes: np.ndarray  # [B] int


Watch = Callable[[np.ndarray, np.ndarray, np.ndarray], None]  # (rows [n], codes [n, *shape], passes [n])
Finder = Callable[[np.ndarray, np.ndarray, Any, Watch | None], Found]  # of images, ids, labels


@dataclasses.dataclass(frozen=True)
class Method:
    """One method: `method(generator, images, ids, budget, seed, labels, watch) -> Found`.

    The methods of the papers take `budget` steps from one start that is drawn from the prior, the same for all:

    - `disabled`, `hard(c)`, `logistic(a, b)`, `truncated_normal(a)`: Egan, Zhang & Shen, Algorithm 1, with Adam at a
      constant rate of 0.1, which they do not state, and the code of the smallest loss instead of the last;
    - `descent`, `clip`, `stochastic_clip`: Lipton & Tripathi: gradient descent, rate 1 for errors on [-1, 1], halved
      at every eighth of the steps;
    - `adam`: the `Inverter`'s default, four starts with falling rate;
    - `lbfgs`, `levenberg_marquardt`, `gauss_newton_cg`: those solvers on plain pixels, from the same one start;
    - `recover`: `tfinvert.Recovery` as it comes.

    Raises:
      BadInput: there is no method of this name; or, when called, the generator is none that it takes.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in (DISABLED, *LIPTON, *OWN):
            self._criterion()

    def __call__(
        self,
        generator: Generator,
        images: np.ndarray,
        ids: np.ndarray,
        *,
        budget: int,
        seed: int = 0,
        labels: Any = None,
        noise: float | None = None,
        watch: Watch | None = None,
    ) -> Found:
        """Codes for images [B, H, W, C] in the generator's value range; `noise` is what `Recovery` takes."""
        return self.on(generator, batch=len(images), budget=budget, seed=seed, noise=noise)(images, ids, labels, watch)

    def on(
        self,
        generator: Generator,
        *,
        batch: int,
        budget: int,
        seed: int = 0,
        noise: float | None = None,
        among: int | None = None,
    ) -> Finder:
        """The same for images that come in several portions: what is done once is done once.

        Args:
          generator: whose codes are to be found.
          batch: images in a portion.
          budget: steps of the gradient methods.
          seed: fixes the starts.
          noise: what `Recovery` takes.
          among: how many images bear the passes of what is done once; default: those of a portion.
        """
        if self.name == "recover":
            return _recovering(Recovery(generator, noise=noise, seed=seed), batch if among is None else among)
        inverter = self._inverter(generator, batch, budget, seed)

        def find(images: np.ndarray, ids: np.ndarray, labels: Any = None, watch: Watch | None = None) -> Found:
            told = None if watch is None else lambda seen: watch(seen.rows, seen.codes, seen.passes)
            found = inverter(images, ids, labels, watch=told)
            return Found(found.codes.numpy(), found.passes.numpy())

        return find

    def together(self, images: np.ndarray, noise: float | None) -> bool:
        """Whether what is found for one of these images, [B, H, W, C] on [0, 1], depends on which others there are.

        So it is where `Recovery` learns the noise of 8-bit images: it looks at pixels, and goes to the most probable
        code, as the median of their noise says.
        """
        return self.name == "recover" and noise is None and bool(of_8_bits(images).any())

    def _inverter(self, generator: Generator, count: int, budget: int, seed: int) -> Inverter:
        if self.name == "adam":
            rate = schedule("cosine", 0.1, budget)
            return Inverter(generator, solver=solvers.Adam(rate, steps=budget), seed=seed, batch_size=count)
        space, batch = generator.space, count
        solver: Any
        if self.name in LIPTON:
            solver = solvers.GradientDescent(schedule("halving", 4.0, budget), steps=budget)
            bound = space.high - space.centre if isinstance(space, Uniform) else 1.0
            kinds = {"clip": constraints.clip, "stochastic_clip": constraints.stochastic_clip}
            kind = kinds.get(self.name)
            space = space.constrained(constraints.unconstrained() if kind is None else kind(bound))
        elif self.name in OWN:
            space = space.constrained(constraints.unconstrained())
            solver, batch = {
                "lbfgs": (solvers.LBFGS(steps=budget), count),
                "levenberg_marquardt": (solvers.LevenbergMarquardt(steps=max(1, budget // 20)), 16),
                "gauss_newton_cg": (solvers.GaussNewtonCG(steps=max(1, budget // 100)), count),
            }[self.name]
        else:
            solver = solvers.Adam(0.1, steps=budget)
            space = space.constrained(constraints.unconstrained() if self.name == DISABLED else self._criterion())
        generator = dataclasses.replace(generator, space=space)
        return Inverter(
            generator, solver=solver, restarts=Starts(1, 1.0), stopping=Stopping(1e-14), seed=seed, batch_size=batch
        )

    def _criterion(self) -> Any:
        try:
            return constraints.parse(f"resample({self.name})")
        except BadInput as error:
            names = f"{', '.join(OWN)}, {', '.join(LIPTON)}, {DISABLED}, hard(2.5), logistic(2, 2)"
            raise BadInput(
                f"method {self.name!r}", f"expected one of {names}, truncated_normal(2.5), or {', '.join(GROUPS)}"
            ) from error


def parse(text: str) -> list[Method]:
    """Methods from names with commas between; groups stand for their members.

    >>> [method.name for method in parse("lipton, logistic(2, 2)")]
    ['descent', 'clip', 'stochastic_clip', 'logistic(2, 2)']

    Raises:
      BadInput: there is no method of such a name.
    """
    names, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            names.append("")
        else:
            names[-1] += letter
    flat = [member for name in names for member in GROUPS.get(name.strip(), (name.strip(),))]
    return [Method(name) for name in dict.fromkeys(flat)]


def _recovering(recovery: Recovery, among: int) -> Finder:
    shared = -(-recovery.regression.passes // among)  # the samples' cost, borne by all images alike

    def find(images: np.ndarray, ids: np.ndarray, labels: Any = None, watch: Watch | None = None) -> Found:
        told = None if watch is None else lambda codes, passes: watch(np.arange(len(codes)), codes, passes + shared)
        found = recovery(images, ids, labels, watch=told)
        return Found(found.codes, found.passes + shared)

    return find
