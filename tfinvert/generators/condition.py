"""Class labels that are held while the code moves."""

from __future__ import annotations

import dataclasses
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

    def turns(self, numbers: Any) -> tf.Tensor:
        """Labels for images with these numbers, int [B]: classes take turns."""
        return tf.cast(numbers, tf.int32) % (self.classes or 1)

    def encode(self, labels: tf.Tensor) -> tf.Tensor:
        """Labels int [B] as the model takes them: [B, classes], [B, 1] or [B]."""
        if self.one_hot:
            return tf.one_hot(labels, self.classes or 0, dtype=self.dtype)
        labels = tf.cast(labels, self.dtype)
        return labels[:, tf.newaxis] if self.column else labels
