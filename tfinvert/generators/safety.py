"""Finds what would run code of a model file's own, before any reader sees the file.

A Python `Lambda` is stored as byte code, and a config may name any Python class or function by its module: loading
such a file runs what its author wrote, or what he chose. So only what is known to be data passes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator
from typing import Any

import keras
import tensorflow as tf
from google.protobuf import json_format

from tfinvert.errors import BadInput
from tfinvert.generators import operations
from tfinvert.generators.nodes import nodes

_TRUSTED_MODULES = ("keras", "tf_keras", "keras_core", "tensorflow.keras", "tensorflow.python.keras", "builtins")
_CARRIERS = {
    "Lambda": "a Python Lambda",
    "__lambda__": "a Python Lambda",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "JaxLayer": "pickled JAX functions",
    "FlaxLayer": "pickled JAX functions",
    "TFSMLayer": "a TensorFlow graph from another file",
    "ClassMethod": "a call of a method that it names",
    "InstanceMethod": "a call of a method that it names",
    "InstanceProperty": "a look-up of an attribute that it names",
}
_CALLS = ("TFOpLambda", "SlicingOpLambda")
# A class, as Keras names its own; the readers would also take functions ("get_file") and members ("os.system").
_CLASS = re.compile(r"([^>]*>)*_*[A-Z]\w*|__[a-z_]+__")
_FUNCTIONS = (keras.activations, keras.initializers, keras.regularizers, keras.constraints)


def refuse_code(config: Any, name: str, custom_objects: Collection[str] = ()) -> None:
    """Raises `BadInput` where a model's config would run code that the file brings along or names.

    Args:
      config: the parsed JSON of the model.
      name: of the file, for the message.
      custom_objects: names of classes and functions that the user vouches for.

    Raises:
      BadInput: the message says what was found.
    """
    for what, mend in _carriers(config, frozenset(custom_objects)):
        raise BadInput(
            f"{name} holds {' '.join(what.split())}, which runs code of the file's choice when it is loaded",
            f"expected layers that are data only; {mend}if you trust its author, allow_unsafe=True (--allow_unsafe) "
            "loads it",
        )


def _carriers(config: Any, vouched: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What runs code, and what to do about it other than allowing it ("" for nothing)."""
    for node in nodes(config):
        if node.get("class_name") == "function":
            yield from _of_function(node, vouched)
        elif node.get("class_name") is not None:
            yield from _of_class(node, vouched)


def _of_class(node: dict[str, Any], vouched: frozenset[str]) -> Iterator[tuple[str, str]]:
    kind, module, config = str(node["class_name"]), node.get("module"), node.get("config")
    if _is_vouched(kind, vouched):
        pass  # the readers take the user's class of this name
    elif kind in _CARRIERS:
        yield _CARRIERS[kind], ""
    elif kind in _CALLS:
        if not operations.computes(called := str(_get(config, "function"))):
            yield f"a call of tf.{called}", ""
    elif kind == "TensorFlowOpLayer" and not operations.graph_operation_computes(
        called := _graph_operation(_get(config, "node_def"))
    ):
        yield f"the TensorFlow operation {called}", ""
    registered = node.get("registered_name", kind)  # where there is a module, the readers go by this name first
    if module is None or _is_vouched(registered, vouched):
        return
    if not _within(str(module), _TRUSTED_MODULES):
        mend = f"give the class with custom_objects={{{registered or kind!r}: ...}}; "
        yield f"the class {kind} of the Python module {module}", mend
    elif not _CLASS.fullmatch(kind) or (registered not in (None, kind) and ">" not in str(registered)):
        yield f"{module}.{kind} ({registered}), which is no class of Keras", ""


def _of_function(node: dict[str, Any], vouched: frozenset[str]) -> Iterator[tuple[str, str]]:
    names = {str(node.get("config")), str(node.get("registered_name") or "function")} - {"function"}
    module = str(node.get("module") or "builtins")
    for name in sorted(names):
        known = any(callable(getattr(home, name, None)) for home in _FUNCTIONS) and _within(module, _TRUSTED_MODULES)
        if not known and not _is_vouched(name, vouched):
            yield f"the Python function {module}.{name}", f"give it with custom_objects={{{name!r}: ...}}; "


def _is_vouched(name: Any, vouched: frozenset[str]) -> bool:
    """Whether the user gave this object, or registered it with Keras in this process."""
    if not isinstance(name, str):
        return False
    registries = [keras.saving] + ([sys.modules["tf_keras"].saving] if "tf_keras" in sys.modules else [])
    return name in vouched or any(home.get_registered_object(name) is not None for home in registries)


def _graph_operation(node_def: Any) -> str:
    """The type of a stored graph operation, as the reader will find it."""
    try:
        if isinstance(node_def, dict):
            return json_format.ParseDict(node_def, tf.compat.v1.NodeDef()).op
        return tf.compat.v1.NodeDef.FromString(str(node_def).encode()).op
    except Exception as error:  # whatever the parser says: it is no operation that anybody knows
        return f"that does not parse ({type(error).__name__})"


def _get(config: Any, key: str) -> Any:
    return config.get(key) if isinstance(config, dict) else None


def _within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)
