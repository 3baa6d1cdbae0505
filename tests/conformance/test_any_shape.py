"""Generators of 2, 4 and 13 channels and of series do all that those of pictures do."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments.gap import measure
from tfinvert.generators.derived.precise import in_float64
from tfinvert.generators.derived.smoothed import SMOOTHING, smoothed
from tfinvert.inversion.verdict import Verdict
from tfinvert.settings import SecondStep

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "generators"))
from generator_models import LATENT, check, of_channels, of_series

KINDS = {  # the model by its activation, and the shape of what it makes
    "2 channels": (lambda activation: of_channels(2, activation), (8, 8, 2)),
    "4 channels": (lambda activation: of_channels(4, activation), (8, 8, 4)),
    "13 channels": (lambda activation: of_channels(13, activation), (8, 8, 13)),
    "series": (lambda activation: of_series(3, activation), (64, 3)),
    "series of one channel": (lambda activation: of_series(1, activation), (64, 1)),
}
RANGES = {"series": (-4.0, 4.0), "series of one channel": (-1.0, 1.0)}  # the second one's values go beyond it


def loaded(kind, source, **how):
    """Of 13 channels the shape is stated: there are more of them than rows."""
    shape = KINDS[kind][1] if kind == "13 channels" else None
    return ti.load_generator(source, value_range=RANGES.get(kind, (-1, 1)), image_shape=shape, **how)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def model(kind):
    return KINDS[kind][0]("elu")


@pytest.fixture(scope="module")
def generator(kind, model):
    return loaded(kind, model, prior="normal")


@pytest.fixture(scope="module")
def drawn(generator):
    return generator.sample(5, seed=3)


@pytest.fixture(scope="module")
def found(generator, drawn):
    return ti.Inverter(generator, solver=ti.Adam(steps=40), restarts=2)(drawn[1], ids=list("abcde"))


def test_it_is_loaded_and_differentiated(kind, generator, model):
    assert generator.image_shape == KINDS[kind][1]
    check(generator, lambda codes: model(codes, training=False))


def test_files_of_both_formats_are_the_same(kind, generator, model, tmp_path):
    model.save(tmp_path / "g.keras")
    model.export(tmp_path / "saved", verbose=False)
    codes = generator.sample(3)[0]
    for source in (tmp_path / "g.keras", tmp_path / "saved"):
        again = loaded(kind, source, prior=f"normal({LATENT})")
        assert again.image_shape == generator.image_shape
        np.testing.assert_allclose(again(codes), generator(codes), atol=1e-5)


def test_what_is_found_has_the_shape_of_the_targets(generator, drawn, found):
    assert found.images.shape == drawn[1].shape == (5, *generator.image_shape)
    np.testing.assert_allclose(found.images, generator(found.codes), atol=1e-5)
    start = np.mean((generator.sample(5, seed=8)[1] - drawn[1]) ** 2)
    assert np.mean((found.images - drawn[1]) ** 2) < 0.5 * start


@pytest.mark.first(1)
def test_other_batches_give_the_same_codes(generator, drawn, found):
    inverter = ti.Inverter(generator, solver=ti.Adam(steps=40), restarts=2, batch_size=3)
    np.testing.assert_allclose(inverter(drawn[1], ids=list("abcde")).codes, found.codes, atol=1e-4)
    alone = inverter(drawn[1][2:3], ids=["c"])
    np.testing.assert_allclose(alone.codes, found.codes[2:3], atol=1e-4)
    dataset = tf.data.Dataset.from_tensor_slices((list("abcde"), drawn[1])).batch(5)
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 0
    mapped = next(iter(dataset.map(lambda ids, images: inverter(images, ids=ids)).with_options(options)))
    np.testing.assert_allclose(mapped.codes, found.codes, atol=1e-4)
    assert mapped.images.shape[1:] == generator.image_shape


@pytest.mark.first(1)
def test_exact_codes_are_recovered(generator, drawn):
    codes, images = drawn
    recovered = ti.Recovery(generator, samples=600, attempts=2)(images)
    assert (recovered.verdict == Verdict.RECOVERED).all()
    assert np.mean((recovered.codes - codes) ** 2, axis=1).max() < 1e-6
    assert recovered.images.shape == images.shape


@pytest.mark.first(1)
def test_no_image_of_it_is_told_apart_and_none_is_a_number(generator, drawn):
    images = drawn[1].numpy()
    images[0] = np.random.default_rng(0).uniform(*generator.value_range, images[0].shape)
    images[1, 0, 0] = np.nan
    recovered = ti.Recovery(generator, samples=600, attempts=1)(images[:3])
    assert recovered.verdict[0] not in (Verdict.RECOVERED, Verdict.NOT_UNIQUE)
    assert recovered.verdict[2] == Verdict.RECOVERED
    status = ti.Inverter(generator, solver=ti.Adam(steps=2), restarts=1)(images[:3]).messages
    assert "finite" in status[1] or "NaN" in status[1]


def test_it_is_split_smoothed_and_made_wider(kind):
    generator = loaded(kind, KINDS[kind][0]("relu"), prior="normal")
    codes, images = generator.sample(5, seed=3)
    head, tail = ti.split(generator)
    assert tail.image_shape == generator.image_shape
    np.testing.assert_allclose(tail(head(codes)), images, atol=1e-4)
    amounts = lambda amount: {SMOOTHING: tf.fill([5], amount)}
    np.testing.assert_allclose(smoothed(generator)(codes, held=amounts(0.0)), images, atol=1e-4)
    assert np.abs(smoothed(generator)(codes, held=amounts(0.5)) - images).max() > 1e-2
    wide = in_float64(generator)(codes)
    assert (wide.dtype, wide.shape) == (tf.float64, images.shape)
    np.testing.assert_allclose(wide, images, atol=1e-4)


@pytest.mark.first(1)
def test_a_second_step_comes_closer(generator):
    noise = np.random.default_rng(1).normal(0, 0.1, (2, *generator.image_shape)).astype(np.float32)
    images = generator.sample(2, seed=4)[1] + noise
    first = ti.Inverter(generator, solver=ti.Adam(steps=40), restarts=1)
    errors = measure("set", ti.TwoStep(first, SecondStep("first_dense", steps=40)), images)
    assert (errors.dense < errors.latent).all()


def test_a_perceptual_loss_says_so_when_the_inverter_is_made(generator):
    network = ti.losses.Features(None, lambda images: images, size=8)
    with pytest.raises(ti.BadInput, match=r"perceptual loss of .*: expected images of 1 or 3 channels") as caught:
        ti.Inverter(generator, loss=ti.losses.Pixel() + network)
    assert "\n" not in str(caught.value)


@pytest.mark.first(1)
def test_it_is_served(generator, drawn, tmp_path):
    served = ti.servable(ti.Inverter(generator, solver=ti.Adam(steps=2), restarts=1))
    tf.saved_model.save(served, str(tmp_path / "served"))
    again = tf.saved_model.load(str(tmp_path / "served"))
    made = again.signatures["serving_default"](images=drawn[1], ids=tf.constant(list("abcde")))
    assert made["images"].shape == drawn[1].shape


@pytest.mark.first(1)
def test_what_is_held_for_each_image_masks_it(kind, generator, drawn):
    """Only the first half is given: the rest is found with it."""
    codes, images = drawn
    mask = np.zeros(images.shape, np.float32)
    mask[:, : mask.shape[1] // 2] = 1
    observed = ti.from_function(
        lambda codes, mask: generator(codes) * mask,
        f"normal({LATENT})",
        value_range=generator.value_range,
        image_shape=generator.image_shape,
        holds={"mask": generator.image_shape},
    )
    near = codes.numpy()[:, np.newaxis] + 0.05
    inverter = ti.Inverter(observed, solver="levenberg_marquardt", restarts=1)
    found = inverter(images * mask, held={"mask": mask}, starts=near)
    np.testing.assert_allclose(found.codes, codes, atol=1e-2)


@pytest.mark.first(1)
def test_pictures_of_8_bits_are_recovered(kind, generator, drawn):
    if "series" in kind:
        pytest.skip("series are not rounded to 8 bits")
    low, high = generator.value_range
    rounded = low + (high - low) * np.round(255 * (drawn[1].numpy() - low) / (high - low)) / 255
    recovered = ti.Recovery(generator, samples=600, attempts=2)(rounded.astype(np.float32))
    assert (recovered.verdict == Verdict.RECOVERED).all()
    assert np.mean((recovered.codes - drawn[0]) ** 2, axis=1).max() < 1e-3
