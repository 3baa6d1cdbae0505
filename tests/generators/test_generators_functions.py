"""Functions as generators: of tensors, of arrays, with labels and with what else they take; what is odd is told."""

import functools
import logging
import pickle

import numpy as np
import pytest
import tensorflow as tf
from generator_models import check, codes_for, linear

import tfinvert as ti
from tfinvert.errors import BadInput


class Callable:
    def __call__(self, codes):
        return linear(codes)


@pytest.mark.parametrize(
    "source", [linear, tf.function(linear), functools.partial(linear), Callable(), lambda z: [linear(z)]]
)
def test_functions(source):
    check(ti.load_generator(source, prior=ti.normal(4)), linear)


@pytest.mark.parametrize("shape", [(8, 8, 0), (0, 8, 1)])
def test_images_of_nothing_are_told(shape):
    with pytest.raises(BadInput, match="expected at least one pixel"):
        ti.load_generator(lambda codes: tf.zeros([tf.shape(codes)[0], *shape]), prior=ti.normal(3))


@pytest.mark.parametrize(("levels", "constant"), [(0.0, True), (0.4, True), (0.8, False), (5.0, False)])
def test_less_than_half_a_grey_level_is_constant(levels, constant):
    """Dead generators still move in the last digits, and more than rounding does (dead-constant.h5: 0.06 levels)."""

    def nearly(codes):
        moving = tf.cast(codes[:, :1] > 0, tf.float32) + 0 * codes[:, :1]
        return tf.reshape(tf.tile(0.3 + moving * levels * 2 / 255, [1, 16]), [-1, 4, 4, 1])

    assert ti.load_generator(nearly, prior="normal(4)").about.constant == constant


@pytest.mark.parametrize(
    ("scale", "bounds", "said"),
    [
        (3.0, (-1, 1), "span"),
        (0.5, (-1, 1), "value_range=(0, 1)"),
        (1.0, (0, 1), None),
        (1.0, (0, 255), "the stated value range is [0, 255]"),
    ],
)
def test_values_outside_the_stated_range_are_told(scale, bounds, said, caplog):
    def positive(codes):
        return scale * (linear(codes) + 1) / 2

    with caplog.at_level(logging.WARNING, logger="absl"):
        generator = ti.load_generator(positive, prior="normal(4)", value_range=bounds)
    assert not generator.about.constant
    assert (said in caplog.text) if said else not caplog.records


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (lambda z: linear(z) + 0.1 * tf.random.normal([tf.shape(z)[0], 4, 4, 1]), "draws random numbers"),
        (lambda z: linear(z) - tf.reduce_mean(linear(z), axis=0), "depends on its neighbours in the batch"),
        (lambda z: linear(z), None),
    ],
)
def test_images_that_do_not_follow_from_the_code_alone_are_told(source, said, caplog):
    ti.load_generator(source, prior="normal(4)")
    assert (said in caplog.text) if said else not caplog.records


def numpy_only(codes):
    return np.asarray(codes).reshape(-1, 2, 2, 1)


def arrays_only(codes):
    if not isinstance(codes, np.ndarray):
        raise TypeError("expected an array")
    return numpy_only(codes).astype(np.float64)


@pytest.mark.parametrize(
    "source",
    [
        numpy_only,
        arrays_only,
        lambda z: tf.reshape(tf.numpy_function(numpy_only, [z], tf.float32), [-1, 2, 2, 1]),
        lambda z: tf.round(linear(z)),
    ],
)
def test_a_function_without_a_gradient_is_loaded_and_told(source, caplog):
    generator = ti.load_generator(source, prior="normal(4)")
    assert not generator.about.differentiable
    assert "without a TensorFlow gradient" in caplog.text
    codes, images = generator.sample(3)
    np.testing.assert_allclose(images, np.asarray(source(codes.numpy())).reshape(3, *generator.image_shape), rtol=1e-6)
    images = tf.function(generator)(codes)
    assert images.shape == (3, *generator.image_shape)
    with pytest.raises(BadInput, match=r"no TensorFlow gradient.*CMA"):
        ti.Inverter(generator)


def test_functions_of_arrays_take_labels():
    source = lambda codes, labels: numpy_only(codes) + np.asarray(labels, np.float32)[:, None, None, None]
    generator = ti.load_generator(source, prior="normal(4)", classes=3)
    codes, images = generator.sample(2, labels=[0, 2])
    np.testing.assert_allclose(images[1], numpy_only(codes)[1] + 2)


MATRIX = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)


def noisy(codes, noise, mask):
    return mask * (tf.reshape(tf.tanh(codes @ MATRIX), [-1, 4, 4, 1]) + noise)


def holding():
    shapes = {"noise": (4, 4, 1), "mask": [4, 4, 1]}
    generator = ti.from_function(noisy, "normal(4)", value_range=(-1, 1), holds=shapes)
    noise, mask = np.random.default_rng(1).normal(size=(2, 5, 4, 4, 1)).astype(np.float32)
    return generator, {"noise": 0.1 * noise, "mask": (mask > -1).astype(np.float32)}


def test_what_a_function_holds_is_given_by_name():
    generator, held = holding()
    codes = codes_for(generator)
    expected = noisy(codes, **held)
    np.testing.assert_allclose(generator(codes, held=held), expected, atol=1e-5)
    np.testing.assert_allclose(tf.function(generator)(codes, held=held), expected, atol=1e-5)
    assert not generator.about.constant


