"""Edits of points, on a generator whose tail is known and on a BigGAN."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_biggan import small_biggan

import tfinvert as ti
from tfinvert import editing
from tfinvert.editing import Place, Points

RNG = np.random.default_rng(0)


def two_layers(classes=None):
    """h = z A + b (and a class's row), images tanh(h C)."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    code = keras.Input((4,), name="z")
    inputs, before = [code], code
    if classes:
        label = keras.Input((1,), dtype="int32", name="y")
        inputs.append(label)
        before = layers.Concatenate()([code, layers.Flatten()(layers.Embedding(classes, 2)(label))])
    hidden = layers.Dense(10, bias_initializer="normal")(before)
    images = layers.Reshape((4, 4, 1))(layers.Dense(16, activation="tanh")(layers.ReLU()(hidden)))
    return ti.load_generator(keras.Model(inputs, images))


@pytest.fixture(scope="module")
def plain():
    generator = two_layers()
    return Place(generator, ti.split(generator))


@pytest.fixture(scope="module")
def biggan():
    generator = ti.load_generator(small_biggan())
    return Place(generator, ti.split(generator))


def points(place, count=3, labels=None, size=0.2):
    shape = place.split.tail.space.shape
    codes = RNG.normal(size=(count, *place.generator.space.shape)).astype(np.float32)
    labels = None if labels is None else np.array(labels, np.int32)
    return Points(codes, labels, (size * RNG.normal(size=(count, *shape))).astype(np.float32))


def tail(place, hidden, codes=None, labels=None):
    """Images of values h, from the split itself."""
    held = () if place.generator.condition is None else (labels, {"codes": codes})
    return np.clip(place.generator.to_unit(place.split.tail(hidden, *held)), 0, 1)


def test_images_are_those_of_the_parts(plain, biggan):
    own = points(plain)
    np.testing.assert_allclose(plain.images(own, 2), tail(plain, plain.hidden(own)), atol=1e-6)
    np.testing.assert_allclose(
        plain.images(plain.without(own)), Place(plain.generator).images(own._replace(delta=None)), atol=1e-6
    )
    own = points(biggan, labels=[4, 0, 2])
    made = biggan.images(own)
    np.testing.assert_allclose(made, tail(biggan, biggan.hidden(own), own.codes, own.labels), atol=1e-6)
    direct = np.clip(biggan.generator.to_unit(biggan.generator(own.codes, own.labels)), 0, 1)
    np.testing.assert_allclose(biggan.images(biggan.without(own)), direct, atol=1e-5)


def test_the_way_from_the_code_to_behind_the_cut(plain):
    own = points(plain, 1)
    made = editing.gap(own, 4)
    before = plain.hidden(plain.without(own))
    for number, share in enumerate(np.linspace(0, 1, 5)):
        known = tail(plain, before + share * own.delta)
        np.testing.assert_allclose(plain.images(made)[number : number + 1], known, atol=1e-6)


def test_straight_paths_are_straight_behind_the_cut_and_codes_go_along(biggan):
    """Pividori et al.: G2(a h1 + (1 - a) h2)."""
    ends = points(biggan, 2, [3, 3])
    made = editing.path(biggan, ends, 4)
    hidden = biggan.hidden(ends)
    for number, share in enumerate(np.linspace(0, 1, 5)):
        codes, values = ((1 - share) * each[:1] + share * each[1:] for each in (ends.codes, hidden))
        np.testing.assert_allclose(
            biggan.images(made.take([number])), tail(biggan, values.astype(np.float32), codes, [3]), atol=1e-5
        )


def test_straight_paths_are_so_behind_layers_that_are_not_affine():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(8, activation="relu"),
            layers.Dense(12, name="second"),
            layers.Dense(16, activation="tanh"),
            layers.Reshape((4, 4, 1)),
        ]
    )
    generator = ti.load_generator(model)
    place = Place(generator, ti.split(generator, "second"))
    ends = points(place, 2)
    made = editing.path(place, ends, 2)
    np.testing.assert_allclose(place.hidden(made)[1], place.hidden(ends).mean(axis=0), atol=1e-5)


