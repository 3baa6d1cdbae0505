"""Nothing in a file is executed: what would be is found before a reader sees the file."""

import contextlib
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, check, randomise, same, trunk

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.safety.config import checked
from tfinvert.settings import Limits

EXTENSIONS = pytest.mark.parametrize("ext", [".keras", ".h5"])
MAKERS = pytest.mark.parametrize("maker", [keras, tf_keras])


def saved(maker, ext, folder, extra):
    layers = maker.layers
    model = randomise(maker.Sequential([layers.Input((LATENT,)), *trunk(layers), extra]))
    model.save(folder / f"g{ext}")
    return model, folder / f"g{ext}"


def refuses(path, said):
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@MAKERS
@EXTENSIONS
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_lambda_is_refused_and_not_run(maker, ext, wrapped, tmp_path):
    layers = maker.layers
    proof = tmp_path / "proof"
    wrap = layers.TimeDistributed if wrapped else lambda layer: layer
    source = f"lambda x: (__import__('pathlib').Path({str(proof)!r}).touch(), x)[1]"
    model, path = saved(maker, ext, tmp_path, wrap(layers.Lambda(eval(source))))
    proof.unlink()  # building the model ran it
    message = refuses(path, "Python Lambda")
    assert "run code" in message
    assert "allow_unsafe=True" in message
    assert not proof.exists()
    same(ti.from_keras(path, allow_unsafe=True), lambda codes: model(codes, training=False))
    assert proof.exists()  # so it was the refusal that kept it from running


@MAKERS
@EXTENSIONS
def test_a_lambda_in_a_nested_model_is_refused(maker, ext, tmp_path):
    layers = maker.layers
    inner = maker.Sequential([layers.Input((8, 8, 1)), maker.Sequential([layers.Lambda(lambda x: 2 * x)])])
    refuses(saved(maker, ext, tmp_path, inner)[1], "Python Lambda")


