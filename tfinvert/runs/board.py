"""TensorBoard's event files, which take its package to write."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfinvert.errors import BadInput


def need() -> None:
    """Says what is missing.

    Raises:
      BadInput: TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise BadInput("TensorBoard is not installed", "pip install 'tfinvert[tensorboard]'")


def writer(folder: Path) -> Any:
    """What `tf.summary` writes to in this folder.

    Raises:
      BadInput: TensorBoard is not installed.
    """
    need()
    return tf.summary.create_file_writer(str(folder))
