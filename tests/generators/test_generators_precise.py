"""Generators in float64 against the same models built in float64, and against central differences."""

import json
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, codes_for, labelled, randomise, sequential

import tfinvert as ti
from tfinvert.generators.derived.precise import in_float64
from tfinvert.solvers.jacobian import jacobian

LABELS = [0, 1, 4, 2, 4]
MATRIX = np.random.default_rng(0).normal(size=(LATENT, 12)).astype(np.float32)


def plain(codes):
    return tf.reshape(tf.tanh(codes @ MATRIX), [-1, 2, 2, 3])


def branching(codes):
    if tf.reduce_mean(codes) > 100:
        codes = 0 * codes
    return plain(codes)


def in_a_loop(codes):
    return plain(tf.while_loop(lambda n, _: n < 3, lambda n, value: (n + 1, tf.tanh(2 * value)), (0, codes))[1])


def from_function(function):
    return ti.load_generator(function, prior=ti.normal(LATENT), value_range=(-1, 1))


def small(*layers, maker=keras):
    """Dense to [4, 4, 2], and then `layers`."""
    start = [maker.layers.Dense(32), maker.layers.Reshape((4, 4, 2))]
    return randomise(maker.Sequential([maker.layers.Input((LATENT,)), *start, *layers]))


def dense():
    layers = keras.layers
    return small(layers.Flatten(), layers.Dense(12, activation="tanh"), layers.Dense(16), layers.Reshape((4, 4, 1)))


def convolution(maker=keras):
    return maker.layers.Conv2D(3, 3, padding="same", activation="tanh")


def nested():
    codes = keras.Input((LATENT,))
    return randomise(keras.Model(codes, sequential()(keras.layers.Dense(LATENT)(codes))))


MODELS = {
    "dense": dense,
    "transposed": lambda: small(keras.layers.Conv2DTranspose(3, 3, strides=2, padding="same")),
    "upsampling": lambda: small(keras.layers.LeakyReLU(0.2), keras.layers.UpSampling2D(), convolution()),
    "tf_keras-upsampling": lambda: small(tf_keras.layers.UpSampling2D(), convolution(tf_keras), maker=tf_keras),
    "batch-norm": sequential,
    "layer-norm": lambda: small(keras.layers.LayerNormalization(), convolution()),
    "integer-labels": labelled,
    "one-hot-labels": lambda: labelled(one_hot=True),
    "nested": nested,
}
FUNCTIONS = {"plain": plain, "branching": branching, "in-a-loop": in_a_loop}


