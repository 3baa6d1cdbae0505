"""Keras files with code that a config brings along, or names: see `keras_files.py`."""

from __future__ import annotations

import base64
import json
import marshal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras_case import LATENT, Cases, added, good, members, node, packed, with_config

from tfinvert.generators.derived.piece import Piece

CODE = Cases()
case = CODE.case
CARD = json.dumps({"prior": "normal(3)", "value_range": [-1, 1]}).encode()


def touching(proof: Path) -> str:
    """Marshalled code of a function that makes the proof, as Keras stores lambdas."""
    function = eval(f"lambda x: (open({str(proof)!r}, 'w').close(), x)[1]")
    return base64.b64encode(marshal.dumps(function.__code__)).decode()


def lambda_config(proof: Path) -> dict[str, Any]:
    code = {"class_name": "__lambda__", "config": {"code": touching(proof), "defaults": None, "closure": None}}
    return {"name": "l", "function": code, "arguments": {}}


def old_lambda_config(proof: Path) -> dict[str, Any]:
    return {
        "name": "l",
        "function": [touching(proof), None, None],
        "function_type": "lambda",
        "module": "__main__",
        "output_shape": None,
        "output_shape_type": "raw",
        "output_shape_module": None,
        "arguments": {},
    }


def typespec(config: Any) -> dict[str, Any]:
    return {
        "class_name": "__typespec__",
        "spec_name": "Lambda",
        "module": "keras.layers",
        "registered_name": "a>b",
        "config": config,
    }


@case("typespec of a Lambda, as the whole config")
def _(folder, proof):
    return packed(
        folder / "g.keras",
        {
            **members(good(folder)),
            "config.json": json.dumps(typespec(old_lambda_config(proof))).encode(),
            "tfinvert.json": CARD,
        },
    )


@case("typespec with its Lambda's parts in a list")
def _(folder, proof):
    config = typespec([old_lambda_config(proof)])
    return packed(folder / "g.keras", {**members(good(folder)), "config.json": json.dumps(config).encode()})


