"""BigGAN in Keras and as a TF-Hub module: two statements of one network."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_biggan import small_biggan

import tfinvert as ti
from tfinvert.gans.biggan import biggan_generator
from tfinvert.gans.hub_module import write_hub_module

CODES = np.random.default_rng(1).normal(size=(4, 12)).astype(np.float32)
LABELS = [0, 3, 3, 1]


@pytest.fixture(scope="module")
def model():
    return small_biggan()


@pytest.fixture(scope="module")
def module(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("biggan") / "1"
    write_hub_module(model, folder, attention=8)
    return folder


def images(model, scale=1.0):
    """What the Keras model gives where variances of batch normalisation are scaled."""
    before = model.get_weights()
    for weight in model.weights:
        if weight.name == "moving_variance":
            weight.assign(scale * weight)
    made = model({"z": CODES, "y": np.eye(5, dtype=np.float32)[LABELS]}, training=False).numpy()
    model.set_weights(before)
    return made


def test_the_real_one_has_as_many_parameters_as_deepminds():
    model = biggan_generator()
    assert model.output_shape == (None, 128, 128, 3)
    assert sum(int(np.prod(each.shape)) for each in model.trainable_weights) == 70_433_987
    assert {name: each.shape[1] for name, each in model.input.items()} == {"z": 120, "y": 1000}
    assert model.get_layer("G_linear").output.shape == (None, 24576)
    assert model.get_layer("attention").output.shape == (None, 4096, 1024)


def test_code_class_and_attention_matter(model):
    made = images(model)
    assert made.shape == (4, 16, 16, 3)
    assert 0.05 < np.std(made) < 0.95
    for entry in (0, 5, 9):  # of the dense layer's chunk, and of each block's
        other = CODES.copy()
        other[:, entry] += 1
        assert np.abs(model({"z": other, "y": np.eye(5)[LABELS]}) - made).max() > 1e-3
    assert np.abs(model({"z": CODES, "y": np.eye(5)[[1, 0, 0, 0]]}) - made).max() > 1e-3
    kernel = model.get_layer("attention_o_conv").kernel
    before = kernel.numpy()
    kernel.assign(0 * kernel)
    assert np.abs(images(model) - made).max() > 1e-3
    kernel.assign(before)


def test_without_classes_it_takes_codes_alone(tmp_path):
    model = biggan_generator((16, 16, 8), chunk=4, classes=None, attention=8)
    model.save(tmp_path / "generator.keras")
    generator = ti.load_generator(tmp_path / "generator.keras", prior=ti.normal(), value_range=(-1, 1))
    assert generator.condition is None
    np.testing.assert_allclose(generator(CODES), model(CODES), atol=1e-5)
    for entry in (0, 5, 9):  # of the dense layer's chunk, and of each block's
        other = CODES.copy()
        other[:, entry] += 1
        assert np.abs(generator(other) - generator(CODES)).max() > 1e-3


def test_calm_attention_looks_at_many_places_however_large_the_maps_grow():
    looked_at = []
    for calm in (False, True):
        model = biggan_generator((16, 16, 8), chunk=4, classes=None, attention=8, calm=calm)
        codes = np.random.default_rng(2).normal(size=(8, 12)).astype(np.float32)
        before = model(codes, training=False).numpy()
        model.get_layer("attention_o_conv").kernel.assign(np.zeros((1, 1, 8, 16), np.float32))
        assert (np.abs(model(codes, training=False) - before).max() == 0) == calm  # it adds nothing at first
        wide = model.get_layer("GBlock_0_conv_sc").kernel
        wide.assign(1000 * wide)
        weights = keras.Model(model.input, model.get_layer("attention").output)(codes, training=True).numpy()
        looked_at.append(np.mean(np.exp(-np.sum(weights * np.log(weights + 1e-12), axis=-1))))
    sharp, spread = looked_at
    assert sharp < 1.5
    assert spread > 4  # of the 16 places of the pooled map


@pytest.mark.first(1)
@pytest.mark.parametrize(("truncation", "scale"), [(None, 1), (1.0, 1), (0.5, 0.75), (0.02, 0.51)])
def test_the_module_gives_the_models_images(model, module, truncation, scale):
    generator = ti.from_saved_model(module, truncation=truncation)
    assert generator.space == ti.normal(12, stddev=truncation or 1.0, bound=2)
    np.testing.assert_allclose(generator(CODES, LABELS), images(model, scale), atol=1e-5)


def test_the_module_has_deepminds_names(module):
    graph = tf.saved_model.load(str(module), tags=[]).signatures["default"].graph
    names = {operation.name: operation.type for operation in graph.get_operations()}
    average = "ema_b999900"
    for variable in (
        f"Generator/G_Z/G_linear/w/{average}",
        f"Generator/G_Z/G_linear/b/{average}",
        "linear/w",
        f"Generator/GBlock/conv0/w/{average}",
        f"Generator/GBlock_1/conv_sc/b/{average}",
        f"Generator/GBlock_1/HyperBN_1/gamma/w/{average}",
        "Generator/GBlock_1/CrossReplicaBN_1/accumulated_var",
        f"Generator/attention/theta/w/{average}",
        "Generator/attention/gamma",
        f"Generator/conv_2d/w/{average}",
    ):
        assert names[variable] == "VariableV2"
    assert names["Generator/attention/Softmax"] == "Softmax"
    assert graph.get_tensor_by_name("Generator/attention/Softmax:0").shape[1:] == (64, 16)
    assert graph.get_tensor_by_name("Generator/G_Z/Reshape:0").shape[1:] == (4, 4, 16)


@pytest.mark.slow
def test_both_steps_of_an_inversion_hold_class_and_truncation(module):
    generator = ti.from_saved_model(module, truncation=0.6)
    codes, targets = generator.sample(2, labels=LABELS[:2])
    parts = ti.split(generator)
    hidden, held = parts.before(codes, LABELS[:2])
    moved = parts.tail(hidden + 0.2 * parts.tail.space.stddev, *held)
    assert np.mean((moved - targets) ** 2) > 1e-5
    found = ti.TwoStep(ti.Inverter(generator))(moved, labels=LABELS[:2])
    mse = ti.metrics.mse(generator.to_unit(found.images), generator.to_unit(moved))
    assert (mse < 0.3 * found.mse_latent).numpy().all()
