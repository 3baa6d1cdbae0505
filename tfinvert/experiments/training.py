"""Training a small GAN from pictures: a run that goes on where it was stopped, and a generator's file at its end."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.experiments.epochs import COLUMNS, ROWS, STATE, Bar, Epochs
from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
from tfinvert.gans.biggan import biggan_generator
from tfinvert.gans.gan import GAN
from tfinvert.gans.objectives import WGAN, WGANGP, Noisy, Objective, SoftLabels, Standard
from tfinvert.runs import board
from tfinvert.runs.files import read_json, whole, writable
from tfinvert.runs.lock import Lock
from tfinvert.runs.store import hold
from tfinvert.spaces import Space, normal, uniform

CONDITIONAL = ("conditional", "attention")  # these are given a class beside the code
ARCHITECTURES = ("dcgan", "pixel_shuffle", *CONDITIONAL)
PRIORS: dict[str, Callable[[int], Space]] = {"normal": normal, "uniform": uniform}
RESOLUTIONS = (28, 32, 64, 128)
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
_QUIET = 0.5  # share of the steps after which the noise of `noise` has died away


class _Game(NamedTuple):
    """An objective, and what it is trained with."""

    objective: Objective
    optimizer: Callable[[Any], keras.optimizers.Optimizer]  # of a learning rate or its schedule
    rate: float
    normalised: bool = False  # batch normalisation in the discriminator
    noise: float = 0.0  # of the first step, on [-1, 1]


# Without a memory of slopes (beta_1) Adam bears a rate at which 15 epochs of Omniglot give legible characters; with 0.5
# and 4e-4 they gave blots. So did games without a penalty where the discriminator has no batch normalisation.
_ADAM = functools.partial(keras.optimizers.Adam, beta_1=0.0, beta_2=0.99)
OBJECTIVES: dict[str, _Game] = {
    "standard": _Game(Standard(gamma=0.1), _ADAM, 1e-3),
    "plain": _Game(Standard(gamma=0.0), _ADAM, 1e-3, normalised=True),
    "noise": _Game(Standard(gamma=0.0), _ADAM, 1e-3, normalised=True, noise=0.5),
    "soft_labels": _Game(SoftLabels(), _ADAM, 1e-3, normalised=True),
    "wgan": _Game(WGAN(every=2), _ADAM, 1e-3, normalised=True),
    "wgan_gp": _Game(WGANGP(every=2), _ADAM, 1e-3),
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
      classes: how many, for the architectures of `CONDITIONAL`.
      precision: one of `PRECISIONS`, Keras's policies. The mixed ones are for GPUs.

    Raises:
      BadInput: a setting is none of these, or one does not go with another.
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
    classes: int | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        known = {
            "architecture": ARCHITECTURES,
            "objective": OBJECTIVES,
            "prior": PRIORS,
            "resolution": RESOLUTIONS,
            "channels": (1, 3),
            "precision": PRECISIONS,
        }
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise BadInput(f"{name}={getattr(self, name)}", f"expected one of {', '.join(map(str, values))}")
        for name in ("latent", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name}={getattr(self, name)}", "expected at least 1")
        if (self.classes is not None) != (self.architecture in CONDITIONAL):
            raise BadInput(f"architecture={self.architecture} with classes={self.classes}", "expected both, or neither")
        blocks = len(self._widths)
        if self.architecture == "attention" and self.latent % blocks:
            less = self.latent // blocks * blocks
            raise BadInput(
                f"latent={self.latent} for attention at {self.resolution}",
                f"expected a multiple of {blocks}, such as {less or blocks} or {less + blocks}",
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.resolution, self.resolution, self.channels

    def build(self, steps: int) -> GAN:
        """The networks and their optimizers, for so many steps in all."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.precision)
        try:
            return self._build(steps)
        finally:
            keras.config.set_dtype_policy(before)

    def _build(self, steps: int) -> GAN:
        keras.utils.set_random_seed(self.seed)
        game = OBJECTIVES[self.objective]
        draw: Callable = tf.random.stateless_normal
        if self.prior == "uniform":
            draw = functools.partial(tf.random.stateless_uniform, minval=-1, maxval=1)
        noise = Noisy(game.noise, max(1, round(_QUIET * steps))) if game.noise else None
        discriminator = dcgan_discriminator(
            self.resolution, self.channels, normalised=game.normalised, classes=self.classes
        )
        gan = GAN(
            self._generator(), discriminator, self.latent, draw, game.objective, noise, seed=self.seed, feed=self._feed
        )
        rate = keras.optimizers.schedules.CosineDecay(game.rate, steps, alpha=0.05)
        gan.compile(game.optimizer(rate), game.optimizer(rate))
        return gan

    def _generator(self) -> keras.Model:
        if self.architecture != "attention":
            shuffle = self.architecture == "pixel_shuffle"
            return dcgan_generator(self.latent, self.resolution, self.channels, shuffle=shuffle, classes=self.classes)
        widths, half = self._widths, self.resolution // 2
        return biggan_generator(
            widths, self.latent // len(widths), 32, self.classes or 0, self.channels, half, self._start
        )

    @property
    def _start(self) -> int:
        """Height and width before the first doubling."""
        return 7 if self.resolution % 7 == 0 else 4

    @property
    def _widths(self) -> list[int]:
        """As BigGAN's, but small: as many blocks as doublings, and attention before the last one."""
        return [128 >> number for number in range((self.resolution // self._start).bit_length())]

    def _feed(self, codes: tf.Tensor, labels: tf.Tensor) -> Any:
        """What the generator is given."""
        if self.architecture == "attention":
            return {"z": codes, "y": tf.one_hot(tf.reshape(labels, [-1]), self.classes)}
        return [codes, labels]

    def run(
        self,
        images: np.ndarray,
        out: Path,
        more: dict[str, Any] | None = None,
        *,
        labels: np.ndarray | None = None,
        show: bool = False,
        tensorboard: bool = False,
    ) -> Path:
        """Trains, or goes on with what stands in `out`; returns the generator's file.

        `out` gets generator.keras (prior and value range in it), samples.png and losses.csv after every epoch, and
        then, as the epoch's last, what a stopped run needs to go on.

        Args:
          images: [N, H, W, C] in [-1, 1].
          out: a folder.
          more: what else is to be kept in the file (JSON).
          labels: int [N] in [0, classes), where classes are given.
          show: a progress bar, where there is a terminal.
          tensorboard: whether losses and samples go into OUT/tensorboard too.

        Raises:
          BadInput: too few images, or of another shape; wrong labels; another run stands in `out`, or is at work there;
            or the loss is no number any more.
        """
        if images.shape[1:] != self.image_shape:
            raise BadInput(f"images {list(images.shape[1:])}", f"expected {list(self.image_shape)}")
        if len(images) < self.batch_size:
            raise BadInput(f"{len(images)} pictures", f"expected at least {self.batch_size}, a batch")
        if self.classes is not None:
            self._check(labels, len(images))
        if tensorboard:
            board.need()
        with Lock(writable(out)):
            return self._trained(images, out, more, labels, show, tensorboard)

    def _trained(
        self,
        images: np.ndarray,
        out: Path,
        more: dict[str, Any] | None,
        labels: np.ndarray | None,
        show: bool,
        tensorboard: bool,
    ) -> Path:
        """The work of `run`, in a folder that no other writes into."""
        self._claim(out, images, labels)
        steps = len(images) // self.batch_size
        gan = self.build(self.epochs * steps)
        if (out / STATE).exists():
            gan.load_weights(out / STATE)
        prior = PRIORS[self.prior](self.latent)
        settings = {name: value for name, value in dataclasses.asdict(self).items() if name != "prior"}
        epochs = Epochs(out, self._shown(prior), prior, {**(more or {}), **settings}, tensorboard)
        callbacks = [epochs, *([Bar()] if show else [])]
        if tensorboard:
            callbacks.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
        batches = self._batches(images, gan, None if self.classes is None else labels)
        done = int(gan.count) // steps
        gan.fit(batches, initial_epoch=done, epochs=self.epochs, verbose=0, callbacks=callbacks)
        return out / "generator.keras"

    def _shown(self, prior: Space) -> Any:
        """What the pictures of every epoch are made of."""
        count = ROWS * COLUMNS
        codes = prior.sample(tf.stack([tf.ones(count, tf.int64), tf.range(count, dtype=tf.int64)], axis=1))
        if self.classes is None:
            return codes
        return codes, tf.reshape(tf.range(count) % COLUMNS % self.classes, [-1, 1])  # a class for each column

    def _check(self, labels: np.ndarray | None, count: int) -> None:
        expected = f"expected {count} whole numbers from 0 to {(self.classes or 0) - 1}"
        if labels is None:
            raise BadInput(f"architecture={self.architecture} without labels", expected)
        if labels.shape != (count,) or labels.min() < 0 or labels.max() >= (self.classes or 0):
            raise BadInput(f"labels {list(labels.shape)} from {labels.min()} to {labels.max()}", expected)

    def _batches(self, images: np.ndarray, gan: GAN, labels: np.ndarray | None = None) -> tf.data.Dataset:
        """One epoch, in an order that depends on the seed and its number, also in a run that is taken up again."""
        steps, pixels = len(images) // self.batch_size, tf.constant(images)

        def order(_: tf.Tensor) -> tf.data.Dataset:
            seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(gan.count.value, tf.int64) // steps])
            rows = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed)
            return tf.data.Dataset.from_tensor_slices(rows)

        rows = tf.data.Dataset.range(1).flat_map(order).batch(self.batch_size, drop_remainder=True)
        parts = pixels if labels is None else (pixels, tf.constant(labels, tf.int32))
        pick = lambda rows: tf.nest.map_structure(lambda part: tf.gather(part, rows), parts)
        batches = rows.map(pick).prefetch(2)
        return batches.apply(tf.data.experimental.assert_cardinality(steps))

    def _claim(self, out: Path, images: np.ndarray, labels: np.ndarray | None) -> None:
        """Notes whose run this is, unless an epoch of another stands there."""
        path, seen = out / "training.json", hashlib.sha256(np.ascontiguousarray(images).data)
        if labels is not None and self.classes is not None:
            seen.update(np.ascontiguousarray(labels).data)
        own = {**dataclasses.asdict(self), "images": len(images), "pictures": seen.hexdigest()[:16]}
        if path.exists() and (out / STATE).exists():
            hold(out, read_json(path), own)
        with whole(path) as temporary:
            temporary.write_text(json.dumps(own, indent=1))
