"""load_generator: every kind of source, what is assumed, and what is refused in one line."""

import functools
import hashlib
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, check, codes_for, randomise, same, sequential, trunk

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.opening import BUILTIN


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    """Registered: its file needs no custom_objects."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = trunk()

    def call(self, codes, training=False):
        for part in self.parts:
            codes = part(codes, training=training) if isinstance(part, keras.layers.BatchNormalization) else part(codes)
        return codes


def functional() -> keras.Model:
    code = keras.Input((LATENT,))
    images = code
    for layer in trunk():
        images = layer(images)
    return randomise(keras.Model(code, images))


def sequential_in_functional() -> keras.Model:
    code = keras.Input((LATENT,))
    return randomise(keras.Model(code, keras.Sequential(trunk())(keras.layers.Dense(4, activation="tanh")(code))))


def functional_in_functional() -> keras.Model:
    inner, code = functional(), keras.Input((3,))
    return randomise(keras.Model(code, inner(keras.layers.Dense(LATENT)(code))))


def two_levels() -> keras.Model:
    middle, code = sequential_in_functional(), keras.Input((LATENT,))
    return randomise(keras.Sequential([keras.Input((LATENT,)), keras.Model(code, middle(code))]))


def subclassed() -> keras.Model:
    model = Subclassed()
    model(tf.zeros([1, LATENT]))
    return randomise(model)


def dictionary() -> keras.Model:
    code = keras.Input((LATENT,), name="noise")
    return randomise(keras.Model({"noise": code}, keras.Sequential(trunk())(code)))


def listed() -> keras.Model:
    code = keras.Input((LATENT,))
    return randomise(keras.Model([code], [keras.Sequential(trunk())(code)]))


def spatial_code() -> keras.Model:
    layers = keras.layers
    parts = [layers.Conv2DTranspose(4, 4), layers.ReLU(), layers.Conv2DTranspose(3, 4, strides=2, padding="same")]
    return randomise(keras.Sequential([keras.Input((1, 1, 100)), *parts]))


def no_channel_axis() -> keras.Model:
    return randomise(keras.Sequential([keras.Input((LATENT,)), *trunk(), keras.layers.Reshape((8, 8))]))


MODELS = [
    functional,
    sequential,
    sequential_in_functional,
    functional_in_functional,
    two_levels,
    subclassed,
    dictionary,
    listed,
    spatial_code,
    no_channel_axis,
]


def call(model, codes):
    inputs = {"noise": codes} if isinstance(getattr(model, "input", None), dict) else codes
    out = model(inputs, training=False)
    return out[0] if isinstance(out, list) else out


@pytest.mark.parametrize(
    ("build", "as_file"),
    [(build, ext) for build in MODELS for ext in (None, ".keras", ".h5") if (build, ext) != (subclassed, ".h5")],
)  # Keras writes no subclassed model into HDF5
def test_keras_3_models_and_their_files(build, as_file, tmp_path):
    model = build()
    source = model
    if as_file:
        source = tmp_path / f"generator{as_file}"
        model.save(source)
    check(ti.load_generator(source), functools.partial(call, model))


@pytest.mark.parametrize("ext", [".keras", ".h5"])
def test_a_file_may_be_named_by_text(ext, tmp_path):
    model = sequential()
    model.save(tmp_path / f"g{ext}")
    generator = ti.load_generator(str(tmp_path / f"g{ext}"))
    assert generator.name == f"g{ext}"
    assert len(generator.about.fingerprint) == 64
    same(generator, model)


def test_training_mode_is_never_on():
    """In training mode an image would depend on its neighbours in the batch, and on the dice of Dropout."""
    model = randomise(keras.Sequential([keras.Input((LATENT,)), keras.layers.Dropout(0.5), *trunk()]))
    for source in (model, lambda codes, training=True: model(codes, training=training)):
        generator = ti.load_generator(source, prior=ti.normal(LATENT))
        codes = codes_for(generator)
        np.testing.assert_allclose(generator(codes)[:1], generator(codes[:1]), atol=1e-5)
        same(generator, lambda codes: model(codes, training=False))


@pytest.mark.parametrize("layers", [keras.layers, tf_keras.layers])
def test_a_layer_and_a_model_that_do_not_know_their_input(layers):
    dense = layers.Dense(16, activation="tanh")
    unbuilt = (keras if layers is keras.layers else tf_keras).Sequential([dense, layers.Reshape((4, 4))])
    check(ti.load_generator(unbuilt, prior="normal(4)"), unbuilt)
    check(ti.load_generator(dense, prior="normal(4)", image_shape=(4, 4, 1)), dense)


def test_float64_model():
    keras.config.set_dtype_policy("float64")
    try:
        model = sequential()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.compute_dtype == "float64"
    check(ti.load_generator(model), model)


def in_half(policy):
    keras.config.set_dtype_policy(policy)
    try:
        return sequential()
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize(
    ("policy", "ext"),
    [
        ("mixed_bfloat16", ".h5"),
        ("float16", ".h5"),
        ("bfloat16", ".keras"),
        ("mixed_float16", ".keras"),
        ("mixed_bfloat16", ".keras"),
    ],
)
def test_a_file_that_computes_in_half_precision_is_read_in_single(policy, ext, tmp_path, caplog):
    """As it stands, rounding would limit how closely images can be met."""
    model, whole = in_half(policy), sequential()
    whole.set_weights(model.get_weights())
    model.save(tmp_path / f"g{ext}")
    generator = ti.load_generator(tmp_path / f"g{ext}")
    check(generator, whole)
    assert "rounding" not in caplog.text


def test_a_file_of_tf_keras_in_half_precision_is_read_in_single(tmp_path):
    half = tf_keras.mixed_precision.Policy("mixed_float16")
    model = tf_keras.Sequential(
        [
            tf_keras.layers.Dense(48, activation="relu", dtype=half, input_shape=(LATENT,)),
            tf_keras.layers.Dense(16 * 16 * 1, activation="tanh", dtype=half),
            tf_keras.layers.Reshape((16, 16, 1), dtype=half),
        ]
    )
    model.save(tmp_path / "g.h5")
    codes = np.random.default_rng(0).normal(size=(16, LATENT)).astype(np.float32)
    one, two = (layer.get_weights() for layer in model.layers[:2])
    exact = np.tanh(np.maximum(codes @ one[0] + one[1], 0) @ two[0] + two[1]).reshape(-1, 16, 16, 1)
    np.testing.assert_allclose(ti.load_generator(tmp_path / "g.h5")(codes), exact, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_model_that_computes_in_half_precision_is_used_as_it_is_and_that_is_said(policy, caplog):
    model = in_half(policy)
    generator = ti.load_generator(model)
    assert f"layers compute in {policy.removeprefix('mixed_')}, whose rounding limits" in caplog.text
    codes = codes_for(generator)
    assert generator(codes).dtype == tf.float32
    np.testing.assert_allclose(generator(codes), model(codes), atol=2e-2)
    variable = tf.convert_to_tensor(codes)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        images = generator(variable)
    assert np.abs(tape.gradient(images, variable)).max() > 1e-2


@pytest.mark.parametrize("batch", [1, 16])
def test_a_fixed_batch_size_is_no_hindrance(batch, tmp_path):
    """Old training scripts fix it; the trial batch has another size."""
    model = randomise(keras.Sequential([keras.Input(batch_shape=(batch, LATENT)), *trunk()]))
    model.save(tmp_path / "g.keras")
    for source in (model, tmp_path / "g.keras"):
        same(ti.load_generator(source), lambda codes: model(codes, training=False))


def test_defaults_are_stated_in_the_result_and_in_the_log(caplog):
    with caplog.at_level(logging.INFO, logger="absl"):
        generator = ti.load_generator(sequential())
    assert generator.about.assumed == ("prior: normal", "value_range: [-1.0, 1.0]")
    assert (str(generator.space), generator.value_range) == (f"normal({LATENT})", (-1.0, 1.0))
    for line in generator.about.assumed:
        assert any(line in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("prior", ["uniform(low=0, high=1)", ti.uniform(low=0, high=1), ti.uniform(LATENT, low=0)])
@pytest.mark.parametrize("bounds", [(0, 1), [0, 1], np.array([0, 1])])
def test_what_is_stated_is_not_assumed(prior, bounds):
    generator = ti.load_generator(sequential(), prior=prior, value_range=bounds)
    assert generator.about.assumed == ()
    assert (str(generator.space), generator.value_range) == (f"uniform({LATENT}, low=0.0, high=1.0)", (0.0, 1.0))
    np.testing.assert_allclose(generator.from_unit(generator.to_unit(tf.constant([0.25, 2.0]))), [0.25, 2.0])


@pytest.mark.parametrize(("count", "more"), [(1, 6), (3, 4)])
def test_samples_do_not_depend_on_how_many(count, more):
    generator = ti.load_generator(sequential())
    few, many = generator.sample(count, seed=3), generator.sample(more, seed=3)
    np.testing.assert_array_equal(few[0], many[0][:count])
    np.testing.assert_allclose(few[1], many[1][:count], atol=1e-5)
    assert np.abs(generator.sample(count, seed=4)[0] - few[0]).min() > 0


def test_constant_generator_is_told(caplog):
    model = sequential()
    model.layers[0].set_weights([np.zeros((LATENT, 32)), np.ones(32)])
    with caplog.at_level(logging.WARNING, logger="absl"):
        generator = ti.load_generator(model)
    assert generator.about.constant
    assert "does not depend on the code" in caplog.text
    assert not ti.load_generator(sequential()).about.constant


def test_flat_output_takes_an_image_shape():
    model = randomise(keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(48, "tanh")]))
    check(ti.load_generator(model, image_shape=(4, 4, 3)), model)
    with pytest.raises(BadInput, match=r"\[8, 48\].*image_shape=\(H, W, C\)"):
        ti.load_generator(model)


def test_the_builtin_generator_states_everything():
    generator = ti.load_generator()
    assert generator.about.assumed == ()
    assert not generator.about.constant
    original = keras.saving.load_model(BUILTIN, compile=False)
    codes = codes_for(generator)
    wanted = np.reshape(original(codes, training=False), (5, *generator.image_shape))
    np.testing.assert_allclose(generator(codes), wanted, atol=1e-5)


@pytest.mark.parametrize("ext", [".keras", ".h5"])
def test_the_file_is_not_changed_and_its_fingerprint_is_its_own(ext, tmp_path):
    path, other = tmp_path / f"g{ext}", tmp_path / f"other{ext}"
    model = sequential()
    model.save(path)
    before = path.read_bytes()
    generator = ti.load_generator(path)
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == [path.name]
    assert generator.about.fingerprint == hashlib.sha256(before).hexdigest()
    randomise(model, seed=1).save(other)
    assert ti.load_generator(other).about.fingerprint != generator.about.fingerprint
