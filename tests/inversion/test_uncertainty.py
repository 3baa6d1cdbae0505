"""Standard errors and ranks against the normal equations of a linear generator."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion.uncertainty import OPEN, Uncertainty


def linear(matrix, value_range=(0, 1), shape=None):
    """G(z) = A z + 0.3 of [4, 4, 1] images; `matrix` is A [16, d]."""
    matrix = np.asarray(matrix, np.float32)
    latent = matrix.shape[1]
    return ti.load_generator(
        lambda codes: tf.reshape(tf.reshape(codes, [-1, latent]) @ matrix.T + 0.3, [-1, 4, 4, 1]),
        prior=ti.normal(*(shape or (latent,))), value_range=value_range,
    )  # fmt: skip


MATRIX = np.random.default_rng(0).normal(size=(16, 4)) * [1, 2, 0.5, 1]
EXPECTED = np.sqrt(np.diag(np.linalg.inv(MATRIX.T @ MATRIX)))
CODE = np.array([0.3, -1.0, 0.0, 2.0], np.float32)


def at(generator, noise):
    """What is known of CODE."""
    return Uncertainty(generator)(CODE.reshape(1, *generator.space.shape), None, np.array([noise]))[0]


@pytest.mark.parametrize("noise", [1e-3, 0.02])
def test_standard_errors_are_those_of_least_squares(noise):
    rank, deviation, directions = at(linear(MATRIX), noise)
    assert rank == 4
    assert directions.shape == (0, 4)
    np.testing.assert_allclose(deviation, noise * EXPECTED, rtol=1e-3)


def test_they_are_stated_for_noise_on_the_scale_from_0_to_1():
    _, deviation, _ = at(linear(MATRIX, (-1, 1)), 0.01)
    np.testing.assert_allclose(deviation, 0.02 * EXPECTED, rtol=1e-3)


def test_codes_of_several_axes_keep_their_shape():
    rank, deviation, directions = at(linear(MATRIX, shape=(2, 2)), 0.01)
    assert rank == 4
    assert directions.shape == (0, 2, 2)
    np.testing.assert_allclose(deviation, 0.01 * EXPECTED.reshape(2, 2), rtol=1e-3)


def test_what_the_image_does_not_show_has_the_priors_spread():
    matrix = MATRIX.copy()
    matrix[:, 2] = 0
    rank, deviation, directions = at(linear(matrix), 1e-3)
    assert rank == 3
    np.testing.assert_allclose(np.abs(directions), [[0, 0, 1, 0]], atol=1e-6)
    assert deviation[2] == pytest.approx(1, abs=0.2)
    others = [0, 1, 3]
    seen = matrix[:, others]
    np.testing.assert_allclose(deviation[others], 1e-3 * np.sqrt(np.diag(np.linalg.inv(seen.T @ seen))), rtol=1e-3)


def test_two_entries_that_only_add_up_leave_their_difference_open():
    matrix = MATRIX.copy()
    matrix[:, 1] = matrix[:, 0]
    rank, deviation, directions = at(linear(matrix), 1e-3)
    assert rank == 3
    np.testing.assert_allclose(np.abs(directions), [[0.7071, 0.7071, 0, 0]], atol=1e-3)
    assert directions[0, 0] * directions[0, 1] < 0
    np.testing.assert_allclose(deviation[:2], 0.71, atol=0.15)


def test_directions_open_one_by_one_as_noise_grows():
    matrix = np.eye(16)[:, :4] * [1, 0.1, 0.01, 0.001]
    levels = np.array([1e-5, 5e-4, 5e-3, 5e-2, 5])
    known = Uncertainty(linear(matrix))(np.stack([CODE] * 5), None, levels)
    assert [each.rank for each in known] == [4, 3, 2, 1, 0]
    _, deviation, directions = known[-1]
    assert directions.shape == (4, 4)
    np.testing.assert_allclose(deviation, deviation[0], rtol=1e-6)  # all have the prior's spread
    assert deviation[0] == pytest.approx(1, abs=0.2)
    assert 5e-4 / 0.001 > OPEN > 5e-4 / 0.01


def test_images_are_on_the_scale_from_0_to_1_in_any_number():
    generator = linear(MATRIX, (-1, 1))
    codes = np.random.default_rng(1).normal(size=(70, 4)).astype(np.float32)
    images = Uncertainty(generator).images(codes)
    expected = ((codes @ MATRIX.T + 0.3 + 1) / 2).reshape(70, 4, 4, 1)
    np.testing.assert_allclose(images, expected, atol=1e-4)


def test_the_jacobian_is_that_of_the_label():
    matrices = np.stack([MATRIX, 3 * MATRIX]).astype(np.float32)
    generator = ti.load_generator(
        lambda codes, labels: tf.reshape(tf.einsum("bd,bmd->bm", codes, tf.gather(matrices, labels)), [-1, 4, 4, 1]),
        prior=ti.normal(4), value_range=(0, 1), classes=2,
    )  # fmt: skip
    uncertainty = Uncertainty(generator)
    first, second = (each.deviation for each in uncertainty(np.stack([CODE] * 2), [0, 1], np.full(2, 0.01)))
    np.testing.assert_allclose(first, 0.01 * EXPECTED, rtol=1e-3)
    np.testing.assert_allclose(second, 0.01 * EXPECTED / 3, rtol=1e-3)
