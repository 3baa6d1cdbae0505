"""The first guess of codes: right where codes are linear in images, and honest about it where they are not."""

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion.noise import to_8_bits
from tfinvert.inversion.regression import FLOORS, Regression

LINEAR = problems.Linear()


def linear(shape, latent=4, prior=None):
    matrix = np.random.default_rng(0).normal(0, 0.1, (latent, int(np.prod(shape)))).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix, [-1, *shape]),
        prior=prior or ti.normal(latent),
        value_range=(0, 1),
    )


def unseen(generator, count=20):
    """Codes and images on [0, 1] that no regression of seed 0 was fitted to."""
    codes, images = generator.sample(count, seed=77)
    return codes.numpy(), generator.to_unit(images)


def test_codes_of_a_linear_generator_are_all_but_known():
    regression = Regression(LINEAR.generator, 500)
    assert regression.score(None) == pytest.approx(1, abs=1e-3)
    assert regression.best_floor() is None
    codes, images = unseen(LINEAR.generator)
    np.testing.assert_allclose(regression.codes(images, None), codes, atol=0.01)
    assert regression.codes(images, None).dtype == np.float32
    assert regression.passes >= 500


def test_the_score_is_that_of_samples_that_were_not_fitted():
    # 48 pixels that have nothing to do with the code: 60 samples are fitted well, and others not at all.
    random = np.random.default_rng(1)
    phase, rate = random.uniform(0, 6, 48).astype(np.float32), random.normal(0, 50, (4, 48)).astype(np.float32)
    chaos = ti.load_generator(
        lambda codes: tf.reshape(0.5 + 0.5 * tf.sin(50 * codes @ rate + phase), [-1, 4, 4, 3]),
        prior=ti.normal(4),
        value_range=(0, 1),
    )
    assert Regression(chaos, 60).score(None) < 0.1
    assert Regression(chaos, 2000).score(None) < 0.1


@pytest.mark.first(1)
@pytest.mark.parametrize("shape", [(70, 70, 3), (65, 67, 1), (9, 5, 1)])
def test_large_and_odd_images_are_no_trouble(shape):
    generator = linear(shape)
    regression = Regression(generator, 300)
    codes, images = unseen(generator)
    assert regression.score(None) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(regression.codes(images, None), codes, atol=0.05)


def test_the_same_seed_gives_the_same_guess():
    _, images = unseen(LINEAR.generator)
    guess = lambda seed, count=40: Regression(LINEAR.generator, count, seed).codes(images + 0.1, None)
    np.testing.assert_array_equal(guess(0), guess(0))
    assert not np.array_equal(guess(0), guess(1))


def test_a_uniform_prior_off_zero():
    generator = linear((4, 4, 1), prior=ti.uniform(4, low=2, high=5))
    regression = Regression(generator, 500)
    codes, images = unseen(generator)
    assert codes.min() > 2
    assert regression.score(None) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(regression.codes(images, None), codes, atol=0.02)


def test_codes_of_several_axes_keep_their_shape():
    matrix = np.random.default_rng(3).normal(0, 0.1, (6, 64)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(0.5 + tf.reshape(codes, [-1, 6]) @ matrix, [-1, 8, 8, 1]),
        prior=ti.normal(2, 3),
        value_range=(0, 1),
    )
    codes, images = unseen(generator)
    np.testing.assert_allclose(Regression(generator, 500).codes(images, None), codes, atol=0.01)


def test_saturated_images_are_more_linear_through_a_small_floor():
    matrix = np.random.default_rng(2).normal(0, 0.5, (4, 64)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.tanh(6 * codes @ matrix), [-1, 8, 8, 1]), prior=ti.normal(4), value_range=(-1, 1)
    )
    regression = Regression(generator, 1000)
    assert regression.score(1e-4) > regression.score(None) + 0.02
    assert regression.best_floor() in FLOORS[1:]
    assert regression.best_floor([None]) is None


def test_classes_are_drawn_evenly():
    # Half the images are z and half z / 2: the best linear guess from x is (1 + 1/2) / (1 + 1/4) x, and R^2 is 0.9.
    generator = ti.load_generator(
        lambda codes, labels: tf.reshape(
            tf.tile(codes, [1, 4]) / (1 + tf.cast(labels, tf.float32))[:, None], [-1, 4, 4, 1]
        ),
        prior=ti.normal(4),
        value_range=(0, 1),
        classes=2,
    )
    regression = Regression(generator, 2000)
    codes = generator.space.sample(ti.seeds.of(5, tf.range(30)))
    for label in (0, 1):
        images = generator.to_unit(generator(codes, np.full(30, label)))
        np.testing.assert_allclose(regression.codes(images, None), 1.2 * codes / (1 + label), atol=0.2)
    assert regression.score(None) == pytest.approx(0.9, abs=0.03)


def saturated(offset):
    matrix = np.random.default_rng(2).normal(0, 3, (4, 64)).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(offset + codes @ matrix), [-1, 8, 8, 1]),
        prior=ti.normal(4),
        value_range=(0, 1),
    )


def test_rounded_pictures_are_guessed_by_what_rounding_leaves():
    generator = saturated(6)
    regression = Regression(generator, 1000)
    codes, images = unseen(generator, 100)
    error = lambda fit: np.mean((fit.codes(to_8_bits(np.asarray(images)), 1e-6) - codes) ** 2)
    assert error(regression.rounded) < 0.2 < error(regression)
    assert regression.rounded.passes == regression.passes


@pytest.mark.parametrize("offset", [12, 16])
def test_it_is_known_where_rounding_hides_much(offset):
    assert Regression(saturated(offset), 1000).hidden


def test_rounding_hides_nothing_of_what_does_not_saturate():
    assert not Regression(linear((8, 8, 1)), 500).hidden
