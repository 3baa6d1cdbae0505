"""A space of codes: their shape, the prior they are drawn from, and the constraint that strays come under."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.spaces import calls, constraints
from tfinvert.spaces.constraints import Constraint

# Restarts fold 1, 2, ... into an image's seed; a negative number is no restart's.
_OFFSETS = -1


@dataclasses.dataclass(frozen=True)
class Space:
    """A space of latent codes [B, *shape]; `shape` is None until a generator has given its own.

    A prior of your own is a frozen dataclass with `sample`, `log_prob`, `centre` and `spread`, and `supported` where it
    has bounds: docs/extend.md has an example.
    """

    shape: tuple[int, ...] | None = None
    constraint: Constraint | None = dataclasses.field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        shape = () if self.shape is None else self.shape
        if not (isinstance(shape, tuple) and all(isinstance(n, numbers.Integral) and n > 0 for n in shape)):
            raise BadInput(f"a prior of the shape {self.shape!r}", "expected whole numbers, such as (100,), or None")
        _checked(self.constraint)

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        """Codes [B, *shape] from the prior, each row from its seed (int64 [B, 2], see `tfinvert.seeds`)."""
        raise NotImplementedError(f"the prior {type(self).__name__} has no sample: see docs/extend.md")

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        """log P(z) of each code, [B]: summed over the entries of [B, *shape]."""
        raise NotImplementedError(f"the prior {type(self).__name__} has no log_prob: see docs/extend.md")

    def quantile(self, probabilities: tf.Tensor) -> tf.Tensor:
        """The entries, in any shape, that the prior stays below with these probabilities, from [0, 1].

        Only constraints that draw entries anew need it.
        """
        raise BadInput(f"{self.constraint} under {self}, which has no quantiles", "expected clip, or no constraint")

    def supported(self, codes: tf.Tensor) -> tf.Tensor:
        """The codes [B, *shape] brought back into the prior's support; without bounds, as they are."""
        return codes

    def offsets(self, image_seeds: tf.Tensor) -> tf.Tensor:
        """What makes the random draws of `constrain` each row's own, from its seed (int64 [B, 2]).

        float32 [B, 2, *shape], uniform in [0, 1); [B, 0] where nothing will be drawn.
        """
        if self.constraint is None or not self.constraint.random:
            return tf.zeros([tf.shape(image_seeds)[0], 0])
        return seeds.uniform(seeds.fold_in(image_seeds, _OFFSETS), (2, *(self.shape or ())))

    def constrain(
        self, codes: tf.Tensor, offsets: tf.Tensor | None = None, count: tf.Tensor | int = 0, steps: int = 1
    ) -> tf.Tensor:
        """The codes [B, *shape] after the constraint; without one, brought back into the prior's support.

        Under a constraint, entries that are not finite stay as they are.

        Args:
          codes: float32 [B, *shape].
          offsets: of these rows, from `offsets`; a constraint that draws nothing needs none.
          count: the steps that were taken, int32 scalar; each has draws of its own.
          steps: the steps of the whole run.

        Raises:
          BadInput: the constraint draws, and there are no offsets.
        """
        if self.constraint is None:
            return self.supported(codes)
        if self.constraint.random and offsets is None:
            raise BadInput(f"constrain under {self.constraint} without offsets", "give those of space.offsets(seeds)")

        def draw() -> tuple[tf.Tensor, tf.Tensor]:
            chance, fresh = tf.unstack(seeds.rotate(offsets, count), num=2, axis=1)
            return chance, tf.cast(self.quantile(fresh), codes.dtype)

        return tf.ensure_shape(self.constraint.apply(codes, self.centre, draw, steps), codes.shape)

    @property
    def centre(self) -> Any:
        """The middle of each entry's prior, where no code is likelier: a float, or float32 of the codes' shape."""
        raise NotImplementedError

    @property
    def stddev(self) -> float | None:
        """The standard deviation of each entry, where the prior is normal."""
        return None

    @property
    def spread(self) -> float:
        """The standard deviation of each entry under the prior."""
        raise NotImplementedError

    @property
    def entries(self) -> int:
        """Number of entries d of one code."""
        return math.prod(self.shape or ())

    def with_shape(self, shape: Sequence[int]) -> Space:
        """The same prior over codes of this shape."""
        return dataclasses.replace(self, shape=tuple(int(n) for n in shape))

    def constrained(self, constraint: Constraint | None) -> Space:
        """The same prior under this constraint; None for none.

        Raises:
          BadInput: `constraint` is no constraint.
        """
        return dataclasses.replace(self, constraint=_checked(constraint))

    def _text(self, name: str, named: Mapping[str, object]) -> str:
        named = named if self.constraint is None else {**named, "constraint": self.constraint}
        parts = [str(n) for n in self.shape or ()] + [f"{key}={value}" for key, value in named.items()]
        return f"{name}({', '.join(parts)})"


