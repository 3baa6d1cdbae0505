"""What a model file holds, whatever its name says: the model's config, and which Keras wrote it."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from tfinvert.errors import BadInput
from tfinvert.generators import keras1

EXPECTED = "expected a whole Keras model (a .keras file, or HDF5 written by model.save)"
# First bytes of what people hand over instead of a Keras model, and what to do about it.
_OTHER_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file: run 'git lfs pull'"),
    (b"<!DOCTYPE", "a web page, not a model: download the raw file"),
    (b"<html", "a web page, not a model: download the raw file"),
    (b"<?xml", "an XML page, not a model: download the raw file"),
    (b"{", "JSON, perhaps the architecture without the weights: save the generator with model.save"),
    (b"\x80", "a Python pickle, as PyTorch writes it: convert it to Keras first"),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x08", "perhaps a TensorFlow graph or ONNX: save the generator with model.save"),
)
_DAMAGE = (OSError, ValueError, TypeError, KeyError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error)


class Contents(NamedTuple):
    """The parts of a model file that decide how to read it."""

    kind: str  # "h5" or "keras"
    config: dict[str, Any]
    version: int  # of the Keras that wrote it: 1, 2 or 3


def look(path: Path) -> Contents:
    """What the file holds; its first bytes count, not its extension.

    Raises:
      BadInput: there is no such file, or it holds no whole Keras model.
    """
    try:
        if path.is_dir():
            raise BadInput(
                f"generator {path} is a folder without saved_model.pb", f"{EXPECTED} or a SavedModel's folder"
            )
        with path.open("rb") as file:
            head = file.read(64)
    except BadInput:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"generator {path}", "no such file; expected a .keras or HDF5 file") from error
    except (OSError, ValueError) as error:
        raise BadInput(f"generator {path} cannot be opened ({short(error)})", EXPECTED) from error
    kind = _sniff(head, path.name)
    config, version = _in_hdf5(path) if kind == "h5" else _in_zip(path)
    if not isinstance(config, dict):
        raise BadInput(f"{path.name} has a model config that is a {type(config).__name__}", EXPECTED)
    return Contents(kind, _without_training(config), version)


def rewrite(source: Path, target: Path, config: dict[str, Any], keras1_config: dict[str, Any] | None = None) -> Path:
    """A copy of a model file with another config, and kernels in today's order if it came from Keras 1."""
    text = json.dumps(config)
    if target.suffix == ".h5":
        shutil.copyfile(source, target)
        with h5py.File(target, "r+") as file:
            file.attrs["model_config"] = text
            if keras1_config is not None:
                keras1.mend_kernels(file, keras1_config)
        return target
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, text if name == "config.json" else old.read(name))
    return target


def describe(config: dict[str, Any]) -> str:
    """The model's class and those of its layers, for a message."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    found = layers if isinstance(layers, list) else []
    kinds = sorted({str(layer.get("class_name")) for layer in found if isinstance(layer, dict)})
    return f"{config.get('class_name', 'model')}" + (f" of {', '.join(kinds)}" if kinds else "")


def short(error: Exception) -> str:
    """An error in one line: its kind and, where Keras wrapped one error in others, the innermost."""
    text = re.split("Exception encountered: |Error encountered:", re.sub(r"\x1b\[[0-9;]*m", "", str(error)))[-1]
    text = re.sub(r"Exception encountered when calling [^\n]*\n", "", text)
    text = " ".join(re.split("Arguments received by|Call arguments received", text)[0].split()) or "no message"
    return f"{type(error).__name__}: {text[:157]}..." if len(text) > 160 else f"{type(error).__name__}: {text}"


def _sniff(head: bytes, name: str) -> str:
    """ "h5" or "keras" by the first bytes."""
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK"):
        return "keras"
    if not head:
        raise BadInput(f"{name} is empty", EXPECTED)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what in _OTHER_KINDS:
        if text.startswith(start.lower()):
            raise BadInput(f"{name} is {what}", EXPECTED)
    raise BadInput(f"{name} starts with {head[:8]!r}, which is no known kind of model file", EXPECTED)


def _in_hdf5(path: Path) -> tuple[Any, int]:
    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            if text is not None:
                config = json.loads(text)
                _refuse_theano(_attribute(file, "backend"), config, path.name)
                return config, _version(_attribute(file, "keras_version"))
            names: list[str] = []
            file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
            keras_weights = "layer_names" in file.attrs or "keras_version" in file.attrs or "layers" in file
    except BadInput:
        raise
    except _DAMAGE as error:
        raise BadInput(f"{path.name} is damaged HDF5 ({short(error)})", EXPECTED) from error
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    if keras_weights or any(name.endswith(("kernel:0", "bias:0")) for name in names):
        raise BadInput(
            f"{path.name} holds Keras weights only ({len(names)} arrays: {shown}), not the model",
            "build the model with the code that trained it, load_weights into it, and pass it or its model.save",
        )
    torch = any(".weight" in name or ".running_" in name for name in names)
    raise BadInput(
        f"{path.name} is HDF5 with {len(names)} arrays ({shown}), "
        f"{'as PyTorch names them' if torch else 'no Keras file'}, and no model config",
        f"{EXPECTED}; rebuild the model in Keras, set its weights from these arrays and pass it",
    )


def _in_zip(path: Path) -> tuple[Any, int]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "config.json" in names:
                about = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
                return json.loads(archive.read("config.json")), _version(about.get("keras_version", "3"))
    except (*_DAMAGE, AttributeError) as error:
        raise BadInput(f"{path.name} is a damaged zip archive ({short(error)})", EXPECTED) from error
    if any(name.endswith("data.pkl") for name in names):
        raise BadInput(f"{path.name} is a PyTorch file", f"{EXPECTED}; convert it to Keras first")
    if any(name.endswith("saved_model.pb") for name in names):
        raise BadInput(f"{path.name} is a zipped SavedModel", "unpack it and give the folder")
    raise BadInput(f"{path.name} is a zip archive without config.json ({', '.join(names[:3])})", EXPECTED)


def _attribute(file: h5py.File, name: str) -> str:
    """An attribute of the file or, where the first versions put it, of the group of weights."""
    for home in (file, file.get("model_weights")):
        if home is not None and name in home.attrs:
            value = home.attrs[name]
            return value.decode() if isinstance(value, bytes) else str(value)
    return ""


def _version(text: Any) -> int:
    """1, 2 or 3 of "1.2.2", "2.1.6-tf", "3.8.0"; a file that does not say it is from Keras 1, as Keras takes it."""
    major = str(text).split(".")[0]
    return min(int(major), 3) if major.isdigit() and int(major) else 1


def _refuse_theano(backend: str, config: Any, name: str) -> None:
    if backend == "theano" and '"Conv' in json.dumps(config):
        raise BadInput(
            f"{name} was saved by Keras on Theano, which turns the kernels of convolutions round",
            "expected one saved on TensorFlow; convert it with the Keras that saved it",
        )


def _without_training(config: dict[str, Any]) -> dict[str, Any]:
    """The config without what models were compiled with: it is not needed, and may be anybody's class."""
    todo: list[Any] = [config]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            node.pop("compile_config", None)
            todo.extend(node.values())
        elif isinstance(node, list):
            todo.extend(node)
    return config
