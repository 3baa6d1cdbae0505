"""Models of several inputs: which is the code, which are drawn once, which are held, and what the messages say."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, check, codes_for, randomise

import tfinvert as ti
from tfinvert import seeds
from tfinvert.errors import BadInput

NAMED = ti.Inputs(code="z", drawn=["noise_1", "noise_2"])


def listed(inputs):
    return list(inputs.values())


def noisy(maker=keras, form=listed, label=False, mask=False, noise_type="float32"):
    """Code, noise of two sizes, and, where wanted, a class and a mask, in another order than they are used."""
    layers = maker.layers
    z = layers.Input((LATENT,), name="z")
    first = layers.Input((4, 4, 1), name="noise_1", dtype=noise_type)
    second = layers.Input((8, 8, 1), name="noise_2")
    inputs = {"noise_2": second, "z": z, "noise_1": first}
    images = layers.Reshape((4, 4, 2))(layers.Dense(32, "tanh")(z))
    images = layers.Concatenate()([images, first])
    if label:
        inputs["y"] = layers.Input((1,), name="y", dtype="int32")
        shown = layers.Reshape((4, 4, 1))(layers.Embedding(5, 16)(inputs["y"]))
        images = layers.Concatenate()([images, shown])
    images = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(images)
    images = layers.Conv2D(1, 3, padding="same", activation="tanh")(layers.Concatenate()([images, second]))
    if mask:
        inputs["mask"] = layers.Input((8, 8, 1), name="mask")
        images = layers.Multiply()([images, inputs["mask"]])
    return randomise(maker.Model(form(inputs), images))


def nested(inputs):
    return [inputs["z"], [inputs["noise_1"], inputs["noise_2"]]]


def drawn(name, shape, count):
    """What an input of this name always is."""
    return np.repeat(seeds.normal(seeds.of(0, [name]), shape), count, axis=0)


def expected(model):
    """What the model gives for codes, and labels where there are some, with its noise."""
    structure = model.input

    def images(codes, *labels):
        given = {"z": codes, "noise_1": drawn("noise_1", (4, 4, 1), len(codes))}
        given["noise_2"] = drawn("noise_2", (8, 8, 1), len(codes))
        if labels:
            given["y"] = np.asarray(labels[0])[:, None]
        values = [given[str(tensor.name).split(":")[0]] for tensor in keras.tree.flatten(structure)]
        return model(keras.tree.pack_sequence_as(structure, values), training=False)

    return images


@pytest.mark.parametrize("maker", [keras, tf_keras])
@pytest.mark.parametrize("form", [listed, dict, nested])
def test_noise_is_drawn_once(form, maker):
    model = noisy(maker, form)
    generator = ti.from_keras(model, inputs=NAMED)
    assert generator.space.shape == (LATENT,)
    assert generator.holds == {}
    check(generator, expected(model))


@pytest.mark.parametrize("inputs", [NAMED, ti.Inputs(drawn=["noise_1", "noise_2"])], ids=["code", "no code"])
def test_the_class_is_found_where_the_others_are_named(inputs):
    model = noisy(label=True)
    generator = ti.from_keras(model, inputs=inputs)
    assert generator.condition.classes == 5
    check(generator, expected(model), labels=[0, 4, 2, 2, 1])


def test_the_code_is_what_is_left():
    model = noisy(label=True)
    generator = ti.from_keras(model, inputs=ti.Inputs(label="y", drawn=["noise_2", "noise_1"]))
    assert generator.about.assumed == ("prior: normal", "value_range: [-1.0, 1.0]")
    check(generator, expected(model), labels=[0, 4, 2, 2, 1])


def test_two_inputs_one_of_them_noise():
    z, noise = keras.Input((LATENT,), name="z"), keras.Input((4, 4, 1), name="noise")
    hidden = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16, "tanh")(z))
    model = randomise(keras.Model([noise, z], keras.layers.Add()([hidden, noise])))
    generator = ti.from_keras(model, inputs=ti.Inputs(drawn=["noise"]))
    check(generator, lambda codes: model([drawn("noise", (4, 4, 1), len(codes)), codes]))
    with pytest.raises(BadInput, match=r"noise \[None, 4, 4, 1\].*--code_input=z --drawn_inputs=noise"):
        ti.load_generator(model)


@pytest.mark.parametrize("ext", [".keras", ".h5"])
@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_files(maker, ext, tmp_path):
    model = noisy(maker, label=True)
    model.save(tmp_path / f"g{ext}")
    generator = ti.from_keras(tmp_path / f"g{ext}", inputs=NAMED)
    check(generator, expected(model), labels=[0, 4, 2, 2, 1])


def test_a_mask_is_held_for_each_image():
    model = noisy(mask=True)
    generator = ti.from_keras(
        model, inputs=ti.Inputs(code="z", drawn=["noise_1", "noise_2"], held=["mask"]), value_range=(-1, 1)
    )
    assert generator.holds == {"mask": (8, 8, 1)}
    masks = np.ones((4, 8, 8, 1), np.float32)
    masks[::2, :4] = 0
    codes = codes_for(generator, 4)
    images = generator(codes, held={"mask": masks})
    assert not images[0, :4].numpy().any()
    assert images[1, :4].numpy().all()
    found = ti.Inverter(generator, solver="levenberg_marquardt", restarts=4)(images, held={"mask": masks})
    assert np.median(found.loss) < 1e-6
    again = pickle.loads(pickle.dumps(generator))
    np.testing.assert_allclose(again(codes, held={"mask": masks}), images, atol=1e-6)
    with pytest.raises(BadInput, match=r"expected held=\{'mask': \[B, 8, 8, 1\]\}"):
        generator(codes)


@pytest.mark.slow
def test_what_is_drawn_is_a_part_of_it_everywhere():
    """In pickles, in two parts, in float64, and for whoever inverts it."""
    model = noisy()
    generator = ti.from_keras(model, inputs=NAMED, value_range=(-1, 1))
    codes, images = generator.sample(4, seed=3)
    np.testing.assert_allclose(pickle.loads(pickle.dumps(generator))(codes), images, atol=1e-6)
    parts = ti.split(generator)
    assert not parts.rounds
    np.testing.assert_allclose(parts.tail(parts.head(codes)), images, atol=1e-6)
    found = ti.Inverter(generator, solver="lbfgs", restarts=8)(images)
    assert np.median(found.loss) < 1e-6
    recovered = ti.Recovery(generator, attempts=2)(images)
    assert (np.abs(recovered.codes - codes).max(axis=1) < 1e-3).any()


class Saved(tf.Module):
    """A SavedModel of several inputs, with a mask, a class and a scalar among them."""

    def __init__(self):
        self.weight = tf.Variable(tf.random.stateless_normal([LATENT, 16], [1, 2]))
        self.shown = tf.Variable(tf.random.stateless_normal([5, 16], [1, 3]))

    def pictures(self, z, noise, mask, labels, truncation):
        hidden = tf.matmul(z, self.weight) + truncation * tf.gather(self.shown, labels)
        return {"images": mask * tf.tanh(tf.reshape(hidden, [-1, 4, 4, 1]) + noise)}

    def save(self, folder, batch=None):
        row = lambda *shape, name: tf.TensorSpec([batch, *shape], name=name)
        specs = [row(LATENT, name="z"), row(4, 4, 1, name="noise"), row(4, 4, 1, name="mask")]
        specs += [tf.TensorSpec([batch], tf.int32, "labels"), tf.TensorSpec([], name="truncation")]
        function = tf.function(self.pictures, input_signature=specs)
        tf.saved_model.save(self, folder, {"serving_default": function})


@pytest.mark.parametrize("batch", [None, 2], ids=["any batch", "a fixed batch"])
@pytest.mark.parametrize("unsafe", [False, True])
def test_a_saved_model_of_several_inputs(tmp_path, batch, unsafe):
    module = Saved()
    module.save(tmp_path / "module", batch)
    named = ti.Inputs(code="z", label="labels", drawn=["noise"], held=["mask"])
    generator = ti.from_saved_model(
        tmp_path / "module", inputs=named, classes=5, truncation=0.5, allow_unsafe=unsafe, prior="normal"
    )
    codes, labels = codes_for(generator, 3), [4, 0, 2]
    masks = np.random.default_rng(1).uniform(size=(3, 4, 4, 1)).astype(np.float32)
    wanted = module.pictures(codes, drawn("noise", (4, 4, 1), 3), masks, labels, 0.5)["images"]
    np.testing.assert_allclose(generator(codes, labels, held={"mask": masks}), wanted, atol=1e-6)
    with pytest.raises(
        BadInput, match=r"4 inputs .*mask \[.*--code_input=z --label_input=labels --drawn_inputs=.*mask"
    ):
        ti.load_generator(tmp_path / "module", classes=5)


def test_an_exported_model_of_several_inputs(tmp_path):
    model = noisy(form=dict)
    model.export(tmp_path / "module", verbose=False)
    check(ti.from_saved_model(tmp_path / "module", inputs=NAMED), expected(model))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, r"3 inputs \(noise_2 \[None, 8, 8, 1\], z .*such as --code_input=z --drawn_inputs=noise_2,noise_1"),
        ({"code": "z"}, "3 inputs.*--drawn_inputs=noise_2,noise_1"),
        ({"code": "z", "drawn": ["noise_1"]}, "3 inputs.*--code_input=z --drawn_inputs=noise_1,noise_2"),
        ({"drawn": ["noise_1", "noise_2", "z"]}, r"no code is left among.*--code_input"),
        ({"code": "latent"}, r"code_input 'latent': the model's inputs are noise_2 \[None, 8, 8, 1\], z"),
        ({"drawn": ["noise_3"]}, "drawn_inputs 'noise_3': the model's inputs are"),
        ({"held": ["mask"]}, "held_inputs 'mask': the model's inputs are"),
        ({"drawn": [3]}, "drawn_inputs 3: the model's inputs are"),
        ({"code": "z", "drawn": ["z"]}, "the input z as code_input and as drawn_inputs: expected it once"),
        ({"drawn": ["noise_1", "noise_1"]}, "the input noise_1 twice in drawn_inputs"),
        ({"drawn": "noise_1"}, "drawn_inputs='noise_1': expected several"),
    ],
)
def test_inputs_that_are_none_are_told_in_one_line(inputs, said):
    with pytest.raises(BadInput, match=said) as caught:
        ti.from_keras(noisy(), inputs=ti.Inputs(**inputs))
    assert "\n" not in str(caught.value)


def test_inputs_of_other_kinds_are_told():
    with pytest.raises(BadInput, match=r"drawn_inputs 'noise_1' of int32: expected .*floating point"):
        ti.from_keras(noisy(noise_type="int32"), inputs=NAMED)
    with pytest.raises(BadInput, match="code_input 'noise_1' of int32"):
        ti.from_keras(noisy(noise_type="int32"), inputs=ti.Inputs(code="noise_1", drawn=["z", "noise_2"]))
    with pytest.raises(BadInput, match=r"inputs=\{.*expected Inputs"):
        ti.from_keras(noisy(), inputs={"code": "z"})
    with pytest.raises(BadInput, match="code_input 'z' for the function"):
        ti.load_generator(ti.GeneratorSettings(lambda z: z, inputs=ti.Inputs(code="z")))


@pytest.mark.parametrize("role", ["drawn", "held"])
def test_inputs_with_open_sides_are_told(role):
    z, noise = keras.Input((LATENT,), name="z"), keras.Input((None, None, 1), name="noise")
    hidden = keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(z))
    model = keras.Model([z, noise], keras.layers.Add()([hidden, noise]))
    with pytest.raises(BadInput, match=rf"{role}_inputs 'noise' with the shape \[None, None, None, 1\]"):
        ti.from_keras(model, inputs=ti.Inputs(**{role: ["noise"]}))


def test_a_held_input_with_a_name_that_others_have():
    z, images = keras.Input((16,), name="z"), keras.Input((4, 4, 1), name="images")
    model = keras.Model([z, images], keras.layers.Add()([keras.layers.Reshape((4, 4, 1))(z), images]))
    with pytest.raises(BadInput, match="held_inputs 'images': expected another name"):
        ti.from_keras(model, inputs=ti.Inputs(held=["images"]))
