"""Class-conditional generators: which input is the label, in which form it goes in, and which labels are refused."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, check, codes_for, labelled, randomise, same, trunk

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition

LABELS = [0, 4, 2, 1, 2]


def expected_of(model, one_hot, code_first=True):
    def expected(codes, labels):
        given = np.eye(5, dtype=np.float32)[labels] if one_hot else labels[:, np.newaxis]
        return model([codes, given] if code_first else [given, codes], training=False)

    return expected


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("code_first", [False, True])
@pytest.mark.parametrize(
    ("names", "ext"),
    [
        (("z", "y"), None),
        (("z", "y"), ".keras"),
        (("z", "y"), ".h5"),
        (("a", "b"), None),
        (("y_in", "z_in"), None),
        (("latent_code", "class_id"), None),
    ],
)
def test_integer_and_one_hot_in_either_order(ext, one_hot, code_first, names, tmp_path):
    """("y_in", "z_in") misleads: the one-hot input cannot be told but by name, so there the name is given."""
    model = labelled(one_hot, code_first, names)
    source = model
    if ext:
        source = tmp_path / f"g{ext}"
        model.save(source)
    generator = ti.from_keras(source, inputs=ti.Inputs(label=names[1] if names[0] == "y_in" else None))
    assert generator.condition.classes == 5
    assert generator.condition.one_hot == one_hot
    assert generator.space.shape == (LATENT,)
    guessed = [line for line in generator.about.assumed if line.startswith("label_input")]
    assert guessed == (["label_input: b (the code is a)"] if one_hot and names == ("a", "b") else [])
    (check if names[0] == "z" else same)(generator, expected_of(model, one_hot, code_first), labels=LABELS)


def test_the_label_matters():
    generator = ti.load_generator(labelled())
    codes = codes_for(generator)
    assert np.abs(generator(codes, [0] * 5) - generator(codes, [1] * 5)).max() > 1e-2


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
@pytest.mark.parametrize("column", [False, True])
def test_label_types_and_shapes(dtype, column):
    code, label = keras.Input((LATENT,)), keras.Input((1,) if column else (), dtype=dtype)
    table = keras.layers.Embedding(5, LATENT)
    seen = table(keras.ops.cast(label, "int32"))
    seen = keras.layers.Flatten()(seen)
    model = randomise(keras.Model([label, code], keras.layers.Reshape((2, 3, 1))(keras.layers.Add()([code, seen]))))
    generator = ti.load_generator(model)

    def expected(codes, labels):
        labels = labels.astype(dtype)
        return model([labels[:, np.newaxis] if column else labels, codes])

    check(generator, expected, labels=LABELS)


def test_one_hot_along_the_channels():
    code, label = keras.Input((1, 1, 8), name="noise"), keras.Input((1, 1, 5), name="label")
    images = keras.layers.Conv2DTranspose(3, 4)(keras.layers.Concatenate()([code, label]))
    model = randomise(keras.Model([code, label], images))

    def expected(codes, labels):
        return model([codes, np.eye(5, dtype=np.float32)[labels][:, None, None]])

    check(ti.load_generator(model), expected, labels=LABELS)


@pytest.mark.parametrize("ext", [None, ".keras", ".h5"])
@pytest.mark.parametrize("keys", [("noise", "label"), ("z", "a"), ("p", "q")])
@pytest.mark.parametrize("one_hot", [False, True])
def test_dictionaries_of_inputs(ext, keys, one_hot, tmp_path):
    """The keys are the names, whatever the inputs themselves are called."""
    model = labelled(one_hot, names=keys)
    model = keras.Model(dict(zip(keys, model.inputs, strict=True)), model.outputs[0])
    source = model
    if ext:
        source = tmp_path / f"g{ext}"
        model.save(source)

    def expected(codes, labels):
        given = np.eye(5, dtype=np.float32)[labels] if one_hot else labels[:, np.newaxis]
        return model({keys[0]: codes, keys[1]: given}, training=False)

    same(ti.from_keras(source, inputs=ti.Inputs(label=keys[1])), expected, labels=LABELS)
    same(ti.load_generator(source), expected, labels=LABELS)


def test_a_function_of_codes_and_labels():
    table = tf.constant(np.random.default_rng(0).normal(size=(5, 4)), tf.float32)

    def function(codes, labels):
        return tf.reshape(tf.tanh(codes + tf.gather(table, labels)), [-1, 2, 2, 1])

    generator = ti.load_generator(function, prior="normal(4)", classes=5)
    check(generator, function, labels=LABELS)
    with pytest.raises(BadInput, match="label 5: expected class labels 0 to 4"):
        generator(np.zeros((1, 4)), [5])


class Apart(keras.Model):
    """A subclassed model with two arguments."""

    def __init__(self):
        super().__init__()
        self.table, self.parts = keras.layers.Embedding(5, 3), trunk()

    def call(self, codes, labels, training=False):
        values = tf.concat([codes, self.table(labels)], -1)
        for part in self.parts:
            values = part(values)
        return values


class Together(Apart):
    """One with a list; without a training argument."""

    def call(self, inputs):
        return super().call(inputs[0], inputs[1])


@pytest.mark.parametrize("kind", [Apart, Together])
@pytest.mark.parametrize("built", [False, True])
def test_subclassed_with_labels(kind, built):
    model = kind()
    codes, labels = np.ones((5, LATENT), np.float32), np.array(LABELS)
    given = (codes, labels) if kind is Apart else ([codes, labels],)
    if built:
        model(*given)
        randomise(model)
    generator = ti.load_generator(model, prior=None if built and kind is Together else f"normal({LATENT})", classes=5)
    check(generator, lambda c, y: model(c, y) if kind is Apart else model([c, y]), labels=LABELS)
    with pytest.raises(BadInput, match="label 7"):
        generator(codes, [7] * 5)
    with pytest.raises(BadInput, match="does not know its inputs"):
        ti.from_keras(model, prior=f"normal({LATENT})", inputs=ti.Inputs(label="labels"))


@functools.cache
def loaded(one_hot):
    return ti.load_generator(labelled(one_hot, names=("noise", "label")))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (None, "no labels came.*0 to 4.*--labels"),
        ([5, 0], "label 5: expected class labels 0 to 4"),
        ([0, -1], "label -1: expected class labels 0 to 4"),
        ([0.0, 1.0], "float32.*one integer per image"),
        ([True, False], "bool"),
        (["one", "two"], "string"),
        ([[0], [1]], r"\[2, 1\]"),
        (1, r"\[\].*one integer per image"),
        ([[0], [1, 2]], "list.*one integer per image"),
        ([None, 1], "list.*one integer per image"),
        (object(), "object.*one integer per image"),
        ([0, 1, 2], "3 labels for 2 images"),
        ([0], "1 labels for 2 images"),
        (np.array([255, 0], np.uint8), "label 255"),
    ],
)
@pytest.mark.parametrize("one_hot", [False, True])
def test_labels_that_are_refused(labels, said, one_hot):
    generator = loaded(one_hot)
    with pytest.raises(BadInput, match=said) as caught:
        generator(np.zeros((2, LATENT)), labels)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "same"), [(3, [3, 3, 3, 3]), (np.int64(3), [3, 3, 3, 3]), ([0, 1, 2, 3], [0, 1, 2, 3])]
)
def test_samples_take_one_label_or_one_each(labels, same):
    generator = ti.load_generator(labelled())
    codes, images = generator.sample(4, labels=labels)
    np.testing.assert_allclose(images, generator(codes, same), atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "said"), [(None, "no labels"), (5, "label 5"), ([0, 1], "2 labels for 4"), (1.7, "float32")]
)
def test_samples_with_labels_that_are_refused(labels, said):
    with pytest.raises(BadInput, match=said):
        ti.load_generator(labelled()).sample(4, labels=labels)


def test_classes_unknown_and_stated():
    """No Embedding says how many there are: anything from 0 goes, unless the user says it."""
    code, label = keras.Input((LATENT,)), keras.Input((1,))
    model = keras.Model([code, label], keras.layers.Reshape((2, 3, 1))(keras.layers.Multiply()([code, label])))
    assert ti.load_generator(model).condition.classes is None
    ti.load_generator(model)(np.zeros((1, LATENT)), [1000])
    with pytest.raises(BadInput, match="label -1: expected class labels"):
        ti.load_generator(model)(np.zeros((1, LATENT)), [-1])
    with pytest.raises(BadInput, match="label 10: expected class labels 0 to 9"):
        ti.load_generator(model, classes=10)(np.zeros((1, LATENT)), [10])


def test_a_one_hot_input_knows_its_classes():
    with pytest.raises(BadInput, match=r"classes=7.*one-hot with 5 classes"):
        ti.load_generator(labelled(True, names=("noise", "label")), classes=7)


@pytest.mark.parametrize("one_hot", [False, True])
def test_labels_in_a_dataset(one_hot):
    """Values are unknown while it is traced; shapes and types are checked all the same."""
    generator = ti.load_generator(labelled(one_hot, names=("noise", "label")))
    codes = codes_for(generator)
    data = tf.data.Dataset.from_tensor_slices((codes, np.array(LABELS))).batch(2).map(generator)
    np.testing.assert_allclose(np.concatenate(list(data)), generator(codes, LABELS), atol=1e-5)
    # While it is traced, TensorFlow wraps what is raised into its own kind of error, with ours in the text.
    with pytest.raises(Exception, match=r"BadInput: labels float32.*one integer per image"):
        tf.data.Dataset.from_tensor_slices((codes, np.ones(5, np.float32))).batch(2).map(generator)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (Condition(3, one_hot=True), [[0, 0, 1], [1, 0, 0]]),
        (Condition(3, one_hot=True, dtype="int32"), [[0, 0, 1], [1, 0, 0]]),
        (Condition(3, dtype="int64"), [[2], [0]]),
        (Condition(None, column=False), [2, 0]),
    ],
)
def test_encoding(condition, wanted):
    encoded = condition.encode(condition.check([2, 0]))
    assert encoded.dtype == condition.dtype
    np.testing.assert_array_equal(encoded, wanted)
