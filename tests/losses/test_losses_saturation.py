"""Losses before the saturation: at known points, near black and white, and of what rounding hides."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.uniform(size=(3, 4, 5, 2)).astype(np.float32)
IMAGES = RANDOM.uniform(0.01, 0.99, size=(3, 4, 5, 2)).astype(np.float32)


@pytest.mark.parametrize("floor", [1e-3, 0.1])
def test_logit_at_known_points(floor):
    seen = lambda *points: ti.Logit(floor)(tf.constant(points, tf.float64)).numpy()
    ends = floor * np.log((1 + floor) / floor)
    np.testing.assert_allclose(seen(0, 0.5, 1), [-ends, 0, ends], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(seen(0.2), floor * np.log((0.2 + floor) / (0.8 + floor)), rtol=1e-6)
    np.testing.assert_allclose(seen(0.01, 0.3), -seen(0.99, 0.7), rtol=1e-6)  # black and white are alike


def test_logit_is_the_mean_squared_error_of_what_it_sees():
    def logit(images):
        return 1e-3 * np.log((images.astype(float) + 1e-3) / (1 - images.astype(float) + 1e-3))

    value = ti.Logit().bind(tf.constant(TARGETS), ti.normal(2))(None, tf.constant(IMAGES))
    np.testing.assert_allclose(value, np.mean((logit(IMAGES) - logit(TARGETS)) ** 2, axis=(1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logit_rises_everywhere_and_is_finite_beyond_black_and_white(dtype):
    points = np.concatenate([[-1e3, -1.2, -0.1, -0.001], np.linspace(0, 1, 101), [1.001, 1.1, 1.2, 1e3]]).astype(dtype)
    seen = ti.Logit()(tf.constant(points)).numpy()
    assert seen.dtype == dtype
    assert np.isfinite(seen).all()
    assert (np.diff(seen) > 0).all()


def test_logit_magnifies_black_and_white_and_its_gradient_is_finite_there():
    points = tf.constant([0.0, 1.0, 0.5, -0.1, 1.2])
    with tf.GradientTape() as tape:
        tape.watch(points)
        seen = ti.Logit()(points)
    gradient = tape.gradient(seen, points).numpy()
    assert np.isfinite(gradient).all()
    np.testing.assert_allclose(gradient[:2], 1, rtol=2e-3)  # the slope at the ends is 1, whatever the floor
    np.testing.assert_allclose(gradient[2], 4e-3, rtol=1e-2)
    assert (gradient > 0).all()  # a code outside still knows the way back


@pytest.mark.parametrize("floor", [0, -1e-3, float("nan"), float("inf")])
def test_logits_floor_is_a_positive_number(floor):
    with pytest.raises(ti.BadInput, match="floor="):
        ti.Logit(floor)


def rounded(images, targets, **settings):
    """The loss of rows of pixels [B, M], and its gradient."""
    images = tf.Variable(np.asarray(images, np.float32)[:, None, :, None])
    bound = ti.Rounded(**settings).bind(tf.constant(np.asarray(targets, np.float32)[:, None, :, None]), None)
    with tf.GradientTape() as tape:
        value = bound(None, images)
    return value.numpy(), tape.gradient(value, images).numpy()[:, 0, :, 0]


def test_rounded_is_the_mean_square_of_standard_deviations_near_the_target():
    for target in (0.2, 0.5, 0.9):
        value, _ = rounded([[target + 1e-3, target]], [[target, target]], step=0.01)
        np.testing.assert_allclose(value, (1e-3 / (0.01 / 12**0.5)) ** 2 / 2, rtol=0.02)


def test_without_weights_it_is_the_mean_square_of_logits():
    logit = lambda x: np.log(x / (1 - x))
    images, targets = IMAGES.reshape(3, -1), np.clip(TARGETS, 0.01, 0.99).reshape(3, -1)
    value, _ = rounded(images, targets, power=0)
    np.testing.assert_allclose(value, np.mean((logit(images) - logit(targets)) ** 2, axis=1), rtol=1e-3)


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_what_is_rounded_to_black_or_white_costs_nothing(power):
    images = [[1.0, 0.9999, 1 - 0.4 / 255, 0.0, 1e-5, 0.4 / 255, 1.5, -1.5]]
    value, pull = rounded(images, [[1, 1, 1, 0, 0, 0, 1, 0]], power=power)
    assert value == 0
    assert not pull.any()


def test_from_the_other_end_it_still_pulls():
    value, pull = rounded([[1e-5, 1 - 1e-5, 1 - 0.6 / 255, 0.6 / 255]], [[1, 0, 1, 0]], power=0)
    assert np.isfinite(value).all()
    assert pull[0, 0] < -1e3  # before a sigmoid the pull is that times 1e-5
    assert pull[0, 1] > 1e3
    assert pull[0, 2] < 0 < pull[0, 3]


@pytest.mark.parametrize(
    "settings", [{"step": 0}, {"step": 1}, {"step": float("nan")}, {"power": -0.1}, {"power": 1.5}], ids=str
)
def test_settings_out_of_range(settings):
    with pytest.raises(ti.BadInput, match=next(iter(settings))):
        ti.Rounded(**settings)
