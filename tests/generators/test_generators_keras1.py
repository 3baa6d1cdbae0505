"""Files of Keras 1, written by hand as Keras 1.2.2 wrote them, against equal models of today.

The sources: keras 1.2.2, `keras/models.py` (save_model), `keras/engine/topology.py` (save_weights_to_hdf5_group),
`keras/layers/convolutional.py` and `keras/layers/normalization.py`.
"""

import json

import h5py
import keras
import numpy as np
import pytest
from generator_models import LATENT, check, randomise, same

import tfinvert as ti
from tfinvert.errors import BadInput

L = keras.layers
_NAMES = {"kernel": "W", "bias": "b", "moving_mean": "running_mean", "moving_variance": "running_std"}
_REGULAR = dict.fromkeys(("W_regularizer", "b_regularizer", "activity_regularizer", "W_constraint"))


def write(path, config, groups, version="1.2.2"):
    """An HDF5 file of Keras 1: `groups` are (layer's name, [(weight's name, array), ...])."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        weights = file.create_group("model_weights")
        for home in (file, weights):
            if version is not None:
                home.attrs["keras_version"] = version.encode()
        weights.attrs["layer_names"] = [name.encode() for name, _ in groups]
        for name, arrays in groups:
            group = weights.create_group(name)
            group.attrs["weight_names"] = [weight.encode() for weight, _ in arrays]
            for weight, array in arrays:
                group[weight] = array
    return path


def stored(layer):
    """A layer's weights under Keras 1's names; kernels of a Deconvolution2D as [rows, columns, in, out]."""
    arrays = []
    for variable, array in zip(layer.weights, layer.get_weights(), strict=True):
        if isinstance(layer, L.Conv2DTranspose) and variable.name == "kernel":
            array = np.transpose(array, (0, 1, 3, 2))
        arrays.append((f"{layer.name}_{_NAMES.get(variable.name, variable.name)}", array))
    return arrays


def old(layer):
    """The config of a layer of today in the words of Keras 1."""
    config = {"name": layer.name, "trainable": True}
    convolution = {"border_mode": getattr(layer, "padding", ""), "dim_ordering": "tf", "bias": True, **_REGULAR}
    convolution |= {"init": "glorot_uniform", "activation": getattr(getattr(layer, "activation", None), "__name__", "")}
    kind = type(layer).__name__
    if kind == "Dense":
        extra = {"output_dim": layer.units, "bias": layer.use_bias, "init": "normal", "input_dim": None, **_REGULAR}
        extra |= {"activation": layer.activation.__name__, "b_constraint": None}
    elif kind in ("Conv2D", "Conv2DTranspose"):
        rows, columns = layer.kernel_size
        extra = {"nb_filter": layer.filters, "nb_row": rows, "nb_col": columns, "subsample": list(layer.strides)}
        extra |= convolution
        if kind == "Conv2DTranspose":
            extra["output_shape"] = [None, *layer.output.shape[1:]]
        kind = {"Conv2D": "Convolution2D", "Conv2DTranspose": "Deconvolution2D"}[kind]
    elif kind == "BatchNormalization":
        extra = {"mode": 0, "axis": layer.axis, "momentum": 0.99, "epsilon": layer.epsilon, "gamma_regularizer": None}
        extra |= {"beta_regularizer": None}
    elif kind == "UpSampling2D":
        extra = {"size": list(layer.size), "dim_ordering": "tf"}
    else:
        extra = {
            "Activation": lambda: {"activation": layer.activation.__name__},
            "LeakyReLU": lambda: {"alpha": layer.negative_slope},
            "ELU": lambda: {"alpha": layer.alpha},
            "Reshape": lambda: {"target_shape": list(layer.target_shape)},
            "Flatten": dict,
            "Dropout": lambda: {"p": layer.rate},
            "GaussianNoise": lambda: {"sigma": layer.stddev},
            "ZeroPadding2D": lambda: {"padding": [1, 1], "dim_ordering": "tf"},
            "Embedding": lambda: {
                "input_dim": layer.input_dim,
                "output_dim": layer.output_dim,
                "init": "uniform",
                "input_length": 1,
                "mask_zero": False,
                "dropout": 0.0,
                "W_regularizer": None,
            },
        }[kind]()
    return {"class_name": kind, "config": config | extra}


def started(layers, shape=(LATENT,)):
    """Keras 1 had no InputLayer in a Sequential: the first layer told the shape."""
    configs = [old(layer) for layer in layers]
    configs[0]["config"] |= {"batch_input_shape": [None, *shape], "input_dtype": "float32"}
    return configs


def dcgan():
    return [
        L.Dense(4 * 4 * 6, name="dense_1"),
        L.BatchNormalization(epsilon=1e-5, name="batchnormalization_1"),
        L.Activation("relu", name="activation_1"),
        L.Reshape((4, 4, 6), name="reshape_1"),
        L.UpSampling2D((2, 2), name="upsampling2d_1"),
        L.Conv2D(5, (3, 2), padding="same", activation="relu", name="convolution2d_1"),
        L.Dropout(0.5, name="dropout_1"),
        L.Conv2DTranspose(4, (5, 5), strides=(2, 2), padding="same", name="deconvolution2d_1"),
        L.BatchNormalization(axis=-1, name="batchnormalization_2"),
        L.LeakyReLU(negative_slope=0.2, name="leakyrelu_1"),
        L.Conv2D(3, (3, 3), padding="valid", activation="tanh", name="convolution2d_2"),
    ]


def mlp():
    return [
        L.Dense(8, activation="tanh", name="dense_1"),
        L.GaussianNoise(0.5, name="gaussiannoise_1"),
        L.Dense(16, activation="sigmoid", use_bias=False, name="dense_2"),
        L.ELU(0.7, name="elu_1"),
        L.Reshape((4, 4, 1), name="reshape_1"),
        L.ZeroPadding2D(1, name="zeropadding2d_1"),
        L.Flatten(name="flatten_1"),
        L.Dense(12, activation="tanh", name="dense_3"),
        L.Reshape((2, 2, 3), name="reshape_2"),
    ]


def same_sides():
    """In and out channels alike: a kernel that was not turned would fit too."""
    return [
        L.Dense(48, activation="tanh", name="dense_1"),
        L.Reshape((4, 4, 3), name="reshape_1"),
        L.Conv2DTranspose(3, (3, 3), strides=(2, 2), padding="same", name="deconvolution2d_1"),
        L.Conv2DTranspose(3, (4, 4), strides=(1, 1), padding="valid", name="mine"),
    ]


def build(layers):
    return randomise(keras.Sequential([keras.Input((LATENT,)), *layers]))


@pytest.mark.parametrize("layers", [dcgan, mlp, same_sides])
@pytest.mark.parametrize("version", ["1.2.2", "1.0.8", None])
@pytest.mark.parametrize("suffix", ["", ":0"])
def test_sequential(layers, version, suffix, tmp_path):
    layers = layers()
    model = build(layers)
    groups = [(layer.name, [(name + suffix, array) for name, array in stored(layer)]) for layer in layers]
    write(tmp_path / "g.h5", {"class_name": "Sequential", "config": started(layers)}, groups, version)
    generator = ti.load_generator(tmp_path / "g.h5")
    assert generator.space.shape == (LATENT,)
    (check if version == "1.2.2" and not suffix else same)(generator, lambda codes: model(codes, training=False))


def test_sequential_in_sequential(tmp_path):
    """The weights of the inner one stand as if its layers were the outer one's."""
    layers = dcgan()
    model = build(layers)
    configs = started(layers)
    inner = {"class_name": "Sequential", "config": [{"class_name": "Sequential", "config": configs[:4]}, *configs[4:7]]}
    groups = [(layer.name, stored(layer)) for layer in layers]
    write(tmp_path / "g.h5", {"class_name": "Sequential", "config": [inner, *configs[7:]]}, groups)
    check(ti.load_generator(tmp_path / "g.h5"), lambda codes: model(codes, training=False))


