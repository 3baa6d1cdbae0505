"""Finds the code and the label among the inputs of a Keras model (Keras 3 or tf_keras)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition

_LABEL_NAME = re.compile(r"label|class|cond|one_?hot|digit|(^|_)[yc]($|_|\d)", re.IGNORECASE)
_CODE_NAME = re.compile(r"noise|latent|code|seed|(^|_)z($|_|\d)", re.IGNORECASE)


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
        return Wiring(model, _built_for(model), None, [])
    if label_input is not None and not any(_name(tensor) == label_input for tensor in inputs):
        raise BadInput(f"label_input {label_input!r}", f"the model's inputs are {_list(inputs)}")
    if len(inputs) == 1 and label_input is None:
        shape = _shape(inputs[0])
        return Wiring(_single(model, inputs[0]), shape, None, [])
    if len(inputs) != 2:
        raise BadInput(
            f"the model takes {len(inputs)} inputs ({_list(inputs)})",
            "expected a code, or a code and a label; wrap it in a function of these",
        )
    label, sure = _find_label(model, inputs, label_input)
    code = inputs[1] if label is inputs[0] else inputs[0]
    condition = _condition(model, label, classes)
    assumed = [] if sure else [f"label_input: {_name(label)} (the code is {_name(code)})"]

    def function(codes: tf.Tensor, labels: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        values = [labels if tensor is label else _fit(codes, tensor) for tensor in inputs]
        structure = getattr(model, "input", None)
        if isinstance(structure, dict):
            return model(dict(zip(structure, values, strict=True)), training=False)
        return model(values, training=False)

    return Wiring(function, _shape(code), condition, assumed)


def _single(model: Any, tensor: Any) -> Callable:
    structure = getattr(model, "input", None)

    def function(codes: tf.Tensor) -> tf.Tensor:
        codes = _fit(codes, tensor)
        if isinstance(structure, dict):
            return model({next(iter(structure)): codes}, training=False)
        return model([codes] if isinstance(structure, (list, tuple)) else codes, training=False)

    return function


def _inputs(model: Any) -> list[Any] | None:
    """The model's input tensors in the order that it takes them; None where it does not know them."""
    try:
        inputs = model.inputs
    except (AttributeError, ValueError):
        return None
    if not inputs:
        return None
    structure = getattr(model, "input", None)
    return list(structure.values()) if isinstance(structure, dict) else list(inputs)


def _built_for(model: Any) -> tuple[int, ...] | None:
    """The code's shape that a subclassed model was built with."""
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    shape = (config or {}).get("input_shape")
    if isinstance(shape, (list, tuple)) and len(shape) > 1 and all(isinstance(n, int) for n in shape[1:]):
        return tuple(shape[1:])
    return None


def _shape(tensor: Any) -> tuple[int, ...] | None:
    """The code's shape by one input; axes of unknown size, which some old files come back with, are dropped."""
    return tuple(int(n) for n in tensor.shape[1:] if n is not None) or None


def _fit(codes: tf.Tensor, tensor: Any) -> tf.Tensor:
    """Codes as this input takes them: its type, and 1 along each axis of unknown size."""
    known = [1 if n is None else int(n) for n in tensor.shape[1:]]
    if None in list(tensor.shape[1:]):
        codes = tf.reshape(codes, [-1, *known[:-1], codes.shape[-1]])
    return tf.cast(codes, _dtype(tensor))


def _find_label(model: Any, inputs: list[Any], wanted: str | None) -> tuple[Any, bool]:
    """The label's input, and whether that is more than a guess by size."""
    for tensor in inputs:
        if _name(tensor) == wanted:
            return tensor, True
    for certain in (
        lambda t: tf.as_dtype(_dtype(t)).is_integer,
        lambda t: len(t.shape) == 1 or (len(t.shape) == 2 and t.shape[-1] == 1),
        lambda t: bool(_LABEL_NAME.search(_name(t))) and not _CODE_NAME.search(_name(t)),
    ):
        found = [tensor for tensor in inputs if certain(tensor)]
        if len(found) == 1:
            return found[0], True
    named_codes = [tensor for tensor in inputs if _CODE_NAME.search(_name(tensor))]
    if len(named_codes) == 1:
        return next(tensor for tensor in inputs if tensor is not named_codes[0]), True
    return min(inputs, key=lambda tensor: tensor.shape[-1] or 0), False


def _condition(model: Any, label: Any, classes: int | None) -> Condition:
    integer = len(label.shape) == 1 or label.shape[-1] in (1, None)
    if not integer:
        return Condition(int(label.shape[-1]), one_hot=True, dtype=_dtype(label))
    if classes is None:
        tables = {layer.input_dim for layer in _layers(model) if type(layer).__name__ == "Embedding"}
        classes = int(tables.pop()) if len(tables) == 1 else None
    return Condition(classes, column=len(label.shape) == 2, dtype=_dtype(label))


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers(layer)


def _dtype(tensor: Any) -> str:
    return tf.as_dtype(tensor.dtype).name


def _name(tensor: Any) -> str:
    return str(tensor.name).split(":")[0]


def _list(inputs: list[Any]) -> str:
    return ", ".join(f"{_name(tensor)} {list(tensor.shape)}" for tensor in inputs)
