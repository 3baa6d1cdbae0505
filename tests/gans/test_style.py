"""The small generator in StyleGAN's form: its shapes, its styles, and the places where it can be inverted."""

import keras
import numpy as np
import pytest

import tfinvert as ti
from tfinvert.gans.style import MAPPED, STYLES, style_generator


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("style") / "style.keras"
    style_generator(6, (8, 8, 4), channels=3).save(path)
    return path


@pytest.mark.parametrize(("widths", "start", "size"), [((8, 4), 7, 14), ((8, 8, 8, 4), 4, 32)])
def test_images_have_the_size_that_the_widths_say(widths, start, size):
    model = style_generator(5, widths, channels=1, start=start)
    assert model.output_shape == (None, size, size, 1)
    assert model.get_layer(STYLES).output.shape[1:] == (2 * len(widths), 5)


def test_codes_count_by_their_direction_only(file):
    generator = ti.load_generator(file, prior=ti.normal(), value_range=(-1, 1))
    codes, images = generator.sample(4)
    assert np.ptp(images, axis=0).max() > 1e-2
    np.testing.assert_allclose(generator(3 * codes), images, atol=1e-4)


def test_the_same_images_come_from_w_and_from_w_for_each_style(file):
    generator = ti.load_generator(file, prior=ti.normal(), value_range=(-1, 1))
    codes, images = generator.sample(4)
    network = generator.network.model
    for layer, shape in ((MAPPED, (6,)), (STYLES, (6, 6))):
        values = keras.Model(network.input, network.get_layer(layer).output)(codes)
        behind = ti.behind(generator, layer)
        assert behind.space.shape == shape
        np.testing.assert_allclose(behind(values), images, atol=1e-4)
    for style in range(6):  # each style has a say of its own
        moved = values.numpy()
        moved[:, style] += 1
        assert np.abs(behind(moved) - images).max() > 1e-3


def test_a_style_sets_each_channels_mean_and_spread(file):
    network = keras.models.load_model(file)
    normalised = next(each for each in network.layers if isinstance(each, keras.layers.GroupNormalization))
    maps = keras.Model(network.input, normalised.output)(np.random.default_rng(0).normal(size=(3, 6))).numpy()
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(maps.std(axis=(1, 2)), 1, atol=1e-1)
    for part in ("scale", "shift"):
        layer = network.get_layer(f"style_0_{part}")
        layer.set_weights([0 * layer.kernel.numpy(), np.full(layer.bias.shape, {"scale": 3.0, "shift": 0.5}[part])])
    styled = keras.Model(network.input, _styled(network))(np.random.default_rng(0).normal(size=(3, 6)))
    np.testing.assert_allclose(np.mean(styled, axis=(1, 2)), 0.5, atol=1e-2)
    np.testing.assert_allclose(np.std(styled, axis=(1, 2)), 3, rtol=0.1)


def _styled(network):
    """What comes out of the first style."""
    return next(each for each in network.layers if isinstance(each, keras.layers.Add)).output
