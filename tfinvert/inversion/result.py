"""What an inversion gives."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from tfinvert.solvers.status import Status


class Inversion(NamedTuple):
    """Codes and reconstructions of B images; a tuple of tensors, so that it passes through `dataset.map`."""

    codes: tf.Tensor  # [B, *shape] float32, always finite
    images: tf.Tensor  # [B, H, W, C] float32, the reconstructions in the generator's value range
    loss: tf.Tensor  # [B] float32 at `codes`; infinite where the loss never was finite
    status: tf.Tensor  # [B] int32, see `Status`
    steps: tf.Tensor  # [B] int32, steps taken from the start that won
    passes: tf.Tensor  # [B] int32, generator passes of all starts: a forward, backward or tangent pass is one each
    start_losses: tf.Tensor  # [B, restarts] float32, the best loss that each start came to

    @property
    def messages(self) -> list[str]:
        """What `status` says, in words; outside of graphs only."""
        return [Status(int(value)).message for value in self.status]
