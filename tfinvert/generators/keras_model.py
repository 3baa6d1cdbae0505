"""Finds the code and the label among the inputs of a Keras model (Keras 3 or tf_keras)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

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


class Wiring(NamedTuple):
    """How a model is called as a generator."""

    function: Callable  # (codes) -> images, or (codes, labels) -> images
    code_shape: tuple[int, ...] | None  # None where the model does not say
    condition: Condition | None
    assumed: list[str]


def is_model(source: Any) -> bool:
    """Whether this is a model or layer of Keras 3 or tf_keras."""
    return any("keras" in kind.__module__ and kind.__name__ in ("Layer", "Model") for kind in type(source).__mro__)


def wire(model: Any, label_input: str | None, classes: int | None) -> Wiring:
    """Which input is the code, which one the label, and a function that calls the model so.

    Args:
      model: a Keras model; a subclassed one may not know its inputs.
      label_input: name of the label's input; found by name, type and size where not given.
      classes: how many classes there are, where the model does not say it.

    Raises:
      BadInput: the inputs are neither one code nor a code and a label.
    """
    inputs = _inputs(model)
    if inputs is None:
        return _subclassed(model, label_input, classes)
    if label_input is not None and not any(tensor.name == label_input for tensor in inputs):
        raise BadInput(f"label_input {label_input!r}", f"the model's inputs are {_list(inputs)}")
    if len(inputs) == 1 and label_input is None:
        if classes is not None:
            raise BadInput(
                f"classes={classes} for a model that takes {_list(inputs)}", "it takes no label: leave it out"
            )
        shape = _shape(inputs[0])
        return Wiring(_single(model, inputs[0]), shape, None, [])
    if len(inputs) != 2:
        raise BadInput(
            f"the model takes {len(inputs)} inputs ({_list(inputs)})",
            "expected a code, or a code and a label; wrap it in a function of these",
        )
    label, sure = _find_label(inputs, label_input)
    code = inputs[1] if label is inputs[0] else inputs[0]
    condition = _condition(model, label, classes)
    assumed = [] if sure else [f"label_input: {label.name} (the code is {code.name})"]

    def function(codes: tf.Tensor, labels: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        values = [_fit_label(labels, tensor) if tensor is label else _fit(codes, tensor) for tensor in inputs]
        structure = getattr(model, "input", None)
        if isinstance(structure, dict):
            return model(dict(zip(structure, values, strict=True)), training=False)
        return model(values, training=False)

    return Wiring(function, _shape(code), condition, assumed)


def _single(model: Any, tensor: Input) -> Callable:
    structure = getattr(model, "input", None)

    def function(codes: tf.Tensor) -> tf.Tensor:
        codes = _fit(codes, tensor)
        if isinstance(structure, dict):
            return model({next(iter(structure)): codes}, training=False)
        return model([codes] if isinstance(structure, (list, tuple)) else codes, training=False)

    return function


def _subclassed(model: Any, label_input: str | None, classes: int | None) -> Wiring:
    """A model that does not know its inputs: it is called with codes or, where there are classes, also with labels."""
    if label_input is not None:
        raise BadInput(
            f"label_input {label_input!r} for a model that does not know its inputs",
            "leave it out and give classes=N: it is called with (codes, labels)",
        )
    shape = _built_for(model)
    if classes is None:
        return Wiring(model, shape, None, [])
    parameters = inspect.signature(model.call).parameters
    quiet = {"training": False} if "training" in parameters else {}
    apart = len([name for name in parameters if name not in ("training", "mask")]) > 1

    def function(codes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return model(codes, labels, **quiet) if apart else model([codes, labels], **quiet)

    return Wiring(function, shape, Condition(classes, column=False, dtype="int32"), [])


def _inputs(model: Any) -> list[Input] | None:
    """The model's inputs in the order that it takes them; None where it does not know them."""
    try:
        tensors = model.inputs
    except (AttributeError, ValueError):
        return None
    if not tensors:
        return None
    structure = getattr(model, "input", None)
    named = structure.items() if isinstance(structure, dict) else [(str(t.name).split(":")[0], t) for t in tensors]
    return [Input(str(name), tuple(tensor.shape), tf.as_dtype(tensor.dtype).name) for name, tensor in named]


def _built_for(model: Any) -> tuple[int, ...] | None:
    """The code's shape that a subclassed model was built with."""
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    shape = (config or {}).get("input_shape")
    if isinstance(shape, (list, tuple)) and shape and isinstance(shape[0], (list, tuple)):
        shape = shape[0]  # of the code, which comes before the label
    if isinstance(shape, (list, tuple)) and len(shape) > 1 and all(isinstance(n, int) for n in shape[1:]):
        return tuple(shape[1:])
    return None


def _shape(tensor: Input) -> tuple[int, ...] | None:
    """The code's shape by one input; axes of unknown size, which some old files come back with, are dropped."""
    return tuple(int(n) for n in tensor.shape[1:] if n is not None) or None


def _fit(codes: tf.Tensor, tensor: Input) -> tf.Tensor:
    """Codes as this input takes them: its type, and 1 along each axis of unknown size."""
    known = [1 if n is None else int(n) for n in tensor.shape[1:]]
    if None in list(tensor.shape[1:]):
        codes = tf.reshape(codes, [-1, *known[:-1], codes.shape[-1]])
    return tf.cast(codes, tensor.dtype)


def _fit_label(labels: tf.Tensor, tensor: Input) -> tf.Tensor:
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


def _condition(model: Any, label: Input, classes: int | None) -> Condition:
    width = label.shape[-1] if len(label.shape) > 1 else None
    if width is not None and width > 1:
        if classes not in (None, width):
            raise BadInput(
                f"classes={classes}", f"the label {label.name} is one-hot with {width} classes; leave it out"
            )
        return Condition(width, one_hot=True, dtype=label.dtype)
    if classes is None:
        tables = {layer.input_dim for layer in _layers(model) if type(layer).__name__ == "Embedding"}
        classes = int(tables.pop()) if len(tables) == 1 else None
    return Condition(classes, column=len(label.shape) == 2, dtype=label.dtype)


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers(layer)


def _list(inputs: list[Input]) -> str:
    return ", ".join(f"{tensor.name} {list(tensor.shape)}" for tensor in inputs)
