"""Where codes live: their shape, the prior they are drawn from, and what becomes of a code that strays."""

from __future__ import annotations

import ast
import dataclasses
import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Space:
    """A space of latent codes [B, *shape]; `shape` is None until a generator has given its own."""

    shape: tuple[int, ...] | None

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        """Codes [B, *shape] from the prior, each row from its seed (int64 [B, 2], see `tfinvert.seeds`)."""
        raise NotImplementedError

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        """log P(z) of each code, [B]: summed over the entries of [B, *shape]."""
        raise NotImplementedError

    def constrain(self, codes: tf.Tensor) -> tf.Tensor:
        """The codes [B, *shape] brought back into the prior's support."""
        raise NotImplementedError

    @property
    def centre(self) -> float:
        """The middle of each entry's prior, where no code is likelier."""
        raise NotImplementedError

    @property
    def entries(self) -> int:
        """Number of entries d of one code."""
        return math.prod(self.shape or ())

    def with_shape(self, shape: Sequence[int]) -> Space:
        """The same prior over codes of this shape."""
        return dataclasses.replace(self, shape=tuple(int(n) for n in shape))


@dataclasses.dataclass(frozen=True)
class Normal(Space):
    """Independent normal entries with mean 0; every code is in the support."""

    stddev: float = 1.0

    @property
    def centre(self) -> float:
        return 0.0

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        return self.stddev * seeds.normal(image_seeds, self.shape or ())

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(codes, [tf.shape(codes)[0], -1]) / self.stddev
        constant = math.log(self.stddev) + 0.5 * math.log(2 * math.pi)
        return -tf.reduce_sum(0.5 * tf.square(flat) + constant, axis=1)

    def constrain(self, codes: tf.Tensor) -> tf.Tensor:
        return codes

    def __str__(self) -> str:
        return _text("normal", self.shape, {} if self.stddev == 1 else {"stddev": self.stddev})


@dataclasses.dataclass(frozen=True)
class Uniform(Space):
    """Independent uniform entries in [low, high]; a stray entry is clipped to the nearer bound.

    Clipping after each step is projected gradient descent, the "standard clipping" of Lipton & Tripathi ("Precise
    Recovery of Latent Vectors from Generative Adversarial Networks").
    """

    low: float = -1.0
    high: float = 1.0

    @property
    def centre(self) -> float:
        return (self.low + self.high) / 2

    def sample(self, image_seeds: tf.Tensor) -> tf.Tensor:
        return self.low + (self.high - self.low) * seeds.uniform(image_seeds, self.shape or ())

    def log_prob(self, codes: tf.Tensor) -> tf.Tensor:
        flat = tf.reshape(codes, [tf.shape(codes)[0], -1])
        inside = tf.reduce_all((flat >= self.low) & (flat <= self.high), axis=1)
        value = -math.log(self.high - self.low) * tf.cast(tf.shape(flat)[1], tf.float32)
        return tf.where(inside, value, -math.inf)

    def constrain(self, codes: tf.Tensor) -> tf.Tensor:
        return tf.clip_by_value(codes, self.low, self.high)

    def __str__(self) -> str:
        bounds = {} if (self.low, self.high) == (-1, 1) else {"low": self.low, "high": self.high}
        return _text("uniform", self.shape, bounds)


def normal(*shape: int, stddev: float = 1.0) -> Normal:
    """A normal prior with mean 0: `normal(100)`, or `normal()` where the generator knows the shape.

    Raises:
      BadInput: `stddev` is not positive.
    """
    if not 0 < stddev < math.inf:
        raise BadInput(f"normal prior with stddev={stddev}", "give a positive number")
    return Normal(shape or None, float(stddev))


def uniform(*shape: int, low: float = -1.0, high: float = 1.0) -> Uniform:
    """A uniform prior on [low, high]: `uniform(100)`, or `uniform()` where the generator knows the shape.

    Raises:
      BadInput: `low` is not below `high`.
    """
    if not -math.inf < low < high < math.inf:
        raise BadInput(f"uniform prior with low={low}, high={high}", "give finite bounds with low < high")
    return Uniform(shape or None, float(low), float(high))


def parse(text: str) -> Space:
    """A space from the text of its Python call.

    >>> print(parse("normal"), parse("uniform(100, low=0)"))
    normal() uniform(100, low=0.0, high=1.0)

    Raises:
      BadInput: the text is no such call.
    """
    kinds: dict[str, Callable[..., Space]] = {"normal": normal, "uniform": uniform}
    wrong = BadInput(
        f"prior {text!r}", "expected normal, normal(100), normal(stddev=0.5), uniform or uniform(low=0, high=1)"
    )
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            node = ast.Call(node, [], [])
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds):
            raise wrong
        positional = [ast.literal_eval(value) for value in node.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
        if not all(type(n) is int and n > 0 for n in positional):
            raise wrong
        return kinds[node.func.id](*positional, **named)
    except (SyntaxError, TypeError) as error:
        raise wrong from error
    except ValueError as error:
        raise error if isinstance(error, BadInput) else wrong from error


def _text(name: str, shape: tuple[int, ...] | None, named: dict[str, float]) -> str:
    parts = [str(n) for n in shape or ()] + [f"{key}={value}" for key, value in named.items()]
    return f"{name}({', '.join(parts)})"
