"""The relaxed start: exact where everything is linear, near where it is not, and told where it cannot be."""

import keras
import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion.relaxed import Relaxed

LINEAR = problems.Linear()
UNIFORM = ti.uniform(2, low=1, high=3)


def bent(prior):
    """Codes to [4, 4, 1] by way of a dense layer of 12, with a bend behind it."""
    random = np.random.default_rng(5)
    first, last = random.normal(size=(prior.entries, 12)) / 2, random.normal(size=(12, 16)) / 3
    offset = random.normal(size=12) / 3

    def function(codes):
        hidden = tf.tanh(codes @ tf.constant(first, tf.float32) + tf.constant(offset, tf.float32))
        return tf.reshape(hidden @ tf.constant(last, tf.float32), [-1, 4, 4, 1])

    return ti.load_generator(function, prior=prior, value_range=(-1, 1))


def test_codes_of_a_linear_generator_are_found():
    codes, images = LINEAR.generator.sample(5, seed=3)
    found, passes = Relaxed(LINEAR.generator, steps=1000, batch_size=3)(images.numpy())
    np.testing.assert_allclose(found, codes, atol=0.01)
    assert found.dtype == np.float32
    assert (passes < 2 * 1000 + 20).all()  # they end where the error is as good as none


@pytest.mark.parametrize("prior", [ti.normal(4), ti.normal(4, stddev=0.5), UNIFORM], ids=str)
def test_codes_come_near_behind_a_bend(prior):
    generator = bent(prior)
    codes, images = generator.sample(8, seed=3)
    found, _ = Relaxed(generator)(images.numpy())
    nearness = np.mean((found - codes) ** 2, axis=1) / np.var(codes)
    assert np.median(nearness) < 0.05
    again, _ = Relaxed(generator)(images.numpy()[2:4])
    np.testing.assert_allclose(again, found[2:4], atol=1e-4)


def test_steps_count_in_all_and_at_least_one_for_each_stage():
    _, images = LINEAR.generator.sample(2)
    passes = [Relaxed(LINEAR.generator, steps=steps)(images.numpy())[1][0] for steps in (1, 5, 10)]
    assert passes[0] == passes[1] == passes[2] - 10


def test_those_who_watch_see_codes_come_nearer():
    codes, images = LINEAR.generator.sample(3, seed=3)
    seen = []
    found, passes = Relaxed(LINEAR.generator, steps=500, batch_size=2)(images.numpy(), watch=seen.append)
    assert {len(glimpse.rows) for glimpse in seen} == {1, 2}
    for row in range(3):
        mine = [(each.passes[list(each.rows).index(row)], each.codes[list(each.rows).index(row)])
                for each in seen if row in each.rows]  # fmt: skip
        spent = np.array([spent for spent, _ in mine])
        assert (np.diff(spent) > 0).all()
        assert spent[-1] <= passes[row]
        errors = [np.mean((at - codes[row]) ** 2) for _, at in mine]
        assert errors[-1] < 0.01 * errors[0]
        np.testing.assert_allclose(mine[-1][1], found[row], atol=1e-3)


def test_an_image_that_is_not_finite_leaves_the_others_alone():
    codes, images = LINEAR.generator.sample(3, seed=3)
    images = images.numpy()
    images[1, 0, 0, 0] = np.nan
    found, _ = Relaxed(LINEAR.generator, steps=1000)(images)
    np.testing.assert_allclose(found[[0, 2]], codes.numpy()[[0, 2]], atol=0.01)
    assert np.isfinite(found).all()


def narrow():
    layers = [keras.layers.Dense(4), keras.layers.Dense(48), keras.layers.Reshape((4, 4, 3))]
    return keras.Sequential([keras.Input((6,)), *layers])


def labelled():
    codes, label = keras.Input((6,), name="z"), keras.Input((5,), name="y")
    hidden = keras.layers.Dense(48)(keras.layers.Concatenate()([codes, label]))
    return keras.Model([codes, label], keras.layers.Reshape((4, 4, 3))(hidden))


@pytest.mark.parametrize(("make", "why"), [(labelled, "class labels"), (narrow, "makes 4 values of 6")])
def test_other_generators_are_refused(make, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        Relaxed(ti.load_generator(make()))
    assert "\n" not in str(caught.value)
    assert "another method" in str(caught.value)
