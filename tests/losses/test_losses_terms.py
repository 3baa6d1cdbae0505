"""Each term against its formula, and that descending it lowers it."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tfinvert as ti
from tfinvert.losses import Ridge
from tfinvert.settings import PIXEL_LOSSES

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.uniform(size=(3, 4, 5, 2)).astype(np.float32)
IMAGES = RANDOM.uniform(0.01, 0.99, size=(3, 4, 5, 2)).astype(np.float32)
FORMULAS = {
    "mse": lambda t, y: (t - y) ** 2,
    "l1": lambda t, y: abs(t - y),
    "huber": lambda t, y: np.where(abs(t - y) <= 0.1, 0.5 * (t - y) ** 2, 0.1 * (abs(t - y) - 0.05)),
    "bce": lambda t, y: -(t * np.log(y) + (1 - t) * np.log(1 - y)),
}


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_pixel_losses_are_means_of_their_formulas(name):
    value = ti.Pixel(name).bind(tf.constant(TARGETS), ti.normal(2))(None, tf.constant(IMAGES))
    np.testing.assert_allclose(value, FORMULAS[name](TARGETS, IMAGES).mean(axis=(1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        *map(ti.Pixel, PIXEL_LOSSES),
        ti.Pixel(keras.losses.log_cosh),
        ti.Logit(),
        ti.Logit(0.05) + 0.1 * ti.Pixel(),
        1e-4 * ti.Rounded(0.1),
    ],
)
def test_gradient_steps_lower_it(loss):
    objective = loss.bind(tf.constant(TARGETS), ti.normal(2))
    images = tf.Variable(IMAGES)
    before = objective(None, images)
    for _ in range(20):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(objective(None, images))
        images.assign_sub(0.1 * tape.gradient(value, images))
    assert (objective(None, images) < before).numpy().all()


def test_log_prior_is_what_a_code_lacks_to_the_likeliest():
    codes = tf.constant(RANDOM.normal(size=(4, 6)), tf.float32)
    value = ti.LogPrior().bind(None, ti.normal(6, stddev=2))(codes, None)
    density = scipy.stats.norm(scale=2).logpdf
    np.testing.assert_allclose(value, np.mean(density(0) - density(codes.numpy()), axis=1), rtol=1e-5)


@pytest.mark.parametrize("prior", [ti.normal(6, stddev=2), ti.uniform(6, low=0, high=1)], ids=str)
def test_ridge_is_the_squared_distance_from_the_centre(prior):
    value = Ridge().bind(None, prior)(tf.constant(CODES), None)
    np.testing.assert_allclose(value, np.mean((CODES - prior.centre) ** 2, axis=1), rtol=1e-5)
    if prior.stddev:
        np.testing.assert_allclose(value, 8 * ti.LogPrior().bind(None, prior)(tf.constant(CODES), None), rtol=1e-5)


def test_log_prior_is_zero_inside_a_uniform_prior_and_infinite_outside():
    inside, outside = [[0.1, 0.4], [0.5, 0.0]], [[0.1, 0.6], [-0.1, 0.2]]
    value = ti.LogPrior().bind(None, ti.uniform(2, low=0, high=0.5))(tf.constant(inside + outside), None)
    np.testing.assert_array_equal(value, [0, 0, np.inf, np.inf])


def test_terms_add_and_scale():
    space = ti.normal(6)
    codes = tf.constant(RANDOM.normal(size=(3, 6)), tf.float32)
    whole = ti.Pixel("l1") + 0.5 * ti.LogPrior() + ti.Pixel() * 2
    parts = [
        term.bind(tf.constant(TARGETS), space)(codes, IMAGES) for term in (ti.Pixel("l1"), ti.LogPrior(), ti.Pixel())
    ]
    expected = parts[0] + 0.5 * parts[1] + 2 * parts[2]
    np.testing.assert_allclose(whole.bind(tf.constant(TARGETS), space)(codes, IMAGES), expected, rtol=1e-6)


def test_an_unknown_loss_is_named():
    with pytest.raises(ti.BadInput, match=r"'l3'.*mse, l1, huber, bce"):
        ti.Pixel("l3")


CODES = RANDOM.normal(size=(3, 6)).astype(np.float32)


@pytest.mark.parametrize(
    "loss",
    [
        ti.Pixel(),
        ti.Logit(),
        ti.Logit(0.05),
        ti.Rounded(),
        ti.LogPrior(),
        Ridge(),
        ti.Pixel() + ti.LogPrior(),
        0.25 * ti.Pixel() + 3 * ti.Logit() + 0.01 * ti.LogPrior(),
        2 * (ti.Pixel() + 0.5 * (ti.Logit() + ti.LogPrior() * 4)),
        0 * ti.Logit() + ti.Pixel(),
    ],
    ids=str,
)
def test_the_squares_of_residuals_add_up_to_the_values(loss):
    bound = loss.bind(tf.constant(TARGETS), ti.normal(6, stddev=2))
    values, residuals = (compare(tf.constant(CODES), tf.constant(IMAGES)) for compare in (bound, bound.residuals))
    assert residuals.shape.rank == 2
    np.testing.assert_allclose(np.sum(np.square(residuals, dtype=float), axis=1), values, rtol=1e-5)
    assert (values.numpy() > 0).all()
    np.testing.assert_array_equal(bound.values(CODES, IMAGES), values)


@pytest.mark.parametrize(
    "loss",
    [
        ti.Pixel("l1"),
        ti.Pixel("huber"),
        ti.Pixel("bce"),
        ti.Pixel(keras.losses.mean_squared_error),  # a function: nobody knows that it is a sum of squares
        -1 * ti.Pixel(),
        ti.Pixel() + ti.Pixel("l1"),
        2 * ti.Pixel("huber"),
        ti.Logit() + -0.5 * ti.LogPrior(),
    ],
    ids=["l1", "huber", "bce", "a function", "below zero", "one of two", "weighted huber", "prior below zero"],
)
def test_what_is_no_sum_of_squares_has_no_residuals(loss):
    assert loss.bind(tf.constant(TARGETS), ti.normal(6)).residuals is None


def test_a_uniform_priors_term_has_no_residuals():
    assert ti.LogPrior().bind(None, ti.uniform(6)).residuals is None
    assert (ti.Pixel() + ti.LogPrior()).bind(tf.constant(TARGETS), ti.uniform(6)).residuals is None
    assert ti.Pixel().bind(tf.constant(TARGETS), ti.uniform(6)).residuals is not None


@pytest.mark.parametrize("loss", [ti.Pixel(), ti.Pixel("l1"), ti.Pixel("huber"), ti.Logit(0.01)], ids=str)
def test_what_is_beyond_the_targets_black_or_white_costs_nothing_and_does_not_pull(loss):
    targets = tf.constant([0.0, 1.0, 0.0, 1.0, 0.5, 0.5], shape=[1, 2, 3, 1])
    images = tf.Variable([-0.2, 1.2, 0.1, 0.9, -0.2, 1.2], shape=[6])
    bound = loss.bind(targets, None)
    with tf.GradientTape() as tape:
        value = bound(None, tf.reshape(images, [1, 2, 3, 1]))
    pull = tape.gradient(value, images).numpy()
    assert (pull[:2] == 0).all()
    assert pull[2] > 0 > pull[3]
    if not isinstance(loss, ti.Logit):  # which is flat so far out
        assert pull[5] > 0 > pull[4]
    if bound.residuals is not None:
        residuals = bound.residuals(None, tf.reshape(images, [1, 2, 3, 1]))[0]
        np.testing.assert_array_equal(residuals[:2], 0)
