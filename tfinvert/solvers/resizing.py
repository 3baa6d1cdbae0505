"""Image resizing whose backward pass has a derivative, which `push` needs.

In TensorFlow the backward passes of the nearest and the bicubic resize have none, and that of the bilinear resize is
registered as not differentiable: its Jacobians were zero without a word. Resizing is linear in the image, so the
derivative of its backward pass is the resize itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops

_RAW = tf.raw_ops
_RESIZES = {  # each with its backward pass
    "ResizeBilinear": lambda up, image, how: _RAW.ResizeBilinearGrad(grads=up, original_image=image, **how),
    "ResizeBicubic": lambda up, image, how: _RAW.ResizeBicubicGrad(grads=up, original_image=image, **how),
    "ResizeNearestNeighbor": lambda up, image, how: _RAW.ResizeNearestNeighborGrad(
        grads=up, size=tf.shape(image)[1:3], **how
    ),
}


def register() -> None:
    """Gives TensorFlow's resizes gradients, of the same values, that can be differentiated again."""
    for name, back in _RESIZES.items():
        ops.gradient_registry._registry.pop(name, None)
        tf.RegisterGradient(name)(_gradient(getattr(_RAW, name), back))


def _gradient(resize: Any, back: Callable) -> Callable:
    def gradient(operation: tf.Operation, upstream: tf.Tensor) -> list[tf.Tensor | None]:
        image = operation.inputs[0]
        how = {name: operation.get_attr(name) for name in ("align_corners", "half_pixel_centers")}

        @tf.custom_gradient
        def pulled(upstream: tf.Tensor) -> tuple[tf.Tensor, Callable]:
            size = tf.shape(upstream)[1:3]
            return back(upstream, image, how), lambda tangent: resize(images=tangent, size=size, **how)

        return [pulled(upstream), None]

    return gradient
