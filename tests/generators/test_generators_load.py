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
from tfinvert.generators.load import BUILTIN


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


def linear(codes):
    return tf.reshape(tf.tanh(codes @ tf.reshape(tf.range(64.0) / 32 - 1, [4, 16])), [-1, 4, 4, 1])


class Callable:
    def __call__(self, codes):
        return linear(codes)


@pytest.mark.parametrize(
    "source", [linear, tf.function(linear), functools.partial(linear), Callable(), lambda z: [linear(z)]]
)
def test_functions(source):
    check(ti.load_generator(source, prior=ti.normal(4)), linear)


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


@pytest.mark.parametrize("ext", [".keras", ".h5"])
def test_mixed_float16_model(ext, tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = sequential()
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / f"g{ext}")
    generator = ti.load_generator(tmp_path / f"g{ext}")
    codes = codes_for(generator)
    assert generator(codes).dtype == tf.float32
    np.testing.assert_allclose(generator(codes), model(codes), atol=2e-3)  # half precision, and no more than that
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


def test_flat_output_takes_an_image_shape():
    model = randomise(keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(48, "tanh")]))
    check(ti.load_generator(model, image_shape=(4, 4, 3)), model)
    with pytest.raises(BadInput, match=r"\[8, 48\].*image_shape=\(H, W, C\)"):
        ti.load_generator(model)


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


def fails(codes):
    raise RuntimeError("first\nsecond line of the reason")


def images_of(shape):
    return lambda codes: tf.reshape(tf.tile(codes[:, :1], [1, int(np.prod(shape))]), [-1, *shape])


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (3, {}, "generator of type int"),
        (b"file", {}, "generator of type bytes"),
        (linear, {}, "prior with a shape, such as normal"),
        (lambda z: tf.cast(linear(z), tf.uint8), {"prior": "normal(4)"}, "uint8.*floating point"),
        (lambda z: None, {"prior": "normal(4)"}, "NoneType.*image tensor"),
        (lambda z: {"image": linear(z)}, {"prior": "normal(4)"}, "1 outputs"),
        (lambda z: (linear(z), z), {"prior": "normal(4)"}, "2 outputs"),
        (fails, {"prior": "normal(4)"}, "first second line of the reason"),
        (linear, {"prior": "normal(5)"}, r"codes \[8, 5\].*normal\(N\)"),
        (images_of((4, 4, 2)), {"prior": "normal(4)"}, "1 or 3 channels"),
        (images_of((3, 4, 4)), {"prior": "normal(4)"}, "channels first"),
        (images_of((2, 4, 4, 1)), {"prior": "normal(4)"}, "no image"),
        (lambda z: linear(z)[0], {"prior": "normal(4)"}, "for 8 codes"),
        (lambda z: linear(z)[:3], {"prior": "normal(4)"}, "for 8 codes"),
        (images_of((3, 4, 4)), {"prior": "normal(4)", "image_shape": (4, 4, 3)}, "cannot be image_shape"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (4, 4, 3)}, "cannot be image_shape"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (16,)}, r"expected \(H, W, C\)"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": 16}, r"expected \(H, W, C\)"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (-4, -4, 1)}, r"expected \(H, W, C\)"),
        (images_of((32,)), {"prior": "normal(4)", "image_shape": (4, 4, 2)}, "1 or 3 channels"),
        (linear, {"prior": "gaussian"}, "expected normal"),
        (linear, {"prior": 4}, r"prior 4: expected normal\(\)"),
        (linear, {"prior": "normal(4)", "value_range": 1}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": ()}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": (0, 1, 2)}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": ("black", "white")}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": (1, -1)}, "low before high"),
        (linear, {"prior": "normal(4)", "value_range": (0, float("nan"))}, "finite"),
        (linear, {"prior": "normal(4)", "label_input": "y"}, "label_input 'y'"),
        (linear, {"prior": "normal(4)", "classes": 0}, "classes=0"),
        (linear, {"prior": "normal(4)", "classes": "ten"}, "classes='ten'"),
        (linear, {"prior": "normal(4)", "classes": 3}, "cannot be called"),
    ],
)
def test_bad_input_is_told_in_one_line(source, options, said):
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(ti.settings.GeneratorSettings(source, **options))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prior": ti.normal(7)}, r"normal\(7\).*codes have the shape \(6,\)"),
        ({"prior": "uniform(6, 1)"}, r"codes have the shape \(6,\)"),
        ({"classes": 10}, "takes no label"),
        ({"label_input": "nothing"}, "the model's inputs are"),
    ],
)
def test_options_that_the_model_contradicts(options, said):
    with pytest.raises(BadInput, match=said):
        ti.load_generator(ti.settings.GeneratorSettings(sequential(), **options))


def test_the_reason_of_a_failing_model_is_not_lost():
    """Keras wraps it into several lines with terminal colours; the first line names only the layer."""

    class Fails(keras.layers.Layer):
        def call(self, codes):
            raise RuntimeError("the weather is bad")

    with pytest.raises(BadInput, match="the weather is bad") as caught:
        ti.load_generator(keras.Sequential([Fails()]), prior="normal(4)")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("codes", [np.zeros((2, 7)), np.zeros(6), tf.zeros([2, 1, 6])])
def test_codes_of_another_shape(codes):
    generator = ti.load_generator(sequential())
    with pytest.raises(BadInput, match="codes"):
        generator(codes)


def test_codes_of_other_types():
    generator = ti.load_generator(sequential())
    codes = codes_for(generator)
    for other in (codes.tolist(), codes.astype(np.float64), tf.constant(codes, tf.float64)):
        np.testing.assert_allclose(generator(other), generator(codes), atol=1e-5)


def test_labels_for_a_generator_without_classes():
    generator = ti.load_generator(sequential())
    with pytest.raises(BadInput, match="not class-conditional"):
        generator(np.zeros((2, LATENT)), [0, 1])


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
