"""Turns the model configs of older Keras versions into ones that Keras 3 reads.

Each mend is one habit of an old version; all leave the mathematics as it was. The tests hold every mended model
against the reader of its own time.
"""

from __future__ import annotations

import copy
from typing import Any

import keras
import tensorflow as tf

from tfinvert.generators.readers import keras1


def hard_sigmoid(values: tf.Tensor) -> tf.Tensor:
    """clip(0.2 x + 0.5, 0, 1), as before Keras 3; the same name means x / 6 + 0.5 there."""
    return keras.ops.clip(0.2 * values + 0.5, 0.0, 1.0)


OBJECTS = {"hard_sigmoid_of_keras_2": hard_sigmoid}  # what a modernised config may name beside Keras's own


def modernise(config: dict[str, Any], version: int = 2) -> dict[str, Any]:
    """The config of a whole model in today's words; the input is not changed.

    Args:
      config: `{"class_name": ..., "config": ...}`.
      version: of the Keras that wrote it, 1 or 2.
    """
    config = copy.deepcopy(config)
    _mend(config, version)
    return config


def _mend(node: Any, version: int) -> None:
    if isinstance(node, list):
        for child in node:
            _mend(child, version)
        return
    if not isinstance(node, dict):
        return
    kind, config = node.get("class_name"), node.get("config")
    if kind == "Sequential" and isinstance(config, list):  # Keras <= 2.1
        layers = keras1.flat(config) if version == 1 else config
        config = node["config"] = {"name": node.get("name"), "layers": layers}
    if isinstance(kind, str) and isinstance(config, dict):
        if kind == "Sequential":
            _start(config)
        if version == 1:
            keras1.modernise(node)
            kind, config = node["class_name"], node["config"]
        _mend_layer(kind, config)
        if isinstance(config.get("layers"), list) and "input_layers" in config:
            _renumber(config)
    for child in node.values():
        _mend(child, version)


def _start(config: dict[str, Any]) -> None:
    """Puts an InputLayer before the layers of a Sequential whose first one tells the shape of the input."""
    layers = first = config.get("layers")
    while isinstance(layers, list) and isinstance(first, list) and first and isinstance(first[0], dict):
        inner = first[0].get("config")
        inside = inner if isinstance(inner, dict) else {"layers": inner}
        shape = inside.get("batch_input_shape")
        if shape is not None:
            if first is not layers or first[0].get("class_name") != "InputLayer":
                dtype = inside.get("input_dtype") or inside.get("dtype")
                start = {"batch_shape": shape, "dtype": dtype if isinstance(dtype, str) else "float32"}
                start["name"] = f"{inside.get('name', config.get('name'))}_input"
                layers.insert(0, {"class_name": "InputLayer", "config": start})
            return
        first = inside.get("layers")


def _mend_layer(kind: str, config: dict[str, Any]) -> None:
    if (kind.endswith("Transpose") or kind.startswith("Depthwise")) and config.get("groups") == 1:
        del config["groups"]  # TensorFlow 2.4 to 2.15 wrote it, Keras 3 has no such argument
    if kind == "Conv2DTranspose" and config.get("dilation_rate", 1) not in (1, [1, 1]):
        raise ValueError("Keras 3 has no dilated Conv2DTranspose on a CPU")  # tf_keras has
    if kind == "InputLayer":
        if "batch_input_shape" in config and "batch_shape" not in config:
            config["batch_shape"] = config.pop("batch_input_shape")
        config.pop("ragged", None)
    elif kind not in ("Sequential", "Functional", "Model"):
        config.pop("batch_input_shape", None)
    if "Normalization" in kind and isinstance(config.get("axis"), list) and len(config["axis"]) == 1:
        config["axis"] = config["axis"][0]
    if "initializer" in kind.lower() or kind in _INITIALIZERS:
        config.pop("dtype", None)
    for key in ("activation", "recurrent_activation"):
        if config.get(key) == "hard_sigmoid":
            name = "hard_sigmoid_of_keras_2"
            config[key] = {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}


_INITIALIZERS = frozenset(
    [
        "Zeros",
        "Ones",
        "Constant",
        "RandomNormal",
        "RandomUniform",
        "TruncatedNormal",
        "VarianceScaling",
        "Orthogonal",
        "Identity",
        "GlorotUniform",
        "GlorotNormal",
        "HeUniform",
        "HeNormal",
        "LecunUniform",
        "LecunNormal",
    ]
)


def _renumber(config: dict[str, Any]) -> None:
    """Makes a functional model's node numbers count from 0.

    A nested model that was called before it was nested has its outer call numbered 1, not 0; Keras 3 knows
    only the calls that the file lists.
    """
    layers = {layer.get("name"): layer for layer in config["layers"] if isinstance(layer, dict)}
    references: dict[str, list[list[Any]]] = {}
    for layer in layers.values():
        for call in layer.get("inbound_nodes") or []:
            for reference in call if isinstance(call, list) else []:
                if isinstance(reference, list) and len(reference) >= 3 and reference[0] in layers:
                    references.setdefault(reference[0], []).append(reference)
    ends = [config.get("input_layers"), config.get("output_layers")]
    while ends:
        end = ends.pop()
        if isinstance(end, list) and len(end) == 3 and end[0] in layers:
            references.setdefault(end[0], []).append(end)
        elif isinstance(end, (list, dict)):
            ends.extend(end.values() if isinstance(end, dict) else end)
    for name, found in references.items():
        calls = max(1, len(layers[name].get("inbound_nodes") or []))
        excess = max(reference[1] for reference in found) + 1 - calls
        if excess > 0:
            for reference in found:
                reference[1] = max(0, reference[1] - excess)
