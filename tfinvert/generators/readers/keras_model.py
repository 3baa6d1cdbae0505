"""Finds the code and the label among the inputs of a Keras model (Keras 3 or tf_keras)."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition
from tfinvert.generators.readers.inputs import Input, Wiring, code_shape, condition, fit, fit_label, roles


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
    code, label, assumed = roles(inputs, label_input, classes)
    if label is None:
        return Wiring(_single(model, code), code_shape(code), None, assumed)

    def function(codes: tf.Tensor, labels: tf.Tensor, **kwargs: Any) -> tf.Tensor:
        values = [fit_label(labels, tensor) if tensor is label else fit(codes, tensor) for tensor in inputs]
        structure = getattr(model, "input", None)
        if isinstance(structure, dict):
            return model(dict(zip(structure, values, strict=True)), training=False)
        return model(values, training=False)

    found = condition(label, classes)
    if found.classes is None:
        found = dataclasses.replace(found, classes=_embedded(model))
    return Wiring(function, code_shape(code), found, assumed)


def _single(model: Any, tensor: Input) -> Callable:
    structure = getattr(model, "input", None)

    def function(codes: tf.Tensor) -> tf.Tensor:
        codes = fit(codes, tensor)
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


def _embedded(model: Any) -> int | None:
    """How many classes the model's one embedding has; None where it has none, or several."""
    tables = {layer.input_dim for layer in _layers(model) if type(layer).__name__ == "Embedding"}
    return int(tables.pop()) if len(tables) == 1 else None


def _layers(model: Any) -> Iterator[Any]:
    for layer in getattr(model, "layers", []):
        yield layer
        yield from _layers(layer)
