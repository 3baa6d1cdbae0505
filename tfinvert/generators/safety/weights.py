"""Copies the arrays of an HDF5 file into a new one, so that readers never see the file of a stranger.

HDF5 can take the bytes of an array from another file (external storage, virtual datasets, external links), lead round
in circles (links), and declare arrays a million times larger than what is stored. Nothing of that is copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from tfinvert.errors import BadInput
from tfinvert.settings import Limits

_OBJECTS = 100_000  # groups and arrays of a file
_ATTRIBUTE = 2**20  # bytes; HDF5 keeps names of weights in pieces of 64 KiB
_RATIO = 1000  # of declared bytes to stored ones; Keras compresses nothing
_SMALL = 2**20  # bytes that are worth no look
_PLAIN = "expected arrays that lie in the file itself, as Keras writes them; save the model again"
_PLAIN_TYPES = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING)
_NOT_COPIED = {"model_config", "training_config"}  # attributes
# What training leaves, and no reader of ours asks for.
_LEFT_OUT = frozenset(["optimizer", "optimizer_weights"])


def copy_arrays(source: h5py.File, target: Path, name: str, limits: Limits) -> None:
    """Copies groups, arrays of numbers and their short attributes.

    Args:
      source: open for reading.
      target: the new file.
      name: of the old one, for messages.
      limits: how large all arrays together may be.

    Raises:
      BadInput: there is anything in it that is no plain group or array, or more than is stored or allowed.
    """
    left = limits.bytes
    with h5py.File(target, "w") as clean:
        for path, item in _walk(source, name):
            if isinstance(item, h5py.Dataset):
                left -= _declared(item, path, name)
                if left < 0:
                    raise BadInput(
                        f"{name} holds arrays of more than {limits.gigabytes:g} GB",
                        "expected a smaller one, or a higher --max_gigabytes",
                    )
                clean.create_dataset(path, data=item[()])
            else:
                clean.require_group(path)
            _copy_attributes(item, clean[path])


def text_attribute(file: Any, key: str) -> str | None:
    """A text among the attributes of the file or, where the first versions put it, of its group of weights."""
    for home in (file, *([file["model_weights"]] if _is_hard(file, "model_weights") else [])):
        if key in home.attrs:
            value = home.attrs[key]
            return value.decode() if isinstance(value, bytes) else str(value)
    return None


def _walk(file: h5py.File, name: str) -> Iterator[tuple[str, Any]]:
    """All groups and arrays with their paths, the file itself first."""
    seen: set[int] = set()  # where groups lie in the file
    count = 0
    todo: list[tuple[str, Any]] = [("/", file["/"])]
    while todo:
        path, group = todo.pop()
        place = h5py.h5o.get_info(group.id).addr
        if place in seen:
            raise BadInput(f"{name} holds groups that lead round in a circle", _PLAIN)
        seen.add(place)
        yield path, group
        for key in group:
            count += 1
            if count > _OBJECTS:
                raise BadInput(f"{name} holds more than {_OBJECTS} groups and arrays", _PLAIN)
            if path == "/" and key in _LEFT_OUT:
                continue
            inner = f"{path.rstrip('/')}/{key}".replace("\\", "/")  # as Keras 2.15 names groups on Windows
            if not _is_hard(group, key):
                raise BadInput(f"{name} holds a link {inner} to somewhere else", _PLAIN)
            item = group[key]
            if isinstance(item, h5py.Group):
                todo.append((inner, item))
            elif isinstance(item, h5py.Dataset):
                yield inner, item


def _is_hard(group: Any, key: str) -> bool:
    return isinstance(group.get(key, getlink=True), h5py.HardLink)


def _declared(array: h5py.Dataset, path: str, name: str) -> int:
    """The bytes of an array, once it is known to be numbers that are stored in this file."""
    plan = array.id.get_create_plist()
    if array.is_virtual or plan.get_external_count():
        raise BadInput(f"{name}: the array {path} lies in another file", _PLAIN)
    if array.dtype.hasobject or array.dtype.kind not in "biufcV" or array.dtype.names or array.shape is None:
        raise BadInput(f"{name}: the array {path} holds {array.dtype}", "expected numbers")
    declared, stored = array.size * array.dtype.itemsize, array.id.get_storage_size()
    if declared > _SMALL and declared > _RATIO * stored:
        raise BadInput(f"{name}: the array {path} declares {declared} bytes, and stores {stored}", _PLAIN)
    return int(declared)


def _copy_attributes(item: Any, target: Any) -> None:
    for key in item.attrs.keys() - _NOT_COPIED:
        about = item.attrs.get_id(key)
        kind, shape = about.get_type(), about.shape or ()
        if math.prod(shape) * kind.get_size() <= _ATTRIBUTE and kind.get_class() in _PLAIN_TYPES:
            target.attrs[key] = item.attrs[key]
