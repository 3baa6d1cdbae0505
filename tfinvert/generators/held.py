"""What is held while codes move: class labels, and tensors such as masks, noise maps or codes that go round a cut."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition

Shape = tuple[int, ...]
# As names of what is held: others have them, some of these what is held beside in stages and behind cuts.
TAKEN = ("images", "ids", "labels", "self", "training", "codes", "hidden", "smoothing")


class Held(NamedTuple):
    """A nest of tensors with one row for each code, which goes through loops as one value.

    `generator(codes, *held)` takes it apart.
    """

    labels: Any = ()  # int [B], or as the model takes them where a function is given them; () where there are none
    tensors: Mapping[str, Any] = {}

    def each(self, change: Callable[[Any], Any]) -> Held:
        """The same with every tensor changed."""
        return tf.nest.map_structure(change, self)

    @property
    def rows(self) -> list[Any]:
        """The tensors in the order in which graphs take them: labels, then the others by name."""
        return tf.nest.flatten(self)

    def without(self, name: str) -> tuple[Any, Held]:
        """One of the tensors, and the others."""
        return self.tensors[name], Held(self.labels, {key: rows for key, rows in self.tensors.items() if key != name})


def absent(labels: Any) -> bool:
    """Whether these are no labels: None, or () as in `Held`."""
    return labels is None or (isinstance(labels, tuple) and not labels)


class Holds(NamedTuple):
    """What a generator takes beside codes."""

    condition: Condition | None = None  # its class labels
    shapes: Mapping[str, Shape] = {}

    def check(self, name: str, labels: Any, tensors: Any = None, count: int | None = None) -> Held:
        """Labels and tensors [B, *shape] by name, as a nest: labels int32, the others float32.

        Args:
          name: of who takes them.
          labels: int [B].
          tensors: by name.
          count: B, where it is known.

        Raises:
          BadInput: something is missing, not wanted, of another shape or out of range.
        """
        if self.condition is not None:
            labels = self.condition.check(None if absent(labels) else labels)
            if count is not None and labels.shape[0] not in (None, count):
                raise BadInput(f"{labels.shape[0]} labels for {count} images", "expected one for each")
        elif not absent(labels):
            raise BadInput(f"labels for {name}", "it is not class-conditional: leave them out")
        tensors = {} if tensors is None else tensors
        if not isinstance(tensors, Mapping) or set(tensors) != set(self.shapes):
            came = list(tensors) if isinstance(tensors, Mapping) else type(tensors).__name__
            raise BadInput(f"held={came} for {name}", f"expected {self._expected}")
        return Held(
            () if absent(labels) else labels, {key: self._rows(key, tensors[key], count) for key in self.shapes}
        )

    def _rows(self, key: str, rows: Any, count: int | None) -> tf.Tensor:
        """One of the tensors, as float32 [B, *shape]."""
        try:
            rows = tf.cast(tf.convert_to_tensor(rows), tf.float32)
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise BadInput(f"held={{{key!r}: {type(rows).__name__}}}", f"expected {self._expected}") from error
        if not rows.shape.is_compatible_with([count, *self.shapes[key]]):
            expected = ["B" if count is None else count, *self.shapes[key]]
            raise BadInput(f"held={{{key!r}: ...}} of the shape {rows.shape.as_list()}", f"expected {_text(expected)}")
        return rows

    @property
    def _expected(self) -> str:
        if not self.shapes:
            return "nothing: leave it out"
        each = (f"{key!r}: {_text(['B', *shape])}" for key, shape in self.shapes.items())
        return f"held={{{', '.join(each)}}}"

    def encode(self, held: Held) -> Held:
        """The same with labels as the model takes them."""
        return held if self.condition is None else held._replace(labels=self.condition.encode(held.labels))

    def example(self, count: int) -> Held:
        """What is held for `count` codes, to try things on: the first class, and numbers from [0, 1)."""
        return self.turns(tf.zeros([count], tf.int32))

    def turns(self, numbers: Any) -> Held:
        """What is held for codes with these numbers [B]: classes take turns, tensors are drawn from [0, 1)."""
        labels = () if self.condition is None else self.condition.turns(numbers)
        return Held(labels, {key: seeds.uniform(seeds.of(0, numbers), shape) for key, shape in self.shapes.items()})

    @property
    def specs(self) -> list[tf.TensorSpec]:
        """Of `Held.rows` for any number of codes, labels as the model takes them."""
        example = self.encode(self.example(1))
        names = [*([] if self.condition is None else ["labels"]), *sorted(self.shapes)]
        return [
            tf.TensorSpec([None, *rows.shape[1:]], rows.dtype, name)
            for name, rows in zip(names, example.rows, strict=True)
        ]


def _text(shape: Sequence[Any]) -> str:
    return f"[{', '.join(map(str, shape))}]"
