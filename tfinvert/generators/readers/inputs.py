"""The inputs that a model or a saved graph declares, and how codes and labels are fitted to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition
from tfinvert.generators.generator import Network
from tfinvert.generators.held import Shape


class Input(NamedTuple):
    """One input of a model; the shape begins with the batch."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Wiring(NamedTuple):
    """How a model is called as a generator."""

    function: Callable  # (codes, labels where there is a condition, what is held by name) -> images
    code_shape: tuple[int, ...] | None  # None where the model does not say
    condition: Condition | None
    assumed: Sequence[str]
    holds: Mapping[str, Shape] = {}  # of one row each
    truncation: float | None = None  # of the prior, where the model takes one
    network: Network | None = None


def condition(label: Input, classes: int | None) -> Condition:
    """What the label's input takes: one-hot where it is wide, an integer elsewhere.

    Raises:
      BadInput: it is one-hot with another number of classes.
    """
    width = label.shape[-1] if len(label.shape) > 1 else None
    if width is None or width == 1:
        return Condition(classes, column=len(label.shape) == 2, dtype=label.dtype)
    if classes not in (None, width):
        raise BadInput(f"classes={classes}", f"the label {label.name} is one-hot with {width} classes; leave it out")
    return Condition(width, one_hot=True, dtype=label.dtype)


def without_class(wiring: Wiring, entries: Sequence[int], name: str) -> Wiring:
    """The same, where these entries (first, end) of the code are a one-hot class: it becomes the label.

    Raises:
      BadInput: there are no such entries, or there is a label besides.
    """
    length = wiring.code_shape[0] if wiring.code_shape is not None and len(wiring.code_shape) == 1 else None
    try:
        first, end = (int(place) for place in entries)
    except (TypeError, ValueError) as error:
        raise BadInput(f"class_entries={entries!r}", "expected the first one and the end, such as 32,42") from error
    if length is None or wiring.condition is not None:
        what = "whose codes have an unknown shape" if length is None else "that takes a label besides"
        raise BadInput(f"class_entries={first},{end} for {name}, {what}", "wrap it in a function (codes, labels)")
    if not 0 <= first < end - 1 < length or end - first >= length:
        raise BadInput(f"class_entries={first},{end}", f"expected two or more of the code's {length} entries")

    def function(codes: tf.Tensor, labels: tf.Tensor, /, **tensors: tf.Tensor) -> tf.Tensor:
        return wiring.function(tf.concat([codes[:, :first], labels, codes[:, first:]], axis=1), **tensors)

    held = Condition(end - first, one_hot=True)
    return wiring._replace(function=function, code_shape=(length - (end - first),), condition=held)


def with_sides(tensor: Input, sides: Shape | None) -> Input:
    """The code's input with these sides in the place of unknown ones; as it is where it has none, or none are stated.

    Raises:
      BadInput: they do not fit those that are known.
    """
    known = tensor.shape[1:]
    if sides is None or None not in known:
        return tensor
    if len(sides) == len(known) and all(own in (None, side) for own, side in zip(known, sides, strict=True)):
        return tensor._replace(shape=(tensor.shape[0], *sides))
    if sides == code_shape(tensor) or (code_shape(tensor) is None and len(sides) == 1):  # unknown ones are 1
        return tensor
    example = ", ".join(str(8 if n is None else n) for n in known)
    raise BadInput(
        f"a prior over codes {list(sides)} for the input {listing([tensor])}",
        f"expected sides that fit, such as normal({example})",
    )


def code_shape(tensor: Input) -> tuple[int, ...] | None:
    """The code's shape by one input; axes of unknown size, which some old files come back with, are dropped."""
    return tuple(int(n) for n in tensor.shape[1:] if n is not None) or None


def fit(codes: tf.Tensor, tensor: Input) -> tf.Tensor:
    """Codes as this input takes them: its type, and 1 along each axis of unknown size."""
    known = [1 if n is None else int(n) for n in tensor.shape[1:]]
    if None in list(tensor.shape[1:]):
        codes = tf.reshape(codes, [-1, *known[:-1], codes.shape[-1]])
    return tf.cast(codes, tensor.dtype)


def fit_label(labels: tf.Tensor, tensor: Input) -> tf.Tensor:
    """Labels as this input takes them: a one-hot one may stand along the channels, as [B, 1, 1, classes]."""
    return tf.reshape(labels, [-1, *tensor.shape[1:]]) if len(tensor.shape) > 2 else labels


def listing(inputs: list[Input]) -> str:
    """Names and shapes, for messages."""
    return ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in inputs)
