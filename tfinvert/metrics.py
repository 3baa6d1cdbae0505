"""How alike two images are. All on the [0, 1] scale, one value per image, whatever a generator's range."""

from __future__ import annotations

import tensorflow as tf


def beyond(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Where [B, ...] targets are black or white and images are further out still, of which pictures show nothing."""
    return ((targets == 0) & (images < 0)) | ((targets == 1) & (images > 1))


def shown(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Images [B, ...] with the value of the targets where they are `beyond` it: there they do not differ."""
    images = tf.convert_to_tensor(images)
    return tf.where(beyond(images, targets), tf.cast(targets, images.dtype), images)


def mse(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean squared error [B] of images [B, H, W, C]; targets are in [0, 1], and images as they are `shown`."""
    return tf.reduce_mean(tf.math.squared_difference(shown(images, targets), targets), axis=[1, 2, 3])


def psnr(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Peak signal-to-noise ratio [B] in decibels; infinite for equal images."""
    return tf.image.psnr(shown(images, targets), targets, max_val=1.0)


def ssim(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Structural similarity [B], 1 for equal images (Wang et al. 2004), its window cut down for tiny images."""
    window = min(11, *(int(n) for n in images.shape[1:3]))
    return tf.image.ssim(images, targets, max_val=1.0, filter_size=window)
