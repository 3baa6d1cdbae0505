"""A mixture of classes is what the mean of their embeddings gives."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, check, labelled, randomise

import tfinvert as ti

CODES = np.random.default_rng(1).normal(0, 0.7, (5, LATENT)).astype(np.float32)
LABELS = [0, 1, 4, 2, 4]
TABLE = np.random.default_rng(2).normal(size=(5, 3)).astype(np.float32)
WEIGHT = np.random.default_rng(3).normal(size=(LATENT + 3, 12)).astype(np.float32)


def twice():
    """The class is looked up in two tables."""
    code, label = keras.Input((LATENT,), name="z"), keras.Input((1,), name="y", dtype="int32")
    seen = [keras.layers.Flatten()(keras.layers.Embedding(5, n)(label)) for n in (2, 12)]
    hidden = keras.layers.Dense(12)(keras.layers.Concatenate()([code, seen[0]])) * (1 + seen[1])
    return randomise(keras.Model([code, label], keras.layers.Reshape((2, 2, 3))(hidden)))


def function(look_up):
    """Of codes and labels int [B], where `look_up` gives the embedding [B, 3]."""
    make = lambda codes, labels: tf.reshape(tf.tanh(tf.concat([codes, look_up(labels)], 1) @ WEIGHT), [-1, 2, 2, 3])
    return ti.load_generator(make, prior=ti.normal(LATENT), classes=5)


KINDS = {
    "integer": lambda: ti.load_generator(labelled(), classes=5),
    "one-hot": lambda: ti.load_generator(labelled(one_hot=True)),
    "two-tables": lambda: ti.load_generator(twice(), classes=5),
    "gather": lambda: function(lambda labels: tf.gather(TABLE, labels)),
    "made-one-hot": lambda: function(lambda labels: tf.one_hot(labels, 5) @ TABLE),
    "name-taken": lambda: function(lambda labels: tf.gather(TABLE, labels, name="tfinvert_embedding_0")),
    "uniform-prior": lambda: ti.load_generator(labelled(one_hot=True), prior=ti.uniform()),
}


def codes_of(generator, weights):
    """Codes of a mixture: CODES, and what becomes these weights [5, 5]."""
    space = generator.space
    logits = np.log(np.maximum(weights, 1e-20)) * space.spread / 4 + space.centre
    return np.concatenate([CODES, logits.astype(np.float32)], axis=1)


@pytest.mark.parametrize("kind", KINDS)
def test_all_weight_on_one_class_is_that_class(kind):
    generator = KINDS[kind]()
    mixed = ti.mixture(generator)
    assert mixed.condition is None
    assert mixed.space == generator.space.with_shape((LATENT + 5,))
    made = mixed(codes_of(generator, np.eye(5)[LABELS]))
    np.testing.assert_allclose(made, generator(CODES, LABELS), atol=1e-5)
    assert np.abs(made - generator(CODES, [3] * 5)).max() > 1e-2


@pytest.mark.parametrize("kind", ["gather", "made-one-hot"])
def test_embeddings_are_averaged(kind):
    generator = KINDS[kind]()
    weights = np.random.default_rng(4).dirichlet(np.ones(5), 5).astype(np.float32)
    expected = np.tanh(np.concatenate([CODES, weights @ TABLE], axis=1) @ WEIGHT).reshape(5, 2, 2, 3)
    np.testing.assert_allclose(ti.mixture(generator)(codes_of(generator, weights)), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["integer", "one-hot", "two-tables"])
def test_gradients_reach_the_class(kind):
    mixed = ti.mixture(KINDS[kind]())
    check(mixed, lambda codes: mixed(codes).numpy())


@pytest.mark.slow
def test_a_class_between_two_is_found():
    generator = KINDS["integer"]()
    mixed = ti.mixture(generator)
    targets = mixed(codes_of(generator, np.tile([0.5, 0, 0, 0.5, 0], (5, 1))))
    solver = ti.Adam(steps=300)
    found = ti.Inverter(mixed, solver=solver)(targets)
    best = np.min([ti.Inverter(generator, solver=solver)(targets, labels=n).loss for n in range(5)], axis=0)
    assert (found.loss.numpy() < 0.1 * best).all()


def test_mixtures_can_be_split_as_others_are():
    mixed = ti.mixture(KINDS["integer"]())
    codes = mixed.sample(3)[0]
    head, tail = ti.split(mixed)
    np.testing.assert_allclose(tail(head(codes)), mixed(codes), atol=1e-5)


def uncounted(generator):
    return dataclasses.replace(generator, condition=dataclasses.replace(generator.condition, classes=None))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ti.load_generator(), "not class-conditional"),
        (lambda: uncounted(KINDS["integer"]()), "how many classes"),
        (
            lambda: function(lambda labels: tf.repeat(tf.cast(labels, tf.float32)[:, None], 3, axis=1)),
            "cannot be mixed",
        ),
    ],
)
def test_what_cannot_be_mixed_says_why(make, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        ti.mixture(make())
    assert "\n" not in str(caught.value)
