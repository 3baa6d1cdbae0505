"""The curvature of images over codes: against the Jacobian's own products, and what solvers are told of it."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.generators.derived import curvature as module
from tfinvert.generators.derived.curvature import curvature, inverse_root
from tfinvert.generators.held import Held


@pytest.fixture(autouse=True)
def many_rows_at_once(monkeypatch):
    """Estimates are near what is known by many codes; at eight at once they take a while."""
    monkeypatch.setattr(module, "_ROWS", 500)


def linear(entries, low=0):
    matrix = np.random.default_rng(0).normal(size=(entries, 48)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(codes @ matrix, [-1, 4, 4, 3]), prior=ti.normal(entries), value_range=(low, 1)
    )
    return generator, matrix / (1 - low)


@pytest.mark.parametrize("low", [0, -1])
def test_the_curvature_of_few_codes_is_one_block(low):
    generator, matrix = linear(6, low)
    found = curvature(generator, generator.space.sample(tf.zeros([2000, 2], tf.int64)), Held())
    known = 2 * matrix @ matrix.T / 48
    assert found.shape == (1, 6, 6)
    assert np.abs(found[0] - known).max() < 0.1 * np.abs(known).max()


@pytest.mark.parametrize(("entries", "size"), [(64, 64), (96, 48), (130, 26), (67, 1)])
def test_blocks_are_the_largest_equal_ones_of_at_most_64_entries(entries, size):
    generator, matrix = linear(entries)
    found = curvature(generator, tf.zeros([1500, entries]), Held())
    assert found.shape == (entries // size, size, size)
    known = np.stack([2 * part @ part.T / 48 for part in matrix.reshape(-1, size, 48)])
    assert np.abs(found - known).max() < 0.2 * known.max()


def test_the_root_of_the_inverse_undoes_half_of_the_curvature():
    random = np.random.default_rng(1)
    factors = random.normal(size=(3, 5, 5))
    blocks = factors @ np.swapaxes(factors, 1, 2) + 5 * np.eye(5)
    root = inverse_root(blocks)
    scale = np.mean(np.linalg.eigvalsh(blocks))
    np.testing.assert_allclose(
        (100 * scale) ** 2 * root @ root @ (blocks / scale + 0.01 * np.eye(5)), [np.eye(5)] * 3, atol=1e-4
    )


def test_entries_that_images_do_not_show_are_guessed_as_far_as_they_may():
    for blocks in (np.zeros((2, 3, 3)), np.diag([1.0, 0, 4])[None]):
        root = inverse_root(blocks)
        assert np.isfinite(root).all()
        assert (np.linalg.eigvalsh(root) > 0).all()


def test_codes_without_finite_slopes_are_left_out():
    matrix = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.math.log(codes[:, :1] + 1) + codes @ matrix, [-1, 4, 4, 1]), prior=ti.normal(4)
    )
    codes = tf.concat([tf.zeros([2000, 4]), tf.fill([500, 4], -1.0)], axis=0)
    slopes = matrix + np.eye(4)[:, :1]
    known = 2 * slopes @ slopes.T / 16 / 4
    found = curvature(generator, codes, Held())
    assert np.abs(found[0] - known).max() < 0.1 * np.abs(known).max()


def test_no_gradient_is_told():
    matrix = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.stop_gradient(codes) @ matrix, [-1, 4, 4, 1]), prior=ti.normal(4)
    )
    with pytest.raises(ti.BadInput, match="no gradient leads to its codes"):
        curvature(generator, tf.zeros([8, 4]), Held())
