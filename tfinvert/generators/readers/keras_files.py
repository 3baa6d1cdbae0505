"""Reads a model file of any Keras version into a model object.

Two readers take turns: Keras 3, on a config in today's words (`dialect.py`), and tf_keras, which is Keras 2. What one
cannot read, the other may. Neither sees the file itself, but a copy made of what passed the gate (`contents.py`).
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
from absl import logging

from tfinvert.errors import BadInput, short
from tfinvert.generators.readers import contents, dialect, keras1
from tfinvert.generators.readers.contents import Contents
from tfinvert.generators.readers.nodes import nodes
from tfinvert.generators.safety.config import bare

READERS = ("Keras 3", "tf_keras")


def read_model(found: Contents, name: str, custom_objects: Mapping[str, Any] | None = None) -> tuple[Any, str]:
    """The model, and which reader understands the file: Keras 3 if it does, else tf_keras.

    Args:
      found: what the file holds.
      name: of the file, for messages.
      custom_objects: classes and functions by name that the file uses and Keras does not know.

    Raises:
      BadInput: no reader understands it.
    """
    if found.version == 1:
        keras1.refuse(found.config, name)
    failures = []
    for reader in READERS:
        try:
            model = read_by(reader, found, custom_objects)
        except Exception as error:  # a reader may raise anything on a file that it does not know
            if (full := contents.no_room(error)) is not None:
                raise full from error
            failures.append(f"{reader} says {short(error)}")
            logging.debug("%s: %s", name, failures[-1])
        else:
            return model, reader
    raise BadInput(
        f"{name} is a {contents.describe(found.config)} that no reader understands ({'; '.join(failures)})",
        "give the classes it names with from_keras(..., custom_objects=...), or load it yourself and pass the model",
    )


def read_by(reader: str, found: Contents, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """A `keras.Model` or a `tf_keras.Model`, as one of the `READERS` makes it; raises whatever that raises."""
    custom = _as_named(found.config, custom_objects or {})
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        return (_by_keras if reader == "Keras 3" else _by_tf_keras)(found, Path(folder), custom)


def _as_named(config: Any, custom: Mapping[str, Any]) -> dict[str, Any]:
    """The user's classes and functions by the names that the file has for them, with a package or without."""
    named, bare_names = dict(custom), {bare(name): value for name, value in custom.items()}
    for node in nodes(config) if custom else ():
        for key in ("class_name", "registered_name", "config"):
            name = node.get(key)
            if isinstance(name, str) and bare(name) in bare_names:
                named.setdefault(name, bare_names[bare(name)])
    return named


def _by_keras(found: Contents, folder: Path, custom: dict[str, Any]) -> Any:
    config = found.config
    if found.version < 3:
        config = dialect.modernise(config, found.version)
        custom = {**dialect.OBJECTS, **custom}
    target = contents.rewrite(found, folder, config, "Keras 3")
    safe = found.rest is None
    model = keras.saving.load_model(target, custom_objects=custom, compile=False, safe_mode=safe)
    if found.version == 1:
        keras1.check_outputs(model, found.config)
    return model


def _by_tf_keras(found: Contents, folder: Path, custom: dict[str, Any]) -> Any:
    import tf_keras  # takes seconds, and most files never need it
    from tf_keras.src.saving.serialization_lib import SafeModeScope  # the argument does not reach HDF5

    safe = found.rest is None
    target = contents.rewrite(found, folder, found.config, "tf_keras")
    with SafeModeScope(safe):
        return tf_keras.models.load_model(target, custom_objects=custom, compile=False, safe_mode=safe)
