"""Moves a generator's weights so that its images of given codes come nearer to given pictures."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfinvert import metrics, seeds
from tfinvert.errors import BadInput, short
from tfinvert.generators import Generator
from tfinvert.generators.held import Held, absent
from tfinvert.generators.readers.card import write_card
from tfinvert.losses import loss_of
from tfinvert.losses.terms import Term
from tfinvert.remote import path_of
from tfinvert.runs.files import whole, writable
from tfinvert.settings import LossSettings, ScoreSettings, TuningSettings
from tfinvert.solvers.rows import finite
from tfinvert.tuning.drift import Before, Drift, made, unclipped
from tfinvert.tuning.live import Live, live, restored, saved

_NEAR = (0.25, 1.0)  # of the way from a code that was found to one of the prior: where other images are held to
_BANK, _ORDER = 1, 2  # folded into the seed
_CALMER = "lower the learning rate (--learning_rate)"


@dataclasses.dataclass(frozen=True)
class Tuned:
    """What a tuning gave.

    Attributes:
      path: the tuned generator's file.
      before, after: images [N, H, W, C] in [0, 1] of the codes, of the generator as it was and as it is.
      psnr_before, psnr_after: [N] in dB, of the pictures.
      drift: what became of other images.
      others_before, others_after: these, [M, H, W, C] in [0, 1].
    """

    path: Path
    before: np.ndarray
    after: np.ndarray
    psnr_before: np.ndarray
    psnr_after: np.ndarray
    drift: Drift
    others_before: np.ndarray
    others_after: np.ndarray

    @property
    def others_psnr(self) -> np.ndarray:
        """[M] in dB, of other images now and before."""
        return metrics.psnr(tf.constant(self.others_after), tf.constant(self.others_before)).numpy()


def tune(
    generator: Generator,
    images: Any,
    codes: Any,
    path: str | Path,
    settings: TuningSettings | None = None,
    *,
    labels: Any = None,
    behind: str | None = None,
    score: ScoreSettings | None = None,
    watch: Callable[[int, float, float], None] | None = None,
) -> Tuned:
    """Writes a generator's file in which the images of these codes are nearer to these pictures.

    What is minimised is the loss of the pictures (mean squared error on [0, 1], and a perceptual one if asked for) and,
    by `locality`, the mean squared change of other images: half of codes from the prior, half of codes between the
    given ones and the prior (Roich et al. 2021, arXiv:2106.05744, sections 3.2 and 3.3, whose others are all at one
    distance). The generator itself stays as it is.

    Args:
      generator: of a Keras model.
      images: [N, H, W, C] in its value range.
      codes: [N, *shape] that were found for them.
      path: of the `.keras` file, which gets the prior, the value range, and whose tuned it is.
      settings: how.
      labels: int [N], where it is class-conditional.
      behind: the layer whose values the codes are, as of `tfinvert.behind`; only the weights behind it are moved.
      score: how sets of other images are compared; default: they are not, only image by image.
      watch: is told each step's number, the pictures' loss and the change of others.

    Raises:
      BadInput: the generator has no weights to move, images or codes do not fit, or a loss is no number.
    """
    return Tuner(generator, behind, score)(images, codes, path, settings, labels=labels, watch=watch)


class Tuner:
    """Tunes one generator again and again, each time from its own weights; arguments are those of `tune`."""

    def __init__(self, generator: Generator, behind: str | None = None, score: ScoreSettings | None = None) -> None:
        self.live, self._behind, self._score = live(generator, behind), behind, score

    @functools.cached_property
    def _before(self) -> Before:
        return Before(self.live, self._score)

    def __call__(
        self,
        images: Any,
        codes: Any,
        path: str | Path,
        settings: TuningSettings | None = None,
        *,
        labels: Any = None,
        watch: Callable[[int, float, float], None] | None = None,
    ) -> Tuned:
        settings, file, moving = settings or TuningSettings(), path_of(path), self.live
        if file.suffix != ".keras":
            raise BadInput(f"a tuned generator in {file.name}", "expected a name that ends in .keras")
        values, held = _codes(moving, codes, labels, self._behind)
        targets = _targets(moving.whole, images, len(values))
        writable(file.parent)
        before, first = self._before, made(moving, values, held)
        with restored(moving.weights):
            _move(moving, _Task(values, held, targets, _term(settings)), settings, watch)
            last, others = made(moving, values, held), made(moving, before.values, before.held)
            if not (np.isfinite(last).all() and np.isfinite(others).all()):
                raise BadInput("the last step of the tuning made images that are no numbers", _CALMER)
            _save(moving, file)
        one, other = (metrics.psnr(tf.constant(each), targets).numpy() for each in (first, last))
        return Tuned(file, first, last, one, other, before.drift(others), before.images, others)


def _targets(generator: Generator, images: Any, count: int) -> tf.Tensor:
    """The pictures in [0, 1], as many as codes."""
    targets = generator.to_unit(tf.cast(images, tf.float32))
    if targets.shape != (count, *generator.image_shape):
        raise BadInput(f"images {list(targets.shape)}", f"expected {[count, *generator.image_shape]}")
    if not count:
        raise BadInput("no images", "expected at least one")
    whole = finite(targets).numpy()
    if not whole.all():
        raise BadInput(f"{count - whole.sum()} of {count} images have values that are no numbers", "leave them out")
    return targets


class _Task(NamedTuple):
    """Pictures, and what their images are made of."""

    values: tf.Tensor  # [N, ...], codes or what stands behind a layer
    held: Held
    targets: tf.Tensor  # [N, H, W, C] in [0, 1]
    term: Term


def _codes(moving: Live, codes: Any, labels: Any, behind: str | None) -> tuple[tf.Tensor, Held]:
    """What the images are made of."""
    if behind is None:
        codes, beside = moving.whole.check(codes, labels)
        return codes, moving.whole.takes.encode(beside)
    values = tf.cast(codes, tf.float32)
    if values.shape[1:] != moving.shape:
        raise BadInput(
            f"codes {list(values.shape)} behind {behind}", f"expected [N, {', '.join(map(str, moving.shape))}]"
        )
    return values, Held()


def _move(
    moving: Live, task: _Task, settings: TuningSettings, watch: Callable[[int, float, float], None] | None
) -> None:
    """All steps."""
    values, held = _others(moving, task, settings)
    kept = tf.constant(unclipped(moving, values, held))
    prepared = task.term.prepare(task.targets)
    optimizer, weights = _optimizer(moving, settings), moving.weights
    watched = [weight.value if isinstance(weight, keras.Variable) else weight for weight in weights]
    some = lambda nest, rows: tf.nest.map_structure(lambda each: tf.gather(each, rows), nest)

    @tf.function(autograph=False)
    def step(rows: tf.Tensor, others: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        objective = task.term.bind(some(task.targets, rows), moving.whole.space, some(prepared, rows))
        codes = some(task.values, rows)
        with tf.GradientTape() as tape:
            tape.watch(watched)  # a model may have been saved as not trainable
            images = moving.images(codes, task.held.each(lambda each: tf.gather(each, rows)))
            loss = tf.reduce_mean(objective(codes, images))
            now = moving.images(some(values, others), held.each(lambda each: tf.gather(each, others)))
            change = tf.reduce_mean(tf.math.squared_difference(now, some(kept, others)))
            total = optimizer.scale_loss(loss + settings.locality * change)
        slopes = zip(tape.gradient(total, watched), weights, strict=True)
        known = [(slope, weight) for slope, weight in slopes if slope is not None]
        if not known:
            raise BadInput(f"{moving.whole.name}: its images do not depend on its weights", "they cannot be moved")
        optimizer.apply_gradients(known)
        return loss, change

    order = np.random.default_rng([settings.seed, _ORDER])
    for number in range(settings.steps):
        rows, others = (_some(order, len(each), settings.batch_size) for each in (task.values, values))
        loss, change = step(tf.constant(rows), tf.constant(others))
        if not np.isfinite(loss + change):
            raise BadInput(f"step {number + 1} of the tuning: loss {float(loss)}, change {float(change)}", _CALMER)
        if watch is not None:
            watch(number + 1, float(loss), float(change))


def _some(order: np.random.Generator, count: int, most: int) -> np.ndarray:
    """Which rows a step takes: all, or as many as it may."""
    return np.arange(count) if count <= most else order.choice(count, most, replace=False)


def _others(moving: Live, task: _Task, settings: TuningSettings) -> tuple[tf.Tensor, Held]:
    """What other images are made of: half from the prior, half on the way there from what was found."""
    seed = int(seeds.fold_in(tf.constant([[settings.seed, 0]], tf.int64), _BANK)[0, 1])
    values, held = moving.drawn(settings.samples, seed)
    near = np.arange(settings.samples) % 2 == 1
    of = np.arange(settings.samples) // 2 % len(task.values)  # so that each is near to some
    way = np.where(near, np.random.default_rng([settings.seed, _BANK]).uniform(*_NEAR, settings.samples), 1.0)
    own = tf.gather(task.values, of)
    mixed = own + way.astype(np.float32).reshape(-1, *[1] * (len(values.shape) - 1)) * (values - own)
    labels = held.labels
    if not absent(labels):
        labels = tf.where(near.reshape(-1, *[1] * (len(labels.shape) - 1)), tf.gather(task.held.labels, of), labels)
    return mixed, Held(labels)


def _optimizer(moving: Live, settings: TuningSettings) -> Any:
    """Adam; where the model computes in float16, losses are scaled, so that small slopes do not vanish."""
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(settings.learning_rate, settings.steps))
    layers = getattr(moving.model, "layers", [])
    half = any(str(getattr(layer, "compute_dtype", "")) == "float16" for layer in layers)
    return keras.optimizers.LossScaleOptimizer(adam) if half else adam


def _term(settings: TuningSettings) -> Term:
    return loss_of(LossSettings(features=settings.features))


def _save(moving: Live, path: Path) -> None:
    generator = moving.whole
    names = {} if generator.condition is None else {"class_names": generator.condition.names}
    with whole(path) as temporary:
        try:
            saved(moving, temporary)
        except (ValueError, NotImplementedError, TypeError, AttributeError) as error:
            raise BadInput(
                f"{generator.name} cannot be saved ({short(error)})", "register its classes with Keras"
            ) from error
        more = {name: value for name, value in names.items() if value}
        first = generator.about.tuned_from or generator.about.fingerprint  # whose codes it goes on with
        write_card(temporary, generator.space, generator.value_range, tuned_from=first, **more)
