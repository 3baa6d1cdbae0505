"""Batch normalisation that trains in fewer passes over memory."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's batch normalisation, while it trains by TensorFlow's own kernel for maps [B, H, W, C].

    The numbers are those of Keras, which takes a pass over memory for each of mean, squares, differences and products,
    in float32. Nearly half of a DCGAN's step on a CPU went there.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Maps [B, H, W, C], normalised over all but C."""
        if not (training and self.trainable) or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        width = inputs.shape[-1]
        scale = self.gamma.value if self.scale else tf.ones([width])
        offset = self.beta.value if self.center else tf.zeros([width])
        maps, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, scale, offset, epsilon=self.epsilon)
        count = tf.cast(tf.size(inputs) // width, tf.float32)
        self._follow(self.moving_mean, mean)
        self._follow(self.moving_variance, variance * (count - 1) / count)  # Keras's has no Bessel's correction
        return maps

    def _follow(self, moving: Any, new: tf.Tensor) -> None:
        moving.assign(moving * self.momentum + new * (1.0 - self.momentum))


def fused(model: keras.Model) -> keras.Model:
    """A clone with the same weights, batch normalisations of maps fused: for training, not for saving."""
    clone = keras.models.clone_model(model, clone_function=_fused)
    clone.set_weights(model.get_weights())
    return clone


def _fused(part: Any) -> Any:
    """A twin of a layer, or of one of Keras's operations, which have no weights."""
    kind = FusedBatchNormalization if _is_of_maps(part) else type(part)
    return kind.from_config(part.get_config())


def _is_of_maps(part: Any) -> bool:
    if type(part) is not layers.BatchNormalization or part.renorm or part.synchronized:
        return False
    single = part.variable_dtype == "float32"  # the kernel knows no float64
    return single and part.input_spec.ndim == 4 and part.axis in (-1, 3)
