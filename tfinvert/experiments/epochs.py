"""What a training shows and keeps while it runs: Keras callbacks."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from PIL import Image
from tqdm import tqdm

from tfinvert.errors import BadInput, short
from tfinvert.experiments.datasets import RANGE
from tfinvert.generators.readers.card import write_card
from tfinvert.runs.board import writer
from tfinvert.runs.files import whole, write_picture, write_table
from tfinvert.spaces import Space

ROWS, COLUMNS = 8, 20  # of the grid of samples
_MEND = "delete it, and the table begins with the next epoch"
KID, KID_ERROR = "kid", "kid_error"  # columns of what rates an epoch
STATE = "state.weights.h5"  # the networks, their optimizers and the count of steps: all that a stopped run needs


class Epochs(keras.callbacks.Callback):
    """Keeps what every epoch of a `gans.GAN` gave: losses.csv, samples.png, generator.keras, and last `STATE`.

    An epoch counts once its state is there: killed before, a run does it again. Where epochs are rated, samples.png and
    generator.keras are of the best one so far.

    Args:
      out: the folder.
      codes: what the samples are made of, as the GAN takes it, for `ROWS` times `COLUMNS` images.
      prior: of the generator.
      about: what else its file says (JSON).
      rate: what a GAN is rated by: `KID`, which is better where it is smaller, and what else goes into losses.csv.
      tensorboard: whether samples go into OUT/tensorboard too.
    """

    def __init__(
        self,
        out: Path,
        codes: Any,
        prior: Space,
        about: dict[str, Any],
        rate: Callable[[Any], dict[str, float]] | None = None,
        tensorboard: bool = False,
    ) -> None:
        super().__init__()
        self.out, self._codes, self._prior, self._about, self._rate = out, codes, prior, about, rate
        self._epoch = 0
        self._board = writer(out / "tensorboard" / "samples") if tensorboard else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        wrong = {name: float(value) for name, value in (logs or {}).items() if not np.isfinite(value)}
        if wrong:  # an error, not a stop: what is backed up stays that of the epoch before
            kept = f"{self.out / 'generator.keras'} is of an epoch before; " if self._epoch else ""
            raise BadInput(f"epoch {self._epoch + 1}: losses {wrong}", f"{kept}try another seed or objective")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        rated = {} if self._rate is None else self._rate(self.model)
        losses = {name: float(value) for name, value in {**(logs or {}), **rated}.items()}
        if self._note({"epoch": epoch + 1, **losses}):
            self._keep(epoch, rated)
        with whole(self.out / STATE) as temporary:
            self.model.save_weights(temporary)
        logging.info("epoch %d: %s", epoch + 1, "  ".join(f"{name} {value:.3f}" for name, value in losses.items()))

    def _keep(self, epoch: int, rated: dict[str, float]) -> None:
        """Writes the generator and its samples."""
        samples = grid(np.asarray(self.model(self._codes)), COLUMNS)
        write_picture(self.out / "samples.png", samples)
        if self._board is not None:
            shown = np.asarray(samples)
            with self._board.as_default():
                tf.summary.image("samples", shown.reshape(1, *shown.shape[:2], -1), epoch)
        with whole(self.out / "generator.keras") as temporary:
            self.model.averaged.save(temporary)
            write_card(temporary, self._prior, RANGE, **self._about, **rated, trained=epoch + 1)

    def _note(self, row: dict[str, Any]) -> bool:
        """Rewrites losses.csv with one more row; whether none before it is rated better.

        An epoch that was done again counts once.
        """
        path = self.out / "losses.csv"
        rows = [each for each in read_rows(path) if int(each["epoch"]) < row["epoch"]]
        if rows and set(rows[0]) != set(map(str, row)):
            raise BadInput(f"{path} has the columns {', '.join(rows[0])}", f"expected {', '.join(row)}: {_MEND}")
        write_table(path, [*rows, row])
        rated = [float(each[KID]) for each in rows if each.get(KID)]
        best = min(filter(np.isfinite, rated), default=None)
        return best is None or KID not in row or row[KID] <= best


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of losses.csv; none where there is no such file.

    Raises:
      BadInput: it is damaged.
    """
    try:
        rows = list(csv.DictReader(path.open(encoding="utf-8"))) if path.exists() else []
        for row in rows:
            int(row["epoch"])
    except (ValueError, KeyError, TypeError, OSError, csv.Error) as error:
        raise BadInput(f"{path} is damaged ({short(error)})", _MEND) from error
    return rows


class Bar(keras.callbacks.Callback):
    """A progress bar over all steps, where there is a terminal."""

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._bar is None:  # a run that is taken up again begins with a later epoch
            each = self.params["steps"]
            total = self.params["epochs"] * each
            self._bar = tqdm(total=total, initial=epoch * each, unit=" steps", smoothing=0.1, disable=None)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._bar.set_postfix({name: f"{float(value):.3f}" for name, value in (logs or {}).items()}, refresh=False)
        self._bar.update()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._bar is not None:
            self._bar.close()


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """Images [B, H, W, C] in [-1, 1] side by side; those that do not fill a row are left out."""
    _, height, width, channels = images.shape
    count = len(images) // columns
    tiles = images[: count * columns].reshape(count, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    levels = np.uint8(np.round(np.clip(127.5 * (tiles + 1), 0, 255))).reshape(count * height, columns * width, channels)
    return Image.fromarray(levels[..., 0] if channels == 1 else levels)
