"""Reads a model file of any Keras version into a model object.

Two readers take turns: Keras 3, on a config in today's words (`dialect.py`), and tf_keras, which is Keras 2. What one
cannot read, the other may.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators import contents, dialect, keras1
from tfinvert.generators.contents import Contents
from tfinvert.generators.safety import refuse_code


def read_model(path: Path, custom_objects: Mapping[str, Any] | None = None, allow_unsafe: bool = False) -> Any:
    """A `keras.Model`, or a `tf_keras.Model` where only that reader understands the file.

    Args:
      path: the file; its first bytes count, not its extension.
      custom_objects: classes and functions by name that the file uses and Keras does not know.
      allow_unsafe: also load what runs code out of the file, such as a Python Lambda.

    Raises:
      BadInput: there is no such file, it holds no whole model, it would run code, or no reader understands it.
    """
    custom = dict(custom_objects or {})
    found = contents.look(path)
    if not allow_unsafe:
        refuse_code(found.config, path.name, custom)
    if found.version == 1:
        keras1.refuse(found.config, path.name)
    readers: dict[str, Callable[[Path], Any]] = {
        "Keras 3": lambda folder: _by_keras(path, folder, found, custom, allow_unsafe),
        "tf_keras": lambda folder: _by_tf_keras(path, folder, found, custom, allow_unsafe),
    }
    failures = []
    for reader, read in readers.items():
        try:
            # Copies, because the readers go by the extension, which may be wrong, and shall get the checked config.
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
                model = read(Path(folder))
        except Exception as error:  # a reader may raise anything on a file that it does not know
            failures.append(f"{reader} says {contents.short(error)}")
            logging.debug("%s: %s", path.name, failures[-1])
        else:
            logging.info("%s: read by %s", path.name, reader)
            return model
    raise BadInput(
        f"{path.name} is a {contents.describe(found.config)} that no reader understands ({'; '.join(failures)})",
        "give the classes it names with custom_objects, or load it yourself and pass the model",
    )


def _by_keras(path: Path, folder: Path, found: Contents, custom: dict[str, Any], unsafe: bool) -> Any:
    copy, config, first = folder / f"model.{found.kind}", found.config, found.version == 1
    if found.version < 3:
        config = dialect.modernise(config, found.version)
        custom = {**dialect.OBJECTS, **custom}
    contents.rewrite(path, copy, config, found.config if first else None)
    model = keras.saving.load_model(copy, custom_objects=custom, compile=False, safe_mode=not unsafe)
    if first:
        keras1.check_outputs(model, found.config)
    return model


def _by_tf_keras(path: Path, folder: Path, found: Contents, custom: dict[str, Any], unsafe: bool) -> Any:
    import tf_keras  # takes seconds, and most files never need it

    copy = contents.rewrite(path, folder / f"model.{found.kind}", found.config)
    return tf_keras.models.load_model(copy, custom_objects=custom, compile=False, safe_mode=not unsafe)