def graph(configs, edges, inputs, outputs):
    """A Keras 1 `Model`; a reference has three entries there."""
    layers = [
        config
        | {
            "name": config["config"]["name"] if "name" not in config else config["name"],
            "inbound_nodes": [[[name, call, 0] for name, call in edges[position]]] if edges[position] else [],
        }
        for position, config in enumerate(configs)
    ]
    inner = {"name": "model_1", "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": "Model", "config": inner}


def start(name, shape, dtype="float32"):
    config = {"batch_input_shape": [None, *shape], "input_dtype": dtype, "sparse": False, "name": name}
    return {"class_name": "InputLayer", "config": config}


def test_sequential_in_model(tmp_path):
    """Called as node 1, after its own making; its weights are one group, trainable ones first."""
    layers = dcgan()
    model = build(layers)
    head, body = layers[0], layers[1:]
    configs = [old(layer) for layer in body]
    configs[0]["config"] |= {"batch_input_shape": [None, 96], "input_dtype": "float32"}
    inner = {"class_name": "Sequential", "name": "sequential_1", "config": configs}
    config = graph(
        [start("input_1", (LATENT,)), old(head), inner],
        [[], [("input_1", 0)], [("dense_1", 0)]],
        [["input_1", 0, 0]],
        [["sequential_1", 1, 0]],
    )
    arrays = [pair for layer in body for pair in stored(layer)]
    arrays = sorted(arrays, key=lambda pair: "running" in pair[0])  # stable: all trainable ones, then the others
    groups = [("input_1", []), (head.name, stored(head)), ("sequential_1", arrays)]
    write(tmp_path / "g.h5", config, groups)
    check(ti.load_generator(tmp_path / "g.h5"), lambda codes: model(codes, training=False))


