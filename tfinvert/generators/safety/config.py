"""Holds the config of a model file against what is allowed, before any reader sees it.

What passes is not the file's config but one built anew: a class that is allowed stands where the reader keeps it,
whatever module and registered name the file says, and keys that no reader needs are gone. So a reader looks up
nothing by a name of the file's choice.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from typing import Any

import keras
import tensorflow as tf
from google.protobuf import json_format

from tfinvert.errors import BadInput
from tfinvert.generators.safety import allowed, operations

_FAMILIES = ("keras", "tf_keras", "keras_core", "tensorflow.keras", "tensorflow.python.keras")
_KEPT = ("name", "inbound_nodes", "build_config", "shared_object_id")
_VALUES = 500_000  # of a config; readers take some 20 us for each
_DEPTH = 100  # levels of a config; models nest a few, each with half a dozen
_HALF = re.compile(r"(mixed_)?b?float16")  # policies
_FUNCTION_KEY = re.compile(r"(.*_)?(activation|initializer|regularizer|constraint)")
# What people would look for in the message.
_KNOWN = {
    "Lambda": "a Python Lambda",
    "__lambda__": "a Python Lambda",
    "__typespec__": "a look-up of a class that it names",
    "TypeSpec": "a look-up of a class that it names",
    "CompositeTensor": "a look-up of a class that it names",
    "TorchModuleWrapper": "a pickled PyTorch module",
    "JaxLayer": "pickled JAX functions",
    "FlaxLayer": "pickled JAX functions",
    "TFSMLayer": "a TensorFlow graph from another file",
    "StringLookup": "a layer that reads other files, StringLookup",
    "IntegerLookup": "a layer that reads other files, IntegerLookup",
    "TextVectorization": "a layer that reads other files, TextVectorization",
    "ClassMethod": "a call of a method that it names",
    "InstanceMethod": "a call of a method that it names",
    "InstanceProperty": "a look-up of an attribute that it names",
}


def checked(config: Any, name: str, custom: Collection[str] = ()) -> tuple[dict[str, Any], frozenset[str]]:
    """The config of a whole model, built anew from what is allowed in it, and which names of the user's it needs.

    Args:
      config: the parsed JSON of the model; it is not changed.
      name: of the file, for messages.
      custom: names of classes and functions that the user vouches for.

    Raises:
      BadInput: it is no model, or names what is not allowed; the message says what.
    """
    if not isinstance(config, dict) or not isinstance(config.get("class_name"), str):
        what = f"that is a {type(config).__name__}" if not isinstance(config, dict) else "without a class"
        raise BadInput(f"{name} has a model config {what}", "expected a whole Keras model")
    gate = _Gate(name, custom)
    kind = config["class_name"]
    if kind not in allowed.MODELS and not gate.vouched(kind) and not gate.vouched(config.get("registered_name")):
        gate.refuse_class(config)
        raise BadInput(f"{name} holds a {kind}", f"expected a model: one of {', '.join(sorted(allowed.MODELS))}")
    return gate.value(config), frozenset(gate.needed)


def bare(name: str) -> str:
    """The name of a class without the package that it is registered in: "Norm" for "me>Norm"."""
    return name.rpartition(">")[2]


def at_home(config: Any, reader: str) -> Any:
    """A checked config, with each class in the module where this reader ("Keras 3" or "tf_keras") has it."""
    if isinstance(config, list):
        return [at_home(item, reader) for item in config]
    if not isinstance(config, dict):
        return config
    moved = {key: at_home(value, reader) for key, value in config.items()}
    home = moved.get("module")
    if isinstance(home, str) and home.startswith(_PLACE):
        moved["module"] = allowed.HOMES[reader][home.removeprefix(_PLACE)]
    return moved


_PLACE = "at home: "  # stands before the kind of a class until a reader is chosen


class _Gate:
    """One file on its way. `needed` are the names that only the user vouches for."""

    def __init__(self, name: str, custom: Collection[str]) -> None:
        self.name, self.custom, self.needed = name, {bare(each) for each in custom}, set[str]()
        self.values = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        """Any part of the config."""
        if depth > _DEPTH:
            raise BadInput(f"{self.name} has a model config of more than {_DEPTH} levels", "expected a Keras model")
        self.values += 1
        if self.values > _VALUES:
            raise BadInput(f"{self.name} has a model config of more than {_VALUES:,} values", "expected a Keras model")
        if isinstance(node, list):
            return [self.value(item, depth + 1) for item in node]
        if not isinstance(node, dict):
            return node
        if "class_name" in node:
            return self.object(node, depth)
        return {key: self.named(key, value, depth) for key, value in node.items() if key != "compile_config"}

    def named(self, key: str, value: Any, depth: int) -> Any:
        """The value of one key; some keys take the name of a function."""
        if _FUNCTION_KEY.fullmatch(key) and isinstance(value, str):
            if value not in allowed.FUNCTIONS and not self.vouched(value):
                self.refuse(f"the function {value!r} as {key}", value)
        elif _FUNCTION_KEY.fullmatch(key) and isinstance(value, (list, int, float)) and not isinstance(value, bool):
            self.refuse(f"a {type(value).__name__} as {key}")
        return self.value(value, depth + 1)

    def object(self, node: Mapping[str, Any], depth: int) -> Any:
        """What a reader would build an object from."""
        kind = node["class_name"]
        if not isinstance(kind, str):
            self.refuse(f"a class whose name is a {type(kind).__name__}")
        if kind in allowed.DATA:
            parts = {key: self.value(node[key], depth + 1) for key in allowed.DATA[kind] if key in node}
            return {"class_name": kind, **parts}
        if kind == "function":
            return self.function(node)
        parts = {key: self.value(node[key], depth + 1) for key in _KEPT if key in node}
        config = self.value(node.get("config"), depth + 1)
        mine = registered if self.vouched(registered := node.get("registered_name")) else kind
        if self.vouched(mine):  # the user's class of this name, and no other
            named = {"class_name": mine, "module": None, "registered_name": mine}
        else:
            named = {"class_name": kind, "module": self.home(node), "registered_name": None}
            self.refuse_calls(kind, config)
            config = _computing(config)
        if "module" not in node and "registered_name" not in node:  # HDF5 of Keras 2 has the class's name alone
            named = {"class_name": named["class_name"]}
        return {**named, "config": config, **parts}

    def home(self, node: Mapping[str, Any]) -> str:
        """Where an allowed class is at home; refuses others."""
        kind, module = node["class_name"], node.get("module")
        if module is not None and not (isinstance(module, str) and _within(module)):
            self.refuse_class(node)
        if module in allowed.OPERATIONS and kind in allowed.OPERATIONS[module]:
            return str(module)
        if kind in allowed.MODELS:
            return f"{_PLACE}{kind}"
        words = str(module or "").split(".")
        able = [home for home, kinds in allowed.KINDS.items() if kind in kinds and "ops" not in words]
        if not able:
            self.refuse_class(node)
        # "Identity" is a layer and an initializer: the module tells, where there is one.
        fitting = [home for home in able if home in words] or able
        if kind in allowed.CALLS:
            return allowed.CALLS_HOME
        return f"{_PLACE}{fitting[0]}"

    def function(self, node: Mapping[str, Any]) -> Any:
        """A function by its name."""
        name, module = node.get("config"), node.get("module")
        if self.vouched(mine := node.get("registered_name")) or self.vouched(mine := name):
            return {"class_name": "function", "config": mine, "module": "builtins", "registered_name": mine}
        known = isinstance(name, str) and name in allowed.FUNCTIONS
        homely = module in (None, "builtins") or (isinstance(module, str) and _within(module))
        if not known or not homely or node.get("registered_name") not in (None, "function", name):
            said = node.get("registered_name") if known and homely else name
            where = "" if module in (None, "builtins") else f"{module}."
            self.refuse(f"the Python function {where}{said}", said)
        return {"class_name": "function", "config": name, "module": "builtins", "registered_name": name}

    def refuse_calls(self, kind: str, config: Any) -> None:
        """Refuses a call of a TensorFlow function, or a graph operation, that does more than compute."""
        get = lambda key: config.get(key) if isinstance(config, dict) else None
        if kind in ("TFOpLambda", "SlicingOpLambda") and not operations.computes(called := str(get("function"))):
            self.refuse(f"a call of tf.{called}")
        if kind == "TensorFlowOpLayer":
            called = _graph_operation(get("node_def"))
            if not operations.graph_operation_computes(called):
                self.refuse(f"the TensorFlow operation {called}")

    def refuse_class(self, node: Mapping[str, Any]) -> None:
        """Refuses a class that is not allowed, in the words that fit it."""
        kind, module = node["class_name"], node.get("module")
        if kind in allowed.MODELS and (module is None or _within(str(module))):
            return
        if kind in _KNOWN:
            self.refuse(_KNOWN[kind])
        where = f" of the Python module {module}" if module is not None else ""
        self.refuse(f"the class {kind}{where}, which is not known to be data only", node.get("registered_name") or kind)

    def refuse(self, what: str, mend: Any = None) -> None:
        """Raises `BadInput`: what was found, and the name of a class or function that the user may give.

        The code of one is not in the file, so that `allow_unsafe` alone seldom finds it.
        """
        trusted = "if you trust its author, from_keras(..., allow_unsafe=True) (--allow_unsafe) loads "
        trust = f"{trusted}it"
        if isinstance(mend, str) and mend:
            trust = (
                f"give it with from_keras(..., custom_objects={{{mend!r}: ...}}), or register it with Keras "
                f"(--import=MODULE), or give the folder that the model's export writes; {trusted}what Python can import"
            )
        raise BadInput(
            f"{self.name} holds {' '.join(what.split())[:200]}; a file could run code in that way",
            f"expected layers that are data only; {trust}",
        )

    def vouched(self, name: Any) -> bool:
        """Whether the user gave this object, or has registered it with Keras; or it is a layer of tfinvert's own."""
        if not isinstance(name, str):
            return False
        if bare(name) in self.custom:
            self.needed.add(name)
            return True
        return name.startswith("tfinvert>") and keras.saving.get_registered_object(name) is not None


