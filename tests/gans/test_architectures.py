"""Shapes, classes and files of the small networks, and that all of them train."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.gans import architectures
from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
from tfinvert.gans.gan import GAN


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64, 128])
def test_networks_have_the_shapes_they_promise(size, channels, shuffle):
    assert dcgan_generator(7, size, channels, shuffle=shuffle).output_shape == (None, size, size, channels)
    assert dcgan_discriminator(size, channels).output_shape == (None, 1)


def test_widths_may_be_stated():
    generator = dcgan_generator(7, size=16, channels=3, widths=(8, 6, 4))
    assert generator.output_shape == (None, 16, 16, 3)
    assert dcgan_discriminator(16, 3, (4, 6)).output_shape == (None, 1)
    with pytest.raises(ti.BadInput, match="widths=8,6,4,4 for images of 20: expected 1 to 3: "):
        dcgan_generator(7, size=20, widths=(8, 6, 4, 4))
    with pytest.raises(ti.BadInput, match="for images of 36: expected 1 to 3"):
        dcgan_generator(7, size=36)


@pytest.mark.parametrize(("widths", "first"), [((8,), 16), ((8, 4), 8), ((8, 8, 8, 4, 4), 1)])
def test_fewer_widths_begin_at_a_larger_map(widths, first):
    generator = dcgan_generator(7, size=16, widths=widths)
    assert generator.output_shape == (None, 16, 16, 1)
    assert next(layer for layer in generator.layers if "dense" in layer.name).units == first * first * 8


@pytest.mark.parametrize("leak", [0.0, 0.2])
def test_no_unit_behind_the_first_dense_layer_is_dead_with_a_leak(leak):
    model = dcgan_generator(8, size=16, widths=(16, 8, 4), leak=leak)
    generator = ti.load_generator(model, prior=ti.normal(), value_range=(-1, 1))
    parts = ti.split(generator, "first_dense")
    hidden, held = parts.before(generator.space.sample(ti.seeds.of(0, tf.range(4))))
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        images = parts.tail(hidden, *held)
    dead = np.mean(tape.gradient(images, hidden) == 0)
    assert dead == 0 if leak else 0.2 < dead < 0.8


def test_channels_become_pixels_as_in_tensorflow():
    maps = np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)
    shuffled = keras.Sequential([keras.Input((3, 5, 8)), keras.layers.Lambda(architectures._shuffled)])
    np.testing.assert_array_equal(shuffled(maps), tf.nn.depth_to_space(maps, 2))


def test_batch_normalisation_is_left_out_of_the_first_layer():
    kinds = [type(layer).__name__ for layer in dcgan_discriminator(32, normalised=True).layers]
    assert kinds.count("BatchNormalization") == kinds.count("Conv2D") - 1 == 2
    assert kinds.index("BatchNormalization") > kinds.index("LeakyReLU")


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_file_of_a_conditional_generator_is_loaded_by_itself(shuffle, tmp_path):
    model = dcgan_generator(5, 28, widths=(8, 4, 4), shuffle=shuffle, classes=3)
    model.save(tmp_path / "generator.keras")
    generator = ti.load_generator(tmp_path / "generator.keras", prior=ti.normal(), value_range=(-1, 1))
    assert generator.condition.classes == 3
    codes = tf.random.stateless_normal([4, 5], [1, 2])
    labels = np.array([0, 1, 2, 1])
    np.testing.assert_allclose(generator(codes, labels), model([codes.numpy(), labels[:, None]]), atol=1e-5)
    assert np.abs(generator(codes, labels) - generator(codes, labels[::-1].copy())).max() > 1e-4


@pytest.mark.slow
def test_a_conditional_gan_learns_what_each_class_looks_like():
    """Images of class 0 are dark and those of class 1 bright."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    labels = random.integers(2, size=256)
    images = (np.where(labels, 0.6, -0.6)[:, None, None, None] + random.normal(0, 0.05, (256, 8, 8, 1))).astype("f4")
    networks = dcgan_generator(4, 8, widths=(16, 8), classes=2), dcgan_discriminator(8, widths=(16,), classes=2)
    gan = GAN(*networks, 4, decay=0.95)
    gan.compile(keras.optimizers.Adam(2e-3, 0.5, 0.9), keras.optimizers.Adam(2e-3, 0.5, 0.9))
    gan.fit(images, labels, batch_size=32, epochs=30, verbose=0)
    codes = tf.random.stateless_normal([64, 4], [1, 2])
    dark, bright = (np.asarray(gan([codes.numpy(), np.full((64, 1), label)])).mean() for label in (0, 1))
    assert dark == pytest.approx(-0.6, abs=0.25)
    assert bright == pytest.approx(0.6, abs=0.25)
