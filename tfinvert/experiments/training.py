"""Training a small GAN from pictures: a run that goes on where it was stopped, and a generator's file at its end."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput, short
from tfinvert.experiments.datasets import Pictures, keep
from tfinvert.experiments.epochs import COLUMNS, KID, KID_ERROR, ROWS, STATE, Bar, Epochs, read_rows
from tfinvert.experiments.networks import PRIORS, build
from tfinvert.experiments.precision import tell_if_slower
from tfinvert.experiments.scoring import Score
from tfinvert.gans.gan import GAN
from tfinvert.losses.kid import LEAST
from tfinvert.remote import path_of
from tfinvert.runs import board
from tfinvert.runs.files import here, read_json, writable, write_json
from tfinvert.runs.lock import Lock
from tfinvert.runs.store import hold
from tfinvert.settings import ScoreSettings, TrainingSettings, as_nest

HERE = "Keras keeps the checkpoints of a training on this machine"
UNSEEN = "unseen.npz"  # the pictures that are kept for tests
_NEARLY = 1.01  # how far values may leave [-1, 1], for rounding


def train(
    settings: TrainingSettings,
    images: np.ndarray,
    out: Path,
    more: dict[str, Any] | None = None,
    *,
    labels: np.ndarray | None = None,
    unseen: Pictures | None = None,
    score: ScoreSettings | None = None,
    show: bool = False,
    tensorboard: bool = False,
) -> Path:
    """Trains, or goes on with what stands in `out`; returns the generator's file.

    `out` gets losses.csv, generator.keras (prior and value range in it) and samples.png after every epoch, the last two
    with a score after every better one, and then, as the epoch's last, what a stopped run needs to go on.

    Args:
      settings: of the run.
      images: [N, H, W, C] in [-1, 1].
      out: a folder.
      more: what else is to be kept in the file (JSON).
      labels: int [N] in [0, classes), where classes are given; else they are not looked at.
      unseen: pictures to test with; they are written to OUT/unseen.npz.
      score: how every epoch's samples are held against those; generator.keras is then the best epoch's, not the last.
      show: a progress bar, where there is a terminal.
      tensorboard: whether losses and samples go into OUT/tensorboard too.

    Raises:
      BadInput: images or labels do not fit, another run stands in `out` or is at work there, or a loss is no number.
    """
    labels = _checked(settings, images, labels)
    if score is not None and unseen is None:
        raise BadInput("a score without unseen pictures", "expected pictures to hold samples against (--keep=1000)")
    if score is not None and unseen is not None and len(unseen.pixels) < LEAST:
        raise BadInput(f"a score by {len(unseen.pixels)} kept pictures", f"expected at least {LEAST} (--keep=1000)")
    if tensorboard:
        board.need(out)
    steps = len(images) // settings.batch_size
    with Lock(writable(here(out, HERE))):
        tell_if_slower(settings.precision)
        gan = build(settings, settings.epochs * steps)
        _claim(settings, out, images, labels, score)
        if unseen is not None:
            keep(unseen, out / UNSEEN)
        rater = None if score is None or unseen is None else Score(score, unseen)
        read_rows(out / "losses.csv")
        if (out / STATE).exists():
            _go_on(gan, out)
        done, callbacks = int(gan.count) // steps, _callbacks(settings, out, more or {}, rater, show, tensorboard)
        epochs = batches(settings, gan, images, labels)
        gan.fit(epochs, initial_epoch=done, epochs=settings.epochs, verbose=0, shuffle=False, callbacks=callbacks)
    return out / "generator.keras"


def _go_on(gan: GAN, out: Path) -> None:
    """Brings a GAN to where its run has come to."""
    anew = "delete it to begin anew, or choose another folder with --out"
    try:
        gan.load_weights(out / STATE)
    except (OSError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise BadInput(f"{out / STATE} is damaged, or of other networks ({short(error)})", anew) from error
    if not (out / "generator.keras").exists():
        raise BadInput(f"{out / STATE} without its generator.keras", anew)


def _checked(settings: TrainingSettings, images: np.ndarray, labels: np.ndarray | None) -> np.ndarray | None:
    """The labels, if they and the images fit; None where no class is taken."""
    if not (np.min(images, initial=0) >= -_NEARLY and np.max(images, initial=0) <= _NEARLY):
        raise BadInput(f"images from {np.min(images):.4g} to {np.max(images):.4g}", "expected values in [-1, 1]")
    if images.shape[1:] != settings.image_shape:
        raise BadInput(f"images {list(images.shape[1:])}", f"expected {list(settings.image_shape)}")
    count = len(images)
    if count < settings.batch_size:
        raise BadInput(f"{count} pictures", f"expected at least {settings.batch_size}, a batch")
    if settings.classes is None:
        return None
    expected = f"expected {count} whole numbers from 0 to {settings.classes - 1}"
    if labels is None:
        raise BadInput(f"classes={settings.classes} without labels", expected)
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise BadInput(f"labels of {labels.dtype}", expected)
    if labels.shape != (count,) or labels.min() < 0 or labels.max() >= settings.classes:
        raise BadInput(f"labels {list(labels.shape)} from {labels.min()} to {labels.max()}", expected)
    return labels


def _claim(
    settings: TrainingSettings, out: Path, images: np.ndarray, labels: np.ndarray | None, score: ScoreSettings | None
) -> None:
    """Notes whose run this is, unless an epoch of another stands there."""
    path, seen = out / "training.json", hashlib.sha256(np.ascontiguousarray(images).data)
    if labels is not None:
        seen.update(np.ascontiguousarray(labels).data)
    own = {**as_nest(settings), "images": len(images), "pictures": seen.hexdigest()[:16]}
    if score is not None:  # scores of one kind compare with each other
        network = score.network if isinstance(score.network, (str, Path)) else type(score.network)
        own["score"] = {**as_nest(score), "network": Path(str(network)).name, "weights": Path(str(score.weights)).name}
        own["score"]["files"] = [_digest(each) for each in (score.network, score.weights)]
    if (out / STATE).exists():
        if not path.exists():
            raise BadInput(f"{out / STATE} without its training.json", "delete it to begin anew, or take another --out")
        hold(out, read_json(path), own)
    write_json(path, own)


def _digest(given: Any) -> str:
    """What tells a file from others; "" for what is none."""
    if not isinstance(given, (str, Path)) or not path_of(given).is_file():
        return ""
    with path_of(given).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _callbacks(
    settings: TrainingSettings, out: Path, more: dict[str, Any], score: Score | None, show: bool, tensorboard: bool
) -> list[Any]:
    """What keeps and shows each epoch."""
    about = as_nest(settings)
    prior = PRIORS[about.pop("prior")].space(settings.latent)  # the file says it by itself
    rate = None if score is None else functools.partial(_rated, score, settings)
    found: list[Any] = [Epochs(out, samples(settings), prior, {**more, **about}, rate, tensorboard)]
    if show:
        found.append(Bar())
    if tensorboard:
        found.append(keras.callbacks.TensorBoard(out / "tensorboard", write_graph=False))
    return found


def samples(settings: TrainingSettings) -> Any:
    """What the pictures of every epoch are made of."""
    return _drawn(settings, tf.range(ROWS * COLUMNS) % COLUMNS, 1)  # a class for each column


def _drawn(settings: TrainingSettings, numbers: tf.Tensor, stream: int) -> Any:
    """What a GAN takes: codes, and beside them the classes of these numbers [N], modulo how many there are."""
    count, space = len(numbers), PRIORS[settings.prior].space(settings.latent)
    codes = space.sample(
        tf.stack([tf.fill([count], tf.constant(stream, tf.int64)), tf.range(count, dtype=tf.int64)], axis=1)
    )
    return codes if settings.classes is None else (codes, tf.reshape(numbers % settings.classes, [-1, 1]))


def _rated(score: Score, settings: TrainingSettings, gan: GAN) -> dict[str, float]:
    """The averaged generator's score and its standard error; always of the same codes, and of the pictures' classes."""
    codes = _drawn(settings, score.classes, 2)
    parts = tf.data.Dataset.from_tensor_slices(codes).batch(settings.batch_size)
    value, error = score(np.concatenate([np.asarray(gan(part)) for part in parts]))
    return {KID: value, KID_ERROR: error}


def batches(
    settings: TrainingSettings, gan: GAN, images: np.ndarray, labels: np.ndarray | None = None
) -> tf.data.Dataset:
    """One epoch, in an order that depends on the seed and its number, also in a run that is taken up again."""
    count, steps, pixels = len(images), len(images) // settings.batch_size, tf.constant(images)

    def order(_: tf.Tensor) -> tf.data.Dataset:
        seed = tf.stack([tf.constant(settings.seed, tf.int64), tf.cast(gan.count.value, tf.int64) // steps])
        rows = tf.random.experimental.stateless_shuffle(tf.range(count), seed)
        mirrored = settings.flips & (tf.random.stateless_uniform([count], seeds.fold_in(seed[None], 1)[0]) < 0.5)
        return tf.data.Dataset.from_tensor_slices((rows, mirrored))

    def pick(rows: tf.Tensor, mirrored: tf.Tensor) -> Any:
        found = tf.gather(pixels, rows)
        found = tf.where(mirrored[:, None, None, None], tf.reverse(found, [2]), found)
        return found if labels is None else (found, tf.gather(tf.constant(labels, tf.int32), rows))

    rows = tf.data.Dataset.range(1).flat_map(order).batch(settings.batch_size, drop_remainder=True)
    found = rows.map(pick).prefetch(2)
    return found.apply(tf.data.experimental.assert_cardinality(steps))
