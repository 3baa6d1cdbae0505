"""How alike two images are. All on the [0, 1] scale, one value per image, whatever a generator's range.

Images are [B, H, W, C], with any number of channels. Series [B, L, C] have no black and white: what lies beyond
[0, 1] counts as the rest does.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_SERIES = 3  # the rank of series in a batch
_WINDOW = 11  # of SSIM


def inside(images: np.ndarray) -> np.ndarray:
    """Images [B, ...] cut to [0, 1], as pictures show them; of series all shows."""
    return images if images.ndim == _SERIES else np.clip(images, 0, 1)


def beyond(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Where [B, ...] targets are black or white and images are further out still, of which pictures show nothing."""
    if len(images.shape) == _SERIES:
        return tf.zeros_like(images, tf.bool)
    return ((targets == 0) & (images < 0)) | ((targets == 1) & (images > 1))


def shown(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Images [B, ...] with the value of the targets where they are `beyond` it: there they do not differ."""
    images = tf.convert_to_tensor(images)
    return tf.where(beyond(images, targets), tf.cast(targets, images.dtype), images)


def mse(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean squared error [B] of images [B, ...]; targets are in [0, 1], and images as they are `shown`."""
    errors = tf.math.squared_difference(shown(images, targets), targets)
    return tf.reduce_mean(errors, axis=list(range(1, errors.shape.rank)))


def psnr(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Peak signal-to-noise ratio [B] in decibels, the peak being 1; infinite for equal images."""
    return tf.image.psnr(*(_picture(each, 1) for each in (shown(images, targets), targets)), max_val=1.0)


def ssim(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Structural similarity [B], 1 for equal images (Wang et al. 2004), its window cut down for tiny images.

    That of series has a window along them.
    """
    images, targets = tf.convert_to_tensor(images), tf.convert_to_tensor(targets)
    window = min(_WINDOW, *images.shape[1:-1].as_list())
    return tf.image.ssim(_picture(images, window), _picture(targets, window), max_val=1.0, filter_size=window)


def _picture(images: tf.Tensor, wide: int) -> tf.Tensor:
    """Series [B, L, C] as pictures [B, L, wide, C] whose columns are all alike; pictures as they are."""
    images = tf.convert_to_tensor(images)
    return tf.repeat(images[:, :, tf.newaxis], wide, axis=2) if images.shape.rank == _SERIES else images
