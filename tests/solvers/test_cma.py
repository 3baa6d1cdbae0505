"""CMA-ES against what its tutorial says of it."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.solvers import minimise
from tfinvert.solvers.cma import Weights
from tfinvert.solvers.status import Status


def ellipsoid(codes, turned):
    scales = tf.constant(10.0 ** (6 * np.arange(codes.shape[1]) / (codes.shape[1] - 1)), codes.dtype)
    return tf.reduce_sum(scales * tf.square(codes @ tf.cast(turned, codes.dtype)), axis=1)


@pytest.mark.parametrize("rotated", [False, True])
def test_a_million_to_one_valley_is_no_harder_when_it_is_turned(rotated):
    # Hansen (2016), section "invariance": the covariance makes the ellipsoid a sphere, whatever its axes.
    random = np.random.default_rng(0)
    turned = np.linalg.qr(random.normal(size=(8, 8)))[0] if rotated else np.eye(8)
    found = minimise(lambda codes: ellipsoid(codes, turned), random.normal(size=(3, 8)), ti.CMA(700))
    assert (found.value.numpy() < 1e-10).all()
    assert (found.passes.numpy() < 7500).all()  # 10 candidates and the best in each of some 600 steps


@pytest.mark.slow
def test_long_codes_have_variances():
    start = np.full((2, 150), 0.5, np.float32)
    found = minimise(lambda codes: tf.reduce_sum(tf.square(codes), axis=1), start, ti.CMA(1500))
    assert (found.value.numpy() < 1e-4).all()


def test_steps_in_the_loss_are_no_hindrance():
    steps = lambda codes: tf.reduce_sum(tf.floor(10 * tf.abs(codes)), axis=1)
    found = minimise(steps, np.full((4, 5), 2.0), ti.CMA(300))
    assert (found.value.numpy() == 0).all()
    assert (minimise(steps, np.full((1, 5), 2.0), ti.LBFGS()).status.numpy() == Status.FLAT).all()


def test_a_row_whose_candidates_are_all_the_same_has_ended():
    found = minimise(
        lambda codes: tf.reduce_sum(tf.square(codes - 1), 1) + 5, np.zeros((2, 3), np.float32), ti.CMA(2000)
    )
    assert set(found.status.numpy()) == {Status.STALLED}
    assert (found.steps.numpy() < 1000).all()
    np.testing.assert_allclose(found.codes, np.ones((2, 3)), atol=2e-3)


def test_the_weights_are_the_tutorials():
    # Table 1 for d = 10, population 10: figures of pycma's defaults with positive weights.
    w = Weights.of(10, 10, separable=False)
    assert w.shares.sum() == pytest.approx(1)
    np.testing.assert_allclose(w.shares, [0.4563, 0.2708, 0.1622, 0.0852, 0.0255], atol=1e-4)
    assert w.worth == pytest.approx(3.1673, abs=1e-3)
    assert w.usual == pytest.approx(3.0847, abs=1e-3)
    assert w.straight == pytest.approx(0.2844, abs=1e-3)
