"""Comparisons of generators whose order is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments import compare, significance

RANDOM = np.random.default_rng(0)


def linear(entries, shape=(8, 8, 1)):
    """Images 0.5 + z A of the first so many of 24 orthogonal directions: more of them represent more."""
    rows = np.linalg.qr(np.random.default_rng(1).normal(size=(int(np.prod(shape)), 24)))[0][:, :entries].T
    matrix = tf.constant(0.1 * rows, tf.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix, [-1, *shape]), prior=ti.normal(entries), value_range=(0, 1)
    )


def represented(name, generator, images, to):
    """What Levenberg-Marquardt with two starts finds for images [n, H, W, C] in [0, 1]."""
    load = lambda like: ti.images.load(images, like=like, fit="stretch")
    own = load(generator)
    found = ti.Inverter(generator, solver=ti.LevenbergMarquardt(20), restarts=2)(own)
    own = own if generator.image_shape != to.image_shape else None
    better = compare.improved(found.start_losses)
    return compare.represent(name, generator, load(to), found.images, improved=better, own=own)


def test_the_generator_that_represents_more_is_found_better():
    images = linear(24).sample(16, seed=3)[1].numpy()
    found = [represented(str(entries), linear(entries), images, ti.images.Scale((8, 8, 1))) for entries in (6, 16, 24)]
    rows = compare.table(found)
    errors = [float(row["mse"]) for row in rows]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-8
    # What is left of 24 directions, 0.1 long each, in 64 pixels.
    np.testing.assert_allclose(errors[:2], [0.18 / 64, 0.08 / 64], rtol=0.35)
    assert all(float(row["low"]) <= float(row["mse"]) <= float(row["high"]) for row in rows)
    assert [row["improved"] for row in rows[:2]] == [0, 0]  # it is linear: every start ends in the same minimum
    assert [row["floor"] for row in rows] == ["", "", ""]
    assert significance.pairs({each.name: each.error for each in found})[0].p < 0.01


@pytest.mark.slow
def test_generators_of_other_sizes_are_held_against_the_same_images():
    large, small = linear(8, (12, 12, 3)), linear(24)
    to = compare.scale([large, small])
    assert to == ti.images.Scale((8, 8, 1))
    images = large.sample(4, seed=3)[1].numpy()
    found = [represented("large", large, images, to), represented("small", small, images, to)]
    assert found[0].reconstructions.shape == (4, 8, 8, 1)
    np.testing.assert_array_equal(found[0].images.pixels, found[1].images.pixels)
    assert (found[0].floor, found[1].floor) == (0, None)
    assert found[0].error.max() < 1e-6
    # Images of another size come to the common scale in one step, and in two through the generator's size.
    larger = represented("large", large, linear(8, (16, 16, 1)).sample(4, seed=3)[1].numpy(), to)
    assert 0 < larger.floor < 1e-3


def test_of_other_proportions_each_would_see_another_part():
    wide, square = linear(8, (16, 12, 3)), linear(8)
    with pytest.raises(ti.BadInput, match="generators of 16x12, 8x8: of other proportions"):
        compare.scale([wide, square])
    assert compare.scale([wide, square], "stretch").image_shape == (8, 8, 1)


def test_what_is_out_of_range_is_clipped_at_every_size():
    generator = linear(4)
    images = np.full((1, 8, 8, 1), 1.5, np.float32)
    assert compare.at_scale(images, generator, ti.images.Scale((8, 8, 1))).max() == 1
    assert compare.at_scale(images, generator, ti.images.Scale((4, 4, 1))).max() == 1


def test_further_starts_count_where_they_leave_a_hundredth_less():
    assert compare.improved([[1.0, 0.995, 2.0], [1.0, 0.98, 3.0], [np.inf, 1.0, 2.0]]).tolist() == [False, True, True]
    assert compare.improved([[1.0], [2.0]]) is None


def test_the_distance_of_features_is_a_column_where_it_is_asked_for():
    image = keras.Input((4, 4, 3))
    double = keras.Model(image, keras.layers.Rescaling(2.0)(image))
    images, made = (RANDOM.uniform(size=(20, 4, 4, 1)).astype(np.float32) for _ in range(2))
    found = [compare.Represented("a", ti.images.Images(images, np.arange(20), None), made, np.ones(20))]
    rows = compare.table(found, features=ti.Features(None, double, size=4, value_range=(0, 1)))
    assert float(rows[0]["feature_distance"]) == pytest.approx(4 * np.mean(np.square(made - images)), rel=1e-4)
    assert compare.table(found)[0]["feature_distance"] == compare.table(found)[0]["improved"] == ""
