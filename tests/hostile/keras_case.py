"""What hostile Keras files are made of: see `keras_files.py`."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras

LATENT = 3


class Cases(dict[str, Callable[[Path, Path], Path]]):
    """Builders `(folder, proof) -> path` by their names.

    Attributes:
      survived: those that are read: nothing of what is odd about them reaches a reader.
      slow: those that take seconds or gigabytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.survived: set[str] = set()
        self.slow: set[str] = set()

    def case(self, name: str, survived: bool = False, slow: bool = False):
        """Adds the function that follows."""

        def add(builder: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
            self[name] = builder
            self.survived |= {name} if survived else set()
            self.slow |= {name} if slow else set()
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


def node(module: str | None, kind: str, config: Any = None, registered: str | None = None) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": config or {}, "registered_name": registered}


def added(layer: dict[str, Any]) -> Callable[[dict], None]:
    """A change that appends a layer."""
    return lambda config: config["config"]["layers"].append(layer)
