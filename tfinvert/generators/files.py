"""Reads a model file of any Keras version into a model object.

Two readers take turns: Keras 3, on the config as it is and then in today's words (`dialect.py`), and tf_keras,
which is Keras 2. What one cannot read, the other may.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators.dialect import modernise
from tfinvert.generators.safety import refuse_code

_EXPECTED = "expected a whole Keras model (a .keras file, or HDF5 written by model.save)"
# First bytes of what people hand over instead of a Keras model, and what to do about it.
_OTHER_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file: run 'git lfs pull'"),
    (b"<!DOCTYPE", "a web page, not a model: download the raw file"),
    (b"<html", "a web page, not a model: download the raw file"),
    (b"\x80", "a Python pickle, as PyTorch writes it: convert it to Keras first"),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x08", "perhaps a TensorFlow graph or ONNX: save the generator with model.save"),
)


def read_model(path: Path, custom_objects: Mapping[str, Any] | None = None, allow_unsafe: bool = False) -> Any:
    """A `keras.Model`, or a `tf_keras.Model` where only that reader understands the file.

    Args:
      path: the file; its first bytes count, not its extension.
      custom_objects: classes by name that the file uses and Keras does not know.
      allow_unsafe: also load what runs code out of the file, such as a Python Lambda.

    Raises:
      BadInput: there is no such file, it holds no whole model, it would run code, or no reader understands it.
    """
    if not path.exists():
        raise BadInput(f"generator {path}", "no such file; expected a .keras or HDF5 file")
    if path.is_dir():
        what = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise BadInput(f"generator {path} is {what}", f"{_EXPECTED}; load it yourself and pass the callable")
    custom = dict(custom_objects or {})
    kind = _sniff(path)
    config = _hdf5_config(path) if kind == "h5" else _zip_config(path)
    if not allow_unsafe:
        refuse_code(config, path.name, custom)
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / f"plain.{kind}"
        shutil.copyfile(path, plain)  # the readers go by the extension, which may be wrong
        modern = Path(folder) / f"modern.{kind}"
        readers: list[tuple[str, Callable[[], Any]]] = [
            ("Keras 3", lambda: _keras(plain, custom, allow_unsafe)),
            ("Keras 3 after mending", lambda: _keras(_rewrite(plain, modern, config), custom, allow_unsafe)),
            ("tf_keras", lambda: _tf_keras(plain, custom, allow_unsafe)),
        ]
        failures = []
        for reader, read in readers:
            try:
                with warnings.catch_warnings(action="ignore"):  # of old arguments, which nobody here can change
                    model = read()
            except Exception as error:  # a reader may raise anything on a file that it does not know
                failures.append(f"{reader} says {_short(error)}")
                logging.debug("%s: %s", path.name, failures[-1])
            else:
                logging.info("%s: read by %s", path.name, reader)
                return model
    raise BadInput(
        f"{path.name} is a {_describe(config)} that no reader understands ({'; '.join(failures)})",
        "give the classes it names with custom_objects, or load it yourself and pass the model",
    )


def _sniff(path: Path) -> str:
    """ "h5" or "keras" by the first bytes."""
    with path.open("rb") as file:
        head = file.read(64)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK"):
        return "keras"
    if not head:
        raise BadInput(f"{path.name} is empty", _EXPECTED)
    for start, what in _OTHER_KINDS:
        if head.lower().startswith(start.lower()):
            raise BadInput(f"{path.name} is {what}", _EXPECTED)
    raise BadInput(f"{path.name} starts with {head[:8]!r}, which is no known kind of model file", _EXPECTED)


def _hdf5_config(path: Path) -> dict[str, Any]:
    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            if text is not None:
                return json.loads(text)
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            keras_weights = "layer_names" in file.attrs or "keras_version" in file.attrs or "layers" in file
    except (OSError, ValueError) as error:
        raise BadInput(f"{path.name} is damaged HDF5 ({_short(error)})", _EXPECTED) from error
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    if keras_weights or any(name.endswith(("kernel:0", "bias:0")) for name in names):
        raise BadInput(
            f"{path.name} holds Keras weights only ({len(names)} arrays: {shown}), not the model",
            "build the model with the code that trained it, load_weights into it, and pass it or its model.save",
        )
    origin = (
        "as PyTorch names them" if any(".weight" in name or ".running_" in name for name in names) else "no Keras file"
    )
    raise BadInput(
        f"{path.name} is HDF5 with {len(names)} arrays ({shown}), {origin}, and no model config",
        f"{_EXPECTED}; rebuild the model in Keras, set its weights from these arrays and pass it",
    )


def _zip_config(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" in names:
                return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, ValueError) as error:
        raise BadInput(f"{path.name} is a damaged zip archive ({_short(error)})", _EXPECTED) from error
    if any(name.endswith("data.pkl") for name in names):
        raise BadInput(f"{path.name} is a PyTorch file", f"{_EXPECTED}; convert it to Keras first")
    if any(name.endswith("saved_model.pb") for name in names):
        raise BadInput(f"{path.name} is a zipped SavedModel", f"{_EXPECTED}; unpack it first")
    raise BadInput(f"{path.name} is a zip archive without config.json ({', '.join(names[:3])})", _EXPECTED)


def _keras(path: Path, custom: dict[str, Any], unsafe: bool) -> Any:
    return keras.saving.load_model(path, custom_objects=custom, compile=False, safe_mode=not unsafe)


def _tf_keras(path: Path, custom: dict[str, Any], unsafe: bool) -> Any:
    import tf_keras  # takes seconds, and most files never need it

    return tf_keras.models.load_model(path, custom_objects=custom, compile=False, safe_mode=not unsafe)


def _rewrite(source: Path, target: Path, config: dict[str, Any]) -> Path:
    """A copy of the file with its config in today's words."""
    text = json.dumps(modernise(config))
    if target.suffix == ".h5":
        shutil.copyfile(source, target)
        with h5py.File(target, "r+") as file:
            file.attrs["model_config"] = text
        return target
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, text if name == "config.json" else old.read(name))
    return target


def _describe(config: dict[str, Any]) -> str:
    inner = config.get("config")
    layers = inner if isinstance(inner, list) else (inner or {}).get("layers", []) if isinstance(inner, dict) else []
    kinds = sorted({str(layer.get("class_name")) for layer in layers if isinstance(layer, dict)})
    return f"{config.get('class_name', 'model')}" + (f" of {', '.join(kinds)}" if kinds else "")


def _short(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {text[:117]}..." if len(text) > 120 else f"{type(error).__name__}: {text}"