def edited(path, change):
    """The file with its config changed by `change(config)`, as somebody with bad intent would do it."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return path
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config)
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    return path


def node(module, name, registered=None, config=None):
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": registered}


def function(module, name, registered="function"):
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


CLASSES = [
    node("os", "system"),
    node("os", "system", "system"),
    node("subprocess", "Popen", config={"args": ["touch", "proof"]}),
    node("numpy", "Keras"),
    node("kerasvil", "Dense"),  # begins with the name of a module that is trusted
    node("keras.layers", "Lambda"),
    node("keras.src.layers.core.lambda_layer", "Lambda"),
    node(None, "Lambda"),
    node("keras.utils", "get_file", config={"fname": "proof", "origin": "file:///somewhere"}),
    node("keras.config", "enable_unsafe_deserialization"),
    node("keras.saving", "load_model"),
    node("keras.src.saving.keras_saveable", "KerasSaveable._unpickle_model"),
    node("tf_keras.src.utils.data_utils", "Nothing", "urlretrieve"),
    node("tf_keras.src.engine.training", "os.system"),
    node("builtins", "exec"),
    node("builtins", "eval"),
    node("keras.layers", "TorchModuleWrapper"),
    node("keras.layers", "JaxLayer"),
    node("keras.layers", "FlaxLayer"),
    node("keras.layers", "TFSMLayer", config={"filepath": "somewhere"}),
    node(None, "ClassMethod", config={"cls_symbol": "io.TFRecordWriter", "method_name": "write"}),
    node(None, "InstanceMethod", config={"method_name": "__reduce__"}),
    node(None, "__lambda__", config={"value": "4wAAAA=="}),
    node(None, "TFOpLambda", config={"function": "io.write_file"}),
    node(None, "TFOpLambda", config={"function": "py_function"}),
    node(None, "TFOpLambda", config={"function": "numpy_function"}),
    node(None, "TFOpLambda", config={"function": "compat.v1.py_func"}),
    node(None, "TFOpLambda", config={"function": "saved_model.load"}),
    node(None, "TFOpLambda", config={"function": "keras.utils.get_file"}),
    node(None, "TFOpLambda", config={"function": "raw_ops.WriteFile"}),
    node(None, "SlicingOpLambda", config={"function": "io.write_file"}),
    node(None, "TFOpLambda", config=["io.write_file"]),
    node(None, "TFOpLambda"),
    node(None, "TensorFlowOpLayer", config={"node_def": {"name": "a", "op": "WriteFile"}}),
    node(None, "TensorFlowOpLayer", config={"node_def": "\n\x01a\x12\tWriteFile"}),
    node(None, "TensorFlowOpLayer", config={"node_def": {"name": "a", "op": "PyFunc"}}),
    node(None, "TensorFlowOpLayer", config={"node_def": "\xff\xff"}),
    node(None, "TensorFlowOpLayer", config={"node_def": None}),
    function("os", "system"),
    function("os", "system", "tanh"),
    function("os", "tanh"),
    function("builtins", "exec"),
    function("builtins", "tanh", "exec"),
    function("keras.utils", "get_file", "get_file"),
    function("tf_keras.src.engine.training", "os.system"),
    node("os", "system", ["a", "list"]),
]


@pytest.mark.parametrize("bad", CLASSES, ids=lambda bad: f"{bad['module']}.{bad['class_name']}")
@pytest.mark.parametrize("place", ["layer", "activation", "initializer", "deep", "node arguments", "wrapped"])
def test_what_a_config_must_not_name(bad, place):
    layer = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None}
    config = {"class_name": "Sequential", "config": {"layers": [layer]}}
    checked(config, "g.keras")  # it is the bad node that makes the difference
    if place == "layer":
        config["config"]["layers"].append(bad)
    elif place == "wrapped":
        config["config"]["layers"].append({"class_name": "TimeDistributed", "config": {"layer": bad}})
    elif place == "node arguments":
        layer["inbound_nodes"] = [{"args": [[bad]], "kwargs": {}}]
    elif place == "deep":
        for _ in range(20):
            bad = [{"config": bad}]
        layer["config"]["extra"] = bad
    else:
        layer["config"][f"kernel_{place}"] = bad
    with pytest.raises(BadInput, match=r"g.keras holds .*run code.*allow_unsafe=True") as caught:
        checked(config, "g.keras")
    assert "\n" not in str(caught.value)


@EXTENSIONS
@MAKERS
def test_os_system_in_a_file(maker, ext, tmp_path):
    """As an activation, a reader would call it with a tensor; as a layer, with arguments from the file."""
    _, path = saved(maker, ext, tmp_path, maker.layers.Activation("tanh"))

    def change(config):
        config["config"]["layers"][-1] = {
            **node("os", "system"),
            "inbound_nodes": [{"args": [f"touch {tmp_path / 'proof'}"], "kwargs": {}}],
        }

    message = refuses(edited(path, change), "the class system of the Python module os")
    assert "custom_objects" in message
    with contextlib.suppress(BadInput):  # whatever the readers then make of it
        ti.from_keras(path, allow_unsafe=True)


def test_a_tf_op_that_writes_a_file(tmp_path):
    """With the real thing, to be sure that the reader would have done it."""
    layers, proof = tf_keras.layers, tmp_path / "proof"
    code = layers.Input((LATENT,))
    images = layers.Reshape((2, 3, 1))(tf.nn.relu(code) + code)
    with_file = tf_keras.Model(code, images)
    with_file.save(tmp_path / "good.h5")
    ti.load_generator(tmp_path / "good.h5")

    def change(config):
        for layer in config["config"]["layers"]:
            if layer["config"].get("function") == "nn.relu":
                layer["config"]["function"] = "io.write_file"
                layer["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(proof), {"contents": "it ran"}]]

    path = edited((tmp_path / "good.h5").rename(tmp_path / "bad.h5"), change)
    message = refuses(path, "tf.io.write_file")
    assert "allow_unsafe" in message
    assert not proof.exists()
    with contextlib.suppress(BadInput):
        ti.from_keras(path, allow_unsafe=True)
    assert proof.exists()


@pytest.mark.parametrize(
    "good",
    [
        node(None, "TFOpLambda", config={"function": "nn.relu"}),
        node(None, "TFOpLambda", config={"function": "compat.v1.pad"}),
        node(None, "TFOpLambda", config={"function": "__operators__.add"}),
        node(None, "SlicingOpLambda", config={"function": "__operators__.getitem"}),
        node(None, "TensorFlowOpLayer", config={"node_def": {"name": "a", "op": "Mul"}}),
        node(None, "TensorFlowOpLayer", config={"node_def": "\n\x01a\x12\x03Mul"}),
        node("keras.src.ops.numpy", "Multiply", "Multiply"),
        node("keras", "DTypePolicy"),
        node(None, "__keras_tensor__"),
        node("tf_keras.src.layers.core.tf_op_layer", "TFOpLambda", "TFOpLambda", {"function": "math.multiply"}),
        function("builtins", "relu"),
        function("keras.activations", "gelu", "gelu"),
    ],
    ids=lambda good: f"{good['module']}.{good['class_name']}",
)
def test_data_passes(good):
    checked({"class_name": "Sequential", "config": {"layers": [good]}}, "g.keras")


def test_the_user_may_vouch_for_a_class():
    """Whatever module and names the file gives, the reader is told the user's class, and nothing else."""
    for mine, name in (
        (node("my_gan", "MyLayer", "MyLayer"), "MyLayer"),
        (node("my_gan", "MyLayer", "Mine>MyLayer"), "Mine>MyLayer"),
        (node("shutil", "MyLayer", "rmtree"), "MyLayer"),
        (node(None, "Lambda", "MyLayer"), "MyLayer"),
        (node("os", "MyLayer", None), "MyLayer"),
    ):
        model = {"class_name": "Sequential", "config": {"layers": [mine]}}
        config, needed = checked(model, "g.keras", {"MyLayer"})
        (layer,) = config["config"]["layers"]
        assert (layer["class_name"], layer["module"], layer["registered_name"]) == (name, None, name)
        assert name in needed
        with pytest.raises(BadInput, match="run code"):
            checked(model, "g.keras")
    other = {"class_name": "Sequential", "config": {"layers": [node("keras.utils", "get_file", "get_file")]}}
    with pytest.raises(BadInput, match="get_file"):
        checked(other, "g.keras", {"MyLayer"})


