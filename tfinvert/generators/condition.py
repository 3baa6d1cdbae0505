"""Class labels that are held while the code moves."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Condition:
    """How a generator takes a class: as an integer, or one-hot.

    Attributes:
      classes: how many there are; None where nothing says it.
      one_hot: True for a one-hot input [B, classes], False for an integer.
      column: for integers: True for [B, 1], False for [B].
      dtype: of the model's input.
      names: of the classes, where the generator's file says them.
    """

    classes: int | None
    one_hot: bool = False
    column: bool = True
    dtype: str = "float32"
    names: tuple[str, ...] = ()

    def say(self, label: int) -> str:
        """A class for people: its number, and its name where that is known."""
        return f"class {label} ({self.names[label]})" if label < len(self.names) else f"class {label}"

    def check(self, labels: Any) -> tf.Tensor:
        """Labels as int32 [B].

        Raises:
          BadInput: they are missing, no integers, or out of range (seen where their values are known).
        """
        expected = f"expected class labels 0 to {self.classes - 1}" if self.classes else "expected class labels"
        if labels is None:
            raise BadInput(
                "the generator is class-conditional and no labels came",
                f"{expected}; give labels (--labels), or search for them (--labels=search)",
            )
        try:
            labels = tf.convert_to_tensor(labels)
        except (TypeError, ValueError) as error:
            raise BadInput(f"labels of type {type(labels).__name__}", f"{expected}, one integer per image") from error
        if labels.shape.rank != 1 or not labels.dtype.is_integer:
            raise BadInput(f"labels {labels.dtype.name} {labels.shape.as_list()}", f"{expected}, one integer per image")
        known = tf.get_static_value(labels)
        if known is not None and known.size:
            bad = known[(known < 0) | (known >= (self.classes or np.inf))]
            if bad.size:
                raise BadInput(f"label {bad[0]}", f"{expected}")
        return tf.cast(labels, tf.int32)

    def example(self, count: int) -> tf.Tensor:
        """Labels for `count` images, to try things on."""
        return tf.zeros([count], tf.int32)

    def turns(self, numbers: Any) -> tf.Tensor:
        """Labels for images with these numbers, int [B]: classes take turns."""
        return tf.cast(numbers, tf.int32) % (self.classes or 1)

    def encode(self, labels: tf.Tensor) -> tf.Tensor:
        """Labels int [B] as the model takes them: [B, classes], [B, 1] or [B]."""
        if self.one_hot:
            return tf.one_hot(labels, self.classes or 0, dtype=self.dtype)
        labels = tf.cast(labels, self.dtype)
        return labels[:, tf.newaxis] if self.column else labels


@dataclasses.dataclass(frozen=True)
class Beside:
    """What is held beside the values behind a cut: tensors, such as the codes that also go round it, and labels.

    Attributes:
      shapes: of one row of each tensor.
      condition: the class labels; None where there are none.
    """

    shapes: tuple[tuple[int, ...], ...]
    condition: Condition | None = None

    @property
    def _sizes(self) -> list[int]:
        return [math.prod(shape) for shape in self.shapes]

    @property
    def parts(self) -> int:
        """How many tensors `apart` gives."""
        return len(self.shapes) + (self.condition is not None)

    @property
    def _width(self) -> int:
        return sum(self._sizes) + (self.condition is not None)

    def join(self, *tensors: Any, labels: Any = None) -> tf.Tensor:
        """Tensors [B, *shape] and labels int [B] as one tensor [B, n], which is given as labels.

        Raises:
          BadInput: tensors or labels are missing, not wanted or out of range.
        """
        if len(tensors) != len(self.shapes):
            raise BadInput(f"{len(tensors)} tensors to be held", f"expected {len(self.shapes)}: {list(self.shapes)}")
        parts = [
            tf.reshape(tf.cast(tensor, tf.float32), [-1, size])
            for tensor, size in zip(tensors, self._sizes, strict=True)
        ]
        if self.condition is not None:
            parts.append(tf.cast(self.condition.check(labels), tf.float32)[:, tf.newaxis])
        elif labels is not None:
            raise BadInput("labels", "the generator is not class-conditional: leave them out")
        return tf.concat(parts, axis=1)

    def check(self, held: Any) -> tf.Tensor:
        """What `join` gives, once more.

        Raises:
          BadInput: it is missing, or of another shape.
        """
        if held is None:
            raise BadInput("nothing that is held", f"expected what condition.join gives: [B, {self._width}]")
        held = tf.cast(held, tf.float32)
        if held.shape.rank != 2 or not held.shape[1:].is_compatible_with([self._width]):
            raise BadInput(f"held {held.shape.as_list()}", f"expected what condition.join gives: [B, {self._width}]")
        return held

    def example(self, count: int) -> tf.Tensor:
        """As of `Condition`."""
        return tf.zeros([count, self._width])

    def turns(self, numbers: Any) -> tf.Tensor:
        """As of `Condition`; the tensors are zero."""
        labels = None if self.condition is None else self.condition.turns(numbers)
        return self.join(*(tf.zeros([tf.size(numbers), size]) for size in self._sizes), labels=labels)

    def encode(self, held: tf.Tensor) -> tf.Tensor:
        """As it is; the tail takes it apart."""
        return held

    def apart(self, held: tf.Tensor) -> list[tf.Tensor]:
        """The tensors [B, *shape] and, if there are any, labels as the model takes them."""
        *parts, labels = tf.split(held, [*self._sizes, held.shape[1] - sum(self._sizes)], axis=1)
        found = [tf.reshape(part, [-1, *shape]) for part, shape in zip(parts, self.shapes, strict=True)]
        if self.condition is None:
            return found
        return [*found, self.condition.encode(tf.cast(labels[:, 0], tf.int32))]
