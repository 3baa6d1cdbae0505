"""Jacobians and their products against central differences, of functions and of every kind of generator."""

import math
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfinvert as ti
from tfinvert.solvers import jacobian as module
from tfinvert.solvers.jacobian import jacobian, push, rows_at_once

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "generators"))
from generator_models import LATENT, labelled, randomise, sequential, trunk

RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(6, 9))


def analytic(codes):
    """Codes [N, 2, 3] -> [N, 18]; every kind of smooth part, and rows that have nothing to do with each other."""
    flat = tf.reshape(codes, [-1, 6])
    return tf.concat([tf.sin(flat @ MATRIX), tf.exp(0.3 * flat[:, :3] @ MATRIX[:3]) * flat[:, 3:4] ** 2], axis=1)


def slope(function, codes, tangent, step):
    return (np.asarray(function(codes + step * tangent)) - np.asarray(function(codes - step * tangent))) / (2 * step)


def far(got, expected):
    """The relative error of a whole vector, row by row."""
    return np.linalg.norm(got - expected, axis=1) / np.linalg.norm(expected, axis=1)


def random_like(codes, seed):
    return tf.constant(np.random.default_rng(seed).normal(size=codes.shape), codes.dtype)


@pytest.mark.parametrize("compiled", [False, True])
def test_an_analytic_function(compiled):
    codes = tf.constant(RANDOM.normal(size=(4, 2, 3)))
    wrap = (lambda f: tf.function(f, autograph=False)) if compiled else (lambda f: f)
    whole = wrap(lambda codes: jacobian(analytic, codes))(codes)
    assert whole.shape == (4, 6, 18)
    for number, unit in enumerate(np.eye(6).reshape(6, 1, 2, 3)):
        np.testing.assert_allclose(whole[:, number], slope(analytic, codes, unit, 1e-5), rtol=1e-6, atol=1e-8)
    for seed in range(3):
        tangent = random_like(codes, seed)
        values, along = wrap(lambda codes, tangent: push(analytic, codes, tangent))(codes, tangent)
        np.testing.assert_allclose(values, analytic(codes), rtol=1e-12)
        np.testing.assert_allclose(along, slope(analytic, codes, tangent, 1e-5), rtol=1e-6, atol=1e-8)


def test_rows_that_depend_on_nothing_have_zeros():
    codes = tf.constant(RANDOM.normal(size=(3, 2)))
    constant = lambda codes: tf.ones([3, 4], tf.float64)
    assert not np.any(jacobian(constant, codes))
    values, along = push(constant, codes, tf.ones_like(codes))
    assert np.all(values == 1)
    assert not np.any(along)


def test_one_row_and_many_are_the_same():
    codes = tf.constant(RANDOM.normal(size=(5, 2, 3)))
    together = jacobian(analytic, codes)
    for row in range(5):
        np.testing.assert_allclose(together[row], jacobian(analytic, codes[row : row + 1])[0], rtol=1e-10)


@pytest.mark.parametrize("entries", [1, 2, 3, 16, 62, 64, 100, 128, 512, 1024, 5000])
def test_rows_at_once_fill_whole_blocks(entries):
    rows, whole = rows_at_once(entries)
    assert whole * entries % 16 == rows % whole == 0
    assert rows * entries % 16 == 0
    assert rows * entries <= max(1024, math.lcm(16, entries))
    more = rows + 16 // math.gcd(16, entries)
    assert more * entries > 1024


def convolutional(layers, activation, norm=None):
    """Layers of most DCGANs: dense, reshape, two transposed convolutions, with what stands between them."""
    between = lambda: [*([] if norm is None else [norm()]), activation()]
    return [
        layers.Dense(32),
        *between(),
        layers.Reshape((4, 4, 2)),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
        *between(),
        layers.Conv2DTranspose(1, 3, padding="same", activation="sigmoid"),
    ]


def functional(maker=keras):
    codes = images = maker.layers.Input((LATENT,))
    for layer in trunk(maker.layers):
        images = layer(images)
    return randomise(maker.Model(codes, images))


def nested(maker=keras):
    inner = functional(maker)
    codes = maker.layers.Input((LATENT,))
    return maker.Model(codes, maker.layers.Reshape((4, 16, 1))(inner(maker.layers.Dense(LATENT)(codes))))


def built(maker, activation, norm=None):
    layers = convolutional(maker.layers, activation, norm)
    return randomise(maker.Sequential([maker.layers.Input((LATENT,)), *layers]))


def upsampling(maker, interpolation="nearest", norm=False):
    """Dense, upsampling and convolution, as ProGAN and its kin have it."""
    layers = maker.layers
    between = [*([layers.BatchNormalization()] if norm else []), layers.UpSampling2D(interpolation=interpolation)]
    last = layers.Conv2D(1, 3, activation="sigmoid")
    return randomise(
        maker.Sequential([layers.Input((LATENT,)), layers.Dense(32), layers.Reshape((4, 4, 2)), *between, last])
    )