@pytest.mark.parametrize(("mode", "join"), [("mul", L.Multiply), ("concat", L.Concatenate), ("sum", L.Add)])
def test_conditional_with_merge(mode, join, tmp_path):
    """As the ACGAN example of Keras 1.2: the code times the embedding of the class."""
    code, label = keras.Input((LATENT,), name="latent"), keras.Input((1,), name="image_class", dtype="int32")
    table, flat, dense = L.Embedding(4, LATENT, name="embedding_1"), L.Flatten(name="flatten_1"), L.Dense(16, name="d")
    reshape = L.Reshape((4, 4, 1), name="reshape_1")
    model = randomise(keras.Model([code, label], reshape(dense(join()([code, flat(table(label))])))))
    merge = {"name": "merge_1", "mode": mode, "concat_axis": -1, "dot_axes": -1, "mode_type": "raw", "arguments": {}}
    config = graph(
        [
            start("latent", (LATENT,)),
            start("image_class", (1,), "int32"),
            old(table),
            old(flat),
            {"class_name": "Merge", "config": merge},
            old(dense),
            old(reshape),
        ],
        [
            [],
            [],
            [("image_class", 0)],
            [("embedding_1", 0)],
            [("latent", 0), ("flatten_1", 0)],
            [("merge_1", 0)],
            [("d", 0)],
        ],
        [["latent", 0, 0], ["image_class", 0, 0]],
        [["reshape_1", 0, 0]],
    )
    arrays = [("embedding_1_W", table.get_weights()[0])]
    names = ["latent", "image_class", "embedding_1", "flatten_1", "merge_1", "d", "reshape_1"]
    weights = {"embedding_1": arrays, "d": stored(dense)}
    write(tmp_path / "g.h5", config, [(name, weights.get(name, [])) for name in names])
    generator = ti.load_generator(tmp_path / "g.h5")
    assert generator.condition.classes == 4
    check(generator, lambda codes, labels: model([codes, labels[:, None]], training=False), labels=[0, 1, 2, 3, 3])


