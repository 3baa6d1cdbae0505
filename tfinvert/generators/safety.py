"""Finds what would run code of a model file's own, before any reader sees the file.

A Python `Lambda` is stored as byte code, and a config may name any Python class by its module: loading such a
file runs what its author wrote.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from tfinvert.errors import BadInput

_TRUSTED_MODULES = ("keras", "tf_keras", "keras_core", "tensorflow.keras", "tensorflow.python.keras", "builtins")
_CARRIERS = {
    "Lambda": "a Python Lambda",
    "__lambda__": "a Python Lambda",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "JaxLayer": "pickled JAX functions",
    "FlaxLayer": "pickled JAX functions",
    "TFSMLayer": "a TensorFlow graph from another file",
}
# Keras 2 stores calls of TensorFlow functions by name. These compute; others may write files or call Python.
_CALLS = ("TFOpLambda", "SlicingOpLambda")
_CALL_FAMILIES = ("math.", "nn.", "linalg.", "image.", "random.", "compat.v1.nn.", "compat.v1.math.", "__operators__.")
_CALL_NAMES = frozenset(
    [
        "abs",
        "add_n",
        "broadcast_to",
        "cast",
        "clip_by_value",
        "concat",
        "convert_to_tensor",
        "expand_dims",
        "fill",
        "gather",
        "identity",
        "matmul",
        "maximum",
        "minimum",
        "multiply",
        "one_hot",
        "ones",
        "ones_like",
        "pad",
        "pow",
        "range",
        "repeat",
        "reshape",
        "reverse",
        "round",
        "shape",
        "sigmoid",
        "sign",
        "slice",
        "split",
        "sqrt",
        "square",
        "squeeze",
        "stack",
        "strided_slice",
        "subtract",
        "add",
        "divide",
        "tanh",
        "tensordot",
        "tile",
        "transpose",
        "truediv",
        "unstack",
        "where",
        "zeros",
        "zeros_like",
        "exp",
        "reduce_sum",
        "reduce_mean",
        "reduce_max",
        "reduce_min",
        "roll",
    ]
)


def refuse_code(config: Any, name: str, custom_objects: Collection[str] = ()) -> None:
    """Raises `BadInput` where a model's config would run code that the file brings along.

    Args:
      config: the parsed JSON of the model.
      name: of the file, for the message.
      custom_objects: class names that the user vouches for.
    """
    for what in _carriers(config, frozenset(custom_objects)):
        raise BadInput(
            f"{name} holds {what}, which runs code out of the file when it is loaded",
            "expected layers that are data only; if you trust its author, allow_unsafe=True (--allow_unsafe) loads it",
        )


def _carriers(node: Any, vouched: frozenset[str]) -> Iterator[str]:
    if isinstance(node, list):
        for child in node:
            yield from _carriers(child, vouched)
    elif isinstance(node, dict):
        kind = node.get("class_name")
        if isinstance(kind, str) and kind not in vouched:
            if kind in _CARRIERS:
                yield _CARRIERS[kind]
            module = node.get("module")
            if isinstance(module, str) and not _within(module, _TRUSTED_MODULES):
                yield f"the class {kind} of the Python module {module}"
            if kind in _CALLS:
                called = str((node.get("config") or {}).get("function", ""))
                if not called.startswith(_CALL_FAMILIES) and called not in _CALL_NAMES:
                    yield f"a call of tf.{called}"
        for child in node.values():
            yield from _carriers(child, vouched)


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)
