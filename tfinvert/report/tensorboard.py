"""A run in TensorBoard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tfinvert.runs.board import writer
from tfinvert.runs.history import history
from tfinvert.runs.stored import Stored


def tensorboard(store: Stored, comparison: Path) -> Path:
    """Writes RUN/tensorboard anew: how the losses fell, all errors, and targets over reconstructions.

    `tensorboard --logdir=RUN` shows it, and the codes beside it where `tfinvert embed --projector` has written them.

    Args:
      store: the run's folder.
      comparison: the PNG of `report.comparison`.

    Returns:
      The folder.

    Raises:
      BadInput: TensorBoard is not installed.
    """
    folder = store.folder / "tensorboard"
    before = list(folder.glob("events.out.tfevents.*"))
    board = writer(folder)
    with board.as_default():
        fall = history(store)
        if fall is not None:
            for name, values in zip(("lower_quartile", "median", "upper_quartile"), fall.losses, strict=True):
                for step, value in zip(fall.steps, values, strict=True):
                    tf.summary.scalar(f"loss/{name}", value, int(step))
        table = store.read(["mse", "psnr", "ssim"])
        for name in table.column_names:
            known = table[name].drop_null().to_numpy()
            known = known[np.isfinite(known)]
            if len(known):
                tf.summary.histogram(name, known, 0)
        picture = np.asarray(Image.open(comparison).convert("RGB"))
        tf.summary.image("targets over reconstructions", picture[np.newaxis], 0)
    board.close()
    for path in before:  # of the same run, when it had fewer images
        path.unlink()
    return folder
