"""Training a small GAN from pictures: a run that goes on where it was stopped, and a generator's file at its end."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from absl import logging
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
from tfinvert.gans.gan import GAN
from tfinvert.gans.objectives import WGAN, WGANGP, Noisy, Objective, SoftLabels, Standard
from tfinvert.generators.card import write_card
from tfinvert.spaces import Space, normal, uniform

ARCHITECTURES = ("dcgan", "pixel_shuffle")
PRIORS: dict[str, Callable[[int], Space]] = {"normal": normal, "uniform": uniform}
RESOLUTIONS = (28, 32, 64, 128)
RANGE = (-1.0, 1.0)  # of the images
_ROWS, _COLUMNS = 8, 20  # of the grid of samples
_QUIET = 0.5  # share of the steps after which the noise of `noise` has died away


class _Game(NamedTuple):
    """An objective, and the optimizer that it is trained with: of a learning rate or its schedule."""

    objective: Objective
    optimizer: Callable[[Any], keras.optimizers.Optimizer]
    rate: float
    noise: float = 0.0  # of the first step, on [-1, 1]


_ADAM = functools.partial(keras.optimizers.Adam, beta_1=0.5, beta_2=0.99)
OBJECTIVES: dict[str, _Game] = {
    "standard": _Game(Standard(), _ADAM, 4e-4),
    "soft_labels": _Game(SoftLabels(), _ADAM, 2e-4),
    "noise": _Game(Standard(gamma=0.0), _ADAM, 2e-4, noise=0.5),
    "wgan": _Game(WGAN(), keras.optimizers.RMSprop, 2e-4),
    "wgan_gp": _Game(WGANGP(), functools.partial(keras.optimizers.Adam, beta_1=0.0, beta_2=0.9), 4e-4),
}


@dataclasses.dataclass(frozen=True)
class Training:
    """The settings of a run; two runs of equal settings on equal images are one.

    Args:
      architecture: one of `ARCHITECTURES`.
      objective: one of `OBJECTIVES`.
      prior: one of `PRIORS`, of the codes.
      latent: entries of a code.
      resolution: one of `RESOLUTIONS`.
      channels: 1 for grey, 3 for colour.
      epochs: passes over the images.
      batch_size: images for each step.
      seed: fixes weights, order and codes.

    Raises:
      BadInput: a setting is none of these.
    """

    architecture: str = "dcgan"
    objective: str = "standard"
    prior: str = "normal"
    latent: int = 64
    resolution: int = 32
    channels: int = 1
    epochs: int = 40
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        known = {
            "architecture": ARCHITECTURES, "objective": OBJECTIVES, "prior": PRIORS, "resolution": RESOLUTIONS,
            "channels": (1, 3),
        }  # fmt: skip
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise BadInput(f"{name}={getattr(self, name)}", f"expected one of {', '.join(map(str, values))}")
        for name in ("latent", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name}={getattr(self, name)}", "expected at least 1")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.resolution, self.resolution, self.channels

    def build(self, steps: int) -> GAN:
        """The networks and their optimizers, for so many steps in all."""
        keras.utils.set_random_seed(self.seed)
        game = OBJECTIVES[self.objective]
        generator = dcgan_generator(
            self.latent, self.resolution, self.channels, shuffle=self.architecture == "pixel_shuffle"
        )
        draw: Callable = tf.random.stateless_normal
        if self.prior == "uniform":
            draw = functools.partial(tf.random.stateless_uniform, minval=-1, maxval=1)
        noise = Noisy(game.noise, max(1, round(_QUIET * steps))) if game.noise else None
        gan = GAN(
            generator, dcgan_discriminator(self.resolution, self.channels), self.latent, draw, game.objective, noise,
            seed=self.seed,
        )  # fmt: skip
        rate = keras.optimizers.schedules.CosineDecay(game.rate, steps, alpha=0.05)
        gan.compile(game.optimizer(rate), game.optimizer(rate))
        return gan

    def run(self, images: np.ndarray, out: Path, more: dict[str, Any] | None = None) -> Path:
        """Trains, or goes on with what stands in `out`; returns the generator's file.

        `out` gets generator.keras (prior and value range in it), samples.png and losses.csv, after every epoch, and
        what a stopped run needs to go on.

        Args:
          images: [N, H, W, C] in [-1, 1].
          out: a folder.
          more: what else is to be kept in the file (JSON).

        Raises:
          BadInput: too few images, or of another shape; another run stands in `out`; or the loss is no number any more.
        """
        if images.shape[1:] != self.image_shape:
            raise BadInput(f"images {list(images.shape[1:])}", f"expected {list(self.image_shape)}")
        if len(images) < self.batch_size:
            raise BadInput(f"{len(images)} pictures", f"expected at least {self.batch_size}, a batch")
        out.mkdir(parents=True, exist_ok=True)
        self._claim(out / "training.json", len(images))
        gan = self.build(self.epochs * (len(images) // self.batch_size))
        # Two copies: one of them is whole whenever the run is killed.
        backup = keras.callbacks.BackupAndRestore(out / "backup", double_checkpoint=True, delete_checkpoint=False)
        gan.fit(
            self._batches(images, gan),
            epochs=self.epochs,
            verbose=0,
            callbacks=[backup, _Epochs(self, out, more or {})],
        )
        return out / "generator.keras"

    def _batches(self, images: np.ndarray, gan: GAN) -> tf.data.Dataset:
        """One epoch, in an order that depends on the seed and its number, also in a run that is taken up again."""
        steps, pixels = len(images) // self.batch_size, tf.constant(images)

        def order(_: tf.Tensor) -> tf.data.Dataset:
            seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(gan.count.value, tf.int64) // steps])
            rows = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed)
            return tf.data.Dataset.from_tensor_slices(rows)

        rows = tf.data.Dataset.range(1).flat_map(order).batch(self.batch_size, drop_remainder=True)
        batches = rows.map(lambda rows: tf.gather(pixels, rows)).prefetch(2)
        return batches.apply(tf.data.experimental.assert_cardinality(steps))

    def _claim(self, path: Path, count: int) -> None:
        """Notes whose run this is."""
        own = {**dataclasses.asdict(self), "images": count}
        if path.exists():
            other = json.loads(path.read_text())
            differs = [f"{name}={other.get(name)}" for name, value in own.items() if other.get(name) != value]
            if differs:
                raise BadInput(f"{path.parent} holds a run with {', '.join(differs)}", "choose another folder (--out)")
        path.write_text(json.dumps(own, indent=1))


class _Epochs(keras.callbacks.Callback):
    """Keeps what every epoch gave."""

    def __init__(self, training: Training, out: Path, more: dict[str, Any]) -> None:
        super().__init__()
        self.training, self.out, self.more = training, out, more
        self._epoch = 0
        self._codes = PRIORS[training.prior](training.latent).sample(
            tf.stack([tf.ones(_ROWS * _COLUMNS, tf.int64), tf.range(_ROWS * _COLUMNS, dtype=tf.int64)], axis=1)
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        wrong = {name: float(value) for name, value in (logs or {}).items() if not np.isfinite(value)}
        if wrong:  # an error, not a stop: what is backed up stays that of the epoch before
            kept = f"{self.out / 'generator.keras'} is of epoch {self._epoch}; " if self._epoch else ""
            raise BadInput(f"epoch {self._epoch + 1}: losses {wrong}", f"{kept}try another seed or objective")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        losses = {name: float(value) for name, value in (logs or {}).items()}
        self._note({"epoch": epoch + 1, **losses})
        grid(np.asarray(self.model(self._codes)), _COLUMNS).save(self.out / "samples.png")
        partial = self.out / "partial.keras"
        self.model.averaged.save(partial)
        prior = PRIORS[self.training.prior](self.training.latent)
        settings = {name: value for name, value in dataclasses.asdict(self.training).items() if name != "prior"}
        write_card(partial, prior, RANGE, **self.more, **settings, trained=epoch + 1)
        partial.replace(self.out / "generator.keras")
        logging.info("epoch %d: %s", epoch + 1, "  ".join(f"{name} {value:.3f}" for name, value in losses.items()))

    def _note(self, row: dict[str, Any]) -> None:
        """Rewrites losses.csv with one more row; an epoch that was done again counts once."""
        path = self.out / "losses.csv"
        rows = list(csv.DictReader(path.open())) if path.exists() else []
        rows = [each for each in rows if int(each["epoch"]) < row["epoch"]]
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, row)
            writer.writeheader()
            writer.writerows([*rows, row])


def grid(images: np.ndarray, columns: int) -> Image.Image:
    """Images [B, H, W, C] in [-1, 1] side by side; those that do not fill a row are left out."""
    _, height, width, channels = images.shape
    count = len(images) // columns
    tiles = images[: count * columns].reshape(count, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    levels = np.uint8(np.round(np.clip(127.5 * (tiles + 1), 0, 255))).reshape(count * height, columns * width, channels)
    return Image.fromarray(levels[..., 0] if channels == 1 else levels)
