"""One image, one seed, one result: however it is called and whatever it is batched with."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_stylegan import NOISE, SIZES, small_stylegan

import tfinvert as ti
from tfinvert.solvers.first_order import schedule

# How a call reaches TensorFlow does not depend on the rule by which a step moves: these stand for all.
ONE_OF_EACH_KIND = pytest.mark.parametrize(
    "inverter", ["adam", pytest.param("cma", marks=pytest.mark.slow)], indirect=True
)
IDS = ["a.png", "b.png", "c.png", "d.png"]
SOLVERS = {
    "adam": ti.Adam(schedule("cosine", 0.1, 120), steps=120),
    "rmsprop": ti.RMSprop(schedule("cosine", 0.05, 60), steps=60),
    "gd": ti.GradientDescent(5.0, steps=60),
    "cma": ti.CMA(8),
}


@pytest.fixture(scope="module")
def generator():
    return ti.load_generator()


@pytest.fixture(scope="module")
def images(generator):
    # Held-out glyphs, not samples: a target out of range makes the path longer and rounding matter more.
    return ti.images.load("glyphs", like=generator, limit=4).pixels


@pytest.fixture(
    scope="module", params=["adam", *(pytest.param(name, marks=pytest.mark.slow) for name in list(SOLVERS)[1:])]
)
def inverter(request, generator):
    return ti.Inverter(generator, solver=SOLVERS[request.param], restarts=2)


@pytest.fixture(scope="module")
def expected(inverter, images):
    return inverter(images, ids=IDS)


def same(found, expected):
    np.testing.assert_allclose(found.codes, expected.codes, atol=1e-4)
    np.testing.assert_allclose(found.images, expected.images, atol=1e-4)
    np.testing.assert_array_equal(found.status, expected.status)


def all_threads():
    """Operations in `dataset.map` have one thread by default, on which Eigen's kernels sum in another order."""
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 0
    return options


def test_batches_of_one(inverter, images, expected):
    for i in range(4):
        found = inverter(images[i : i + 1], ids=IDS[i : i + 1])
        same(found, ti.Inversion(*(column[i : i + 1] for column in expected)))


@pytest.mark.parametrize("batch_size", [3, 20])
def test_other_batch_sizes_with_a_remainder(inverter, images, expected, batch_size):
    other = ti.Inverter(inverter.generator, solver=inverter.solver, restarts=2, batch_size=batch_size)
    same(other(images, ids=IDS), expected)


@pytest.mark.parametrize(
    "counts", [*(pytest.param(each, marks=pytest.mark.slow) for each in ((4, 3, 4), (3, 4))), (1, 2, 3, 4)]
)
def test_whatever_batches_came_before(inverter, images, expected, counts):
    other = ti.Inverter(inverter.generator, solver=inverter.solver, restarts=2)
    for count in counts:
        found = other(images[:count], ids=IDS[:count])
        np.testing.assert_array_equal(found.codes, expected.codes[:count])


def test_another_order_and_other_neighbours(inverter, images, expected):
    crowd = np.concatenate([np.repeat(images[:1], 13, axis=0), images[::-1]])
    ids = [f"other-{i}" for i in range(13)] + IDS[::-1]
    found = inverter(crowd, ids=ids)
    same(ti.Inversion(*(column[13:][::-1] for column in found)), expected)


@ONE_OF_EACH_KIND
def test_inside_a_tf_function(inverter, images, expected):
    same(tf.function(lambda x, ids: inverter(x, ids=ids))(images, tf.constant(IDS)), expected)


@ONE_OF_EACH_KIND
@pytest.mark.parametrize("batch", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_inside_dataset_map(inverter, images, expected, batch):
    dataset = tf.data.Dataset.from_tensor_slices((IDS, images)).batch(batch)
    found = list(dataset.map(lambda ids, x: inverter(x, ids=ids)).with_options(all_threads()))
    assert all(isinstance(part, ti.Inversion) for part in found)
    same(ti.Inversion(*(tf.concat(column, 0) for column in zip(*found, strict=True))), expected)


@pytest.mark.slow
@ONE_OF_EACH_KIND
def test_inside_dataset_map_without_a_batch_axis_size(inverter, images, expected):
    rows = lambda: iter(zip(IDS, images, strict=True))
    signature = (tf.TensorSpec([], tf.string), tf.TensorSpec([None, None, None], tf.float32))
    dataset = tf.data.Dataset.from_generator(rows, output_signature=signature).batch(4)
    mapped = dataset.map(lambda ids, x: inverter(x, ids=ids)).with_options(all_threads())
    same(next(iter(mapped)), expected)


@ONE_OF_EACH_KIND
def test_eagerly(inverter, images, expected, eagerly):
    found = ti.Inverter(inverter.generator, solver=inverter.solver, restarts=2)(images[:1], ids=IDS[:1])
    same(found, ti.Inversion(*(column[:1] for column in expected)))


@pytest.fixture(scope="module", params=["several inputs", "open sides"])
def another(request):
    """Kinds of generators beside the built-in one, which call their model in other ways."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    if request.param == "several inputs":
        sizes = SIZES[:2]
        return ti.from_keras(
            small_stylegan(sizes=sizes), inputs=ti.Inputs(code="z", drawn=NOISE[:2]), value_range=(-1, 1)
        )
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(8, 3, padding="same", activation="elu")])
    model.add(layers.UpSampling2D())
    model.add(layers.Conv2D(1, 3, padding="same", activation="tanh"))
    return ti.load_generator(model, prior=ti.normal(4, 4, 3), value_range=(-1, 1))


@pytest.mark.first(1)
def test_batches_of_other_kinds(another):
    images = ti.images.load("glyphs", like=another, limit=4).pixels
    invert = lambda size: ti.Inverter(another, solver=SOLVERS["adam"], restarts=2, batch_size=size)
    expected = invert(16)(images, ids=IDS)
    same(invert(3)(images, ids=IDS), expected)
    same(invert(16)(images[::-1], ids=IDS[::-1]), ti.Inversion(*(column[::-1] for column in expected)))
    same(tf.function(lambda x, ids: invert(16)(x, ids=ids))(images, tf.constant(IDS)), expected)


def test_again(inverter, images, expected):
    again = ti.Inverter(inverter.generator, solver=inverter.solver, restarts=2)(images, ids=IDS)
    np.testing.assert_array_equal(again.codes, expected.codes)
