"""The networks of a training, by its settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator, first_size, generator_widths
from tfinvert.gans.biggan import biggan_generator
from tfinvert.gans.gan import GAN, Feed
from tfinvert.gans.objectives import WGAN, WGANGP, Objective, SoftLabels, Standard
from tfinvert.gans.style import style_generator
from tfinvert.gans.views import Augmented, Noisy, View
from tfinvert.settings import TrainingSettings
from tfinvert.spaces import Space, normal, uniform

_QUIET = 0.5  # share of the steps after which the noise of `noise` has died away


class _Architecture(NamedTuple):
    """How a generator is made."""

    generator: Callable[[TrainingSettings], keras.Model]
    feed: Callable[[TrainingSettings], Feed] | None = None  # what it is given; None for codes, and labels behind them
    least: int = 0  # widths: without them it would lack what it is named for
    leaks: bool = False  # attention has a way round its ReLUs, and style a slope of its own


class _Game(NamedTuple):
    """An objective, and what it is trained with."""

    objective: Objective
    normalised: bool = False  # batch normalisation in the discriminator
    noise: float = 0.0  # of the first step, on [-1, 1]


class _Prior(NamedTuple):
    """What codes are drawn from."""

    space: Callable[[int], Space]
    draw: Callable[..., tf.Tensor]  # (shape, seed) -> codes


def build(settings: TrainingSettings, steps: int) -> GAN:
    """The networks and their optimizers, for so many steps in all.

    Raises:
      BadInput: a code of so many entries, or so many widths, do not go with the architecture or the images.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(settings.precision)
    try:
        return _build(settings, steps)
    finally:
        keras.config.set_dtype_policy(before)


def _build(settings: TrainingSettings, steps: int) -> GAN:
    if settings.discriminator_widths == ():
        raise BadInput("discriminator_widths without numbers", "expected one for each halving, such as 32,64,128")
    keras.utils.set_random_seed(settings.seed)
    game, architecture = OBJECTIVES[settings.objective], ARCHITECTURES[settings.architecture]
    if settings.leak and not architecture.leaks:
        given = f"architecture={settings.architecture} with leak={settings.leak}"
        leaky = " or ".join(name for name, each in ARCHITECTURES.items() if each.leaks)
        raise BadInput(given, f"expected it with {leaky} only: leave out --leak")
    if settings.widths is not None and len(settings.widths) < architecture.least:
        given = f"architecture={settings.architecture} with widths={','.join(map(str, settings.widths))}"
        raise BadInput(given, f"expected at least {architecture.least} widths")
    discriminator = dcgan_discriminator(
        settings.resolution,
        settings.channels,
        settings.discriminator_widths,
        normalised=game.normalised,
        classes=settings.classes,
    )
    views: list[View] = [Augmented(settings.augment)] if settings.augment else []
    if game.noise:
        views.append(Noisy(game.noise, max(1, round(_QUIET * steps))))
    gan = GAN(
        architecture.generator(settings),
        discriminator,
        settings.latent,
        PRIORS[settings.prior].draw,
        game.objective,
        views,
        seed=settings.seed,
        feed=None if architecture.feed is None or settings.classes is None else architecture.feed(settings),
    )
    gan.compile(*(_optimizer(settings, steps // every) for every in (game.objective.every, 1)))
    return gan


def _optimizer(settings: TrainingSettings, steps: int) -> keras.optimizers.Optimizer:
    """Of a player that takes so many steps.

    Without a memory of slopes (beta_1) Adam bears a rate at which 15 epochs of Omniglot give legible characters; with
    0.5 and 4e-4 they gave blots. So did games without a penalty where the discriminator has no batch normalisation.
    """
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, max(1, steps), alpha=0.05)
    return keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99)


def _dcgan(settings: TrainingSettings, shuffle: bool = False) -> keras.Model:
    return dcgan_generator(
        settings.latent,
        settings.resolution,
        settings.channels,
        settings.widths,
        shuffle=shuffle,
        classes=settings.classes,
        leak=settings.leak,
    )


def _biggan(settings: TrainingSettings) -> keras.Model:
    """As BigGAN's, but small: as many blocks as doublings, and attention before the last one."""
    size, latent = settings.resolution, settings.latent
    widths = generator_widths(size) if settings.widths is None else settings.widths
    blocks = len(widths)
    if latent % blocks:
        less = max(latent // blocks, 1) * blocks
        raise BadInput(
            f"latent={latent} for attention at {size}",
            f"expected a multiple of {blocks}, such as {less} or {less + blocks}",
        )
    start = first_size(size, widths)
    return biggan_generator(
        widths, latent // blocks, 32, settings.classes, settings.channels, size // 2, start, calm=True
    )


def _style(settings: TrainingSettings) -> keras.Model:
    """As StyleGAN's, but small."""
    if settings.classes is not None:
        raise BadInput("architecture=style with classes", "it takes none: leave out --by_class")
    size = settings.resolution
    widths = generator_widths(size) if settings.widths is None else settings.widths
    return style_generator(settings.latent, widths, settings.channels, first_size(size, widths))


def _one_hot(settings: TrainingSettings) -> Feed:
    return lambda codes, labels: {"z": codes, "y": tf.one_hot(tf.reshape(labels, [-1]), settings.classes)}


ARCHITECTURES = {
    "dcgan": _Architecture(_dcgan, leaks=True),
    "pixel_shuffle": _Architecture(functools.partial(_dcgan, shuffle=True), least=2, leaks=True),
    "attention": _Architecture(_biggan, _one_hot, least=3),
    "style": _Architecture(_style),
}
OBJECTIVES = {
    "standard": _Game(Standard(gamma=0.1)),
    "plain": _Game(Standard(gamma=0.0), normalised=True),
    "noise": _Game(Standard(gamma=0.0), normalised=True, noise=0.5),
    "soft_labels": _Game(SoftLabels(), normalised=True),
    "wgan": _Game(WGAN(every=2), normalised=True),
    "wgan_gp": _Game(WGANGP(every=2)),
}
PRIORS = {
    "normal": _Prior(normal, tf.random.stateless_normal),
    "uniform": _Prior(uniform, functools.partial(tf.random.stateless_uniform, minval=-1, maxval=1)),
}
