"""The stages of a search where their answer is known; together they are tested in test_recover.py."""

import numpy as np
import scipy.optimize
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion.noise import to_8_bits
from tfinvert.inversion.stages import Stages

RANDOM = np.random.default_rng(4)
MATRIX, OFFSET = RANDOM.normal(0, 1.5, (5, 64)), RANDOM.normal(4, 2, 64)
SATURATED = ti.load_generator(
    lambda codes: tf.reshape(
        tf.sigmoid(codes @ tf.constant(MATRIX, tf.float32) + tf.constant(OFFSET, tf.float32)), [-1, 8, 8, 1]
    ),
    prior=ti.normal(5),
    value_range=(0, 1),
)


def likeliest(picture, start):
    """The code of the largest posterior: normal errors of a rounding step, and one-sided ones at black and white."""
    low, high = 0.5 / 255, 1 - 0.5 / 255
    logit = lambda x: np.log(x / (1 - x))
    edge = np.clip(picture.astype(float).ravel(), low, high)
    weights = edge * (1 - edge) * 12**0.5 * 255

    def residuals(code):
        apart = code @ MATRIX + OFFSET - logit(edge)
        apart = np.where(edge == high, np.minimum(apart, 0), np.where(edge == low, np.maximum(apart, 0), apart))
        return np.concatenate([weights * apart, code])

    return scipy.optimize.least_squares(residuals, start, xtol=1e-14, ftol=1e-14, gtol=1e-14).x


def test_the_most_probable_code_of_a_picture_whose_pixels_are_mostly_white():
    codes, images = SATURATED.sample(8, seed=3)
    pictures = to_8_bits(np.asarray(images)).astype(np.float32)
    assert np.isin(pictures, (0, 1)).mean() > 0.3
    found = np.zeros((8, 5), np.float32)
    for stage in Stages(SATURATED).rounded():
        found = stage(pictures, starts=found[:, None]).codes.numpy()
    for number in range(8):
        best = likeliest(pictures[number], codes[number].numpy())
        np.testing.assert_allclose(found[number], best, atol=1e-3)
