"""TensorBoard's event files, which take its package to write."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.runs.files import here


def need(folder: str | Path) -> None:
    """Says what is missing.

    Args:
      folder: of the run.

    Raises:
      BadInput: TensorBoard is not installed, or the folder is in a store.
    """
    here(folder, "TensorBoard (--tensorboard) writes on this machine")
    if importlib.util.find_spec("tensorboard") is None:
        raise BadInput("TensorBoard is not installed", "pip install 'tfinvert[tensorboard]'")


def writer(folder: Path) -> Any:
    """What `tf.summary` writes to in this folder.

    Raises:
      BadInput: see `need`.
    """
    need(folder)
    return tf.summary.create_file_writer(str(folder))
