"""Inputs of a Keras model: which is the code, which the label, and what is no generator."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, check, labelled, randomise

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.readers.keras_model import is_model, wire
from tfinvert.settings import Inputs


def two_inputs(first, second, maker=keras):
    """A model of two inputs, given as (name, shape, dtype); it adds all of their entries to a small image."""
    layers, inputs, sums = maker.layers, [], []
    for name, shape, dtype in (first, second):
        tensor = layers.Input(shape, name=name, dtype=dtype)
        inputs.append(tensor)
        if dtype.startswith("int"):
            tensor = layers.Embedding(5, 4)(tensor)
        sums.append(layers.Dense(4)(layers.Flatten()(tensor)))
    return randomise(maker.Model(inputs, layers.Reshape((2, 2, 1))(layers.Add()(sums))))


FLOAT, INT = "float32", "int32"


@pytest.mark.parametrize("maker", [keras, tf_keras])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("code", "label", "sure"),
    [
        (("label", (8,), FLOAT), ("noise", (1,), INT), True),  # a type counts more than names that mislead
        (("input_1", (8,), FLOAT), ("input_2", (1,), FLOAT), True),
        (("input_1", (8,), FLOAT), ("input_2", (1,), INT), True),
        (("z", (1,), FLOAT), ("y", (10,), FLOAT), True),  # a code of one entry is no label
        (("latent", (10,), FLOAT), ("condition", (10,), FLOAT), True),
        (("a", (10,), FLOAT), ("digit_one_hot", (10,), FLOAT), True),
        (("noise", (10,), FLOAT), ("b", (20,), FLOAT), True),
        (("second_noise", (20,), FLOAT), ("first", (10,), FLOAT), True),
        (("second", (20,), FLOAT), ("first", (10,), FLOAT), False),  # "cond" is in it and says nothing
        (("a", (64,), FLOAT), ("b", (10,), FLOAT), False),
        (("noise_class", (64,), FLOAT), ("seed_label", (10,), FLOAT), False),
    ],
)
def test_which_is_the_label(maker, code, label, sure, swapped):
    model = two_inputs(*([label, code] if swapped else [code, label]), maker)
    wiring = wire(model, Inputs(), None)
    assert wiring.code_shape == code[1]
    assert wiring.condition.one_hot == (label[1] != (1,))
    assert bool(wiring.assumed) != sure
    if not sure:
        assert wiring.assumed == (f"label_input: {label[0]} (the code is {code[0]})",)


@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_what_is_guessed_is_in_the_result_and_can_be_stated(maker):
    model = two_inputs(("a", (12,), FLOAT), ("b", (10,), FLOAT), maker)
    assert "label_input: b (the code is a)" in ti.load_generator(model).about.assumed
    stated = ti.from_keras(model, inputs=Inputs(label="a"), prior="normal", value_range=(-1, 1))
    assert stated.about.assumed == ()
    assert stated.space.shape == (10,)
    check(stated, lambda codes, labels: model([np.eye(12, dtype=FLOAT)[labels], codes]), labels=[0, 11, 5, 5, 1])


def test_embeddings_of_several_sizes_do_not_say_the_classes():
    code, label = keras.Input((LATENT,)), keras.Input((1,), dtype=INT)
    tables = [keras.layers.Flatten()(keras.layers.Embedding(size, LATENT)(label)) for size in (5, 7)]
    model = keras.Model([code, label], keras.layers.Reshape((2, 3, 1))(keras.layers.Add()([code, *tables])))
    assert ti.load_generator(model).condition.classes is None


def test_an_embedding_in_a_nested_model_says_the_classes():
    inner = labelled()
    code, label = keras.Input((LATENT,)), keras.Input((1,), dtype=INT)
    model = keras.Model([code, label], inner([code, label]))
    assert ti.load_generator(model).condition.classes == 5


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([keras.layers.Dense(10, "softmax")], r"neither images.*image_shape"),
        ([keras.layers.Reshape((2, 3)), keras.layers.LSTM(4, return_sequences=True)], None),
        ([keras.layers.Reshape((1, 2, 3)), keras.layers.Permute((3, 1, 2))], "give image_shape="),
        ([keras.layers.Reshape((1, 1, 6))], "neither images"),
        ([keras.layers.Reshape((1, 1, 2, 3))], "neither images"),
        ([keras.layers.Flatten(), keras.layers.Dense(1)], "neither images"),
    ],
)
def test_a_model_that_gives_no_image(layers, said):
    """A discriminator or encoder in the generator's place, for one."""
    model = keras.Sequential([keras.Input((LATENT,)), *layers])
    if said is None:  # [B, 2, 4] is an image without its channel axis, as far as anybody can tell
        assert ti.load_generator(model).image_shape == (2, 4, 1)
        return
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("maker", [keras, tf_keras])
@pytest.mark.parametrize("kind", [list, dict])
def test_several_outputs(maker, kind):
    """Progressive generators give one image per size; nobody should have to guess which one was meant."""
    code = maker.layers.Input((12,))
    outputs = [maker.layers.Reshape(shape)(code) for shape in ((2, 2, 3), (2, 6, 1))]
    model = maker.Model(code, outputs if kind is list else dict(zip("ab", outputs, strict=True)))
    with pytest.raises(BadInput, match="2 outputs: expected one image tensor; wrap it"):
        ti.load_generator(model)


@pytest.mark.parametrize("shape", [(None, 12), (None, None, 12)])
def test_axes_of_unknown_size_are_one(shape):
    """Some old files come back with an input [None, None, 100] (facts: fashion-28-wrong-input-shape)."""
    model = keras.Sequential([keras.Input(shape), keras.layers.Dense(12, "tanh"), keras.layers.Reshape((2, 2, 3))])
    generator = ti.load_generator(model)
    assert generator.space.shape == (12,)
    ones = [1] * len(shape[:-1])
    check(generator, lambda codes: model(np.reshape(codes, [-1, *ones, 12])))


@pytest.mark.parametrize("length", [3, 9])
def test_a_code_of_unknown_length_needs_a_prior_with_one(length):
    model = keras.Sequential([keras.Input((None,)), keras.layers.Lambda(lambda x: x[:, None, :, None])])
    with pytest.raises(BadInput, match=r"how long its codes are.*normal\(100\)"):
        ti.load_generator(model)
    assert ti.load_generator(model, prior=ti.normal(length)).image_shape == (1, length, 1)


@pytest.mark.parametrize("builder", [keras, tf_keras])
def test_is_model(builder):
    class Own(builder.Model):
        pass

    assert all(map(is_model, (Own(), builder.Sequential(), builder.layers.Dense(3))))
    assert not any(map(is_model, (Own, lambda z: z, builder.optimizers.Adam(), tf.Module(), 3, "model")))
