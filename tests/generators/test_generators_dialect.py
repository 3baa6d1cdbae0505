"""Files of Keras 2, in both formats, against the predictions of the model that was saved."""

import json

import h5py
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, check, randomise, same, trunk

import tfinvert as ti
from tfinvert.generators.readers import contents, dialect
from tfinvert.generators.readers.keras_files import read_model
from tfinvert.settings import DEFAULT_LIMITS

L = tf_keras.layers


class Scale(L.Layer):
    """A custom layer with a weight of its own."""

    def build(self, shape):
        self.factor = self.add_weight(name="factor", shape=(shape[-1],), initializer="ones")

    def call(self, values):
        return values * self.factor


def after_dense(*layers):
    """A stack of these after a Dense to [4, 4, 4] and a convolution to one channel behind them."""
    head = [L.Input((LATENT,)), L.Dense(64), L.Reshape((4, 4, 4))]
    return lambda: tf_keras.Sequential([*head, *[layer() for layer in layers], L.Conv2D(1, 1)])


def functional(middle):
    def build():
        code = L.Input((LATENT,), name="z")
        return tf_keras.Model(code, L.Conv2D(1, 1)(middle(L.Reshape((4, 4, 4))(L.Dense(64)(code)))))

    return build


def nested():
    code = L.Input((LATENT,))
    inner = tf_keras.Sequential([L.Input((5,)), *trunk(L)])
    return tf_keras.Model(code, inner(L.Dense(5, activation="tanh")(code)))


def frozen(which):
    """Frozen layers move to the end of the list of weights, in the file too, and nothing in it says so."""

    def build():
        inner = tf_keras.Sequential(
            [L.Input((6,)), L.Dense(6), L.BatchNormalization(), L.Dense(6), L.BatchNormalization()]
        )
        code = L.Input((LATENT,))
        model = tf_keras.Model(code, L.Reshape((2, 3, 1))(L.BatchNormalization()(inner(L.Dense(6)(code)))))
        {"inner": inner, "all": model, "norm": inner.layers[1], "dense": inner.layers[0]}[which].trainable = False
        return model

    return build


def deep():
    inner = tf_keras.Sequential([tf_keras.Sequential([L.Dense(6), L.BatchNormalization()]), L.Dense(5)])
    return tf_keras.Sequential([L.Input((LATENT,)), inner, tf_keras.Sequential(trunk(L))])


def shared_layer():
    code = L.Input((LATENT,))
    dense = L.Dense(LATENT, activation="tanh")
    return tf_keras.Model(code, L.Reshape((2, 6, 1))(L.Concatenate()([dense(dense(code)), dense(code)])))


def pixel_norm(values):
    return values * tf.math.rsqrt(tf.reduce_mean(tf.square(values), axis=-1, keepdims=True) + 1e-8)


def two_paths(join):
    return functional(lambda x: join()([L.Conv2D(4, 3, padding="same")(x), L.LeakyReLU(0.3)(x)]))


