"""The settings of a tuning of a generator to pictures."""

from __future__ import annotations

import dataclasses

from tfinvert.settings.field import Settings, setting, within
from tfinvert.settings.groups import FeatureSettings


@dataclasses.dataclass(frozen=True)
class TuningSettings(Settings):
    """How a generator's weights are moved so that its images of given codes come nearer to pictures."""

    steps: int = setting(300, "Steps of Adam.", int, least=1)
    learning_rate: float = setting(1e-3, "Of Adam at first; it falls to nothing.", float, above=0)
    locality: float = setting(
        1.0,
        "Weight of the change of other images beside the error of the pictures: more keeps the generator as it was.",
        float,
        least=0,
    )
    samples: int = setting(256, "How many other images are kept as they were.", int, least=2)
    batch_size: int = setting(16, "Pictures, and other images, for each step.", int, least=1)
    seed: int = setting(0, "Fixes the other images and the order.", int, least=0, most=2**32 - 1)
    features: FeatureSettings = within(FeatureSettings)