def widened(config):
    """A model's config with float64 for float32, and every epsilon at the value that float32 gives it."""
    if isinstance(config, dict):
        return {key: float(np.float32(value)) if key == "epsilon" else widened(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [widened(each) for each in config]
    return "float64" if config == "float32" else config


@pytest.fixture
def built_in_float64():
    """Makes a copy of a Keras model that has float64 throughout, and the same weights."""

    def build(model):
        own = keras.config if isinstance(model, keras.Model) else tf_keras.backend
        own.set_floatx("float64")
        copy = type(model).from_config(widened(json.loads(json.dumps(model.get_config()))))
        copy.set_weights(model.get_weights())
        return copy

    yield build
    keras.config.set_floatx("float32")
    tf_keras.backend.set_floatx("float32")


def moved(function, codes, direction, step):
    """The derivative along a direction by central differences; float32 anywhere would drown it in rounding."""
    return (function(codes + step * direction) - function(codes - step * direction)).numpy() / (2 * step)


def check(generator, precise, labels=None):
    """The same images, to far more digits; gradients and Jacobians, inside graphs and out, are right."""
    codes = codes_for(generator).astype(np.float64)
    direction = np.random.default_rng(3).normal(size=codes.shape)
    images = precise(codes, labels).numpy()
    assert images.dtype == np.float64
    assert images.shape == (5, *generator.image_shape)
    difference = np.abs(images - generator(codes, labels)).max()
    assert 0 < difference < 1e-5  # float32 cannot agree to the last bit
    assert np.ptp(images, axis=0).max() > 1e-2

    flat = lambda values: tf.reshape(precise(values, labels), [5, -1])
    slope = moved(flat, codes, direction, 1e-7)
    variable = tf.constant(codes)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        total = tf.reduce_sum(flat(variable) * slope)
    along = np.sum(tape.gradient(total, variable) * direction)
    assert along == pytest.approx(np.sum(slope**2), rel=1e-6)

    whole = tf.function(lambda values: (flat(values), jacobian(flat, values)), autograph=False)
    inside, matrices = whole(variable)
    np.testing.assert_allclose(inside, images.reshape(5, -1), atol=1e-12)
    assert matrices.dtype == tf.float64
    np.testing.assert_allclose(tf.einsum("nd,ndm->nm", direction, matrices), slope, rtol=1e-6, atol=1e-7)
    signature = [tf.TensorSpec([None, LATENT], tf.float64), *[tf.TensorSpec([None], tf.int32) for _ in labels or ()]]
    traced = tf.function(lambda *inputs: precise(*inputs), input_signature=signature[: 2 if labels else 1])
    for part in (slice(0, 1), slice(1, 5)):
        given = [tf.constant(codes[part]), *([] if labels is None else [tf.constant(labels[part])])]
        np.testing.assert_allclose(traced(*given), images[part], atol=1e-12)


@pytest.mark.parametrize("kind", MODELS)
def test_keras_models(kind, built_in_float64):
    model = MODELS[kind]()
    generator = ti.load_generator(model)
    precise = in_float64(generator)
    labels = LABELS if generator.condition else None
    check(generator, precise, labels)
    given = codes = codes_for(generator).astype(np.float64)
    if labels:
        given = [codes, np.eye(5)[labels] if generator.condition.one_hot else np.reshape(labels, (5, 1))]
    original = built_in_float64(model)(given, training=False)
    assert original.dtype == tf.float64
    np.testing.assert_allclose(precise(codes, labels), original, atol=1e-12)


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_functions(kind):
    generator = from_function(FUNCTIONS[kind])
    precise = in_float64(generator)
    assert in_float64(generator) is not None  # the names of its branches and loops are TensorFlow's for good
    check(generator, precise)
    values = codes_for(generator).astype(np.float64)
    for _ in range(3 if kind == "in-a-loop" else 0):
        values = np.tanh(2 * values)
    expected = np.tanh(values @ MATRIX.astype(np.float64)).reshape(5, 2, 2, 3)
    np.testing.assert_allclose(precise(codes_for(generator)), expected, atol=1e-12)


def test_all_else_about_it_stays():
    generator = ti.load_generator(labelled(), prior=ti.uniform(LATENT), value_range=(0, 1))
    precise = in_float64(generator)
    assert (generator.dtype, precise.dtype) == (tf.float32, tf.float64)
    for name in ("space", "image_shape", "value_range", "condition", "holds", "about"):
        assert getattr(precise, name) is getattr(generator, name)
    with pytest.raises(ti.BadInput, match="label 5"):
        precise(np.zeros((1, LATENT)), [5])
    codes, images = precise.sample(3, labels=1)
    np.testing.assert_allclose(images, generator(codes, [1] * 3), atol=1e-5)


def old_batch_norm(codes):
    units = [1.0, 2.0, 3.0]
    pixels = tf.reshape(codes, [-1, 1, 2, 3])
    return tf.compat.v1.nn.fused_batch_norm(pixels, units, units, units, units, is_training=False)[0]


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (lambda: from_function(old_batch_norm), "FusedBatchNormV3"),
        (lambda: small(keras.layers.UpSampling2D(interpolation="bilinear"), convolution()), "ResizeBilinear"),
    ],
)
def test_what_has_no_float64_form_is_told(make, operation, caplog):
    made = make()
    generator = made if isinstance(made, ti.Generator) else ti.load_generator(made)
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="absl"):
        assert in_float64(generator) is None
    (line,) = caplog.messages
    assert line.startswith(f"{generator.name} cannot be computed in float64: ")
    assert operation in line
    assert "\n" not in line


@pytest.mark.parametrize("name", ["fashion-28-keras3.keras", "fashion-28-labelled.h5"])
def test_real_files(shared, name):
    """Their images to the digits that float32 has, and slopes over a step that float32 does not see."""
    generator = ti.load_generator(shared / "generators" / name)
    precise = in_float64(generator)
    labels = [0, 1, 9] if generator.condition else None
    codes, images = generator.sample(3, labels=labels)
    np.testing.assert_allclose(precise(codes, labels), images, atol=1e-5)
    codes = tf.cast(codes, tf.float64)
    direction = np.random.default_rng(3).normal(size=codes.shape)
    with tf.GradientTape() as tape:
        tape.watch(codes)
        total = tf.reduce_sum(precise(codes, labels) ** 2, axis=[1, 2, 3])
    along = np.sum(tape.gradient(total, codes) * direction, axis=1)
    slope = moved(lambda at: tf.reduce_sum(precise(at, labels) ** 2, axis=[1, 2, 3]), codes, direction, 1e-8)
    np.testing.assert_allclose(along, slope, rtol=1e-4)
