"""Standard errors and ranks against the normal equations of a linear generator."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion.uncertainty import OPEN, Uncertainty
from tfinvert.solvers.jacobian import rows_at_once


def linear(matrix, value_range=(0, 1), shape=None):
    """G(z) = A z + 0.3 of [4, 4, 1] images; `matrix` is A [16, d]."""
    matrix = np.asarray(matrix, np.float32)
    latent = matrix.shape[1]
    return ti.load_generator(
        lambda codes: tf.reshape(tf.reshape(codes, [-1, latent]) @ matrix.T + 0.3, [-1, 4, 4, 1]),
        prior=ti.normal(*(shape or (latent,))),
        value_range=value_range,
    )


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
        prior=ti.normal(4),
        value_range=(0, 1),
        classes=2,
    )
    uncertainty = Uncertainty(generator)
    first, second = (each.deviation for each in uncertainty(np.stack([CODE] * 2), [0, 1], np.full(2, 0.01)))
    np.testing.assert_allclose(first, 0.01 * EXPECTED, rtol=1e-3)
    np.testing.assert_allclose(second, 0.01 * EXPECTED / 3, rtol=1e-3)


def shared(strength):
    """Draws [K, 16] of noise of level 0.01 of which a share is the same for all pixels, and their covariance."""
    random = np.random.default_rng(4)
    draws = np.sqrt(1 - strength) * random.normal(size=(4000, 16)) + np.sqrt(strength) * random.normal(size=(4000, 1))
    draws *= 0.01
    return draws, draws.T @ draws / len(draws)


def sandwich(matrix, covariance):
    """Standard errors of least squares under noise that is not white: (A^T A)^-1 A^T C A (A^T A)^-1."""
    inverse = np.linalg.inv(matrix.T @ matrix)
    return np.sqrt(np.maximum(0, np.diag(inverse @ matrix.T @ covariance @ matrix @ inverse)))


def drawn(generator, draws, level=0.01, codes=None):
    codes = CODE[np.newaxis] if codes is None else codes
    return Uncertainty(generator)(codes, None, np.full(len(codes), level), [draws] * len(codes))


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_noise_that_pixels_share_has_other_standard_errors(strength, offset):
    """Where all columns have a mean, shared noise looks like a move of the code; else it is not seen."""
    draws, covariance = shared(strength)
    matrix = MATRIX - MATRIX.mean(axis=0) + offset * np.array([1, 0, 2, -1])
    rank, deviation, _ = drawn(linear(matrix), draws)[0]
    assert rank == 4
    np.testing.assert_allclose(deviation, sandwich(matrix, covariance), rtol=1e-3, atol=1e-7)
    white = 0.01 * np.sqrt(np.diag(np.linalg.inv(matrix.T @ matrix)))
    if strength == 0:
        np.testing.assert_allclose(deviation, white, rtol=0.05)
    else:
        assert (np.abs(deviation / white - 1) > 0.1).any()


def test_draws_open_directions_too():
    """What is far below white noise may be far above that of the draws, and the other way round."""
    matrix = np.eye(16)[:, :4] * [1, 1, 0.01, 0.01]
    draws = np.random.default_rng(5).normal(size=(1000, 16)) * np.where(np.arange(16) == 2, 1e-5, 1e-2)
    rank, deviation, directions = drawn(linear(matrix), draws)[0]
    assert rank == 3
    np.testing.assert_allclose(np.abs(directions), [[0, 0, 0, 1]], atol=1e-4)
    np.testing.assert_allclose(deviation, [1e-2, 1e-2, 1e-3, 1], rtol=0.2)


def test_draws_of_nothing_leave_the_rounding_of_float32():
    _, deviation, _ = drawn(linear(MATRIX), np.zeros((5, 16)), level=0.0)[0]
    np.testing.assert_allclose(deviation, 3e-8 * EXPECTED, rtol=1e-3)


@pytest.mark.parametrize("count", [3, 300])
def test_several_codes_are_told_what_one_is(count):
    """300 codes of four entries are more than have their Jacobians computed at once, and no whole number of blocks."""
    assert rows_at_once(4) == (256, 4)
    table = tf.constant(MATRIX.T, tf.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.tanh(0.3 * codes @ table), [-1, 4, 4, 1]), prior=ti.normal(4), value_range=(-1, 1)
    )
    random = np.random.default_rng(6)
    codes = random.normal(size=(count, 4)).astype(np.float32)
    levels = random.uniform(0.001, 0.01, count)
    errors = [None if row % 3 == 1 else levels[row] * random.normal(size=(20, 16)) for row in range(count)]
    uncertainty = Uncertainty(generator)
    together = uncertainty(codes, None, levels, errors)
    assert len(together) == count
    for row in {0, 1, 2, count - 1, count * 6 // 7}:
        one = slice(row, row + 1)
        (alone,) = uncertainty(codes[one], None, levels[one], errors[one])
        assert alone.rank == together[row].rank
        np.testing.assert_allclose(together[row].deviation, alone.deviation, rtol=1e-4)
    assert len({tuple(known.deviation) for known in together}) == count
