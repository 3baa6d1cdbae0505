"""What a model file holds, whatever its name says: a config that passed the gate, and arrays copied out of the file."""

from __future__ import annotations

import errno
import functools
import json
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import h5py

from tfinvert.errors import BadInput, short
from tfinvert.generators.readers import card, keras1, not_models
from tfinvert.generators.readers.nodes import nodes
from tfinvert.generators.readers.not_models import EXPECTED
from tfinvert.generators.safety import archive, weights
from tfinvert.generators.safety.config import at_home, checked
from tfinvert.generators.safety.graphs import computing_graph
from tfinvert.settings import Limits

_NO_FILE = "no such file; expected a .keras or HDF5 file, a SavedModel's folder or a TF-Hub handle"
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RuntimeError,
    RecursionError,
    OverflowError,
    EOFError,
    MemoryError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CONFIG_BYTES = 2**24


class Contents(NamedTuple):
    """The parts of a model file that are read on."""

    kind: str  # "h5" or "keras"
    config: dict[str, Any]
    version: int  # of the Keras that wrote it: 1, 2 or 3
    arrays: Path  # HDF5 that holds nothing but arrays
    about: str = ""  # metadata.json
    card: dict[str, Any] = {}  # noqa: RUF012  (tfinvert's own)
    pieces: dict[str, bytes] = {}  # noqa: RUF012  (graphs of tfinvert's own layers, by their names in the archive)
    rest: Path | None = None  # a trusted file, all parts of which are handed on
    custom: frozenset[str] = frozenset()  # classes and functions of the user's that the config needs


def read(
    path: Path, folder: Path, limits: Limits, custom_objects: Collection[str] = (), allow_unsafe: bool = False
) -> Contents:
    """What the file holds; its first bytes count, not its extension.

    Args:
      path: the file.
      folder: an empty one, for the arrays.
      limits: how large these may be.
      custom_objects: names of classes and functions that the user vouches for.
      allow_unsafe: leave all as it is.

    Raises:
      BadInput: there is no such file, it holds no whole Keras model, or what is not allowed.
    """
    kind = sniff(path)
    gate = _without_training if allow_unsafe else functools.partial(checked, name=path.name, custom=custom_objects)
    try:
        found = (_in_hdf5 if kind == "h5" else _in_zip)(path, folder, gate, None if allow_unsafe else limits)
    except BadInput:
        raise
    except _DAMAGE as error:
        if (full := no_room(error)) is not None:
            raise full from error
        what = "HDF5" if kind == "h5" else "a zip archive"
        raise BadInput(f"{path.name} is {what} that is damaged ({short(error)})", EXPECTED) from error
    return found._replace(rest=path if allow_unsafe else None)


def sniff(path: Path) -> str:
    """ "h5" or "keras", by the file's first bytes.

    Raises:
      BadInput: there is no such file, or it is of another kind.
    """
    try:
        if path.is_dir():
            raise BadInput(
                f"generator {path} is a folder without saved_model.pb", f"{EXPECTED} or a SavedModel's folder"
            )
        if path.exists() and not path.is_file():
            raise BadInput(f"generator {path} is a device, a pipe or a socket", EXPECTED)
        with path.open("rb") as file:
            head = file.read(64)
    except BadInput:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BadInput(f"generator {path}", _NO_FILE) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"generator {path} cannot be opened ({short(error)})", EXPECTED) from error
    return not_models.kind(head, path.name)


def rewrite(found: Contents, folder: Path, config: dict[str, Any], reader: str) -> Path:
    """A model of these contents with another config, in the words of a reader ("Keras 3" or "tf_keras").

    Args:
      found: the contents.
      folder: an empty one, in which it is written.
      config: as it came through the gate, or in today's words.
      reader: who will read it.
    """
    text = json.dumps(at_home(config, reader))
    if found.kind == "h5":
        target = folder / "model.h5"
        shutil.copyfile(found.arrays, target)
        with h5py.File(target, "r+") as file:
            file.attrs["model_config"] = text
            if found.version == 1 and reader == "Keras 3":
                keras1.mend_kernels(file, found.config)
        return target
    parts = {archive.CONFIG: text.encode(), archive.ABOUT: found.about.encode(), **found.pieces}
    if reader == "Keras 3" and found.rest is None:  # it reads folders, which takes no copy of the arrays
        for name, content in parts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / archive.ARRAYS).symlink_to(found.arrays.resolve())
        return folder
    target = folder / "model.keras"
    with zipfile.ZipFile(target, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)
        new.write(found.arrays, archive.ARRAYS)
        if found.rest is not None:
            with zipfile.ZipFile(found.rest) as old:
                for name in set(old.namelist()) - set(new.namelist()):
                    new.writestr(name, old.read(name))
    return target