def test_spherical_paths_keep_the_norm_of_the_codes(plain):
    ends = points(plain)
    ends = ends._replace(codes=3 * ends.codes / np.linalg.norm(ends.codes, axis=1, keepdims=True))
    made = editing.path(plain, ends, 5, "spherical")
    np.testing.assert_allclose(np.linalg.norm(made.codes, axis=1), 3, rtol=1e-5)
    np.testing.assert_allclose(made.delta[::5], ends.delta, atol=1e-6)
    round_it = editing.circle(plain, ends.take([0, 1]), 40)
    np.testing.assert_allclose(np.linalg.norm(round_it.codes, axis=1), 3, rtol=1e-5)
    np.testing.assert_allclose(round_it.delta[0], ends.delta[0], atol=1e-6)
    near = np.linalg.norm(round_it.codes - ends.codes[1], axis=1).argmin()
    np.testing.assert_allclose(round_it.delta[near], ends.delta[1], atol=0.1)
    one = editing.circle(plain, ends.take([0]), 8)
    np.testing.assert_allclose(one.delta, np.repeat(ends.delta[:1], 8, axis=0), atol=1e-7)


def test_codes_of_a_uniform_prior_stay_in_its_box():
    generator = ti.load_generator(lambda z: tf.reshape(z, [-1, 2, 2, 1]), prior=ti.uniform(4))
    ends = Points(np.array([[1, 1, 1, 1], [1, -1, 0.2, -1]], np.float32), None, None)
    for made in (
        editing.path(Place(generator), ends, 9, "spherical"),
        editing.circle(Place(generator), ends, 30),
        editing.combined(Place(generator), ends, [1, 1]),
        editing.moved(Place(generator), ends.take([0]), np.ones(4, np.float32), [-4, 4]),
    ):
        assert np.abs(made.codes).max() <= 1


def test_generated_images_have_the_class_and_no_delta(biggan):
    own = points(biggan, 2, [1, 4])
    made = editing.drawn(biggan, own.take([1]), 3, seed=5)
    codes, images = biggan.generator.sample(3, seed=5, labels=4)
    np.testing.assert_array_equal(made.codes, codes)
    np.testing.assert_allclose(biggan.images(made), np.clip(biggan.generator.to_unit(images), 0, 1), atol=1e-5)
    whole = editing.path(biggan, editing.joined([own.take([1]), made.take([0])]), 3)
    np.testing.assert_allclose(biggan.images(whole)[-1:], biggan.images(made.take([0])), atol=1e-5)
    np.testing.assert_allclose(biggan.images(whole)[:1], biggan.images(own.take([1])), atol=1e-5)


def test_classes_change_and_the_code_is_held(biggan):
    own = points(biggan, 2, [1, 4])
    made = editing.switched(biggan, own, [0, 2, 4])
    assert made.labels.tolist() == [0, 2, 4] * 2
    np.testing.assert_array_equal(made.codes, np.repeat(own.codes, 3, axis=0))
    # BigGAN's dense layer knows no class: its values are held as they are.
    np.testing.assert_allclose(biggan.hidden(made), np.repeat(biggan.hidden(own), 3, axis=0), atol=1e-6)
    images = biggan.images(made)
    np.testing.assert_allclose(images[5:], biggan.images(own.take([1])), atol=1e-6)
    assert np.abs(images[3] - images[4]).mean() > 0.01


def test_classes_that_go_into_the_dense_layer():
    generator = two_layers(classes=3)
    place = Place(generator, ti.split(generator))
    own = Points(RNG.normal(size=(1, 4)).astype(np.float32), np.array([0], np.int32), np.zeros((1, 10), np.float32))
    made = place.images(editing.switched(place, own, [0, 1, 2]))
    known = generator.to_unit(generator(np.repeat(own.codes, 3, axis=0), [0, 1, 2]))
    np.testing.assert_allclose(made, known, atol=1e-6)


