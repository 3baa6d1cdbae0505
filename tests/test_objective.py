"""Objectives add, scale and chain, with all that is known of them."""

import numpy as np
import pytest
import tensorflow as tf

from tfinvert.objective import Objective

CODES = tf.constant([[1.0, -2.0], [0.5, 3.0], [0.0, -1.0]])
SQUARE = Objective(lambda codes: tf.reduce_sum(codes**2, 1), lambda codes: codes)
SHIFTED = Objective(lambda codes: tf.reduce_sum((codes - 1) ** 2, 1), lambda codes: codes - 1)
KINK = Objective(lambda codes: tf.zeros_like(codes[:, 0]), sparsity=0.5)
BARE = Objective(lambda codes: codes[:, 0])


def squared(objective):
    return tf.reduce_sum(objective.residuals(CODES) ** 2, 1)


@pytest.mark.parametrize(
    ("left", "right"), [(SQUARE, SHIFTED), (SQUARE, KINK), (BARE, SQUARE), (KINK, KINK), (BARE, KINK)]
)
def test_a_sum_is_the_sum_of_values(left, right):
    np.testing.assert_allclose((left + right)(CODES), left(CODES) + right(CODES))
    assert (left + right).sparsity == left.sparsity + right.sparsity


@pytest.mark.parametrize("weight", [0, 0.25, 3, -2])
@pytest.mark.parametrize("objective", [SQUARE, KINK, BARE])
def test_a_weight_multiplies_values(objective, weight):
    np.testing.assert_allclose((weight * objective)(CODES), weight * objective(CODES))
    np.testing.assert_allclose((objective * weight)(CODES), weight * objective(CODES))


def test_residuals_stay_where_all_have_them():
    np.testing.assert_allclose(squared(2 * SQUARE + SHIFTED), (2 * SQUARE + SHIFTED)(CODES), rtol=1e-6)
    assert (SQUARE + BARE).residuals is None
    assert (SQUARE + KINK).residuals is None
    assert (-1 * SQUARE).residuals is None


def test_what_goes_through_a_function_is_seen_behind_it():
    seen = Objective(
        lambda codes, images: tf.reduce_sum(images**2, 1) + codes[:, 0], lambda codes, images: images, sparsity=0.1
    )
    chained = seen.through(lambda codes: (codes, 2 * codes))
    np.testing.assert_allclose(chained(CODES), seen(CODES, 2 * CODES))
    np.testing.assert_allclose(chained.residuals(CODES), 2 * CODES)
    assert chained.sparsity == 0.1


def test_rows_of_their_own_go_along():
    def of(rows):
        targets = tf.gather(tf.constant([1.0, 2.0, 3.0]), rows)
        return Objective(lambda codes: tf.abs(codes[:, 0] - targets), part=lambda fewer: of(tf.gather(rows, fewer)))

    rows = tf.constant([2, 0])
    whole = (2 * of(tf.range(3)) + SQUARE).through(lambda codes: (codes + 1,))
    np.testing.assert_allclose(whole.of(rows)(tf.gather(CODES, rows)), tf.gather(whole(CODES), rows))
    assert SQUARE.of(rows) is SQUARE


def test_a_charge_is_rounded_at_zero_and_stays_the_same_far_from_there():
    smooth = lambda codes: tf.reduce_sum(codes**2, axis=1)
    charged = Objective(smooth, sparsity=0.5)
    codes = tf.constant([[0.0, 100.0], [0.0, -100.0], [1e-3, 0.0]])
    width = tf.constant([0.0, 0.2, 0.2])
    with tf.GradientTape() as tape:
        tape.watch(codes)
        rounded = charged.rounded(width)(codes)
    slopes = tape.gradient(rounded, codes)
    np.testing.assert_allclose(rounded[:2], [10050, 10050 - 0.5 * 0.2], rtol=1e-6)
    np.testing.assert_allclose(slopes[1:, 0], [0, 2e-3 + 0.5 * 1e-3 / 0.2], rtol=1e-3, atol=1e-9)
    assert charged.rounded(width).sparsity == 0
    free = Objective(smooth)
    assert free.rounded(width) is free
