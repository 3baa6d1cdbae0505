"""SavedModels and TF-Hub modules as generators."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, codes_for, labelled, sequential
from saved_modules import hub_module, images_of

import tfinvert as ti
from tfinvert.generators.derived.precise import in_float64

LABELS = [0, 1, 4, 2, 4]


def draw(seed=0):
    return np.random.default_rng(seed).normal(size=(5, 6)).astype(np.float32)


@pytest.mark.parametrize("state", [True, False])
@pytest.mark.parametrize("truncation", [None, 0.5])
def test_a_hub_module_in_the_format_of_tensorflow_1(tmp_path, truncation, state):
    variables = hub_module(tmp_path / "module", state=state)
    generator = ti.from_saved_model(tmp_path / "module", truncation=truncation)
    value = truncation or 1.0
    assert generator.space == ti.normal(6, stddev=value, bound=2)
    assert generator.condition.classes == 5
    assert generator.condition.one_hot
    assert ("truncation: 1" in generator.about.assumed) == (truncation is None)
    expected = images_of(variables, draw(), LABELS, value)
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(generator(draw(), LABELS), expected, atol=1e-5)
    traced = tf.function(lambda codes: generator(codes, LABELS), autograph=False)
    np.testing.assert_allclose(traced(tf.constant(draw())), expected, atol=1e-5)
    wide = in_float64(generator)
    np.testing.assert_allclose(wide(draw(), LABELS), expected, atol=1e-6)


def test_parts_of_a_hub_module_are_the_whole(tmp_path):
    variables = hub_module(tmp_path / "module")
    generator = ti.load_generator(tmp_path / "module")
    parts = ti.split(generator)
    codes = tf.constant(draw())
    hidden, held = parts.before(codes, LABELS)
    np.testing.assert_allclose(
        hidden, draw() @ variables["Generator/G_linear/w"] + variables["Generator/G_linear/b"], atol=1e-5
    )
    assert list(held.tensors) == ["codes"]  # they go round the layer, as in BigGAN
    np.testing.assert_allclose(parts.tail(hidden, *held), generator(codes, LABELS), atol=1e-5)
    assert [layer.name.rpartition("/")[2] for layer in ti.layers(generator)] == ["G_linear"]
    assert ti.split(generator, "G_linear").head.output_name == parts.head.output_name


@pytest.mark.slow
def test_a_hub_module_is_inverted(tmp_path):
    hub_module(tmp_path / "module")
    generator = ti.from_saved_model(tmp_path / "module", truncation=0.5)
    _, images = generator.sample(4, labels=2)
    found = ti.Inverter(generator, solver=ti.LevenbergMarquardt(60), stopping=ti.Stopping(1e-14))(images, labels=2)
    assert (found.loss.numpy() < 1e-10).all()


def test_a_fixed_batch_takes_any_number(tmp_path):
    variables = hub_module(tmp_path / "module", batch=3, one_hot=False, signature="generator")
    generator = ti.load_generator(tmp_path / "module", classes=5)
    expected = images_of(variables, draw(), LABELS, 1.0)
    np.testing.assert_allclose(generator(draw(), LABELS), expected, atol=1e-5)
    np.testing.assert_allclose(generator(draw()[:1], LABELS[:1]), expected[:1], atol=1e-5)
    codes = tf.constant(draw())
    with tf.GradientTape() as tape:
        tape.watch(codes)
        total = tf.reduce_sum(generator(codes, LABELS))
    slope = tape.gradient(total, codes).numpy()
    move = np.random.default_rng(1).normal(size=slope.shape) * 1e-5
    change = sum(sign * images_of(variables, draw() + sign * move, LABELS, 1.0).sum() for sign in (1, -1)) / 2
    np.testing.assert_allclose(np.sum(slope * move), change, rtol=1e-3)


def test_models_that_keras_exports(tmp_path):
    model = sequential()
    model.export(tmp_path / "exported", verbose=False)
    generator = ti.load_generator(tmp_path / "exported")
    codes = codes_for(generator)
    np.testing.assert_allclose(generator(codes), model(codes), atol=1e-5)
    head, tail = ti.split(generator)
    np.testing.assert_allclose(tail(head(codes)), model(codes), atol=1e-5)
    found = ti.Inverter(generator, restarts=2)(generator(codes))
    assert np.isfinite(found.loss).all()
    assert generator.about.fingerprint == ti.load_generator(tmp_path / "exported").about.fingerprint != ""


def test_models_with_labels_that_keras_exports(tmp_path):
    model = labelled(one_hot=True)
    model.export(tmp_path / "exported", verbose=False)
    generator = ti.load_generator(tmp_path / "exported")
    codes = codes_for(generator)
    np.testing.assert_allclose(generator(codes, LABELS), ti.load_generator(model)(codes, LABELS), atol=1e-5)


class Module(tf.Module):
    """As people write and save them by hand."""

    def __init__(self):
        self.matrix = tf.Variable(tf.random.stateless_normal([LATENT, 27], [1, 2]))

    @tf.function(input_signature=[tf.TensorSpec([None, LATENT], name="noise")])
    def generate(self, noise):
        return {"pictures": tf.reshape(tf.sigmoid(noise @ self.matrix), [-1, 3, 3, 3]), "sum": tf.reduce_sum(noise)}

    @tf.function(input_signature=[tf.TensorSpec([None, 3, 3, 3], name="pictures")])
    def judge(self, pictures):
        return {"score": tf.reduce_mean(pictures, axis=[1, 2])}


@pytest.fixture
def module(tmp_path):
    made = Module()
    tf.saved_model.save(made, tmp_path / "module", {"first": made.judge, "second": made.generate})
    return tmp_path / "module"


def test_the_signature_that_gives_images_is_taken(module):
    generator = ti.load_generator(module, value_range=(0, 1))
    codes, made = codes_for(generator), Module()
    np.testing.assert_allclose(generator(codes), made.generate(tf.constant(codes))["pictures"], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"signature": "third"}, "signature 'third'.*first, second"),
        ({"signature": "first"}, r"gives \[8, 3\].*neither images"),
        ({"truncation": 0.5}, "truncation=0.5.*takes no truncation"),
        ({"classes": 5}, "takes no label"),
        ({"inputs": ti.Inputs(label="y")}, "label_input 'y'.*noise"),
    ],
)
def test_what_a_module_does_not_have_is_refused(module, options, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        ti.from_saved_model(module, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("truncation", [0, -0.5, 1.5, float("nan")])
def test_a_truncation_out_of_range_is_refused(tmp_path, truncation):
    hub_module(tmp_path / "module")
    with pytest.raises(ti.BadInput, match=r"truncation=.*(above 0 and at most 1|expected a number)"):
        ti.from_saved_model(tmp_path / "module", truncation=truncation)


def test_missing_labels_are_told(tmp_path):
    hub_module(tmp_path / "module")
    generator = ti.load_generator(tmp_path / "module")
    with pytest.raises(ti.BadInput, match=r"no labels came.*0 to 4"):
        generator(draw())


def test_no_signature_or_several_that_fit(tmp_path):
    made = Module()
    tf.saved_model.save(made, tmp_path / "none", {"first": made.judge})
    with pytest.raises(ti.BadInput, match=r"gives \[8, 3\].*neither images"):
        ti.load_generator(tmp_path / "none")
    tf.saved_model.save(made, tmp_path / "two", {"first": made.generate, "second": made.generate})
    with pytest.raises(ti.BadInput, match=r"generator's for certain.*first, second.*--signature"):
        ti.load_generator(tmp_path / "two")
    assert ti.from_saved_model(tmp_path / "two", signature="second", value_range=(0, 1)).image_shape == (3, 3, 3)


class Writer(tf.Module):
    def __init__(self, path):
        self.path = str(path)

    @tf.function(input_signature=[tf.TensorSpec([None, 12], name="noise")])
    def generate(self, noise):
        tf.io.write_file(self.path, "written")
        return {"images": tf.reshape(tf.sigmoid(noise), [-1, 2, 2, 3])}


def test_a_graph_that_writes_files_is_refused(tmp_path):
    made = Writer(tmp_path / "written.txt")
    tf.saved_model.save(made, tmp_path / "module", {"serving_default": made.generate})
    with pytest.raises(ti.BadInput, match=r"WriteFile, which may do more than compute.*allow_unsafe"):
        ti.load_generator(tmp_path / "module")
    assert not (tmp_path / "written.txt").exists()
    ti.from_saved_model(tmp_path / "module", allow_unsafe=True, value_range=(0, 1))
    assert (tmp_path / "written.txt").read_text() == "written"


def test_a_graph_that_calls_python_is_refused(tmp_path):
    class Caller(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 12], name="noise")])
        def generate(self, noise):
            made = tf.numpy_function(np.sin, [noise], tf.float32)
            return {"images": tf.reshape(made, [-1, 2, 2, 3])}

    made = Caller()
    tf.saved_model.save(made, tmp_path / "module", {"serving_default": made.generate})
    with pytest.raises(ti.BadInput, match=r"PyFunc"):
        ti.load_generator(tmp_path / "module")


def test_a_saved_piece_that_would_write_files_is_refused(tmp_path):
    matrix = np.eye(12, dtype=np.float32)
    whole = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(codes @ matrix), [-1, 2, 2, 3]), prior=ti.normal(12), value_range=(0, 1)
    )
    head, _ = ti.split(whole)
    inputs = keras.Input((12,))
    keras.Model(inputs, head(inputs)).save(tmp_path / "piece.keras")
    node = head._definition.node.add(name="more", op="WriteFile")
    node.input.extend(["codes", "codes"])
    keras.Model(inputs, head(inputs)).save(tmp_path / "bad.keras")
    assert keras.models.load_model(tmp_path / "piece.keras")(np.zeros((1, 12))).shape == (1, 12)
    with pytest.raises(ValueError, match="WriteFile"):  # Keras wraps what a layer raises
        keras.models.load_model(tmp_path / "bad.keras")
    with pytest.raises(ti.BadInput, match="runs the TensorFlow operation"):
        ti.load_generator(tmp_path / "bad.keras")


def test_folders_that_hold_no_module(tmp_path):
    with pytest.raises(ti.BadInput, match=r"folder without saved_model.pb"):
        ti.load_generator(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"no protocol buffer at all")
    with pytest.raises(ti.BadInput, match=r"damaged saved_model.pb"):
        ti.load_generator(tmp_path)


def test_a_module_without_its_variables(tmp_path):
    hub_module(tmp_path / "module")
    for file in (tmp_path / "module" / "variables").iterdir():
        file.unlink()
    with pytest.raises(ti.BadInput, match=r"no variables/variables.index") as caught:
        ti.load_generator(tmp_path / "module")
    assert "\n" not in str(caught.value)


def test_entries_of_the_code_that_are_a_class(shared):
    """`digits-28-savedmodel` takes 32 normal entries and a one-hot digit."""
    folder = shared / "generators" / "digits-28-savedmodel"
    generator = ti.from_saved_model(folder, inputs=ti.Inputs(class_entries=(32, 42)), value_range=(0, 1))
    assert generator.space.shape == (32,)
    assert generator.condition.classes == 10
    codes = generator.space.sample(ti.seeds.of(0, tf.range(5)))
    whole = ti.load_generator(folder, value_range=(0, 1))
    np.testing.assert_allclose(
        generator(codes, LABELS), whole(np.concatenate([codes, np.eye(10)[LABELS]], axis=1)), atol=1e-6
    )
    head, tail = ti.split(generator)
    hidden = head([codes, generator.condition.encode(tf.constant(LABELS))])
    np.testing.assert_allclose(tail(hidden, LABELS), generator(codes, LABELS), atol=1e-5)


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ((0, LATENT), f"expected two or more of the code's {LATENT} entries"),
        ((3, 4), "two or more"),
        ((4, 3), "two or more"),
        ((-3, 3), "two or more"),
        ((2, LATENT + 1), "two or more"),
        ("ab", "such as 32,42"),
        ((1, 2, 3), "such as 32,42"),
    ],
)
def test_class_entries_that_are_none_are_refused(entries, why):
    with pytest.raises(ti.BadInput, match=why):
        ti.from_keras(sequential(), inputs=ti.Inputs(class_entries=entries))


def test_class_entries_beside_a_label_are_refused():
    with pytest.raises(ti.BadInput, match="takes a label besides"):
        ti.from_keras(labelled(), inputs=ti.Inputs(class_entries=(1, 4)))
