"""How alike two images are. All on the [0, 1] scale, one value per image, whatever a generator's range."""

from __future__ import annotations

import tensorflow as tf


def mse(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean squared error [B] of images [B, H, W, C] in [0, 1]."""
    return tf.reduce_mean(tf.math.squared_difference(images, targets), axis=[1, 2, 3])


def psnr(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Peak signal-to-noise ratio [B] in decibels; infinite for equal images."""
    return tf.image.psnr(images, targets, max_val=1.0)


def ssim(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Structural similarity [B], 1 for equal images (Wang et al. 2004), its window cut down for tiny images."""
    window = min(11, *(int(n) for n in images.shape[1:3]))
    return tf.image.ssim(images, targets, max_val=1.0, filter_size=window)
