"""Turns the model configs of older Keras versions into ones that Keras 3 reads.

Each mend is one habit of an old version; all leave the mathematics as it was. The tests hold every mended model
against the reader of its own time.
"""

from __future__ import annotations

import copy
from typing import Any


def modernise(config: dict[str, Any]) -> dict[str, Any]:
    """The config of a whole model (`{"class_name": ..., "config": ...}`) in today's words; the input is not changed."""
    config = copy.deepcopy(config)
    _mend(config)
    return config


def _mend(node: Any) -> None:
    if isinstance(node, list):
        for child in node:
            _mend(child)
        return
    if not isinstance(node, dict):
        return
    kind, config = node.get("class_name"), node.get("config")
    if kind == "Sequential" and isinstance(config, list):  # Keras <= 2.1
        config = node["config"] = {"name": node.get("name", "sequential"), "layers": config}
    if isinstance(kind, str) and isinstance(config, dict):
        _mend_layer(kind, config)
        if isinstance(config.get("layers"), list) and "input_layers" in config:
            _renumber(config)
    for child in node.values():
        _mend(child)


def _mend_layer(kind: str, config: dict[str, Any]) -> None:
    if (kind.endswith("Transpose") or kind.startswith("Depthwise")) and config.get("groups") == 1:
        del config["groups"]  # TensorFlow 2.4 to 2.15 wrote it, Keras 3 has no such argument
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
    for key in ("input_layers", "output_layers"):
        ends = config.get(key) or []
        for reference in [ends] if ends and isinstance(ends[0], str) else ends:
            if isinstance(reference, list) and len(reference) >= 3 and reference[0] in layers:
                references.setdefault(reference[0], []).append(reference)
    for name, found in references.items():
        calls = max(1, len(layers[name].get("inbound_nodes") or []))
        excess = max(reference[1] for reference in found) + 1 - calls
        if excess > 0:
            for reference in found:
                reference[1] = max(0, reference[1] - excess)
