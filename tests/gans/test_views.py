"""What the discriminator sees: changes that are random, bounded, and differentiable."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.gans.views import CHANGES, Augmented

STEP, STREAM = tf.constant(3, tf.int64), tf.constant([5, 3], tf.int64)
IMAGES = tf.constant(np.random.default_rng(0).uniform(-1, 1, (32, 16, 16, 3)).astype(np.float32))


def seen(*changes, images=IMAGES, number=4, stream=STREAM):
    return Augmented(changes)(images, STEP, stream, number).numpy()


def test_each_draw_is_another_and_the_same_again():
    first = seen(*CHANGES)
    np.testing.assert_array_equal(first, seen(*CHANGES))
    assert np.abs(first - seen(*CHANGES, number=5)).max() > 0.1
    assert np.abs(first - seen(*CHANGES, stream=tf.constant([6, 3], tf.int64))).max() > 0.1
    np.testing.assert_array_equal(seen(), IMAGES)


def test_colours_are_moved_all_over_an_image():
    grey = tf.fill([64, 8, 8, 3], 0.2)
    levels = seen("colour", images=grey)
    assert np.ptp(levels, axis=(1, 2, 3)).max() < 1e-6  # no saturation, no contrast to change
    assert -0.3 <= levels.min() < -0.2
    assert 0.6 < levels.max() <= 0.7
    spread = seen("colour").std(axis=(1, 2, 3)) / np.std(IMAGES, axis=(1, 2, 3))
    assert spread.min() < 0.7
    assert spread.max() > 1.3


def test_translations_are_of_whole_pixels_and_at_most_an_eighth():
    moved, found = seen("translation"), set()
    for image, other in zip(IMAGES.numpy(), moved, strict=True):
        fits = []
        for down in range(-2, 3):
            for right in range(-2, 3):
                wanted = np.zeros_like(image)
                rows, columns = (slice(max(0, by), 16 + min(0, by)) for by in (down, right))
                of_rows, of_columns = (slice(max(0, -by), 16 + min(0, -by)) for by in (down, right))
                wanted[rows, columns] = image[of_rows, of_columns]
                if np.array_equal(wanted, other):
                    fits.append((down, right))
        assert len(fits) == 1
        found |= set(fits)
    assert len(found) > 10


def test_a_cutout_is_one_rectangle_of_at_most_half_the_sides():
    for image in seen("cutout", images=tf.ones([64, 16, 16, 3])):
        hole = image[..., 0] == 0
        rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
        assert 4 <= len(rows) <= 8
        assert 4 <= len(columns) <= 8
        assert hole[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert hole.sum() == len(rows) * len(columns)


@pytest.mark.parametrize("changes", [[name] for name in CHANGES] + [list(CHANGES)])
def test_slopes_go_through(changes):
    """The gradient is that of finite differences."""
    images, ahead = (
        tf.identity(IMAGES[:4]),
        tf.constant(np.random.default_rng(1).normal(size=(4, 16, 16, 3)), tf.float32),
    )
    weights = tf.constant(np.random.default_rng(2).normal(size=(4, 16, 16, 3)), tf.float32)
    value = lambda images: tf.reduce_sum(weights * Augmented(changes)(images, STEP, STREAM, 4))
    with tf.GradientTape() as tape:
        tape.watch(images)
        told = value(images)
    slope = tf.reduce_sum(tape.gradient(told, images) * ahead)
    assert float(value(images + 0.1 * ahead) - told) / 0.1 == pytest.approx(float(slope), rel=1e-2, abs=1e-2)


def test_changes_that_there_are_not():
    with pytest.raises(ti.BadInput, match="augmentation blur: expected some of colour, translation, cutout"):
        Augmented(["colour", "blur"])