def test_by_hand(tmp_path):
    """Dense, hard sigmoid with slope 0.2, batch norm with the variance in running_std, and a 2 x 2 deconvolution."""
    random = np.random.default_rng(0)
    weight, bias = random.normal(size=(3, 8)), random.normal(size=8)
    gamma, beta, mean, variance = (random.uniform(0.5, 2, 2) for _ in range(4))
    kernel, shift = random.normal(size=(2, 2, 2, 3)), random.normal(size=3)  # [rows, columns, in, out]
    dense, deconvolution = L.Dense(8, "hard_sigmoid", name="d"), L.Conv2DTranspose(3, 2, strides=2, name="up")
    norm = L.BatchNormalization(epsilon=1e-3, name="norm")
    build([L.Dense(3), dense, L.Reshape((2, 2, 2)), norm, deconvolution])  # so that `old` knows the shapes
    configs = [old(layer) for layer in (dense, L.Reshape((2, 2, 2), name="r"), norm, deconvolution)]
    configs[0]["config"]["batch_input_shape"] = [None, 3]
    groups = [
        ("d", [("d_W", weight), ("d_b", bias)]),
        ("r", []),
        ("norm", [("n_gamma", gamma), ("n_beta", beta), ("n_running_mean", mean), ("n_running_std", variance)]),
        ("up", [("up_W", kernel), ("up_b", shift)]),
    ]
    write(tmp_path / "g.h5", {"class_name": "Sequential", "config": configs}, groups)

    def expected(codes):
        hidden = np.clip(0.2 * (codes @ weight + bias) + 0.5, 0, 1).reshape(-1, 2, 2, 2)
        hidden = gamma * (hidden - mean) / np.sqrt(variance + 1e-3) + beta
        # With stride = size, the kernels do not overlap: out[2i + a, 2j + b] = in[i, j] W[a, b].
        return np.einsum("nijc,abco->niajbo", hidden, kernel).reshape(-1, 4, 4, 3) + shift

    check(ti.load_generator(tmp_path / "g.h5"), expected)


def changed(tmp_path, change):
    layers = dcgan()
    build(layers)
    configs = started(layers)
    change({config["config"]["name"]: config for config in configs})
    groups = [(layer.name, stored(layer)) for layer in layers]
    return write(tmp_path / "g.h5", {"class_name": "Sequential", "config": configs}, groups)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("upsampling2d_1", {"dim_ordering": "th"}, "upsampling2d_1 has dim_ordering 'th'.*expected 'tf'"),
        ("deconvolution2d_1", {"dim_ordering": "th"}, "dim_ordering 'th'"),
        ("batchnormalization_1", {"mode": 2}, "mode 2.*expected mode 0"),
        ("batchnormalization_2", {"mode": 1}, "mode 1.*expected mode 0"),
        ("deconvolution2d_1", {"output_shape": [None, 15, 15, 4]}, r"\[16, 16, 4\], the file says \[15, 15, 4\]"),
        ("deconvolution2d_1", {"name": "renamed"}, "1 Deconvolution2D layers, but the kernels of 0"),
        ("dense_1", {"output_dim": 97}, "no reader understands"),
    ],
)
def test_what_no_later_keras_does_is_refused(name, change, said, tmp_path):
    path = changed(tmp_path, lambda configs: configs[name]["config"].update(change))
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(path)
    assert "\n" not in str(caught.value)
    assert "g.h5" in str(caught.value)


def test_a_layer_that_is_gone_is_named(tmp_path):
    path = changed(tmp_path, lambda configs: configs["dropout_1"].update(class_name="Highway"))
    with pytest.raises(BadInput, match="Highway"):
        ti.load_generator(path)


def test_a_lambda_of_keras_1_is_refused(tmp_path):
    path = changed(tmp_path, lambda configs: configs["dropout_1"].update(class_name="Lambda"))
    with pytest.raises(BadInput, match="Python Lambda"):
        ti.load_generator(path)