@dataclasses.dataclass(frozen=True)
class Normal(Space):
    """Independent normal entries, cut off at `bound` standard deviations from their mean if there is one.

    BigGAN draws its codes so, with a bound of 2 and the truncation as standard deviation (Brock et al., "Large Scale
    GAN Training for High Fidelity Natural Image Synthesis", section 3.1).
    """

    stddev: float = 1.0  # before it is cut off
    bound: float | None = None
    mean: float | tuple[float, ...] = dataclasses.field(default=0.0, repr=False)  # of all entries, or one each

    @property
    def centre(self) -> Any:
        return (
            self.mean
            if isinstance(self.mean, float)
            else np.reshape(np.asarray(self.mean, np.float32), self.shape or (-1,))
        )

    def with_shape(self, shape: Sequence[int]) -> Normal:
        if isinstance(self.mean, tuple) and len(self.mean) != math.prod(shape):
            raise BadInput(f"a normal prior with {len(self.mean)} means for codes {list(shape)}", "expected one each")
        return dataclasses.replace(self, shape=tuple(int(n) for n in shape))

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        if self.bound is None:
            return self.centre + self.stddev * seeds.normal(image_seeds, self.shape or ())
        return self.quantile(seeds.uniform(image_seeds, self.shape or ()))

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(codes - self.centre, [tf.shape(codes)[0], -1]) / self.stddev
        constant = math.log(self.stddev) + 0.5 * math.log(2 * math.pi) + math.log(1 - 2 * self._tail)
        value = -tf.reduce_sum(0.5 * tf.square(flat) + constant, axis=1)
        if self.bound is None:
            return value
        return tf.where(tf.reduce_all(tf.abs(flat) <= self.bound, axis=1), value, -math.inf)

    def quantile(self, probabilities: tf.Tensor) -> tf.Tensor:
        """As in `Space`, from [1e-7, 1 - 1e-7], so that no entry is infinite: within 5.2 standard deviations."""
        probabilities = self._tail + (1 - 2 * self._tail) * probabilities
        entries = self.stddev * tf.math.ndtri(tf.clip_by_value(probabilities, 1e-7, 1 - 1e-7))
        return self.supported(self.centre + entries)

    def supported(self, codes: tf.Tensor) -> tf.Tensor:
        if self.bound is None:
            return codes
        far = self.bound * self.stddev
        return tf.clip_by_value(codes, self.centre - far, self.centre + far)

    @property
    def spread(self) -> float:
        if self.bound is None:
            return self.stddev
        density = math.exp(-0.5 * self.bound**2) / math.sqrt(2 * math.pi)
        return self.stddev * math.sqrt(1 - 2 * self.bound * density / (1 - 2 * self._tail))

    @property
    def _tail(self) -> float:
        """The probability that is cut off on either side."""
        return 0.0 if self.bound is None else 0.5 * math.erfc(self.bound / math.sqrt(2))

    def __str__(self) -> str:
        named: dict[str, object] = {} if self.mean == 0 else {"mean": self.mean}
        named |= {} if self.stddev == 1 else {"stddev": self.stddev}
        return self._text("normal", named if self.bound is None else {**named, "bound": self.bound})


