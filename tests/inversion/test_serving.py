"""Inverters outside of the process that made them: saved for serving, and in pickles."""

import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.generators.derived.precise import in_float64

ADAM = ti.Adam(steps=40)


def labelled():
    code, label = keras.Input((4,), name="z"), keras.Input((1,), name="label")
    both = keras.layers.Concatenate()([code, keras.layers.Flatten()(keras.layers.Embedding(5, 3)(label))])
    images = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, "tanh")(keras.layers.Dense(24)(both)))
    return ti.load_generator(keras.Model([code, label], images), prior="normal", value_range=(-1, 1))


def with_noise():
    matrix = tf.constant(np.random.default_rng(0).normal(size=(3, 16)), tf.float32)
    images = lambda codes, noise: tf.tanh(tf.reshape(codes @ matrix, [-1, 4, 4, 1]) + noise)
    return ti.from_function(images, "normal(3)", holds={"noise": (4, 4, 1)})


def inverter_of(kind):
    if kind == "built-in":
        return ti.Inverter(None, solver=ADAM, restarts=2, seed=3)
    if kind == "noise":
        return ti.Inverter(with_noise(), solver="lbfgs")
    if kind == "features":
        network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
        return ti.Inverter(labelled(), ti.Pixel() + ti.Features(None, network), ADAM, restarts=1)
    inverter = ti.Inverter(labelled(), "l1", ADAM, restarts=2)
    return ti.TwoStep(inverter, ti.SecondStep("first_dense", steps=20)) if kind == "two steps" else inverter


KINDS = ("built-in", "labelled", "noise", "features", pytest.param("two steps", marks=pytest.mark.slow))


def given_to(inverter):
    """Images, and what else an inverter is given."""
    generator = inverter.generator
    codes = generator.space.sample(ti.seeds.of(1, tf.range(3)))
    labels = None if generator.condition is None else np.array([4, 0, 2], np.int32)
    held = {name: tf.random.stateless_normal([3, *shape], [1, 2]) for name, shape in generator.holds.items()}
    return generator(codes, labels, held), labels, held


@pytest.mark.first(1)
@pytest.mark.parametrize("kind", KINDS)
def test_saved_for_serving(kind, tmp_path):
    inverter = inverter_of(kind)
    images, labels, held = given_to(inverter)
    ids = tf.constant(["one", "two", "three"])
    expected = inverter(images, ids, labels, held=held)
    tf.saved_model.save(ti.servable(inverter), str(tmp_path / "served"))
    more = {} if labels is None else {"labels": tf.constant(labels)}
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    found = loaded.signatures["serving_default"](images=tf.constant(images), ids=ids, **more, **held)
    assert set(found) == set(expected._fields)
    np.testing.assert_allclose(found["codes"], expected.codes, atol=1e-4)
    np.testing.assert_allclose(found["images"], expected.images, atol=1e-4)
    np.testing.assert_array_equal(found["status"], expected.status)


@pytest.mark.slow
def test_served_where_tfinvert_is_not_installed(tmp_path):
    tf.saved_model.save(ti.servable(inverter_of("labelled")), str(tmp_path / "served"))
    code = (
        "import sys; sys.modules['tfinvert'] = None\n"
        "import tensorflow as tf\n"
        f"served = tf.saved_model.load({str(tmp_path / 'served')!r}).signatures['serving_default']\n"
        "found = served(images=tf.zeros([2, 4, 4, 1]), ids=tf.constant(['a', 'b']), labels=tf.constant([0, 1]))\n"
        "assert found['codes'].shape == (2, 4)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


@pytest.mark.first(1)
@pytest.mark.parametrize("kind", KINDS)
def test_pickled(kind):
    inverter = inverter_of(kind)
    images, labels, held = given_to(inverter)
    again = pickle.loads(pickle.dumps(inverter))
    np.testing.assert_allclose(again.generator.space.centre, inverter.generator.space.centre)
    assert again.generator.about == inverter.generator.about
    expected, found = (each(images, labels=labels, held=held) for each in (inverter, again))
    np.testing.assert_allclose(found.codes, expected.codes, atol=1e-3)
    np.testing.assert_allclose(found.images, expected.images, atol=1e-3)
    np.testing.assert_array_equal(found.status, expected.status)


@pytest.mark.slow
def test_pickled_for_another_process(tmp_path):
    (tmp_path / "inverter").write_bytes(pickle.dumps(inverter_of("built-in")))
    code = "import pickle; print(pickle.load(open('inverter', 'rb'))([[[[0.0]] * 32] * 32]).codes.shape)"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "(1, 64)\n"


def test_what_cannot_be_pickled_says_why():
    arrays = ti.from_function(lambda codes: np.zeros((len(codes), 2, 2, 1), np.float32), "normal(3)")
    with pytest.raises(ti.BadInput, match="cannot be pickled"):
        pickle.loads(pickle.dumps(arrays))(np.zeros((1, 3), np.float32))
    with pytest.raises(ti.BadInput, match="cannot be saved: it calls Python"):
        ti.servable(ti.Inverter(arrays, solver=ti.CMA(2)))
    with pytest.raises(ti.BadInput, match="float64 cannot be pickled"):
        pickle.dumps(in_float64(labelled()))
