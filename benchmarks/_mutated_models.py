"""Model files of three kinds, and what can become of them: bytes, their config, their arrays, their graph."""

import copy
import functools
import io
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import _mutated
import h5py
import keras
import numpy as np

_ODD: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    2.5,
    1e308,
    2**31,
    2**63,
    10**30,
    "",
    "relu",
    "../x",
    "\0",
    "a" * 1000,
    [],
    {},
    [[]],
    [None, 3],
    {"class_name": "Dense"},
    {"class_name": "Dense", "config": {"units": 3}},
    "float64",
    "mixed_float16",
    "channels_first",
    "NaN",
]
_SHAPES = [(), (0,), (1,), (3,), (2, 3), (10**6,), (3, 3, 8, 4), (10**4, 10**4)]


def _model(maker: Any) -> Any:
    layers = maker.layers
    return maker.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(8),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.Reshape((2, 2, 2)),
            layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
        ]
    )


def _labelled() -> Any:
    code, label = keras.Input((4,)), keras.Input((1,), dtype="int32")
    seen = keras.layers.Flatten()(keras.layers.Embedding(5, 4)(label))
    return keras.Model([code, label], keras.layers.Reshape((2, 2, 1))(keras.layers.Multiply()([code, seen])))


@functools.cache
def wholes() -> dict[str, list[bytes]]:
    """Whole files by their ending."""
    import tf_keras

    found: dict[str, list[bytes]] = {".keras": [], ".h5": [], ".pb": []}
    with tempfile.TemporaryDirectory() as folder:
        for model in (_model(keras), _model(tf_keras), _labelled()):
            for ext in (".keras", ".h5"):
                model.save(Path(folder, f"m{ext}"))
                found[ext].append(Path(folder, f"m{ext}").read_bytes())
        found[".pb"].append((saved_model() / "saved_model.pb").read_bytes())
    return found


@functools.cache
def saved_model() -> Path:
    """The folder of a whole SavedModel."""
    folder = Path(tempfile.mkdtemp()) / "saved"
    model = _model(keras)
    model.export(folder, verbose=False)
    return folder


def written(seed: int, case: int, folder: Path) -> Path:
    """One of the files, changed; the case says which and how."""
    random = np.random.default_rng([seed, case])
    kind = (".keras", ".h5", ".pb")[case % 3]
    if kind == ".pb":
        path = folder / "saved"
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(saved_model(), path)
        for name in ("saved_model.pb", "variables/variables.index")[: 1 + (random.random() < 0.2)]:
            (path / name).write_bytes(_mutated.mutated([(path / name).read_bytes()], seed, case))
        return path
    path = folder / f"m{kind}"
    whole = wholes()[kind]
    how = random.integers(3)
    if how == 0:
        path.write_bytes(_mutated.mutated(whole, seed, case))
        return path
    path.write_bytes(whole[random.integers(len(whole))])
    change = _change_config if how == 1 else _change_arrays
    (_in_zip if kind == ".keras" else _in_hdf5)(path, change, random)
    return path


def _in_hdf5(path: Path, change, random: np.random.Generator) -> None:
    with h5py.File(path, "r+") as file:
        if change is _change_arrays:
            change(file, random)
        else:
            file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"]), random))


def _in_zip(path: Path, change, random: np.random.Generator) -> None:
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    if change is _change_arrays:
        arrays = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(arrays, "r+") as file:
            change(file, random)
        parts["model.weights.h5"] = arrays.getvalue()
    else:
        parts["config.json"] = json.dumps(change(json.loads(parts["config.json"]), random)).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)


def _change_config(config: Any, random: np.random.Generator) -> Any:
    """One to three places of the config changed, gone, or put elsewhere."""
    for _ in range(random.integers(1, 4)):
        places = list(_places(config))
        home, key = places[random.integers(len(places))]
        how = random.integers(4)
        if how == 0:
            del home[key]
        elif how == 1:
            home[key] = copy.deepcopy(_ODD[random.integers(len(_ODD))])
        elif how == 2:
            other, place = places[random.integers(len(places))]
            home[key] = copy.deepcopy(other[place])
        elif isinstance(home[key], (int, float)):
            home[key] = home[key] * int(random.integers(-3, 10**6))
        if not config:
            break
    return config


def _places(node: Any):
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)) and node[key]:
            yield from _places(node[key])


def _change_arrays(file: h5py.File, random: np.random.Generator) -> None:
    """An array of another shape, type or values, none, or a group in its place."""
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    name = names[random.integers(len(names))]
    how = random.integers(5)
    old = file[name][()]
    del file[name]
    if how == 1:
        file[name] = np.full(np.shape(old), [np.nan, np.inf, 1e38][random.integers(3)], np.float32)
    elif how == 2:
        file.create_dataset(name, _SHAPES[random.integers(len(_SHAPES))], "f4")
    elif how == 3:
        kinds = ("i1", "u8", "f2", "f8", "c8", "S5", "bool")
        file[name] = np.zeros(np.shape(old), kinds[random.integers(len(kinds))])
    elif how == 4:
        file.create_group(name)
