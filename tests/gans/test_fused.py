"""Fused batch normalisation computes what Keras's does."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
from tfinvert.gans.fused import FusedBatchNormalization, fused
from tfinvert.gans.gan import GAN


def kinds(model):
    return [type(layer) for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def slopes(model, maps, training):
    """What a model makes, the slopes of a sum of it, and its weights afterwards."""
    with tf.GradientTape() as tape:
        tape.watch(maps)
        made = model(maps, training=training)
        loss = tf.reduce_sum(tf.cast(made, tf.float32) ** 3)
    found = tape.gradient(loss, [maps, *model.trainable_variables])
    return [np.asarray(each) for each in (made, *found, *model.get_weights())]


@pytest.mark.parametrize("settings", [{}, {"center": False, "scale": False, "epsilon": 1e-5, "momentum": 0.9}])
@pytest.mark.parametrize("training", [False, True])
def test_maps_slopes_and_moving_averages_are_those_of_keras(settings, training):
    keras.utils.set_random_seed(0)
    maps = keras.Input((5, 4, 3))
    plain = keras.Model(maps, layers.BatchNormalization(**settings)(layers.Conv2D(6, 3, use_bias=False)(maps)))
    plain.set_weights([weight + np.float32(0.3) for weight in plain.get_weights()])
    twin = fused(plain)
    assert kinds(twin) == [FusedBatchNormalization]
    images = tf.random.stateless_normal([7, 5, 4, 3], [0, 1])
    for one, other in zip(slopes(plain, images, training), slopes(twin, images, training), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4 * np.abs(one).max())


def test_what_is_not_of_maps_or_not_plain_is_left():
    vector, maps = keras.Input((4,)), keras.Input((4, 4, 2))
    assert kinds(fused(keras.Model(vector, layers.BatchNormalization()(vector)))) == [layers.BatchNormalization]
    for other in ({"axis": 1}, {"renorm": True}):
        model = keras.Model(maps, layers.BatchNormalization(**other)(maps))
        assert kinds(fused(model)) == [layers.BatchNormalization]


def test_operations_between_layers_are_kept():
    maps = keras.Input((4, 4, 2))
    model = keras.Model(maps, layers.BatchNormalization()(keras.ops.tanh(maps)[:, 1:] * 2.0))
    images = tf.random.stateless_normal([3, 4, 4, 2], [0, 1])
    np.testing.assert_allclose(fused(model)(images), model(images), rtol=1e-5, atol=1e-5)
    assert kinds(fused(model)) == [FusedBatchNormalization]


def test_a_gan_trains_the_fused_one_and_keeps_one_of_keras():
    gan = GAN(dcgan_generator(4, 8, widths=(8, 4)), keras.Sequential([layers.Input((8, 8, 1)), layers.Flatten()]), 4)
    assert set(kinds(gan.generator)) == {FusedBatchNormalization}
    assert set(kinds(gan.averaged)) == {layers.BatchNormalization}
    for one, other in zip(gan.generator.get_weights(), gan.averaged.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.first(1)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("classes", [None, 3])
def test_what_is_trained_in_half_precision_is_kept_in_single(policy, classes):
    keras.config.set_dtype_policy(policy)
    try:
        networks = dcgan_generator(4, 8, widths=(8, 4), classes=classes), dcgan_discriminator(8, classes=classes)
    finally:
        keras.config.set_dtype_policy("float32")
    gan = GAN(*networks, 4)
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    gan.fit(
        np.zeros([8, 8, 8, 1], np.float32), *([] if classes is None else [np.arange(8) % 3]), batch_size=4, verbose=0
    )
    assert {layer.compute_dtype for layer in gan.generator.layers} >= {policy.removeprefix("mixed_")}
    assert {layer.compute_dtype for layer in gan.averaged.layers if layer.weights} == {"float32"}
    codes = tf.random.stateless_normal([5, 4], [0, 1])
    given = codes if classes is None else (codes, tf.zeros([5, 1], tf.int32))
    made = np.asarray(gan(given))
    assert np.unique(made).size > 0.9 * made.size  # of half precision's numbers there are fewer
