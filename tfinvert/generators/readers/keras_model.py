"""Finds the code, the label and others among the inputs of a Keras model (Keras 3 or tf_keras)."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition
from tfinvert.generators.generator import Network
from tfinvert.generators.held import Shape
from tfinvert.generators.readers.inputs import Input, Wiring, code_shape, condition
from tfinvert.generators.readers.roles import by_role, constants, roles
from tfinvert.settings import Inputs as Named


def is_model(source: Any) -> bool:
    """Whether this is a model or layer of Keras 3 or tf_keras."""
    return any("keras" in kind.__module__ and kind.__name__ in ("Layer", "Model") for kind in type(source).__mro__)


def wire(model: Any, said: Named, classes: int | None, sides: Shape | None = None) -> Wiring:
    """Which input is the code, which one the label, and a function that calls the model so.

    Args:
      model: a Keras model; a subclassed one may not know its inputs.
      said: which inputs the user names; others are found by name, type and size.
      classes: how many classes there are, where the model does not say it.
      sides: the code's shape, where the user states it.

    Raises:
      BadInput: see `roles`; or the model does not know its inputs, and the user names some.
    """
    inputs = _inputs(model)
    if inputs is None:
        return _subclassed(model, said, classes)
    found = roles(inputs, said, classes, sides)
    values, structure = found.values(), _structure(model)

    def function(codes: tf.Tensor, /, *labels: tf.Tensor, **tensors: tf.Tensor) -> tf.Tensor:
        given = values(codes, *labels, **tensors)
        return model(keras.tree.pack_sequence_as(structure, [given[each.name] for each in inputs]), training=False)

    held = None if found.label is None else condition(found.label, classes)
    if held is not None and held.classes is None:
        held = dataclasses.replace(held, classes=_embedded(model))
    network = Network(model, tuple(each.name for each in inputs), functools.partial(constants, found.drawn))
    return Wiring(function, code_shape(found.code), held, found.assumed, found.holds, network=network)


def _subclassed(model: Any, said: Named, classes: int | None) -> Wiring:
    """A model that does not know its inputs: it is called with codes or, where there are classes, also with labels."""
    for role, names in by_role(said).items():
        if names:
            raise BadInput(
                f"{role} {names[0]!r} for a model that does not know its inputs",
                "leave it out: it is called with codes or, with classes=N, with (codes, labels); wrap it in a function",
            )
    shape = _built_for(model)
    if classes is None:
        return Wiring(model, shape, None, [], network=Network(model))
    parameters = inspect.signature(model.call).parameters
    quiet = {"training": False} if "training" in parameters else {}
    apart = len([name for name in parameters if name not in ("training", "mask")]) > 1

    def function(codes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return model(codes, labels, **quiet) if apart else model([codes, labels], **quiet)

    return Wiring(function, shape, Condition(classes, column=False, dtype="int32"), [], network=Network(model))


def _inputs(model: Any) -> list[Input] | None:
    """The model's inputs in the order that it takes them; None where it does not know them."""
    try:
        tensors = model.inputs
    except (AttributeError, ValueError):
        return None
    if not tensors:
        return None
    found = []
    for path, tensor in keras.tree.flatten_with_path(_structure(model)):
        name = path[-1] if path and isinstance(path[-1], str) else str(tensor.name).split(":")[0]
        found.append(Input(name, tuple(tensor.shape), tf.as_dtype(tensor.dtype).name))
    return found


def _structure(model: Any) -> Any:
    """The inputs as the model is called with them: one, a list, a dict, or lists and dicts within."""
    structure = getattr(model, "input", None)
    return model.inputs[0] if structure is None else structure  # a Sequential that was never called has none


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
    tables = {layer.input_dim for layer in layers(model) if type(layer).__name__ == "Embedding"}
    return int(tables.pop()) if len(tables) == 1 else None


def half(model: Any) -> str | None:
    """What layers compute in, where it has fewer bits than their weights; None where all have as many."""
    kinds = ((getattr(layer, "compute_dtype", None), getattr(layer, "variable_dtype", None)) for layer in layers(model))
    return next((str(kind) for kind, weights in kinds if kind != weights), None)


def layers(model: Any) -> Iterator[Any]:
    """A model's layers, and those within them."""
    for layer in getattr(model, "layers", []):
        yield layer
        yield from layers(layer)
