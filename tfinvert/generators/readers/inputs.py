"""The inputs that a model or a saved graph declares: which is the code, which the label, and how values are fitted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition

_LABEL_NAME = re.compile(r"label|class|(^|_)cond|one_?hot|digit|(^|_)[yc]($|_|\d)", re.IGNORECASE)
_CODE_NAME = re.compile(r"noise|latent|code|seed|(^|_)z($|_|\d)", re.IGNORECASE)


class Input(NamedTuple):
    """One input of a model; the shape begins with the batch."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


class Roles(NamedTuple):
    """Which input is what."""

    code: Input
    label: Input | None
    assumed: list[str]


class Wiring(NamedTuple):
    """How a model is called as a generator."""

    function: Callable  # (codes) -> images, or (codes, labels) -> images
    code_shape: tuple[int, ...] | None  # None where the model does not say
    condition: Condition | None
    assumed: list[str]
    truncation: float | None = None  # of the prior, where the model takes one


def roles(inputs: list[Input], label_input: str | None, classes: int | None) -> Roles:
    """Which of one or two inputs is the code and which, if any, the class label.

    Args:
      inputs: of the model.
      label_input: name of the label's input; found by name, type and size where not given.
      classes: how many classes the user says there are.

    Raises:
      BadInput: the inputs are neither one code nor a code and a label.
    """
    if label_input is not None and not any(tensor.name == label_input for tensor in inputs):
        raise BadInput(f"label_input {label_input!r}", f"the model's inputs are {_listing(inputs)}")
    if len(inputs) == 1 and label_input is None:
        if classes is not None:
            raise BadInput(
                f"classes={classes} for a model that takes {_listing(inputs)}", "it takes no label: leave it out"
            )
        return Roles(inputs[0], None, [])
    if len(inputs) != 2:
        raise BadInput(
            f"the model takes {len(inputs)} inputs ({_listing(inputs)})",
            "expected a code, or a code and a label; wrap it in a function of these",
        )
    label, sure = _find_label(inputs, label_input)
    code = inputs[1] if label is inputs[0] else inputs[0]
    return Roles(code, label, [] if sure else [f"label_input: {label.name} (the code is {code.name})"])


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

    def function(codes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return wiring.function(tf.concat([codes[:, :first], labels, codes[:, first:]], axis=1))

    held = Condition(end - first, one_hot=True)
    return wiring._replace(function=function, code_shape=(length - (end - first),), condition=held)


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


def _find_label(inputs: list[Input], wanted: str | None) -> tuple[Input, bool]:
    """The label's input, and whether that is more than a guess by size."""
    for tensor in inputs:
        if tensor.name == wanted:
            return tensor, True
    for certain in (
        lambda t: tf.as_dtype(t.dtype).is_integer,
        lambda t: t.shape[1:] in ((), (1,)) and not _CODE_NAME.search(t.name),
        lambda t: bool(_LABEL_NAME.search(t.name)) and not _CODE_NAME.search(t.name),
    ):
        found = [tensor for tensor in inputs if certain(tensor)]
        if len(found) == 1:
            return found[0], True
    named_codes = [tensor for tensor in inputs if _CODE_NAME.search(tensor.name)]
    if len(named_codes) == 1:
        return next(tensor for tensor in inputs if tensor is not named_codes[0]), True
    return min(inputs, key=lambda tensor: tensor.shape[-1] or 0), False


def _listing(inputs: list[Input]) -> str:
    return ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in inputs)