PLACES: dict[str, Callable[[dict, dict], Any]] = {
    "a layer": lambda config, bad: config["config"]["layers"].append(bad),
    "a layer's config": lambda config, bad: config["config"]["layers"][-1]["config"].update(extra=[[bad]]),
    "an initializer": lambda config, bad: config["config"]["layers"][1]["config"].update(kernel_initializer=bad),
    "a dtype": lambda config, bad: config["config"]["layers"][1]["config"].update(dtype=bad),
    "the build config": lambda config, bad: config["config"]["layers"][1].update(build_config={"input_shape": bad}),
    "the model's build config": lambda config, bad: config.update(build_config={"input_shape": bad}),
    "call arguments": lambda config, bad: config["config"]["layers"][1].update(
        inbound_nodes=[{"args": [bad], "kwargs": {}}]
    ),
    "a wrapper": lambda config, bad: config["config"]["layers"].append(
        node("keras.layers", "TimeDistributed", {"layer": bad})
    ),
    "the config of a value": lambda config, bad: config["config"]["layers"][1]["config"].update(
        units={"class_name": "__slice__", "config": {"start": bad, "stop": 1, "step": 1}}
    ),
}
for _ext in (".keras", ".h5"):
    for _place, _put in PLACES.items():

        @case(f"typespec in {_place} ({_ext})")
        def _(folder, proof, ext=_ext, put=_put):
            bad = typespec(old_lambda_config(proof))
            return with_config(good(folder, ext), lambda config: put(config, bad) and None)

    @case(f"a Lambda of Keras 3 ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = node("keras.layers", "Lambda", lambda_config(proof))
        return with_config(good(folder, ext), added(layer))

    @case(f"a Lambda of Keras 2 (CVE-2025-9905 in HDF5) ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = {"class_name": "Lambda", "config": old_lambda_config(proof)}
        return with_config(good(folder, ext), added(layer))

    @case(f"a Lambda under the name of a Dense ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = node("keras.src.layers.core.lambda_layer", "Lambda", lambda_config(proof), "Dense")
        return with_config(good(folder, ext), added(layer))

    @case(f"os.system as a layer (CVE-2025-1550) ({_ext})")
    def _(folder, proof, ext=_ext):
        call = {"args": [f"touch {proof}"], "kwargs": {}}
        return with_config(good(folder, ext), added({**node("os", "system"), "inbound_nodes": [call]}))

    @case(f"a TensorFlow function that writes ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = node("tf_keras.src.layers.core.tf_op_layer", "TFOpLambda", {"name": "w", "function": "io.write_file"})
        return with_config(good(folder, ext), added({**layer, "inbound_nodes": [[str(proof), {"contents": "x"}]]}))

    @case(f"a TensorFlow function that reads a vocabulary ({_ext})")
    def _(folder, proof, ext=_ext):
        config = {"name": "w", "function": "nn.fixed_unigram_candidate_sampler"}
        layer = node("tf_keras.src.layers.core.tf_op_layer", "TFOpLambda", config)
        return with_config(good(folder, ext), added({**layer, "inbound_nodes": [[1, {"vocab_file": "/etc/hostname"}]]}))

    @case(f"a StringLookup with the path of its vocabulary (CVE-2025-12058) ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = node("keras.layers", "StringLookup", {"name": "s", "vocabulary": "/etc/hostname"})
        return with_config(good(folder, ext), added(layer))

    @case(f"a TFSMLayer (CVE-2026-1462) ({_ext})")
    def _(folder, proof, ext=_ext):
        layer = node("keras.layers", "TFSMLayer", {"name": "t", "filepath": str(folder), "call_endpoint": "serve"})
        return with_config(good(folder, ext), added(layer))


def named(module: str, kind: str, config: Any = None, registered: str | None = None):
    return lambda folder, proof: with_config(good(folder), added(node(module, kind, config, registered)))


def function(module: str, name: str, registered: str = "function"):
    bad = {"module": module, "class_name": "function", "config": name, "registered_name": registered}
    return lambda folder, proof: with_config(
        good(folder), lambda config: config["config"]["layers"][1]["config"].update(activation=bad)
    )


for _name, _builder in {
    "get_file as a layer (CVE-2025-8747)": named(
        "keras.utils", "get_file", {"fname": "proof", "origin": "file:///etc/hostname", "extract": True}, "get_file"
    ),
    "safe mode switched off from the config (CVE-2025-9906)": named("keras.config", "enable_unsafe_deserialization"),
    "a model of another file": named("keras.saving", "load_model", {"filepath": "/tmp/other.keras"}),
    "a pickled PyTorch module": named("keras.layers", "TorchModuleWrapper", {"module": "gASV"}),
    "a JaxLayer": named("keras.layers", "JaxLayer", {"call_fn": "gASV"}),
    "ops.Map with a function": named("keras.src.ops.core", "Map", {"function": "f"}),
    "a private class of Keras": named("keras.src.saving.keras_saveable", "KerasSaveable"),
    "the Python class of a subprocess": named("subprocess", "Popen", {"args": ["touch", "proof"]}),
    "builtins.exec as an activation": function("builtins", "exec"),
    "os.system as an activation": function("os", "system", "tanh"),
    "get_file as an activation (CVE-2025-12060)": function("keras.utils", "get_file", "get_file"),
    "urlretrieve by a qualified name": named("tf_keras.src.utils.data_utils", "urlretrieve"),
    "a class by a dotted name": named("tf_keras.src.engine.training", "os.system"),
    "a method that the file names": named(
        None, "ClassMethod", {"cls_symbol": "io.TFRecordWriter", "method_name": "write"}
    ),
}.items():
    CODE[_name] = _builder


@case("an activation by the name of a reader's own function")
def _(folder, proof):
    return with_config(good(folder), lambda c: c["config"]["layers"][1]["config"].update(activation="deserialize"))


@case("a graph operation that writes")
def _(folder, proof):
    layer = {"class_name": "TensorFlowOpLayer", "config": {"name": "w", "node_def": {"name": "a", "op": "WriteFile"}}}
    return with_config(good(folder, ".h5"), added(layer))


@case("training configuration that names a function", survived=True)
def _(folder, proof):
    bad = {"optimizer": node("os", "system"), "loss": {"class_name": "function", "module": "os", "config": "system"}}
    return with_config(good(folder), lambda config: config.update(compile_config=bad))


def piece(change: Callable[[Any], None]):
    """A model with a layer of tfinvert's own, whose graph is changed."""

    def build(folder: Path, proof: Path) -> Path:
        graph = tf.Graph()
        with graph.as_default():
            codes = tf.compat.v1.placeholder(tf.float32, [None, LATENT], name="z")
            tf.reshape(tf.tile(codes, [1, 4]), [-1, 2, 2, 3], name="image")
        definition = graph.as_graph_def()
        layer = Piece(["z:0"], "image:0", (2, 2, 3), definition, name="piece")
        inputs = keras.Input((LATENT,))
        keras.Model(inputs, layer(inputs)).save(folder / "g.keras")
        parts = members(folder / "g.keras")
        (name,) = (each for each in parts if each.endswith("graph.pb"))
        change(definition)
        return packed(folder / "g.keras", {**parts, name: definition.SerializeToString()})

    return build


def writes(definition: Any) -> None:
    image = definition.node[-1]
    image.input.append("^w")
    for name, value in (("path", b"proof"), ("text", b"x")):
        constant = definition.node.add(name=name, op="Const")
        constant.attr["dtype"].type = constant.attr["value"].tensor.dtype = tf.string.as_datatype_enum
        constant.attr["value"].tensor.tensor_shape.SetInParent()
        constant.attr["value"].tensor.string_val.append(value)
    definition.node.add(name="w", op="WriteFile", input=["path", "text"])


def huge(definition: Any) -> None:
    constant = definition.node.add(name="huge", op="Const")
    constant.attr["dtype"].type = constant.attr["value"].tensor.dtype = tf.float32.as_datatype_enum
    constant.attr["value"].tensor.tensor_shape.dim.add(size=2**40)
    constant.attr["value"].tensor.float_val.append(1)


CODE["a layer of tfinvert's own whose graph writes"] = piece(writes)
CODE["a layer of tfinvert's own with a constant of 4 TB"] = piece(huge)


@case("a layer instead of a model")
def _(folder, proof):
    return with_config(good(folder), lambda config: node("keras.layers", "Dense", {"units": 3}))
