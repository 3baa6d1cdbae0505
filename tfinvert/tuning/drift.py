"""What becomes of other images when a generator is tuned: how far they move, and whether they are worse."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics
from tfinvert.generators.held import Held
from tfinvert.losses.kid import KID, Distance
from tfinvert.settings import ScoreSettings
from tfinvert.tuning.live import Live

_SAMPLES = 128
_BATCH = 16
_SEED = 2**31 + 7  # none of those that are tuned with


class Drift(NamedTuple):
    """How other images changed.

    Attributes:
      psnr: median over images of the prior's codes, of the image now and before, in dB.
      kid: the KID of images now to others of before; None without a network.
      kid_before: the same of images of before, which is 0 but for chance.
    """

    psnr: float
    kid: Distance | None = None
    kid_before: Distance | None = None

    @property
    def told(self) -> str:
        """In words."""
        text = f"other images are {self.psnr:.1f} dB from what they were"
        if self.kid is None or self.kid_before is None:
            return text
        return f"{text}; their KID to others of before is {self.kid}, and was {self.kid_before}, times 1000"

    @property
    def columns(self) -> dict[str, float]:
        """For tables."""
        found = {"others_psnr": self.psnr}
        for name, value in (("others_kid", self.kid), ("others_kid_before", self.kid_before)):
            found |= {} if value is None else {name: value.value, f"{name}_error": value.error}
        return found


class Before:
    """Other images as they are before a tuning.

    Args:
      live: the generator.
      how: the features by which sets of images are compared; None for none.
    """

    def __init__(self, live: Live, how: ScoreSettings | None = None) -> None:
        count = _SAMPLES if how is None else max(_SAMPLES, how.samples)
        self.values, self.held = live.drawn(count, _SEED)
        self.images = made(live, self.values, self.held)
        self._kid = None
        if how is not None:
            others = made(live, *live.drawn(count, _SEED + 1))
            self._kid = KID.of(how, others)

    def drift(self, now: np.ndarray) -> Drift:
        """What became of them: images [N, H, W, C] of the same codes."""
        apart = float(np.median(metrics.psnr(tf.constant(now), tf.constant(self.images))))
        if self._kid is None:
            return Drift(apart)
        return Drift(apart, self._kid(now), self._kid(self.images))


def made(live: Live, values: tf.Tensor, held: Held) -> np.ndarray:
    """Images [N, H, W, C] in [0, 1]."""
    return metrics.inside(unclipped(live, values, held))


def unclipped(live: Live, values: tf.Tensor, held: Held) -> np.ndarray:
    """The same as the generator makes them, by batches: values may lie beyond black and white."""
    draw = tf.function(live.images, autograph=False, reduce_retracing=True)
    images = []
    for first in range(0, len(values), _BATCH):
        some = functools.partial(lambda part, rows: rows[part], slice(first, first + _BATCH))
        images.append(draw(some(values), held.each(some)).numpy())
    return np.concatenate(images)
