"""Turns what Keras 1 wrote into the words of Keras 2; `dialect.py` goes on from there.

Keras 1 had other names for layers and arguments, listed the layers of a `Sequential` that stands in another one as if
they were the outer one's own, and stored the kernels of a `Deconvolution2D` as [rows, columns, in, out].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from tfinvert.errors import BadInput
from tfinvert.generators.readers.nodes import nodes

_CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
}
_MERGES = {"concat": "Concatenate", "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}
_WORDS = {
    "output_dim": "units",
    "nb_filter": "filters",
    "subsample": "strides",
    "border_mode": "padding",
    "atrous_rate": "dilation_rate",
    "bias": "use_bias",
    "p": "rate",
    "sigma": "stddev",
    "input_dtype": "dtype",
}
# How the weights began and were held in check while training: they come from the file.
_GONE = (
    "init",
    "gamma_init",
    "beta_init",
    "W_regularizer",
    "b_regularizer",
    "U_regularizer",
    "gamma_regularizer",
    "beta_regularizer",
    "activity_regularizer",
    "W_constraint",
    "b_constraint",
    "weights",
    "mode",
    "dropout",
)


def refuse(config: Any, name: str) -> None:
    """Raises `BadInput` for what no later Keras can do as Keras 1 did it.

    Args:
      config: the parsed JSON of the model.
      name: of the file, for the message.

    Raises:
      BadInput: the images are channels first, or a batch normalisation goes by the statistics of the batch.
    """
    for layer in _layers(config):
        inner, label = layer["config"], f"{name}: its layer {layer['config'].get('name')}"
        if inner.get("dim_ordering") == "th":
            raise BadInput(
                f"{label} has dim_ordering 'th' (channels first)",
                "expected 'tf'; convert the model with Keras 1 on TensorFlow, or rebuild it and pass it",
            )
        if layer["class_name"] == "BatchNormalization" and inner.get("mode") in (1, 2):
            raise BadInput(
                f"{label} is a BatchNormalization of mode {inner['mode']}, which later Keras has not",
                "expected mode 0; rebuild the model in Keras and pass it",
            )


def modernise(node: dict[str, Any]) -> None:
    """Mends one layer, `{"class_name": ..., "config": {...}}`, in place."""
    kind, config = node["class_name"], node["config"]
    if kind == "Merge":
        _unmerge(node)
        return
    for gone in _GONE:
        config.pop(gone, None)
    for old, new in _WORDS.items():
        if old in config and (kind, old) != ("Embedding", "output_dim"):
            config[new] = config.pop(old)
    if kind not in ("Embedding", "InputLayer"):
        config.pop("input_dim", None)
        config.pop("input_length", None)
    if "nb_row" in config:
        config["kernel_size"] = [config.pop("nb_row"), config.pop("nb_col")]
    if "filter_length" in config:
        config["kernel_size"] = config.pop("filter_length")
        config["strides"] = config.pop("subsample_length", 1)
    if config.pop("dim_ordering", None) is not None:
        config["data_format"] = "channels_last"
    if kind == "Deconvolution2D":
        config.pop("output_shape", None)
    node["class_name"] = _CLASSES.get(kind, kind)


def _unmerge(node: dict[str, Any]) -> None:
    config = node["config"]
    kind = _MERGES.get(str(config.get("mode")), "Merge")  # a mode of Python code stays, and no reader knows it
    axis = {"axis": config.get("concat_axis", -1)} if kind == "Concatenate" else {}
    node["class_name"], node["config"] = kind, {"name": config.get("name"), **axis}


def flat(layers: list[Any]) -> list[Any]:
    """The layers of a Sequential, with those of the Sequentials in it."""
    out = []
    for layer in layers:
        inner = layer.get("config") if layer.get("class_name") == "Sequential" else None
        out += flat(inner) if isinstance(inner, list) else [layer]
    return out


def mend_kernels(file: h5py.File, config: dict[str, Any]) -> None:
    """Turns the kernels of the Deconvolution2D layers to [rows, columns, out, in], as all later versions store them."""
    names = {layer["config"].get("name") for layer in _layers(config) if layer["class_name"] == "Deconvolution2D"}
    wanted = {f"{name}_W" for name in names}

    def mend(path: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and path.split("/")[-1].split(":")[0] in wanted:
            found.append(path)

    found: list[str] = []
    file.visititems(mend)
    if len(found) != len(names):
        raise ValueError(f"{len(names)} Deconvolution2D layers, but the kernels of {len(found)}")
    for path in found:
        kernel = np.transpose(file[path], (0, 1, 3, 2))
        del file[path]
        file[path] = kernel


def check_outputs(model: Any, config: dict[str, Any]) -> None:
    """Raises `ValueError` where a Deconvolution2D was told another output shape than it has now."""
    stated = {
        layer["config"].get("name"): layer["config"].get("output_shape")
        for layer in _layers(config)
        if layer["class_name"] == "Deconvolution2D"
    }
    for layer in model._flatten_layers():
        shape = stated.get(layer.name)
        if shape and list(layer.output.shape[1:]) != list(shape[1:]):
            raise ValueError(f"{layer.name} gives {list(layer.output.shape[1:])}, the file says {shape[1:]}")


def _layers(config: Any) -> Iterator[dict[str, Any]]:
    """All layers of a model, whatever they are nested in."""
    for node in nodes(config):
        if isinstance(node.get("config"), dict) and isinstance(node.get("class_name"), str):
            yield node