@pytest.mark.first(1)
@pytest.mark.parametrize("solver", ["lbfgs", "levenberg_marquardt", "adam"])
def test_each_image_is_inverted_with_what_is_held_for_it(solver):
    generator, held = holding()
    images = noisy(codes_for(generator), **held)
    whole = ti.Inverter(generator, solver=solver, restarts=4)(images, held=held)
    assert np.median(whole.loss) < 1e-6
    one = ti.Inverter(generator, solver=solver, restarts=4)(
        images[3:4], [3], held={name: rows[3:4] for name, rows in held.items()}
    )
    np.testing.assert_allclose(one.codes, whole.codes[3:4], atol=1e-4)


def test_what_is_held_goes_through_both_steps_and_parts():
    generator, held = holding()
    codes = codes_for(generator)
    parts = ti.split(generator)
    hidden, beside = parts.before(codes, held=held)
    np.testing.assert_allclose(parts.tail(hidden, *beside), generator(codes, held=held), atol=1e-5)
    found = ti.TwoStep(ti.Inverter(generator, restarts=2))(generator(codes, held=held), held=held)
    assert np.median(found.loss) < 1e-4


def test_labels_and_what_is_held():
    table = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)
    function = lambda codes, labels, noise: noisy(codes + tf.gather(table, labels), noise, 1.0)
    generator = ti.from_function(function, "normal(4)", classes=3, holds={"noise": (4, 4, 1)})
    noise, labels = holding()[1]["noise"], [0, 2, 1, 1, 0]
    codes = codes_for(generator)
    np.testing.assert_allclose(generator(codes, labels, {"noise": noise}), function(codes, labels, noise), atol=1e-5)
    mixed = ti.mixture(generator)
    assert mixed.holds == generator.holds
    weights = np.concatenate([codes, 10 * np.eye(3, dtype=np.float32)[labels]], axis=1)
    np.testing.assert_allclose(mixed(weights, held={"noise": noise}), function(codes, labels, noise), atol=1e-3)


def test_numpys_own_type_may_be_held():
    generator, held = holding()
    codes = codes_for(generator)
    wide = {name: rows.astype(np.float64) for name, rows in held.items()}
    np.testing.assert_array_equal(generator(codes, held=wide), generator(codes, held=held))
    images = generator(codes, held=held)
    assert ti.Inverter(generator, solver=ti.Adam(steps=2))(images, held=wide).codes.shape == (5, 4)
    with pytest.raises(BadInput, match=r"held=\{'mask': list\}: expected held=\{'noise'"):
        generator(codes, held={**held, "mask": [["a"]] * 5})


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        (["noise"], "expected shapes by name"),
        ({"labels": (4,)}, "expected another name"),
        ({"hidden": (4,)}, "expected another name"),
        ({"noise": 4}, "the shape of one row"),
        ({"noise": (0, 4)}, "the shape of one row"),
        ({"no name": (4,)}, "an argument's name"),
        ({"mask": (4, 4, 1)}, "cannot be called"),
    ],
)
def test_what_cannot_be_held_is_told(holds, said):
    with pytest.raises(BadInput, match=said):
        ti.from_function(noisy, "normal(4)", holds=holds)


def test_recovery_takes_codes_and_labels_only():
    with pytest.raises(BadInput, match=r"holds noise, mask"):
        ti.Recovery(holding()[0])


def with_calls(kind):
    """A generator whose ReLU stands in a function that TensorFlow would not inline."""
    random = np.random.default_rng(0)
    first, last = (random.normal(size=size).astype(np.float32) / 2 for size in ((4, 12), (12, 16)))
    weight = tf.Variable(random.normal(size=(12, 12)).astype(np.float32) / 4)
    options = {"experimental_attributes": {"_noinline": True}} if kind == "noinline" else {"jit_compile": True}
    inner = tf.function(lambda values: tf.nn.relu(values @ weight), **options)
    looped = lambda values: tf.while_loop(lambda i, _: i < 2, lambda i, x: (i + 1, inner(x)), (0, values))[1]
    hidden = {"nested": tf.function(lambda values: inner(values) + 0.1, **options), "loop": looped}.get(kind, inner)
    function = lambda codes: tf.reshape(tf.tanh(hidden(codes @ first) @ last), [-1, 4, 4, 1])
    whole = tf.function(function, jit_compile=True) if kind == "whole" else function
    return ti.from_function(whole, "normal(4)", value_range=(-1, 1))


@pytest.mark.first(1)
@pytest.mark.parametrize("kind", ["compiled", "noinline", "nested", "loop", "whole"])
def test_functions_that_are_compiled_are_inverted_split_and_pickled(kind):
    """Their graphs are frozen for all of these, and a call that stayed in one would have no gradient."""
    generator = with_calls(kind)
    codes, images = generator.sample(3, seed=1)
    inverter = ti.Inverter(generator, solver=ti.LBFGS(steps=60), restarts=4)
    assert bool(inverter.smoothing.amounts) == (kind != "loop")  # what a loop repeats stays as it is
    assert np.median(inverter(images).loss) < 1e-3
    parts = ti.split(generator)
    hidden, held = parts.before(codes)
    np.testing.assert_allclose(parts.tail(hidden, *held), images, atol=1e-5)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(generator))(codes), images, atol=1e-5)
    slopes = []
    for function in (generator, lambda codes: parts.tail(parts.head(codes))):
        with tf.GradientTape() as tape:
            tape.watch(codes)
            total = tf.reduce_sum(function(codes) ** 2)
        slopes.append(tape.gradient(total, codes))
    np.testing.assert_allclose(*slopes, rtol=1e-3, atol=1e-4)
