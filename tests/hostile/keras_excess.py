"""Keras files with configs that are too much, and what is no file: see `keras_files.py`."""

from __future__ import annotations

import io
import json
import os
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from keras_case import LATENT, Cases, added, good, members, node, packed, with_config

EXCESS = Cases()
case = EXCESS.case


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
    EXCESS[_name] = _builder
# TensorFlow tries for ten seconds to find memory that is not there.
EXCESS.slow |= {
    "a dense layer of 2^30 units",
    "images repeated to 10^5 x 10^5",
    "an embedding of 2^40 rows",
    "codes repeated 10^9 times",
    "images padded with 10^5 pixels",
    "images resized to 60,000 x 60,000",
    "100,000 layers",
}


@case("1.3 GB of weights in 6 MB", slow=True)
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