def plain(codes):
    return tf.reshape(tf.sin(codes @ tf.constant(MATRIX, tf.float32)), [-1, 3, 3, 1])


def branching(codes):
    if tf.reduce_mean(codes) > 100:
        codes = 0 * codes
    return plain(codes)


KINDS = {
    "sequential": sequential,
    "functional": functional,
    "nested": nested,
    "labelled": labelled,
    "one-hot": lambda: labelled(one_hot=True),
    "tf_keras-functional": lambda: functional(tf_keras),
    "tf_keras-nested": lambda: nested(tf_keras),
    "tf_keras-batch-norm": lambda: built(tf_keras, tf_keras.layers.ReLU, tf_keras.layers.BatchNormalization),
    "batch-norm": lambda: built(keras, keras.layers.ReLU, keras.layers.BatchNormalization),
    "leaky-relu": lambda: built(keras, lambda: keras.layers.LeakyReLU(0.2)),
    "tf_keras-leaky-relu": lambda: built(tf_keras, lambda: tf_keras.layers.LeakyReLU(0.2)),
    "upsampling": lambda: upsampling(keras),
    "upsampling-norm": lambda: upsampling(keras, norm=True),
    "tf_keras-upsampling": lambda: upsampling(tf_keras),
    "tf_keras-upsampling-norm": lambda: upsampling(tf_keras, norm=True),
    "bilinear": lambda: upsampling(keras, "bilinear"),
    "tf_keras-bilinear": lambda: upsampling(tf_keras, "bilinear", norm=True),
    "bicubic": lambda: upsampling(keras, "bicubic"),
    "plain": lambda: ti.load_generator(plain, prior=ti.normal(6), value_range=(0, 1)),
    "branching": lambda: ti.load_generator(branching, prior=ti.normal(6), value_range=(0, 1)),
}
KINKED = ("batch-norm", "leaky-relu")


@pytest.mark.first(8)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_generator(kind):
    made = KINDS[kind]()
    generator = made if isinstance(made, ti.Generator) else ti.load_generator(made)
    codes = tf.constant(np.random.default_rng(1).normal(0, 0.7, (5, *generator.space.shape)), tf.float32)
    labels = tf.constant([0, 1, 2, 4, 4]) if generator.condition else None
    function = lambda codes: tf.reshape(generator(codes, labels), [codes.shape[0], -1])

    whole = tf.function(lambda codes: jacobian(function, codes), autograph=False)(codes)
    assert whole.shape == (5, 6, math.prod(generator.image_shape))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        images = function(codes)
    reverse = tf.transpose(tape.batch_jacobian(images, codes), [0, 2, 1])
    assert far(tf.reshape(whole, [5, -1]), tf.reshape(reverse, [5, -1])).max() < 1e-5

    # Where there are kinks most rows have none within the step; the others are off by the kink alone.
    kinked = kind.endswith(KINKED)
    for seed in range(2):
        tangent = random_like(codes, seed)
        values, along = push(function, codes, tangent)
        np.testing.assert_allclose(values, images, atol=1e-6)
        np.testing.assert_allclose(tf.einsum("nd,ndm->nm", tangent, whole), along, rtol=1e-3, atol=1e-4)
        errors = far(along, slope(function, codes, tangent, 1e-3 if kinked else 2e-3))
        assert np.median(errors) < (0.02 if kinked else 5e-3)
        assert errors.max() < (0.05 if kinked else 5e-3)


@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_batch_norm_in_inference_mode_is_not_lost(maker):
    """tf_keras's fused kernel once had a derivative of zero in forward mode; the answer here is known."""
    norm = maker.layers.BatchNormalization(epsilon=1e-3)
    model = maker.Sequential([maker.layers.Input((12,)), maker.layers.Reshape((2, 2, 3)), norm])
    gamma, beta, mean, variance = np.random.default_rng(2).uniform(0.5, 2, (4, 3)).astype(np.float32)
    norm.set_weights([gamma, beta, mean, variance])
    generator = ti.load_generator(model)
    codes = tf.constant(RANDOM.normal(size=(3, 12)), tf.float32)
    function = lambda codes: tf.reshape(generator(codes), [codes.shape[0], -1])
    factor = np.tile(gamma / np.sqrt(variance + 1e-3), 4)
    tangent = random_like(codes, 0)
    np.testing.assert_allclose(push(function, codes, tangent)[1], factor * tangent, rtol=1e-5)
    np.testing.assert_allclose(jacobian(function, codes), [np.diag(factor)] * 3, rtol=1e-5)


SCALE = np.array([0.5, 2, -1])


def repeated(codes):
    """Codes [N, 2, 3] -> [N, 24]: what upsampling does, and then some."""
    pixels = tf.repeat(tf.repeat(codes[:, :, tf.newaxis], 2, axis=1), 2, axis=2)
    return tf.reshape(tf.sin(pixels * tf.constant(SCALE, codes.dtype)), [-1, 24])


