"""Targets of generators of 2, 4 and 13 channels."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images import Scale, Sources, load

RANDOM = np.random.default_rng(0)
MANY = RANDOM.random((5, 8, 8, 13), np.float32)
UNIT = Scale((8, 8, 13))


@pytest.mark.parametrize("channels", [2, 4, 13])
def test_arrays_of_many_are_read_as_they_are(channels, tmp_path):
    wanted = MANY[..., :channels]
    like = Scale((8, 8, channels), (-1, 1))
    np.save(tmp_path / "a.npy", wanted)
    np.savez(tmp_path / "a.npz", images=wanted, labels=np.arange(5))
    dataset = tf.data.Dataset.from_tensor_slices(wanted)
    for source in (
        wanted,
        tf.constant(wanted),
        list(wanted),
        tmp_path / "a.npy",
        tmp_path / "a.npz",
        dataset,
        dataset.batch(2),
    ):
        np.testing.assert_allclose(load(source, like).pixels, 2 * wanted - 1, atol=1e-6)
    assert load(tmp_path / "a.npz", like).labels.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(load(wanted[0], like).pixels, 2 * wanted[:1] - 1, atol=1e-6)  # one image


def test_as_many_images_as_channels_are_no_image():
    thirteen = RANDOM.random((13, 8, 8, 13), np.float32)
    assert load(thirteen, UNIT).pixels.shape == (13, 8, 8, 13)
    assert load(RANDOM.random((13, 8, 13), np.float32), UNIT).pixels.shape == (1, 8, 8, 13)


def test_whole_numbers_have_the_scale_of_their_type_or_another(caplog):
    bits = np.round(10_000 * MANY).astype(np.uint16)
    np.testing.assert_allclose(load(bits, UNIT).pixels, bits / 65535, atol=1e-6)
    assert "uint16 are read on [0, 65535]: say another scale with array_range" in caplog.text
    caplog.clear()
    np.testing.assert_allclose(load(bits, UNIT, array_range=(0, 10_000)).pixels, bits / 10_000, atol=1e-6)
    assert not caplog.text
    np.testing.assert_allclose(load(np.uint8(255 * MANY), UNIT).pixels, np.uint8(255 * MANY) / 255, atol=1e-6)


def test_other_sizes_are_fitted_in_all_channels():
    large = np.repeat(np.repeat(MANY, 3, axis=1), 3, axis=2)
    made = load(large, UNIT).pixels
    assert made.shape == MANY.shape
    assert np.corrcoef(made.ravel(), MANY.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (MANY.transpose(0, 3, 1, 2), r"\[5, 13, 8, 8\]: they have channels first: save np.transpose"),
        (MANY[..., :5], r"\[5, 8, 8, 5\]: expected \[N, H, W, 13\] or one image"),
        (MANY[..., :3], r"\[5, 8, 8, 3\]: expected \[N, H, W, 13\]"),
        (MANY[..., 0], r"\[5, 8, 8\]: expected \[N, H, W, 13\]"),
        (MANY[0, ..., 0], r"\[8, 8\]: expected \[N, H, W, 13\]"),
        (MANY.astype(complex), "complex128: expected numbers"),
        (None, r"built-in glyphs for a generator of pictures \[8, 8, 13\]: expected arrays \[N, 8, 8, 13\]"),
    ],
)
def test_other_arrays_are_told_in_one_line(source, said):
    with pytest.raises(BadInput, match=said) as caught:
        Sources(source, UNIT)
    assert "\n" not in str(caught.value)


def test_values_beyond_the_scale_are_told():
    (picture,) = Sources(3 * MANY[0], UNIT)
    assert "expected [0, 1]; say their scale with array_range" in picture.note
    (picture,) = Sources(tf.data.Dataset.from_tensors(MANY[0, ..., :5]), UNIT)
    assert "an image of shape [8, 8, 5]: expected [H, W, 13]" in picture.note


@pytest.fixture
def pictures(tmp_path):
    """With transparency, in colour, grey, and grey of 16 bits."""
    pixels = RANDOM.integers(0, 256, (8, 8, 4), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[..., :3]).save(tmp_path / "b.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "c.png")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(tmp_path / "d.png")
    return tmp_path, pixels / 255


def test_pictures_of_four_channels_keep_their_transparency(pictures):
    folder, pixels = pictures
    opaque = np.ones((8, 8, 1))
    grey = np.repeat(pixels[..., :1], 3, axis=-1)
    expected = [pixels, np.concatenate([pixels[..., :3], opaque], -1), *[np.concatenate([grey, opaque], -1)] * 2]
    np.testing.assert_allclose(load(folder, Scale((8, 8, 4))).pixels, expected, atol=1e-6)


def test_for_three_and_one_they_lie_on_white_as_ever(pictures):
    folder, pixels = pictures
    white = pixels[..., :3] * pixels[..., 3:] + 1 - pixels[..., 3:]
    np.testing.assert_allclose(load(folder / "a.png", Scale((8, 8, 3))).pixels[0], white, atol=2 / 255)
    np.testing.assert_allclose(load(pixels.astype(np.float32), Scale((8, 8, 3))).pixels[0], white, atol=1e-6)
    assert load(folder, Scale((8, 8, 1))).pixels.shape == (4, 8, 8, 1)


@pytest.mark.parametrize("channels", [2, 13])
def test_pictures_for_others_are_told_in_one_line(pictures, channels, tmp_path):
    for source in (pictures[0], pictures[0] / "a.png", f"{pictures[0]}/*.png"):
        with pytest.raises(BadInput, match=rf"for a generator of pictures \[8, 8, {channels}\]: expected arrays"):
            Sources(source, Scale((8, 8, channels)))
