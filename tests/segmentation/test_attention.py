"""Attention maps are found in the graphs of generators, and give what was planted."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from planted import ATTENTION, CODE, planted, regions
from small_biggan import small_biggan

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.gans.hub_module import write_hub_module
from tfinvert.segmentation import find, segment
from tfinvert.segmentation.layout import layout


def loaded(model):
    return ti.load_generator(model, prior="normal", value_range=(-1, 1))


@pytest.fixture(scope="module")
def plain():
    return loaded(planted("softmax", extra=True))


@pytest.mark.parametrize("kind", ATTENTION)
def test_planted_regions_are_found(kind):
    generator = loaded(planted(kind))
    found = find(generator)
    codes, _ = generator.sample(2)
    weights = found(codes)
    assert weights.shape == (2, 8, 8, *((4, 4) if kind == "pooled" else (8, 8)))
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(axis=(3, 4)), 1, atol=2e-3)
    assert np.abs(weights[0] - weights[1]).max() > 1e-3
    for each in weights:
        np.testing.assert_array_equal(segment(each, (4,), grouping="mutual")[4], regions())


def test_images_that_are_not_square_and_weights_that_are_held_once():
    generator = loaded(planted("pooled", grid=(16, 48)))
    assert generator.image_shape == (32, 96, 3)
    found = find(generator)
    assert found.layout.grid == (16, 48)
    assert found.layout.keys == (8, 24)
    np.testing.assert_array_equal(
        segment(found(generator.sample(1)[0])[0], (4,), grouping="mutual")[4], regions((16, 48))
    )


def test_saved_models(tmp_path):
    model = planted("heads")
    model.export(tmp_path / "saved", verbose=False)
    generator = loaded(tmp_path / "saved")
    codes, _ = generator.sample(1)
    found = find(generator)
    np.testing.assert_allclose(found(codes), find(loaded(model))(codes), atol=1e-6)
    np.testing.assert_array_equal(segment(found(codes)[0], (4,), grouping="mutual")[4], regions())


def test_hub_modules_and_their_model(tmp_path):
    model, labels = small_biggan(), [0, 3]
    write_hub_module(model, tmp_path / "1", attention=8)
    module = loaded(tmp_path / "1")
    codes, _ = module.sample(2, labels=labels)
    inner = keras.Model(model.input, model.get_layer("attention").output)
    expected = inner({"z": codes, "y": tf.one_hot(labels, 5)}).numpy().reshape(2, 8, 8, 4, 4)
    found = find(module)
    assert found.name == "Generator/attention/Softmax"
    np.testing.assert_allclose(found(codes, labels), expected, atol=1e-5)
    with pytest.raises(BadInput, match="labels"):
        found(codes)
    found = find(loaded(model), "attention")
    assert found.name == "biggan_generator/attention/Softmax"
    np.testing.assert_allclose(found(codes, labels), expected, atol=1e-5)


def test_behind_a_cut():
    generator = loaded(planted("pooled"))
    codes, _ = generator.sample(2)
    parts, found = ti.split(generator), find(generator)
    behind = found.behind(parts)
    hidden, held = parts.before(codes)
    np.testing.assert_allclose(behind(hidden, *held), found(codes), atol=1e-6)
    assert np.abs(behind(1.5 * hidden, *held) - found(codes)).max() > 1e-3


def test_a_map_before_the_cut(plain):
    assert find(plain).behind(ti.split(plain, "behind")) is None
    assert find(plain, "small").behind(ti.split(plain, "first")) is not None


def test_of_several_maps_the_largest(plain, caplog):
    caplog.set_level("INFO", "absl")
    found = find(plain)
    assert found.name == "planted/looks/Softmax"
    assert found.layout.grid == (8, 8)
    assert "attention map planted/looks/Softmax: 8x8 places that attend to 8x8" in caplog.text
    assert "others are planted/small/Softmax" in caplog.text
    assert find(plain, "small").layout.grid == (4, 4)
    assert find(plain, "planted/small/Softmax:0").name == "planted/small/Softmax"


def test_equal_maps_the_last():
    codes = keras.Input((CODE,))
    rows = keras.layers.Reshape((16, 4))(keras.layers.Dense(64)(codes))
    for number in range(3):
        rows = keras.layers.Attention(name=f"layer_{number}")([rows, rows])
    images = keras.layers.Conv2D(3, 1)(keras.layers.Reshape((4, 4, 4))(rows))
    generator = loaded(keras.Model(codes, images))
    assert "layer_2" in find(generator).name
    with pytest.raises(BadInput, match=r"3 attention maps in 'Softmax': name one whole: .*layer_0.*layer_1.*layer_2"):
        find(generator, "Softmax")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("smal", "no attention map 'smal'.*near it are small.*its attention maps are planted/looks.*, planted/small"),
        ("quite different", "no attention map 'quite different'.*its attention maps are planted/looks"),
        ("behind", r"'behind' of planted is no attention map but gives \[8, 8, 4\] for a code: its attention maps are"),
        ("first", r"gives \[256\]"),
        ("last", "no attention map 'last'.* no layer 'last' between code and image"),
        ("", "no attention map ''"),
    ],
)
def test_names_of_no_map(plain, name, why):
    with pytest.raises(BadInput, match=why):
        find(plain, name)


def test_a_name_that_several_layers_have_is_told():
    layers = keras.layers
    codes = x = keras.Input((CODE,))
    for number in range(2):
        inside = keras.Input(x.shape[1:])
        x = keras.Model(inside, layers.Dense(16, name="dense")(inside), name=f"part_{number}")(x)
    generator = loaded(keras.Model(codes, layers.Conv2D(3, 1)(layers.Reshape((4, 4, 1))(x))))
    with pytest.raises(BadInput, match=r"no attention map 'dense'.*several layers 'dense': name one whole: .*part_0/d"):
        find(generator, "dense")


def test_a_graph_that_cannot_be_frozen(monkeypatch, plain):
    def refuse(generator):
        raise ValueError("cannot convert this")

    monkeypatch.setattr("tfinvert.generators.graphs.frozen.freeze", refuse)
    with pytest.raises(BadInput, match=r"cannot be searched for attention.*cannot be frozen.*cannot convert this"):
        find(plain)


def test_generators_without_attention():
    """Nor is it attention over channels, over words, or what only scales a map."""
    codes = keras.Input((CODE,))
    rows = keras.layers.Reshape((16, 6))(keras.layers.Dense(96)(codes))
    columns = keras.layers.Permute((2, 1))(rows)
    columns = keras.layers.Attention(name="channels")([columns, columns])
    words = keras.layers.Reshape((5, 6))(keras.layers.Dense(30)(codes))
    mixed = keras.layers.Permute((2, 1))(columns) + keras.layers.Attention(name="words")([rows, words])
    maps = keras.layers.Reshape((4, 4, 6))(mixed)
    maps = maps * keras.layers.Softmax(axis=1, name="gates")(maps)
    generator = loaded(keras.Model(codes, keras.layers.Conv2D(1, 1)(maps)))
    with pytest.raises(BadInput, match=r"has no attention map: looked for a softmax .*B, heads, N, M"):
        find(generator)
    with pytest.raises(BadInput, match="it has none; looked for a softmax"):
        find(generator, "words")


@pytest.mark.parametrize(
    ("shape", "image", "axes", "heads", "grid", "keys"),
    [
        ((4096, 1024), (128, 128, 3), (1, 4096, 1024), 0, (64, 64), (32, 32)),
        ((16384, 4096), (256, 256, 3), (1, 16384, 4096), 0, (128, 128), (64, 64)),
        ((4, 64, 64), (32, 32, 3), (4, 64, 64), 0, (8, 8), (8, 8)),
        ((64, 4, 64), (32, 32, 3), (64, 4, 64), 1, (8, 8), (8, 8)),
        ((8, 32, 32), (16, 8, 1), (8, 32, 32), 0, (8, 4), (8, 4)),
        ((8, 6, 4, 3), (16, 12, 3), (1, 48, 12), 0, (8, 6), (4, 3)),
        ((2, 8, 6, 8, 6), (16, 12, 3), (2, 48, 48), 0, (8, 6), (8, 6)),
    ],
)
def test_layouts(shape, image, axes, heads, grid, keys):
    found = layout(shape, image)
    assert found[1:] == (axes, heads, grid, keys)
    values = np.random.default_rng(0).uniform(size=(2, *shape)).astype(np.float32) if np.prod(shape) < 2e4 else None
    if values is not None:
        expected = values.reshape(2, *axes).mean(axis=1 + heads).reshape(2, *grid, *keys)
        np.testing.assert_array_equal(found.apply(values), expected)


@pytest.mark.parametrize(
    "shape", [(64,), (64, 77), (16, 64), (64, 1), (60, 60), (3, 5, 64), (8, 8, 3, 16), (2,) * 6, ()]
)
def test_shapes_of_no_map(shape):
    assert layout(shape, (32, 32, 3)) is None
