"""Generators in two parts: both together are the whole, and the cut is where it is said to be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, codes_for, labelled, randomise, sequential

import tfinvert as ti
from tfinvert.generators.split import split

LABELS = [0, 1, 4, 2, 4]


def model(*layers, shape=(LATENT,), maker=keras):
    return randomise(maker.Sequential([maker.layers.Input(shape), *layers]))


def images(maker=keras):
    """[32] to [8, 8, 3]."""
    layers = maker.layers
    return [
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        layers.Reshape((4, 4, 2)),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
    ]


def nested():
    codes = keras.Input((LATENT,))
    return randomise(keras.Model(codes, sequential()(keras.layers.Activation("tanh")(codes))))


def scaled_by_class():
    """As in conditional batch norm: a narrow dense layer of the label scales what comes later."""
    codes, label = keras.Input((LATENT,), name="z"), keras.Input((5,), name="y")
    hidden = keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48)(codes))
    scale = keras.layers.Reshape((1, 1, 3))(keras.layers.Dense(3, use_bias=False)(label))
    return randomise(keras.Model([codes, label], keras.layers.Activation("tanh")(hidden * scale)))


MODELS = {
    "batch-norm": sequential,
    "no-bias": lambda: model(keras.layers.Dense(32, use_bias=False), *images()),
    "fused-activation": lambda: model(keras.layers.Dense(32, "softplus"), *images()),
    "two-dense": lambda: model(keras.layers.Dense(10, "tanh"), keras.layers.Dense(32), *images()),
    "tf_keras": lambda: model(tf_keras.layers.Dense(32, "relu"), *images(tf_keras), maker=tf_keras),
    "code-is-an-image": lambda: model(keras.layers.Flatten(), keras.layers.Dense(32), *images(), shape=(1, 1, LATENT)),
    "nested": nested,
    "integer-labels": labelled,
    "one-hot-labels": lambda: labelled(one_hot=True),
    "labels-first": lambda: labelled(code_first=False),
    "labels-behind-the-layer": scaled_by_class,
}
WIDTHS = {"two-dense": 10, "labels-behind-the-layer": 48}


@pytest.mark.parametrize("kind", MODELS)
def test_both_parts_are_the_whole(kind):
    generator = ti.load_generator(MODELS[kind]())
    parts = split(generator)
    assert parts.width == WIDTHS.get(kind, 32)
    codes = tf.constant(codes_for(generator))
    given = labels = None
    if generator.condition is not None:
        labels = LABELS
        given = generator.condition.encode(tf.constant(labels))

    def whole(codes):
        return generator(codes, labels)

    def in_parts(codes):
        return parts.tail(parts.head(codes, given), given)

    assert parts.head(codes, given).shape == (5, parts.width)
    np.testing.assert_allclose(in_parts(codes), whole(codes), atol=1e-5)
    assert np.ptp(whole(codes), axis=0).max() > 1e-2
    traced = tf.function(in_parts, autograph=False)
    np.testing.assert_allclose(traced(codes), whole(codes), atol=1e-5)
    direction = np.random.default_rng(1).normal(size=whole(codes).shape).astype(np.float32)
    gradients = []
    for function in (whole, in_parts, traced):
        with tf.GradientTape() as tape:
            tape.watch(codes)
            total = tf.reduce_sum(function(codes) * direction)
        gradients.append(tape.gradient(total, codes))
    assert np.abs(gradients[0]).max() > 1e-2
    for gradient in gradients[1:]:
        np.testing.assert_allclose(gradient, gradients[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["no-bias", "fused-activation", "batch-norm"])
def test_the_cut_is_behind_the_bias_and_before_the_activation(kind):
    made = MODELS[kind]()
    generator = ti.load_generator(made)
    codes = codes_for(generator)
    kernel, *bias = (each.numpy() for each in made.layers[0].weights)
    expected = codes @ kernel + (bias[0] if bias else 0)
    np.testing.assert_allclose(split(generator).head(codes, None), expected, atol=1e-5)


def test_a_function_can_be_split_too():
    matrix = np.random.default_rng(0).normal(size=(12, LATENT)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(tf.linalg.matmul(codes, matrix, transpose_b=True)), [-1, 2, 2, 3]),
        prior=ti.normal(LATENT), value_range=(0, 1),
    )  # fmt: skip
    parts = split(generator)
    codes = codes_for(generator)
    np.testing.assert_allclose(parts.head(codes, None), codes @ matrix.T, atol=1e-5)
    np.testing.assert_allclose(parts.tail(codes @ matrix.T, None), generator(codes), atol=1e-5)


def without_dense():
    layers = keras.layers
    return model(layers.Reshape((1, 1, LATENT)), layers.Conv2DTranspose(1, 4, activation="tanh"))


def round_the_layer():
    codes = keras.Input((LATENT,))
    hidden = keras.layers.Dense(4 * LATENT)(codes)
    both = keras.layers.Reshape((2, 2, LATENT))(hidden) + keras.layers.Reshape((1, 1, LATENT))(codes)
    return randomise(keras.Model(codes, keras.layers.Conv2D(3, 1, activation="tanh")(both)))


@pytest.mark.parametrize(
    ("make", "why"),
    [(without_dense, "no dense layer that its codes go through"), (round_the_layer, "also go round that layer")],
)
def test_what_cannot_be_split_says_why(make, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        split(ti.load_generator(make()))
    assert "cannot be split" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_frozen_says_why(monkeypatch):
    def refuse(generator):
        raise ValueError("cannot convert\nthis operation")

    monkeypatch.setattr("tfinvert.generators.split.freeze", refuse)
    with pytest.raises(ti.BadInput, match=r"cannot be split.*cannot be frozen.*convert this") as caught:
        split(ti.load_generator(sequential()))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["fashion-28-keras3.keras", "fashion-28-labelled.h5", "cat-64-nested.h5"])
def test_real_files(shared, name):
    generator = ti.load_generator(shared / "generators" / name)
    labels = [0, 1, 9] if generator.condition else None
    given = None if labels is None else generator.condition.encode(tf.constant(labels))
    codes, whole = generator.sample(3, labels=labels)
    parts = split(generator)
    np.testing.assert_allclose(parts.tail(parts.head(codes, given), given), whole, atol=1e-5)