def test_sums_of_codes(plain):
    own = points(plain)
    made = editing.combined(plain, own, [1, -1, 0.5])
    np.testing.assert_allclose(made.codes[0], own.codes[0] - own.codes[1] + 0.5 * own.codes[2], atol=1e-6)
    np.testing.assert_allclose(made.delta[0], own.delta[0] - own.delta[1] + 0.5 * own.delta[2], atol=1e-6)
    generator = ti.load_generator(lambda z: tf.reshape(z, [-1, 2, 2, 1]), prior=ti.uniform(4, low=0, high=1))
    ends = Points(np.array([[0.5, 0.6, 0.5, 0.5], [0.5, 0.5, 0.8, 0.5]], np.float32), None, None)
    np.testing.assert_allclose(editing.combined(Place(generator), ends, [1, 1]).codes, [[0.5, 0.6, 0.8, 0.5]])


def test_codes_move_along_a_direction(plain):
    own = points(plain, 1)
    made = editing.moved(plain, own, np.eye(4, dtype=np.float32)[1], [-2, 0, 3])
    np.testing.assert_allclose(made.codes - own.codes, [[0, -2, 0, 0], [0] * 4, [0, 3, 0, 0]], atol=1e-6)
    np.testing.assert_array_equal(made.delta, np.repeat(own.delta, 3, axis=0))


@pytest.mark.parametrize("size", [1.0, 1000.0])  # photographs have values far from all that codes make
def test_the_projection_is_least_squares(plain, size):
    own = points(plain, size=size)
    found = editing.project(plain, own)
    zero = Points(np.zeros((1, 4), np.float32), None, np.zeros((1, 10), np.float32))
    bias = plain.hidden(zero)
    matrix = plain.hidden(Points(np.eye(4, dtype=np.float32), None, np.zeros((4, 10), np.float32))) - bias
    known = np.linalg.lstsq(matrix.T.astype(np.float64), (plain.hidden(own) - bias).T, rcond=None)[0].T
    np.testing.assert_allclose(found.points.codes, known, atol=2e-3 * size)  # values in float32 tell no nearer
    left = np.linalg.norm(plain.hidden(own) - (known @ matrix + bias), axis=1)
    np.testing.assert_allclose(found.distance, left / np.linalg.norm(plain.hidden(own), axis=1), rtol=1e-4)
    assert not found.points.delta.any()
    again = editing.project(plain, found.points)
    np.testing.assert_allclose(again.points.codes, found.points.codes, atol=1e-3 * size)
    assert (again.distance < 1e-5).all()


def test_the_projection_leaves_codes_that_go_round_the_cut(biggan):
    own = points(biggan, 2, [1, 3], size=0.01)
    found = editing.project(biggan, own)
    np.testing.assert_allclose(found.points.codes[:, 4:], own.codes[:, 4:], atol=1e-6)  # chunks of 4: one is dense
    assert np.abs(found.points.codes[:, :4] - own.codes[:, :4]).max() > 1e-4
    assert (found.distance < np.linalg.norm(own.delta.reshape(2, -1), axis=1)).all()
    assert found.points.labels.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda place, own: editing.path(place, own.take([0]), 3), "a path through one image: expected at least two"),
        (lambda place, own: editing.path(place, own, 3, "curved"), "way 'curved'"),
        (lambda place, own: editing.circle(place, own, 9), "a circle through 3 points"),
        (lambda place, own: editing.gap(own._replace(delta=None), 3), "at the code"),
        (lambda place, own: editing.project(Place(place.generator), own), "a projection at the code"),
        (lambda place, own: editing.switched(place, own, [1]), "it is not class-conditional"),
        (lambda place, own: editing.combined(place, own, [1, 2]), "2 weights for 3 images"),
        (lambda place, own: Place(place.generator).hidden(own), "there is none at the code"),
    ],
)
def test_edits_that_cannot_be_are_told(plain, call, why):
    with pytest.raises(ti.BadInput, match=why):
        call(plain, points(plain))


def test_paths_between_classes_are_told(biggan):
    with pytest.raises(ti.BadInput, match=r"a path between classes 1, 2.*--label"):
        editing.path(biggan, points(biggan, 2, [1, 2]), 3)
    with pytest.raises(ti.BadInput, match="label 7"):
        editing.switched(biggan, points(biggan, 1, [1]), [7])
