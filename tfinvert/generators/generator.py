"""What a generator is, and how one is made from any function of codes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.condition import Beside, Condition
from tfinvert.generators.trial import Facts, fitted, of_arrays, translate, tried
from tfinvert.spaces import Space

if TYPE_CHECKING:  # they are made of generators
    pass


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """A generator: `generator(codes [B, *shape], labels [B]) -> images [B, H, W, C]`.

    Attributes:
      function: (codes, labels or None) -> images; labels are in the form that the model takes.
      space: shape and prior of its codes.
      image_shape: (H, W, C), C being 1 or 3.
      value_range: (low, high) of its pixel values: what black and white are to it.
      condition: what class labels it takes; None where it takes none.
      constant: True where its image was found not to depend on the code by as much as half a grey level.
      assumed: what nobody stated and was taken by default, as "what: value" lines.
      name: for people.
      fingerprint: tells one generator from another; the file's SHA-256, or "" for objects in memory.
      dtype: what it computes in; see `tfinvert.generators.derived.precise`.
      rough: the same generator in float32, whose derivatives are cheaper; None where this is the one in float32.
      layer: for the tail of a split generator, the Keras layer that it is; None for others.
      differentiable: whether TensorFlow has a gradient of it; without one, `CMA` inverts it.
    """

    function: Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]
    space: Space
    image_shape: tuple[int, int, int]
    value_range: tuple[float, float]
    condition: Condition | Beside | None = None
    constant: bool = False
    assumed: tuple[str, ...] = ()
    name: str = "generator"
    fingerprint: str = ""
    dtype: tf.DType = tf.float32
    rough: Generator | None = None
    layer: Any = None
    differentiable: bool = True

    def __call__(self, codes: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Images [B, H, W, C] in `value_range` of codes [B, *shape] and, for a conditional one, labels int [B].

        Raises:
          BadInput: labels are missing, not wanted or out of range, or the codes have another shape.
        """
        codes = tf.cast(codes, self.dtype)
        if codes.shape.rank is not None and not codes.shape[1:].is_compatible_with(self.space.shape):
            raise BadInput(f"codes {codes.shape.as_list()} for {self.name}", f"expected [B, *{self.space.shape}]")
        if self.condition is not None:
            labels = self.condition.check(labels)
            if not labels.shape[:1].is_compatible_with(codes.shape[:1]):
                raise BadInput(f"{labels.shape[0]} labels for {codes.shape[0]} codes", "expected one label per code")
            labels = self.condition.encode(labels)
        elif labels is not None:
            raise BadInput(f"labels for {self.name}", "it is not class-conditional: leave them out")
        return self.function(codes, labels)

    def sample(self, count: int, seed: int = 0, labels: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """`count` codes [count, *shape] from the prior, and their images [count, H, W, C].

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


class Plan(NamedTuple):
    """What a generator is made of.

    Attributes:
      model: (codes [B, *shape]) -> images, or (codes, labels) -> images where there is a condition. Called with
        `training=False` if it takes that.
      space: with its shape set.
      condition: the class labels it takes.
      value_range: (low, high) of the pixel values.
      image_shape: (H, W, C) of outputs that are flat or lack the channel axis; None: as they come.
      assumed: defaults that were taken.
      name: for messages.
      fingerprint: see `Generator`.
    """

    model: Callable
    space: Space
    condition: Condition | None
    value_range: tuple[float, float]
    image_shape: tuple[int, int, int] | None
    assumed: tuple[str, ...]
    name: str
    fingerprint: str

    def try_out(self) -> Facts:
        """Tries it on a few codes; raises `BadInput` where it is no generator of images."""
        raw = _raw(self.model, self.condition)
        return tried(raw, self.space, self.condition, self.value_range, self.image_shape, self.name)

    def make(self, facts: Facts) -> Generator:
        """The generator, once it was tried."""
        raw = _raw(self.model, self.condition)
        function = fitted(of_arrays(raw) if facts.arrays else raw, facts.image_shape)
        for line in facts.warnings:
            logging.warning("%s: %s", self.name, line)
        for line in self.assumed:
            logging.info("%s: nobody stated it, so the default is taken: %s", self.name, line)
        return Generator(
            translate(function) if facts.translated else function,
            self.space,
            facts.image_shape,
            self.value_range,
            self.condition,
            facts.constant,
            self.assumed,
            self.name,
            self.fingerprint,
            differentiable=facts.differentiable,
        )


def _raw(model: Callable, condition: Condition | None) -> Callable[[tf.Tensor, tf.Tensor | None], Any]:
    """The model called with codes and labels; no method of a tuple, for AutoGraph leaves those alone."""
    quiet = _takes_training(model)

    def raw(codes: tf.Tensor, labels: tf.Tensor | None) -> Any:
        inputs = (codes,) if condition is None else (codes, labels)
        images = model(*inputs, training=False) if quiet else model(*inputs)
        return images[0] if isinstance(images, (list, tuple)) and len(images) == 1 else images

    return raw


def _takes_training(model: Callable) -> bool:
    function = getattr(model, "call", model)
    try:
        return "training" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