MODELS = {
    "leaky relu": after_dense(lambda: L.LeakyReLU(alpha=0.1)),
    "transposed": after_dense(lambda: L.Conv2DTranspose(3, 5, strides=2, padding="same", use_bias=False)),
    "transposed valid": after_dense(lambda: L.Conv2DTranspose(3, 4, strides=3, padding="valid")),
    "output padding": after_dense(lambda: L.Conv2DTranspose(3, 3, strides=2, padding="same", output_padding=1)),
    "dilated transposed": after_dense(lambda: L.Conv2DTranspose(3, 3, dilation_rate=2, padding="same")),
    "batch norm": after_dense(lambda: L.BatchNormalization(momentum=0.8, epsilon=1e-2)),
    "batch norm of rows": after_dense(lambda: L.BatchNormalization(axis=1)),
    "batch norm without scale": after_dense(lambda: L.BatchNormalization(scale=False)),
    "layer norm": after_dense(L.LayerNormalization),
    "group norm": after_dense(lambda: L.GroupNormalization(groups=2)),
    "up": after_dense(L.UpSampling2D),
    "up bilinear": after_dense(lambda: L.UpSampling2D(3, interpolation="bilinear")),
    "resizing": after_dense(lambda: L.Resizing(7, 9)),
    "noise": after_dense(lambda: L.Dropout(0.5), lambda: L.GaussianNoise(2.0), lambda: L.SpatialDropout2D(0.5)),
    "prelu": after_dense(L.PReLU, lambda: L.PReLU(shared_axes=[1, 2])),
    "relu": after_dense(lambda: L.ReLU(max_value=0.9, negative_slope=0.1, threshold=0.05)),
    "depthwise": after_dense(lambda: L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)),
    "separable": after_dense(lambda: L.SeparableConv2D(3, 3, padding="same")),
    "grouped": after_dense(lambda: L.Conv2D(4, 3, groups=2, padding="same")),
    "gone from Keras 3": after_dense(lambda: L.LocallyConnected2D(3, 2), lambda: L.ThresholdedReLU(0.01)),
    "time distributed": after_dense(lambda: L.TimeDistributed(L.Dense(3))),
    "activation of a layer": after_dense(lambda: L.Activation(tf_keras.activations.softplus)),
    "custom layer": after_dense(Scale),
    "nested": nested,
    "two levels": deep,
    "inner frozen": frozen("inner"),
    "all frozen": frozen("all"),
    "norm frozen": frozen("norm"),
    "dense frozen": frozen("dense"),
    "shared layer": shared_layer,
    "add": two_paths(L.Add),
    "concatenate": two_paths(L.Concatenate),
    "multiply": two_paths(L.Multiply),
    "tf.nn.relu": functional(lambda x: tf.nn.relu(x) + tf.nn.leaky_relu(x, alpha=0.3)),
    "depth to space": functional(lambda x: tf.concat([tf.nn.depth_to_space(x, 2)] * 2, -1)),
    "arithmetic": functional(lambda x: 1.0 - (x * 2.0 - 1.0) / 3.0 + x**2),
    "reshape": functional(lambda x: tf.reshape(tf.transpose(x, [0, 2, 1, 3]), (-1, 8, 2, 4))),
    "slices": functional(lambda x: tf.stack([x[:, ::-1, 1:], x[:, :, :3]], 0)[1]),
    "pad": functional(lambda x: tf.pad(x, [[0, 0], [1, 1], [2, 0], [0, 0]])),
    "resize": functional(lambda x: tf.image.resize(x, (6, 6))),
    "pixel norm": functional(pixel_norm),
    "clip": functional(lambda x: tf.clip_by_value(x, -1.0, 1.0) + tf.math.reduce_max(x, 1, keepdims=True)),
    "backend": functional(lambda x: tf_keras.backend.tanh(tf_keras.backend.resize_images(x, 2, 2, "channels_last"))),
    "hard sigmoid": after_dense(lambda: L.Activation("hard_sigmoid")),
    "activations": after_dense(
        *[
            lambda name=name: L.Activation(name)
            for name in ("gelu", "selu", "elu", "swish", "softsign", "mish", "exponential", "softmax")
        ]
    ),
    "activation inside": after_dense(lambda: L.Conv2D(4, 3, activation="hard_sigmoid")),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ext", [".h5", ".keras"])
def test_keras_2_files_give_what_keras_2_gives(name, ext, tmp_path):
    model = randomise(MODELS[name]())
    model.save(tmp_path / f"g{ext}")
    generator = ti.from_keras(tmp_path / f"g{ext}", custom_objects={"Scale": Scale})
    (check if ext == ".h5" else same)(generator, lambda codes: model(codes, training=False))


@pytest.mark.parametrize("ext", [".h5", ".keras"])
def test_keras_2_lambda_layer_where_allowed(ext, tmp_path):
    model = randomise(after_dense(lambda: L.Lambda(lambda x: x * x))())
    model.save(tmp_path / f"g{ext}")
    check(ti.from_keras(tmp_path / f"g{ext}", allow_unsafe=True), lambda codes: model(codes, training=False))


@pytest.mark.parametrize("ext", [".h5", ".keras"])
@pytest.mark.parametrize("one_hot", [False, True])
def test_keras_2_conditional(ext, one_hot, tmp_path):
    code, label = L.Input((LATENT,)), L.Input((4 if one_hot else 1,), dtype="float32" if one_hot else "int32")
    seen = label if one_hot else L.Flatten()(L.Embedding(4, 3)(label))
    images = L.Concatenate()([seen, code])
    for layer in trunk(L):
        images = layer(images)
    model = randomise(tf_keras.Model([label, code], images))
    model.save(tmp_path / f"g{ext}")

    def expected(codes, labels):
        return model([np.eye(4, dtype=np.float32)[labels] if one_hot else labels[:, None], codes], training=False)

    generator = ti.load_generator(tmp_path / f"g{ext}")
    assert generator.condition.classes == 4
    check(generator, expected, labels=[0, 1, 2, 3, 1])


@pytest.mark.parametrize("build", [nested, deep, MODELS["leaky relu"], shared_layer, frozen("norm")])
def test_a_keras_2_model_in_memory(build):
    model = randomise(build())
    check(ti.load_generator(model), lambda codes: model(codes, training=False))


