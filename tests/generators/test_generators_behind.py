"""A generator behind a cut, whose codes are the values there: W and W+ of one in StyleGAN's form."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_stylegan import NOISE, SIZES, small_stylegan, taught_glyphs
from split_models import MODELS

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.seeds import of

FEW = {"sizes": SIZES[:2]}  # images of 8x8 pixels: graphs of fewer layers are traced faster
DRAWN = ti.Inputs(drawn=NOISE[:2])


def loaded(source, behind=None, inputs=DRAWN, **more):
    return ti.load_generator(ti.GeneratorSettings(source, value_range=(-1, 1), inputs=inputs, behind=behind, **more))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("style") / "style.keras"
    keras.utils.set_random_seed(0)
    small_stylegan(**FEW).save(path)
    return path


@pytest.fixture(scope="module")
def whole(file):
    return loaded(file)


@pytest.mark.parametrize(("at", "shape"), [pytest.param("w", (8,), marks=pytest.mark.slow), ("w_plus", (4, 8))])
def test_the_values_there_are_the_code(file, whole, at, shape):
    generator, parts = loaded(file, at), ti.split(whole, at)
    codes, images = whole.sample(4, seed=1)
    assert generator.space.shape == shape
    assert generator.about.fingerprint == whole.about.fingerprint
    np.testing.assert_allclose(generator(parts.head(codes)), images, atol=1e-5)
    values = parts.head(whole.space.sample(of(9, tf.range(500)))).numpy()
    np.testing.assert_allclose(generator.space.centre, values.mean(axis=0), atol=0.2 * values.std(axis=0).max())
    np.testing.assert_allclose(generator.space.spread, np.sqrt(values.var(axis=0).mean()), rtol=0.2)
    found = ti.Inverter(generator, solver="lbfgs", restarts=4)(images)
    assert found.codes.shape == (4, *shape)
    assert np.max(found.loss) < 1e-5


@pytest.mark.slow
def test_w_is_recovered(file, whole):
    codes, images = whole.sample(3, seed=1)
    found = ti.Recovery(loaded(file, "w"), attempts=2)(images)
    np.testing.assert_allclose(found.codes, ti.split(whole, "w").head(codes), atol=1e-2)


@pytest.mark.slow
def test_a_second_step_from_w_to_w_plus(file, whole):
    other = np.tanh(np.random.default_rng(0).normal(size=(2, 8, 8, 1))).astype(np.float32)
    first = ti.Inverter(loaded(file, "w"), solver="lbfgs", restarts=2)
    found = ti.TwoStep(first, ti.SecondStep("w_plus", sparsity=0.0, steps=50))(other)
    assert found.delta.shape == (2, 4, 8)
    assert (found.loss.numpy() < found.mse_latent.numpy()).all()


@pytest.mark.slow
def test_an_exported_one(file, whole, tmp_path):
    """Its layers have other names, of which the message tells."""
    keras.models.load_model(file).export(tmp_path / "module", verbose=False)
    with pytest.raises(BadInput, match="no layer 'w_plus' between code and image: near it are w_plus_1"):
        loaded(tmp_path / "module", "w_plus")
    generator = loaded(tmp_path / "module", "w_plus_1")
    codes, images = whole.sample(2, seed=1)
    np.testing.assert_allclose(generator(ti.split(whole, "w_plus").head(codes)), images, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("one_hot", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_class_that_only_the_mapping_sees_is_left_out(one_hot):
    keras.utils.set_random_seed(1)
    model = small_stylegan(classes=3, one_hot=one_hot, **FEW)
    whole, generator = loaded(model), loaded(model, "w")
    assert whole.condition is not None
    assert generator.condition is None
    codes, images = whole.sample(3, labels=[0, 1, 2])
    hidden, _ = ti.split(whole, "w").before(codes, [0, 1, 2])
    np.testing.assert_allclose(generator(hidden), images, atol=1e-5)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(generator))(hidden), images, atol=1e-5)
    assert np.max(ti.Inverter(generator, solver="lbfgs", restarts=2)(images).loss) < 1e-5


def test_a_class_that_is_seen_behind_is_held_there():
    generator = loaded(MODELS["labels-behind-the-layer"](), "first_dense", ti.Inputs())
    assert generator.condition.classes == 5
    codes, images = generator.sample(2, labels=[0, 1])
    assert np.abs(images - generator(codes, [2, 3])).max() > 1e-2


@pytest.mark.parametrize(
    ("source", "at", "said"),
    [
        ("round-the-layer", "first_dense", r"also go round first_dense.*--split=first_dense"),
        ("round-the-layer-with-labels", "dense_1", "dense_1"),
        ("batch-norm", "nothing", "no layer 'nothing' between code and image"),
        ("batch-norm", "", "no layer ''"),
    ],
)
def test_a_cut_that_is_none_is_told_in_one_line(source, at, said):
    with pytest.raises(BadInput, match=said) as caught:
        loaded(MODELS[source](), at, ti.Inputs())
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_other_glyphs_are_closer_in_w_and_closest_in_w_plus(tmp_path):
    """Own samples are found at z, in W and in W+; glyphs of fonts that it has not seen the better the wider it is."""
    taught_glyphs(tmp_path / "style.keras")
    drawn = ti.Inputs(drawn=NOISE)
    spaces = {at: loaded(tmp_path / "style.keras", at, drawn, prior="normal") for at in (None, "w", "w_plus")}
    own = spaces[None].sample(8, seed=5)[1]
    other = ti.images.load("glyphs", like=spaces[None], limit=16, shuffle=1).pixels
    psnr = {}
    for at, generator in spaces.items():
        inverter = ti.Inverter(generator, solver="lbfgs")
        assert np.median(ti.metrics.psnr(*map(generator.to_unit, (inverter(own).images, own)))) > 50
        found = generator.to_unit(inverter(other).images)
        psnr[at] = float(np.median(ti.metrics.psnr(found, generator.to_unit(tf.constant(other)))))
    print(psnr)
    assert psnr[None] + 5 < psnr["w"]
    assert psnr["w"] + 3 < psnr["w_plus"]
    two = ti.TwoStep(ti.Inverter(spaces[None], solver="lbfgs"), "w_plus")(other)
    assert np.median(two.loss) < np.median(two.mse_latent) / 4
