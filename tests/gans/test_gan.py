"""Training learns a toy distribution with a known answer; the built-in file is what its card says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.gans.gan import GAN
from tfinvert.generators.opening import BUILTIN
from tfinvert.generators.readers.card import read_card


def test_a_gan_learns_the_mean_and_spread_of_its_data():
    # One grey level per image, normal around 0.5: the generator must come to make flat images of such levels.
    keras.utils.set_random_seed(0)
    levels = np.random.default_rng(0).normal(0.5, 0.1, size=(512, 1, 1, 1)).astype(np.float32)
    images = np.broadcast_to(levels, (512, 4, 4, 1)).copy()
    code = keras.Input((2,))
    generator = keras.Model(code, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(code)))
    image = keras.Input((4, 4, 1))
    hidden = keras.layers.LeakyReLU(0.2)(keras.layers.Dense(32)(keras.layers.Flatten()(image)))
    gan = GAN(generator, keras.Model(image, keras.layers.Dense(1)(hidden)), latent=2, decay=0.98)
    before = np.asarray(gan(tf.random.stateless_normal([256, 2], [0, 1])))
    gan.compile(keras.optimizers.Adam(5e-3, 0.5, 0.9), keras.optimizers.Adam(5e-3, 0.5, 0.9))
    gan.fit(images, batch_size=64, epochs=40, verbose=0)
    made = np.asarray(gan(tf.random.stateless_normal([256, 2], [0, 1])))
    assert abs(before.mean() - 0.5) > 0.2
    assert made.mean() == pytest.approx(0.5, abs=0.05)
    assert 0.03 < made.mean(axis=(1, 2, 3)).std() < 0.2


def test_the_builtin_generator_is_small_and_says_prior_and_range():
    card = read_card(BUILTIN)
    assert BUILTIN.stat().st_size < 3_000_000
    assert card["prior"] == "normal(64)"
    assert card["value_range"] == [-1, 1]
    generator = ti.load_generator()
    assert generator.about.assumed == ()
    assert generator.image_shape == (32, 32, 1)


def test_the_builtin_generators_samples_look_like_glyphs():
    # Paper is white, ink is black, and as much of it as in the glyphs that it learned from.
    from tfinvert.images import glyphs

    generator = ti.load_generator()
    made = np.asarray(generator.to_unit(generator.sample(256)[1]))
    real = glyphs.training_set(256, seed=5)[0] / 255
    assert np.median(made) > 0.97
    assert np.mean(made < 0.5) == pytest.approx(np.mean(real < 0.5), rel=0.25)
    assert np.mean((made > 0.2) & (made < 0.8)) < 0.15  # sharp
    codes = np.abs(made[:1] - made[1:]).mean(axis=(1, 2, 3))
    assert codes.min() > 0.02  # no two are the same