def no_room(error: BaseException) -> BadInput | None:
    """What to say where an error means that there is no room for a copy; HDF5 tells it in words only."""
    number = getattr(error, "errno", None)
    if number in _FULL or any(f"errno = {each}" in str(error) for each in _FULL):
        return BadInput(
            f"no room for a copy of the arrays in {tempfile.gettempdir()} ({short(error)})",
            "make room there, or name another folder with the environment variable TMPDIR",
        )
    return None


def describe(config: dict[str, Any]) -> str:
    """The model's class and those of its layers, for a message."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    found = layers if isinstance(layers, list) else []
    kinds = sorted({str(layer.get("class_name")) for layer in found if isinstance(layer, dict)})
    return f"{config.get('class_name', 'model')}" + (f" of {', '.join(kinds)}" if kinds else "")


# A config as it comes -> one that readers may see, and the names of the user's that it needs.
_Gate = Callable[[Any], tuple[dict[str, Any], frozenset[str]]]


def _in_hdf5(path: Path, folder: Path, gate: _Gate, limits: Limits | None) -> Contents:
    arrays = folder / "arrays.h5"
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise not_models.without_config(file, path.name)
        config = _json(file.attrs["model_config"], path.name)
        version = _version(weights.text_attribute(file, "keras_version") or "")
        _refuse_theano(weights.text_attribute(file, "backend") or "", config, path.name)
        config, needed = gate(config)
        if limits is None:
            shutil.copyfile(path, arrays)
        else:
            weights.copy_arrays(file, arrays, path.name, limits)
    return Contents("h5", config, version, arrays, custom=needed)


def _in_zip(path: Path, folder: Path, gate: _Gate, limits: Limits | None) -> Contents:
    arrays, given = folder / "arrays.h5", folder / "given.h5"
    with archive.opened(path) as file:
        text = archive.part(file, archive.CONFIG)
        if text is None:
            raise not_models.zip_without_config(file.namelist(), path.name)
        version = json.loads(archive.part(file, archive.ABOUT) or b"{}").get("keras_version", "3")
        config, needed = gate(_json(text, path.name))
        said = card.parsed(archive.part(file, archive.CARD), path.name)
        most = limits.bytes if limits else sys.maxsize - 1
        if not archive.unfold(file, archive.ARRAYS, most, given):
            raise BadInput(f"{path.name} is a zip archive without {archive.ARRAYS}", EXPECTED)
        pieces = archive.pieces(file, limits.copied if limits else most)  # they are sent from process to process
    if limits is None:
        given.rename(arrays)
    else:
        for graph in pieces.values():
            computing_graph(graph, path.name, limits)
        with h5py.File(given, "r") as hdf5:
            weights.copy_arrays(hdf5, arrays, path.name, limits)
        given.unlink()
    about = json.dumps({"keras_version": str(version)})
    return Contents("keras", config, _version(version), arrays, about, said, pieces, custom=needed)


def _json(text: Any, name: str) -> Any:
    if len(text) > _CONFIG_BYTES:
        raise BadInput(f"{name} has a model config of {len(text) / 1e6:.3g} MB", EXPECTED)
    return json.loads(text)


def _version(text: Any) -> int:
    """1, 2 or 3 of "1.2.2", "2.1.6-tf", "3.8.0"; a file that does not say it is from Keras 1, as Keras takes it."""
    major = str(text).split(".")[0]
    return min(int(major), 3) if major.isdecimal() and len(major) < 9 and int(major) else 1


def _refuse_theano(backend: str, config: Any, name: str) -> None:
    if backend == "theano" and '"Conv' in json.dumps(config):
        raise BadInput(
            f"{name} was saved by Keras on Theano, which turns the kernels of convolutions round",
            "expected one saved on TensorFlow; convert it with the Keras that saved it",
        )


def _without_training(config: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """The config without what models were compiled with: it is not needed, and may be anybody's class."""
    if not isinstance(config, dict):
        raise TypeError(f"a model config that is a {type(config).__name__}")
    for node in nodes(config):
        node.pop("compile_config", None)
    return config, frozenset()
