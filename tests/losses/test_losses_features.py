"""The perceptual loss, on small networks of its own and on InceptionV3."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.losses import loss_of
from tfinvert.settings import LossSettings

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.uniform(size=(3, 8, 8, 3)).astype(np.float32)
IMAGES = RANDOM.uniform(size=(3, 8, 8, 3)).astype(np.float32)


def network(size=8):
    layers = keras.layers
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            layers.Input((size, size, 3)),
            layers.Conv2D(4, 3, activation="relu", name="first"),
            layers.BatchNormalization(),
            layers.Flatten(name="flat"),
            layers.Dense(5, name="last"),
        ]
    )


def value(loss, targets=TARGETS, images=IMAGES):
    return loss.bind(tf.constant(targets), ti.normal(2))(None, tf.constant(images)).numpy()


@pytest.mark.parametrize("layer", ["first", "flat", "last", None])
def test_it_is_the_mean_squared_difference_of_the_layer(layer):
    model = network()
    inner = keras.Model(model.inputs, model.get_layer(layer or "last").output)
    expected = np.mean(np.reshape((inner(2 * TARGETS - 1) - inner(2 * IMAGES - 1)) ** 2, (3, -1)), axis=1)
    assert expected.min() > 1e-3
    np.testing.assert_allclose(value(ti.Features(layer, model)), expected, rtol=1e-4)
    assert value(ti.Features(layer, model), TARGETS, TARGETS).max() == 0


def test_residuals_add_up_to_the_values_and_targets_may_be_seen_before():
    loss = ti.Features("first", network())
    seen = loss.prepare(tf.constant(TARGETS))
    bound = loss.bind(tf.zeros_like(TARGETS), ti.normal(2), seen)
    np.testing.assert_allclose(bound(None, tf.constant(IMAGES)), value(loss), rtol=1e-5)
    np.testing.assert_allclose(np.sum(bound.residuals(None, tf.constant(IMAGES)) ** 2, axis=1), value(loss), rtol=1e-5)


def test_grey_images_are_repeated_and_small_ones_enlarged():
    loss = ti.Features("first", network(16), value_range=(0, 1))
    grey = TARGETS[..., :1]
    np.testing.assert_allclose(loss.prepare(grey), loss.prepare(np.repeat(grey, 3, axis=-1)))
    large = tf.image.resize(TARGETS, [16, 16])
    np.testing.assert_allclose(loss.prepare(TARGETS), loss.prepare(large), atol=1e-6)
    inner = keras.Model(loss.network.inputs, loss.network.get_layer("first").output)
    np.testing.assert_allclose(loss.prepare(large), np.reshape(inner(large), (3, -1)), atol=1e-5)


def test_any_function_of_images_will_do():
    loss = ti.Features(None, lambda images: tf.reduce_mean(images, axis=[1, 2]), size=8, value_range=(0, 255))
    expected = 255**2 * np.mean((TARGETS.mean(axis=(1, 2)) - IMAGES.mean(axis=(1, 2))) ** 2, axis=1)
    np.testing.assert_allclose(value(loss), expected, rtol=1e-3)


def test_a_file_is_read(tmp_path):
    model = network()
    model.save(tmp_path / "network.keras")
    np.testing.assert_allclose(
        value(ti.Features("first", tmp_path / "network.keras")), value(ti.Features("first", model)), rtol=1e-5
    )


def test_images_are_inverted_with_it_and_targets_looked_at_once(tmp_path):
    model, looks = network(), []

    def counting(images):
        tf.py_function(lambda count: looks.append(int(count)), [tf.shape(images)[0]], [])
        return tf.reshape(model(images, training=False), [-1, 5])

    matrix = np.random.default_rng(1).normal(size=(4, 8 * 8 * 3)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(codes @ matrix), [-1, 8, 8, 3]), prior=ti.normal(4), value_range=(0, 1)
    )
    _, images = generator.sample(3)
    inverter = ti.Inverter(
        generator, ti.Features(None, counting, size=8), ti.Adam(0.05, steps=150), restarts=5, stopping=ti.Stopping(0)
    )
    looks.clear()
    found = inverter(images)
    assert (found.loss.numpy() < 1e-3).all()
    assert looks[0] == 3  # the targets, before they become rows
    assert looks.count(3) == 1
    assert looks[1:] == [16] * 151  # the steps, and the last codes


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"network": "AlexNet"}, "network 'AlexNet'.*InceptionV3"),
        ({"size": 64}, "size=64 for InceptionV3.*at least 75"),
        ({"network": "VGG16", "size": 31}, "at least 32"),
    ],
)
def test_networks_that_cannot_be_had_are_named(options, why):
    with pytest.raises(ti.BadInput, match=why):
        ti.Features(**options)


@pytest.mark.parametrize(
    ("loss", "why"),
    [
        (lambda: ti.Features("firts", network()), "layer 'firts'.*first"),
        (lambda: ti.Features(None, lambda images: images), "how large.*size="),
    ],
)
def test_what_is_found_later_is_told_when_an_inverter_is_made(loss, why):
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(codes), [-1, 2, 2, 3]), prior=ti.normal(12), value_range=(0, 1)
    )
    with pytest.raises(ti.BadInput, match=why):
        ti.Inverter(generator, loss())


def test_weights_that_cannot_be_had_are_told_in_one_line(tmp_path, monkeypatch):
    def offline(**options):
        raise Exception("URL fetch failure on https://storage:\n None -- timed out")

    monkeypatch.setattr(keras.utils, "get_file", offline)
    with pytest.raises(ti.BadInput, match=r"weights .*nothing.h5 of MobileNetV2 cannot be read") as caught:
        ti.Features("out_relu", "MobileNetV2", tmp_path / "nothing.h5").prepare(TARGETS)
    assert "\n" not in str(caught.value)


def test_a_network_of_keras_applications_with_weights_from_a_file(tmp_path):
    known = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3))
    known.save_weights(tmp_path / "own.weights.h5")
    loss = ti.Features("block_1_project", "MobileNetV2", tmp_path / "own.weights.h5", size=96)
    inner = keras.Model(known.inputs, known.get_layer("block_1_project").output)
    large = tf.image.resize(TARGETS, [96, 96])
    np.testing.assert_allclose(loss.prepare(TARGETS), np.reshape(inner(2 * large - 1), (3, -1)), rtol=1e-3, atol=1e-5)


def test_mixed8_of_inception_with_real_weights(shared):
    """In its eyes a shifted photograph is nearer to itself than to another; to pixels it need not be."""
    loss = ti.Features("mixed8", shared / "perceptual" / "inceptionv3_to_mixed8.keras")
    like = types.SimpleNamespace(image_shape=(96, 96, 3), value_range=(0, 1))
    photos = ti.images.load(shared / "data" / "photos", like).pixels[:4]
    features = loss.prepare(tf.constant(photos))
    assert features.shape == (4, 8 * 8 * 1280)
    shifted = loss.prepare(tf.roll(photos, 3, axis=2))
    distances = np.mean((features[:, None] - shifted[None]) ** 2, axis=2)
    assert (np.argmin(distances, axis=1) == np.arange(4)).all()


def test_a_network_of_convolutions_sees_images_at_another_size_than_its_own():
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, 2), keras.layers.ReLU()])
    free = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 3, 2), keras.layers.ReLU()])
    free.set_weights(network.get_weights())
    images = tf.random.stateless_uniform([2, 8, 8, 3], [0, 1])
    seen, wanted = (ti.Features(None, each, size=16).prepare(images) for each in (network, free))
    np.testing.assert_allclose(seen, wanted, atol=1e-5)
    flat = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(4)])
    with pytest.raises(ti.BadInput, match=r"images of 32 at size=16 .*leave the size out, or say one .*such as 32"):
        ti.Features(None, flat, size=16).prepare(images)


def test_the_size_is_a_setting_too(tmp_path):
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(4, 3, 2, name="eye")])
    network.save(tmp_path / "eye.keras")
    told = {"features": "eye", "features_network": str(tmp_path / "eye.keras"), "features_weight": 2.0}
    images, others = tf.random.stateless_uniform([2, 2, 8, 8, 3], [0, 1])
    seen = []
    for size in (None, 16):
        loss = loss_of(LossSettings.of(**told, features_size=size)) + -1.0 * ti.Pixel()
        seen.append(loss.bind(images, None)(None, others).numpy())
        wanted = 2.0 * ti.Features("eye", network, size=size).bind(images, None)(None, others)
        np.testing.assert_allclose(seen[-1], wanted, rtol=1e-4)
    assert np.abs(seen[0] - seen[1]).max() > 1e-4