@keras.saving.register_keras_serializable("safety_tests")
class Known(keras.layers.Layer):
    def call(self, values):
        return values * 3


@EXTENSIONS
def test_a_registered_class_needs_no_vouching(ext, tmp_path):
    model, path = saved(keras, ext, tmp_path, Known())
    same(ti.load_generator(path), model)
    edited(path, lambda config: config["config"]["layers"][-1].update(module="my_gan"))
    same(ti.load_generator(path), model)


class PixelNorm(keras.layers.Layer):
    def call(self, values):
        return values / keras.ops.sqrt(keras.ops.mean(values**2, axis=-1, keepdims=True) + 1e-8)


@EXTENSIONS
@pytest.mark.parametrize("allow_unsafe", [False, True])
@pytest.mark.parametrize("saved_as", [None, "me"])
@pytest.mark.parametrize("given", ["PixelNorm", "me>PixelNorm"])
def test_a_class_is_given_with_its_package_or_without(ext, allow_unsafe, saved_as, given, tmp_path):
    mine = type("PixelNorm", (PixelNorm,), {})
    if saved_as:
        keras.saving.register_keras_serializable(saved_as)(mine)
    try:
        model, path = saved(keras, ext, tmp_path, mine())
    finally:
        for name in [name for name in keras.saving.get_custom_objects() if name.endswith("PixelNorm")]:
            del keras.saving.get_custom_objects()[name]
    same(ti.from_keras(path, custom_objects={given: PixelNorm}, allow_unsafe=allow_unsafe), model)