@dataclasses.dataclass(frozen=True)
class Uniform(Space):
    """Independent uniform entries in [low, high]; without a constraint a stray entry is clipped to the nearer bound.

    Clipping after each step is projected gradient descent, the "standard clipping" of Lipton & Tripathi ("Precise
    Recovery of Latent Vectors from Generative Adversarial Networks").
    """

    low: float = -1.0
    high: float = 1.0

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    @property
    def spread(self) -> float:
        return (self.high - self.low) / math.sqrt(12)

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        return self.low + (self.high - self.low) * seeds.uniform(image_seeds, self.shape or ())

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(codes, [tf.shape(codes)[0], -1])
        inside = tf.reduce_all((flat >= self.low) & (flat <= self.high), axis=1)
        value = -math.log(self.high - self.low) * tf.cast(tf.shape(flat)[1], tf.float32)
        return tf.where(inside, value, -math.inf)

    def quantile(self, probabilities: tf.Tensor) -> tf.Tensor:
        return self.low + (self.high - self.low) * probabilities

    def supported(self, codes: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(codes, self.low, self.high)

    def __str__(self) -> str:
        return self._text("uniform", {} if (self.low, self.high) == (-1, 1) else {"low": self.low, "high": self.high})


def normal(
    *shape: int, mean: Any = 0.0, stddev: float = 1.0, bound: float | None = None, constraint: Constraint | None = None
) -> Normal:
    """A normal prior: `normal(100)`, or `normal()` where the generator knows the shape.

    `normal(bound=2)` is cut off at two standard deviations, where stray entries are clipped to.

    Args:
      shape: of a code.
      mean: of every entry, or one for each: an array of the codes' shape.
      stddev: of every entry, before it is cut off.
      bound: where it is cut off, in standard deviations from the mean; default: nowhere.
      constraint: what becomes of entries that stray.

    Raises:
      BadInput: `stddev` or `bound` is not positive, `mean` is no number for each entry, or `constraint` is no
        constraint.
    """
    for name, value in (("stddev", stddev), ("bound", bound)):
        if value is not None and not 0 < value < math.inf:
            raise BadInput(f"normal prior with {name}={value}", "give a positive number")
    return Normal(
        shape or None,
        float(stddev),
        None if bound is None else float(bound),
        _means(mean, shape),
        constraint=_checked(constraint),
    )


def _means(mean: Any, shape: tuple[int, ...]) -> float | tuple[float, ...]:
    try:
        means = np.asarray(mean, np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"normal prior with mean={mean!r}", "give a number, or one for each entry") from error
    fits = not means.ndim or not shape or means.shape in (shape, (math.prod(shape),))
    if not fits or not np.isfinite(means).all():
        raise BadInput(f"normal prior with means {list(means.shape)}", "give a finite number, or one for each entry")
    return tuple(means.ravel().tolist()) if means.ndim else float(means)


def uniform(*shape: int, low: float = -1.0, high: float = 1.0, constraint: Constraint | None = None) -> Uniform:
    """A uniform prior on [low, high]: `uniform(100)`, or `uniform()` where the generator knows the shape.

    Raises:
      BadInput: `low` is not below `high`, or `constraint` is no constraint.
    """
    if not -math.inf < low < high < math.inf:
        raise BadInput(f"uniform prior with low={low}, high={high}", "give finite bounds with low < high")
    return Uniform(shape or None, float(low), float(high), constraint=_checked(constraint))


def parse(text: str) -> Space:
    """A space from the text of its Python call.

    >>> print(parse("normal"), parse("uniform(100, low=0)"), parse("normal(constraint=clip(3))"))
    normal() uniform(100, low=0.0, high=1.0) normal(constraint=clip(3.0))

    Raises:
      BadInput: the text is no such call.
    """
    wrong = BadInput(
        f"prior {text!r}",
        "expected normal, normal(100), normal(8, 8, 4), normal(stddev=0.5), uniform or uniform(low=0, high=1)",
    )
    functions: dict[str, Callable[..., Any]] = {"normal": normal, "uniform": uniform, **constraints.FUNCTIONS}
    space = calls.read(text, functions, Space, wrong)
    if not all(type(n) is int and n > 0 for n in space.shape or ()):
        raise wrong
    return space


def _checked(constraint: Constraint | None) -> Constraint | None:
    if not (constraint is None or isinstance(constraint, Constraint)):
        raise BadInput(f"constraint {constraint}", "expected one of tfinvert.spaces, such as clip(3)")
    return constraint