def normed(codes):
    """The same with old fused batch norm before it, which forward mode loses."""
    scale, zero, one = (tf.constant(each, tf.float32) for each in (SCALE, np.zeros(3), np.ones(3)))
    pixels = tf.raw_ops.FusedBatchNormV3(
        x=codes[:, tf.newaxis], scale=scale, offset=zero, mean=zero, variance=one, epsilon=0.0, is_training=False
    )
    return tf.reshape(tf.repeat(pixels.y[:, 0], 4, axis=1), [-1, 24])


def in_function(function):
    return tf.function(tf.function(lambda codes: function(codes), autograph=False), autograph=False)


@pytest.fixture
def pushed(monkeypatch):
    """How often a Jacobian was computed from the backward pass."""
    calls = []
    monkeypatch.setattr(module, "push", lambda *arguments: calls.append(1) or push(*arguments))
    return calls


@pytest.mark.parametrize("wrap", [lambda function: function, in_function])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_what_repeats_pixels_goes_forward(wrap, dtype, pushed):
    function = wrap(repeated)
    codes = tf.constant(RANDOM.normal(size=(4, 2, 3)), dtype)
    whole = tf.function(lambda codes: jacobian(function, codes), autograph=False)(codes)
    assert not pushed
    assert whole.dtype == dtype
    exact = 1e-12 if dtype == tf.float64 else 1e-5
    slopes = np.asarray(SCALE * np.cos(SCALE * codes)).reshape(4, 6)
    expected = np.zeros((4, 6, 2, 2, 2, 3))
    for entry in range(6):
        expected[:, entry, entry // 3, :, :, entry % 3] = slopes[:, entry, np.newaxis, np.newaxis]
    np.testing.assert_allclose(whole, expected.reshape(4, 6, 24), atol=exact)
    for number, unit in enumerate(np.eye(6).reshape(6, 1, 2, 3)):
        along = push(function, codes, tf.broadcast_to(tf.constant(unit, dtype), codes.shape))[1]
        np.testing.assert_allclose(whole[:, number], along, atol=exact)


@pytest.mark.parametrize("wrap", [lambda function: function, in_function])
def test_what_forward_mode_would_lose_does_not(wrap, pushed):
    function = wrap(normed)
    codes = tf.constant(RANDOM.normal(size=(4, 2, 3)), tf.float32)
    whole = tf.function(lambda codes: jacobian(function, codes), autograph=False)(codes)
    assert pushed
    tangent = random_like(codes, 0)
    along = tf.einsum("nd,ndm->nm", tf.reshape(tangent, [4, 6]), whole)
    np.testing.assert_allclose(along, slope(function, codes, tangent, 1e-2), atol=1e-3)


def test_what_repeats_nothing_goes_the_faster_way(pushed):
    tf.function(lambda codes: jacobian(analytic, codes), autograph=False)(tf.constant(RANDOM.normal(size=(4, 2, 3))))
    assert pushed


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(5, 7), (2, 2)])
def test_resizing_is_linear(method, size):
    """TensorFlow has no derivative of its backward pass, or zero; the backward pass itself stays what it was."""
    function = lambda images: tf.reshape(tf.image.resize(images, size, method), [tf.shape(images)[0], -1])
    images = tf.constant(RANDOM.normal(size=(2, 3, 4, 1)), tf.float32)
    whole = jacobian(function, images)
    columns = [function(tf.reshape(unit, [1, 3, 4, 1]))[0] for unit in np.eye(12, dtype=np.float32)]
    np.testing.assert_allclose(whole, [columns] * 2, atol=1e-6)
    upstream = random_like(function(images), 0)
    with tf.GradientTape() as tape:
        tape.watch(images)
        values = function(images)
    back = tape.gradient(values, images, output_gradients=upstream)
    np.testing.assert_allclose(tf.reshape(back, [2, -1]), upstream @ np.transpose(columns), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value_range"),
    [
        ("anime-face-64.h5", (0, 1)),
        ("fashion-28-keras3.keras", None),
        ("mnist-28-keras215.h5", None),
        ("fashion-28-z32.h5", None),
        ("face-36-linear-output.hdf5", None),
    ],
)
def test_real_generators(shared, name, value_range):
    generator = ti.load_generator(shared / "generators" / name, value_range=value_range)
    codes = generator.sample(1, seed=5)[0]
    function = lambda codes: tf.reshape(generator.to_unit(generator(codes)), [codes.shape[0], -1])
    for seed in range(2):
        tangent = random_like(codes, seed)
        values, along = push(function, codes, tangent)
        np.testing.assert_allclose(values, function(codes), atol=1e-5)
        assert far(along, slope(function, codes, tangent, 1e-3)).max() < 0.05
    if name == "fashion-28-z32.h5":
        whole = tf.function(lambda codes: jacobian(function, codes), autograph=False)(codes)
        assert far(tf.einsum("nd,ndm->nm", tangent, whole), along).max() < 1e-4