@pytest.mark.parametrize(
    ("kind", "beside"),
    [
        *((kind, beside) for kind in ("g.keras", "g.h5") for beside in ("tf_keras", "registered", "custom")),
        *(("folder", beside) for beside in ("tf_keras", "registered")),
    ],
)
def test_limits_are_kept_whatever_else_the_user_has(kind, beside, tmp_path):
    """Classes that a file does not need, tf_keras's own among them, do not keep it from being watched."""
    model = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(12), keras.layers.Reshape((2, 2, 3))])
    model.export(tmp_path / kind, verbose=False) if kind == "folder" else model.save(tmp_path / kind)
    custom = {"custom_objects": {"PixelNorm": PixelNorm}} if beside == "custom" else {}
    load = ti.from_saved_model if kind == "folder" else ti.from_keras
    if beside == "registered":
        keras.saving.get_custom_objects()["me>PixelNorm"] = PixelNorm
    try:
        with pytest.raises(BadInput, match=r"takes more than 0.00(1|05) seconds"):
            load(tmp_path / kind, **custom, limits=Limits(seconds=0.001))
        same(load(tmp_path / kind, **custom), model)
    finally:
        keras.saving.get_custom_objects().pop("me>PixelNorm", None)


def test_only_what_needs_the_users_classes_is_built_unwatched(tmp_path):
    _, path = saved(keras, ".keras", tmp_path, PixelNorm())
    with pytest.raises(BadInput, match=r"takes more than 0.00(1|05) seconds"):  # the gate is watched for these, too
        ti.from_keras(path, custom_objects={"PixelNorm": PixelNorm}, limits=Limits(seconds=0.001))


def test_graph_operations_of_tensorflow_2_0(tmp_path):
    """TensorFlow 2.0 to 2.3 stored `codes * 2` as a graph operation."""
    layers = tf_keras.layers
    code = layers.Input((LATENT,))
    model = tf_keras.Model(code, layers.Reshape((2, 3, 1))(tf.math.multiply(code, 2.0)))
    model.save(tmp_path / "g.h5")

    def change(config):
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "TFOpLambda":
                kind = {"T": {"type": "DT_FLOAT"}}
                node_def = {"name": "Mul", "op": "Mul", "input": ["input_1", "Mul/y"], "attr": kind}
                layer["class_name"] = "TensorFlowOpLayer"
                layer["config"] = {"name": "Mul", "dtype": "float32", "node_def": node_def, "constants": {"1": 2.0}}
                layer["inbound_nodes"] = [[[config["config"]["layers"][0]["name"], 0, 0, {}]]]
                layer["name"] = "tf_op_layer_Mul"
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "Reshape":
                layer["inbound_nodes"] = [[["tf_op_layer_Mul", 0, 0, {}]]]

    check(ti.load_generator(edited(tmp_path / "g.h5", change)), lambda codes: np.asarray(model(codes)))


@pytest.mark.parametrize("bad_first", [False, True])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_configs_in_one_archive(bad_first, tmp_path):
    """The readers get the config that was checked, whichever of the two they would have taken."""
    model, path = saved(keras, ".keras", tmp_path, keras.layers.Activation("tanh"))
    (tmp_path / "bad").mkdir()
    _, bad = saved(keras, ".keras", tmp_path / "bad", keras.layers.Lambda(lambda x: 0 * x))
    with zipfile.ZipFile(bad) as file:
        bad_config = file.read("config.json")
    with zipfile.ZipFile(path) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in [("config.json", bad_config), *members] if bad_first else members:
            file.writestr(name, content)
        if not bad_first:
            file.writestr("config.json", bad_config)
    if bad_first:
        same(ti.load_generator(path), model)
    else:
        refuses(path, "Python Lambda")