def registered() -> dict[str, Any]:
    """The classes and functions that the user has registered with Keras in this process, by their names."""
    homes = [keras.saving] + ([sys.modules["tf_keras"].saving] if "tf_keras" in sys.modules else [])
    return {
        name: value
        for home in homes
        for name, value in home.get_custom_objects().items()
        if not _within(str(module := getattr(value, "__module__", ""))) and module.split(".")[0] != "tfinvert"
    }


def _computing(config: Any) -> Any:
    """The config of a layer whose weights come from the file: no draws before, no limits on them, no half precision.

    Layers that compute in float16 or bfloat16 are fast; inversion sees their rounding.
    """
    if not isinstance(config, dict):
        return config
    begun = {key: "zeros" for key, value in config.items() if key.endswith("_initializer") and value is not None}
    held = {key: None for key in config if key.endswith(("_regularizer", "_constraint"))}
    whole = {"dtype": "float32"} if _HALF.fullmatch(_policy(config.get("dtype"))) else {}
    return {**config, **begun, **held, **whole}


def _policy(dtype: Any) -> str:
    """The name of what a layer computes in: a string, or a policy's config."""
    config = dtype.get("config") if isinstance(dtype, dict) else {"name": dtype}
    return str(config.get("name")) if isinstance(config, dict) else ""


def _graph_operation(node_def: Any) -> str:
    """The type of a stored graph operation, as the reader will find it."""
    try:
        if isinstance(node_def, dict):
            return json_format.ParseDict(node_def, tf.compat.v1.NodeDef()).op
        return tf.compat.v1.NodeDef.FromString(str(node_def).encode()).op
    except Exception as error:  # whatever the parser says: it is no operation that anybody knows
        return f"that does not parse ({type(error).__name__})"


def _within(module: str) -> bool:
    return any(module == family or module.startswith(family + ".") for family in _FAMILIES)
