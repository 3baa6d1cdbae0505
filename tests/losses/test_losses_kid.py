"""The distance between sets of images: known values, no bias, and an error that tells how sure it is."""

import keras
import numpy as np
import pytest

import tfinvert as ti
from tfinvert.losses.kid import KID, distance

RANDOM = np.random.default_rng(0)


def test_it_is_the_mean_of_the_kernel_over_pairs():
    one, other = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(6, 3))
    kernel = lambda a, b: (a @ b / 3 + 1) ** 3
    pairs = lambda rows: np.mean([kernel(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j])
    across = np.mean([kernel(a, b) for a in one for b in other])
    assert distance(one, other).value == pytest.approx(1000 * (pairs(one) + pairs(other) - 2 * across))


def test_the_error_is_that_of_leaving_out_one_block_of_both_sets_after_the_other():
    one, other = RANDOM.normal(size=(47, 3)), RANDOM.normal(size=(60, 3))
    left = [distance(*(rows[np.arange(len(rows)) % 20 != block] for rows in (one, other))).value for block in range(20)]
    assert distance(one, other).error == pytest.approx(np.sqrt(19 * np.var(left)))


def test_sets_of_one_kind_are_at_zero_on_average_and_the_error_is_the_spread():
    found = [distance(RANDOM.normal(size=(60, 8)), RANDOM.normal(size=(80, 8))) for _ in range(200)]
    values, errors = np.array(found).T
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(200)
    assert 0.6 < np.median(errors) / values.std() < 1.6


def test_sets_of_two_kinds_are_apart():
    found = distance(RANDOM.normal(size=(60, 8)), RANDOM.normal(0.5, 1, size=(80, 8)))
    assert found.value > 3 * found.error > 0


def test_images_are_compared_by_what_is_in_them_wherever_it_is():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1), keras.layers.ReLU()])
    images = RANDOM.uniform(size=(40, 8, 8, 3)).astype(np.float32)
    kid = KID(ti.Features(None, network), images)
    assert kid.features(images).shape == (40, 4)
    assert kid(images[:, ::-1, ::-1]).value == pytest.approx(kid(images).value, abs=1e-6)
    assert kid(images**3).value > kid(images[:20]).value + 3 * kid(images[:20]).error


def test_too_few_images_are_refused():
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 1)])
    with pytest.raises(ti.BadInput, match="of 3 images: expected at least 4"):
        KID(ti.Features(None, network), np.zeros((3, 8, 8, 3), np.float32))