def words_of_2_1(node, change):
    """Applies `change(kind, config)` to every layer of a config, inner ones first."""
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        words_of_2_1(child, change)
    if isinstance(node, dict) and isinstance(node.get("config"), dict) and "class_name" in node:
        change(node, node["config"])


def list_config(node, config):
    """Keras <= 2.1: the config of a Sequential is the list of its layers, the first of which tells the input."""
    if node["class_name"] == "Sequential":
        layers = [layer for layer in config["layers"] if layer["class_name"] != "InputLayer"]
        start = next((layer for layer in config["layers"] if layer["class_name"] == "InputLayer"), None)
        if start and isinstance(layers[0]["config"], dict):
            layers[0]["config"]["batch_input_shape"] = start["config"]["batch_input_shape"]
        node["config"] = layers


def old_initializers(node, config):
    if "kernel_initializer" in config:
        inner = {"minval": -0.05, "maxval": 0.05, "seed": None, "dtype": "float32"}
        config["kernel_initializer"] = {"class_name": "RandomUniform", "config": inner}
        config["bias_initializer"] = {"class_name": "Zeros", "config": {"dtype": "float32"}}


def axis_list(node, config):
    if node["class_name"] == "BatchNormalization" and not isinstance(config["axis"], list):
        config["axis"] = [config["axis"]]


def groups(node, config):
    if node["class_name"] == "Conv2DTranspose":
        config["groups"] = 1


def second_call(node, config):
    """Keras 2.3 counted the nested model's own making as its call 0."""
    if node["class_name"] == "Sequential":
        return
    inner = [layer["name"] for layer in config.get("layers", []) if layer["class_name"] == "Sequential"]
    for layer in config.get("layers", []):
        for call in layer.get("inbound_nodes", []):
            for reference in call:
                reference[1] += reference[0] in inner
    for end in config.get("output_layers", []):
        end[1] += end[0] in inner


CHANGES = [list_config, old_initializers, axis_list, groups, second_call]


def nested_then_more():
    """A nested model that is not the last one, so that another layer refers to its call."""
    code = L.Input((LATENT,))
    inner = tf_keras.Sequential([L.Input((5,)), *trunk(L)])
    return tf_keras.Model(code, L.Conv2D(3, 2)(inner(L.Dense(5, activation="tanh")(code))))


def plain():
    return tf_keras.Sequential([L.Input((LATENT,)), *trunk(L)])


@pytest.mark.parametrize("build", [nested, nested_then_more, deep, plain])
@pytest.mark.parametrize("changes", [CHANGES, *[[change] for change in CHANGES]])
def test_the_words_of_older_keras_2(build, changes, tmp_path):
    model = randomise(build())
    model.save(tmp_path / "g.h5")
    with h5py.File(tmp_path / "g.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for change in changes:
            words_of_2_1(config, change)
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = file["model_weights"].attrs["keras_version"] = "2.1.6"
    generator = ti.load_generator(tmp_path / "g.h5")
    assert generator.space.shape == tuple(model.input_shape[1:])
    same(generator, lambda codes: model(codes, training=False))
    found = contents.read(tmp_path / "g.h5", tmp_path, DEFAULT_LIMITS)
    assert read_model(found, "g.h5")[1] == "Keras 3"  # mended, not left to the other reader


def test_keras_3_files_are_not_mended(tmp_path):
    """The same word means another function in Keras 3."""
    import keras

    layers = [keras.layers.Dense(16), keras.layers.Activation("hard_sigmoid"), keras.layers.Reshape((4, 4, 1))]
    model = randomise(keras.Sequential([keras.Input((LATENT,)), *layers]))
    for ext in (".keras", ".h5"):
        model.save(tmp_path / f"g{ext}")
        same(ti.load_generator(tmp_path / f"g{ext}"), model)


def test_modernise_leaves_its_input_alone():
    model = nested()
    config = json.loads(model.to_json())
    before = json.dumps(config)
    assert dialect.modernise(config) != config
    assert json.dumps(config) == before


def test_a_theano_file_with_convolutions_is_refused(tmp_path):
    """Theano's convolutions flip their kernels; the file looks the same otherwise."""
    nested().save(tmp_path / "g.h5")
    with h5py.File(tmp_path / "g.h5", "r+") as file:
        file.attrs["backend"] = b"theano"
    with pytest.raises(ti.BadInput, match=r"Theano.*kernels") as caught:
        ti.load_generator(tmp_path / "g.h5")
    assert "\n" not in str(caught.value)
