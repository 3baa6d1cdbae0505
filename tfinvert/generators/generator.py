"""What a generator is, and how one is derived from another."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition
from tfinvert.generators.held import Held, Holds, Shape
from tfinvert.spaces import Space

Function = Callable[[tf.Tensor, Held], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class About:
    """What is known of a generator beside what it computes.

    Attributes:
      name: for people.
      fingerprint: tells one generator from another; the file's SHA-256, or "" for objects in memory.
      assumed: what nobody stated and was taken by default, as "what: value" lines.
      constant: True where its image was found not to depend on the code by as much as half a grey level.
      differentiable: whether TensorFlow has a gradient of it; without one, `CMA` inverts it.
      tuned_from: the fingerprint of the generator whose weights were moved to make this one; "" for others.
    """

    name: str = "generator"
    fingerprint: str = ""
    assumed: tuple[str, ...] = ()
    constant: bool = False
    differentiable: bool = True
    tuned_from: str = ""


class Network(NamedTuple):
    """The Keras model that computes a generator's images, with its weights."""

    model: Any
    inputs: tuple[str, ...] = ()  # their names, in the model's order; () of a subclassed model
    drawn: Callable[[], Mapping[str, tf.Tensor]] = dict  # values [1, ...] of those that are the same for all codes


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """A generator: `generator(codes [B, *shape], labels [B]) -> images [B, H, W, C]`, or series [B, L, C].

    Attributes:
      function: (codes, `Held`) -> images; labels are in the form that the model takes.
      space: shape and prior of its codes.
      image_shape: (H, W, C) with any number of channels; (L, C) of one that makes series. All that is said of images
        [B, H, W, C] is then true of series [B, L, C].
      value_range: (low, high) of its values: what black and white are to it. To a series it is the scale on which
        errors are measured, and values beyond it count.
      condition: what class labels it takes; None where it takes none.
      holds: shapes of one row of further tensors that it takes, by name, such as {"noise": (16, 16, 1)}.
      dtype: what it computes in; see `tfinvert.generators.derived.precise`.
      rough: the same generator in float32, whose derivatives are cheaper; None where this is the one in float32.
      network: the Keras model that computes it, whose weights can be moved; None where there is none.
      about: its name, and what else is known of it.
    """

    function: Function
    space: Space
    image_shape: tuple[int, ...]
    value_range: tuple[float, float]
    condition: Condition | None = None
    holds: Mapping[str, Shape] = dataclasses.field(default_factory=dict)
    dtype: tf.DType = tf.float32
    rough: Generator | None = None
    network: Network | None = None
    about: About = About()

    def __call__(self, codes: Any, labels: Any = None, held: Mapping[str, Any] | None = None) -> tf.Tensor:
        """Images [B, *image_shape] in `value_range`.

        Args:
          codes: [B, *shape].
          labels: int [B], where it is class-conditional.
          held: the tensors [B, ...] of `holds`, by name.

        Raises:
          BadInput: something is missing, not wanted, out of range or of another shape.
        """
        codes, beside = self.check(codes, labels, held)
        return self.function(codes, self.takes.encode(beside))

    def check(self, codes: Any, labels: Any = None, held: Any = None) -> tuple[tf.Tensor, Held]:
        """Codes as this generator computes them, and what is held beside; raises as calling it does."""
        expected = f"expected [B, {', '.join(map(str, self.space.shape or ('...',)))}]"
        try:
            codes = tf.cast(codes, self.dtype)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise BadInput(f"codes of type {type(codes).__name__} for {self.name}", expected) from error
        if codes.shape.rank is not None and not codes.shape[1:].is_compatible_with(self.space.shape):
            raise BadInput(f"codes {codes.shape.as_list()} for {self.name}", expected)
        count = None if codes.shape.rank is None else codes.shape[0]
        return codes, self.takes.check(self.name, labels, held, count)

    @property
    def name(self) -> str:
        """For people."""
        return self.about.name

    @property
    def takes(self) -> Holds:
        """What it takes beside codes."""
        return Holds(self.condition, self.holds)

    def sample(self, count: int, seed: int = 0, labels: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """`count` codes [count, *shape] from the prior, and their images [count, *image_shape].

        Args:
          count: how many.
          seed: fixes the codes; the first n are the same whatever the count.
          labels: int [count], or one int for all, for a conditional generator.
        """
        codes = self.space.sample(seeds.of(seed, tf.range(count)))
        if labels is not None and np.ndim(labels) == 0:
            labels = tf.fill([count], labels)
        return codes, self(codes, labels)

    def to_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Images from this generator's value range to [0, 1]."""
        low, high = self.value_range
        return (images - low) / (high - low)

    def from_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Images from [0, 1] to this generator's value range."""
        low, high = self.value_range
        return low + (high - low) * images


def derive(generator: Generator, name: str, function: Function, *, fingerprint: str = "", **changes: Any) -> Generator:
    """Another generator that is made of one; what is only true of that one is not inherited.

    Args:
      generator: what it is made of.
      name: of the new one.
      function: see `Generator`.
      fingerprint: of the new one, where it follows from a file alone.
      changes: other attributes that differ.
    """
    about = dataclasses.replace(generator.about, name=name, fingerprint=fingerprint, constant=False)
    lost = {"rough": None, "network": None}
    return dataclasses.replace(generator, **{"function": function, **lost, "about": about, **changes})
