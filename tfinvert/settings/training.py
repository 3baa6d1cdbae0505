"""The settings of a run of training."""

from __future__ import annotations

import dataclasses

from tfinvert.errors import BadInput
from tfinvert.settings.field import Settings, setting

CONDITIONAL = ("conditional", "attention")  # the architectures that are given a class beside the code


@dataclasses.dataclass(frozen=True)
class TrainingSettings(Settings):
    """How a small GAN is trained; two runs of equal settings on equal images are one."""

    architecture: str = setting(
        "dcgan",
        "A DCGAN; one whose last doubling makes channels pixels; one that takes a class (of labelled pictures, of "
        "folders, or of glyphs); one in BigGAN's style, with a class and self-attention.",
        choices=("dcgan", "pixel_shuffle", *CONDITIONAL),
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
    classes: int | None = setting(None, "How many classes there are, where the architecture takes one.", int, least=1)
    precision: str = setting(
        "float32",
        "What is computed in; the mixed ones are faster on GPUs that have them, and slower without.",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.classes is not None) != (self.architecture in CONDITIONAL):
            raise BadInput(f"architecture={self.architecture} with classes={self.classes}", "expected both, or neither")

    @property
    def image_shape(self) -> tuple[int, int, int]:
        return self.resolution, self.resolution, self.channels
