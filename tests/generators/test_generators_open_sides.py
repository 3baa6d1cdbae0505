"""Codes whose sides the model leaves open, as the decoders of latent diffusion do: the prior says them."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import check, randomise

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.derived.smoothed import SMOOTHING, smoothed

PRIOR = "normal(3, 4, 2)"


def decoder(maker=keras, sides=(None, None), label=False, kink="elu"):
    """[h, w, 2] to [2 h, 2 w, 1], by convolutions alone."""
    layers = maker.layers
    codes = layers.Input((*sides, 2), name="z")
    values = layers.Activation(kink)(layers.Conv2D(6, 3, padding="same", name="first")(codes))
    values = layers.UpSampling2D()(values)
    if label:
        classes = layers.Input((1,), name="y", dtype="int32")
        values = layers.Multiply()([values, layers.Reshape((1, 1, 6))(layers.Embedding(5, 6)(classes))])
    images = layers.Conv2D(1, 3, padding="same", activation="tanh")(values)
    return randomise(maker.Model([codes, classes] if label else codes, images))


def sources(model, folder):
    """The model, its files and its SavedModel."""
    yield model
    for ext in (".keras", ".h5"):
        model.save(folder / f"g{ext}")
        yield folder / f"g{ext}"
    model.export(str(folder / "module"))
    yield folder / "module"


@pytest.mark.first(2)
@pytest.mark.parametrize("maker", [keras, tf_keras])
@pytest.mark.parametrize("sides", [(None, None), (None, 4), (3, 4)])
def test_the_prior_says_the_sides(maker, sides, tmp_path):
    model = decoder(maker, sides)
    for source in sources(model, tmp_path):
        generator = ti.load_generator(source, prior=PRIOR, value_range=(-1, 1))
        assert generator.space.shape == (3, 4, 2)
        assert generator.image_shape == (6, 8, 1)
        assert generator.about.assumed == ()
        check(generator, lambda codes: model(codes))


def test_with_a_class_beside(tmp_path):
    model = decoder(label=True)
    generator = ti.load_generator(model, prior=PRIOR)
    check(generator, lambda codes, labels: model([codes, labels[:, None]]), labels=[0, 4, 2, 2, 1])


@pytest.fixture(scope="module", params=["model", pytest.param("SavedModel", marks=pytest.mark.slow)])
def generator(request, tmp_path_factory):
    model, folder = decoder(kink="relu"), str(tmp_path_factory.mktemp("open") / "module")
    if request.param == "SavedModel":
        model.export(folder, verbose=False)
    return ti.load_generator(model if request.param == "model" else folder, prior=PRIOR, value_range=(-1, 1))


@pytest.mark.slow
def test_it_is_inverted_and_recovered(generator):
    codes, images = generator.sample(3, seed=1)
    found = ti.Inverter(generator, solver="levenberg_marquardt", restarts=4)(images)
    assert found.codes.shape == (3, 3, 4, 2)
    assert np.median(found.loss) < 1e-4
    recovered = ti.Recovery(generator, attempts=2)(images)
    assert (np.abs(recovered.codes - codes).max(axis=(1, 2, 3)) < 1e-2).any()


@pytest.mark.slow
def test_it_is_split_smoothed_and_pickled(generator):
    codes, images = generator.sample(3, seed=1)
    parts = ti.split(generator, at=ti.layers(generator)[0].name)
    assert parts.tail.space.shape == (3, 4, 6)
    np.testing.assert_allclose(parts.tail(parts.head(codes)), images, atol=1e-6)
    soft = smoothed(generator)
    np.testing.assert_allclose(soft(codes, held={SMOOTHING: np.zeros(3)}), images, atol=1e-6)
    assert np.abs(soft(codes, held={SMOOTHING: np.ones(3)}) - images).max() > 1e-2
    np.testing.assert_allclose(pickle.loads(pickle.dumps(generator))(codes), images, atol=1e-6)
    again = ti.TwoStep(ti.Inverter(generator, solver="lbfgs"), ti.layers(generator)[0].name)(images)
    assert np.median(again.loss) < 1e-3


@pytest.mark.parametrize("prior", ["normal(3, 4, 3)", "normal(3, 4)", "uniform(24)", "normal(1, 3, 4, 2)"])
def test_a_prior_that_does_not_fit_is_told(prior):
    wanted = (
        r"a prior over codes \[.*for the input z \[None, None, None, 2\].*sides that fit, such as normal\(8, 8, 2\)"
    )
    with pytest.raises(BadInput, match=wanted) as caught:
        ti.load_generator(decoder(), prior=prior)
    assert "\n" not in str(caught.value)


def test_a_known_side_that_does_not_fit_is_told():
    with pytest.raises(BadInput, match=r"z \[None, None, 4, 2\].*such as normal\(8, 4, 2\)"):
        ti.load_generator(decoder(sides=(None, 4)), prior="normal(3, 5, 2)")
    with pytest.raises(BadInput, match=r"its codes have the shape \(3, 4, 2\)"):
        ti.load_generator(decoder(sides=(3, 4)), prior="normal(3, 5, 2)")


def test_without_a_shape_open_sides_are_one_and_that_is_told():
    """Some old files come back so, and mean it (facts: fashion-28-wrong-input-shape)."""
    generator = ti.load_generator(decoder(), prior="normal", value_range=(-1, 1))
    assert generator.space.shape == (2,)
    assert generator.image_shape == (2, 2, 1)
    assert generator.about.assumed == (
        "sides of z [None, None, None, 2]: 1 where unknown (a prior's shape says others)",
    )
    same = ti.load_generator(decoder(), prior="normal(2)", value_range=(-1, 1))
    np.testing.assert_array_equal(generator(tf.ones([3, 2])), same(tf.ones([3, 2])))


def test_a_code_that_fits_no_memory_is_told():
    with pytest.raises(BadInput, match=r"prior normal\(100000, 100000, 2.*at most 16,777,216 entries"):
        ti.load_generator(decoder(), prior="normal(100000, 100000, 2)")
