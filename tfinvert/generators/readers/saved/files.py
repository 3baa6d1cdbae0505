"""The files of a SavedModel's folder that are read, and no others: the graph, and the values of its variables."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfinvert.errors import BadInput, short
from tfinvert.settings import Limits

GRAPH = "saved_model.pb"
_VARIABLES = "variables"  # the folder, and the prefix of the files in it
_INDEX = f"{_VARIABLES}.index"
_PATTERN = set("*?[\\") if os.sep == "/" else set("*?[")
_PROTOCOL_BUFFER = 2**31  # bytes, beyond which none can be read


def parsed(folder: Path, limits: Limits) -> Any:
    """The SavedModel protocol buffer in a folder.

    Raises:
      BadInput: it is no regular file in there, too large or damaged.
    """
    size = _inside(folder, folder / GRAPH)
    if size >= min(limits.bytes, _PROTOCOL_BUFFER):
        raise BadInput(f"{folder.name}/{GRAPH} of {size / 1e9:.1f} GB", f"expected at most {limits.gigabytes:g} GB")
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((folder / GRAPH).read_bytes())
    except (DecodeError, OSError) as error:
        raise BadInput(
            f"{folder.name} has a damaged {GRAPH} ({short(error)})", "expected a whole SavedModel"
        ) from error
    return saved


def bundle(folder: Path, limits: Limits) -> tuple[str, int]:
    """The prefix of the files with the variables' values, and the bytes in them.

    TensorFlow's reader of them opens names that begin with the prefix and no others, so all of these are looked at.

    Raises:
      BadInput: there is no index, they are too large, or one of them is no regular file in the folder.
    """
    _, *files = listed(folder, limits)
    if _INDEX not in [path.name for path in files]:
        raise BadInput(f"{folder.name} has no {_VARIABLES}/{_INDEX}", "expected the whole folder, with its variables")
    prefix = os.path.abspath(folder / _VARIABLES / _VARIABLES)  # absolute: so it names no other file system
    if set(prefix) & _PATTERN:
        raise BadInput(
            f"the path {os.path.dirname(os.path.dirname(prefix))}",
            r"TensorFlow's reader takes *, ?, [ and \ for patterns: rename it",
        )
    if os.path.lexists(prefix):  # readers take a folder of this name for one of many checkpoints
        raise BadInput(f"{folder.name} has a file {_VARIABLES}/{_VARIABLES}", "expected .index and .data files only")
    return prefix, sum(path.stat().st_size for path in files if path.name != _INDEX)


def listed(folder: Path, limits: Limits) -> list[Path]:
    """All files that are read of a SavedModel, the graph first.

    Raises:
      BadInput: one of them is no regular file in the folder, or they are too large together.
    """
    files = folder / _VARIABLES
    try:
        names = sorted(os.listdir(files))
    except OSError:  # a graph may do without variables
        names = []
    found = [files / name for name in names if name == _INDEX or name.startswith(f"{_VARIABLES}.data-")]
    total = sum(_inside(folder, path) for path in found)
    if total > limits.bytes:
        raise BadInput(
            f"{folder.name} has {total / 1e9:.1f} GB of variables", f"expected at most {limits.gigabytes:g} GB"
        )
    return [folder / GRAPH, *found]


def _inside(folder: Path, path: Path) -> int:
    """The size of a regular file in the folder; others are refused."""
    name = f"{folder.name}/{path.relative_to(folder)}"
    try:
        real, root = path.resolve(strict=True), folder.resolve(strict=True)
        status = real.stat()
    except (OSError, RuntimeError) as error:  # gone, or links in a circle
        raise BadInput(f"{name} cannot be read", short(error)) from error
    if not real.is_relative_to(root):
        raise BadInput(f"{name} is a link to a file elsewhere", "expected the file itself in the folder")
    if not stat.S_ISREG(status.st_mode):
        raise BadInput(f"{name} is no regular file", "expected one")
    return status.st_size
