"""The settings of a run of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from tfinvert.settings.field import Settings, setting


@dataclasses.dataclass(frozen=True)
class TrainingSettings(Settings):
    """How a small GAN is trained; two runs of equal settings on equal images are one."""

    architecture: str = setting(
        "dcgan",
        "A DCGAN; one whose last doubling makes channels pixels; one in BigGAN's style, with self-attention; "
        "one in StyleGAN's form, with a mapping.",
        choices=("dcgan", "pixel_shuffle", "attention", "style"),
    )
    widths: Sequence[int] | None = setting(
        None,
        "The generator's channels: of the map that the dense layer makes, then after each doubling; fewer numbers, a "
        "larger first map; default: halved from 128 to 16, from a map of 4x4 or 7x7.",
        int,
        several=True,
        least=1,
    )
    discriminator_widths: Sequence[int] | None = setting(
        None, "The discriminator's channels after each halving; default: doubled from 32.", int, several=True, least=1
    )
    leak: float = setting(
        0.0,
        "Slope of a DCGAN generator's ReLUs below zero. With some, such as 0.2, no unit is dead, and images are met "
        "closer behind the first dense layer.",
        float,
        least=0,
        most=1,
    )
    objective: str = setting(
        "standard",
        "What is played for: the usual game with the R1 penalty, without, with decaying noise, with soft labels; the "
        "Wasserstein distance with clipped weights, with a penalty on slopes.",
        choices=("standard", "plain", "noise", "soft_labels", "wgan", "wgan_gp"),
    )
    prior: str = setting("normal", "What codes are drawn from: N(0, 1) or U(-1, 1).", choices=("normal", "uniform"))
    latent: int = setting(64, "Entries of a code.", int, least=1)
    resolution: int = setting(32, "Height and width of the images.", int, choices=(28, 32, 64, 128))
    channels: int = setting(1, "1 for grey, 3 for colour.", int, choices=(1, 3))
    epochs: int = setting(40, "Passes over the images.", int, least=1)
    batch_size: int = setting(64, "Images for each step.", int, least=1)
    seed: int = setting(0, "Fixes images, weights, order and codes.", int, least=0, most=2**32 - 1)
    learning_rate: float = setting(1e-3, "Of both players at first; it falls to a twentieth.", float, above=0)
    flips: bool = setting(
        False, "Mirror each picture left to right with a chance of a half, anew in every epoch.", bool
    )
    augment: Sequence[str] = setting(
        (),
        "Changes of all that the discriminator sees, for few pictures: some of colour, translation, cutout.",
        several=True,
        choices=("colour", "translation", "cutout"),
    )
    classes: int | None = setting(None, "How many classes there are; None for a generator of none.", int, least=1)
    precision: str = setting(
        "float32",
        "What is computed in; the mixed ones are faster on devices that have them, and slower without.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.resolution, self.resolution, self.channels


@dataclasses.dataclass(frozen=True)
class ScoreSettings(Settings):
    """How epochs of a training are rated: by the KID of samples to pictures that are not trained on."""

    network: Any = setting(
        None,
        "Measure KID by this network: InceptionV3, VGG16, VGG19, MobileNetV2 or a Keras file. `tfinvert train` rates "
        "every epoch by it against the pictures that are kept (--keep), and keeps the best one's generator, not the "
        "last; `tfinvert tune` tells by it what became of other images.",
        flag="score",
        open=True,
    )
    layer: str = setting("mixed8", "Layer of that network.", flag="score_layer")
    weights: Any = setting(
        "imagenet", "Those in Keras's cache, or a file of them without the top.", flag="score_weights", open=True
    )
    size: int | None = setting(
        None,
        "Height and width that pictures are brought to for it; default: a file's own, and 128 for the others.",
        int,
        flag="score_size",
        least=1,
    )
    samples: int = setting(
        1000,
        "How many samples are rated; `tfinvert tune` takes at least 128.",
        int,
        flag="score_samples",
        least=4,
        most=20_000,
    )
