"""Pictures of images: rounding, channels, and what pictures cannot hold."""

import io

import numpy as np
import pytest

from tfinvert.errors import BadInput
from tfinvert.images import Scale
from tfinvert.images.encode import eight_bit, packed, unpacked


def test_values_are_rounded_and_cut_off():
    image = np.array([[[-1.0], [0.499 / 255], [0.501 / 255], [2.0], [np.nan]]])
    assert np.asarray(eight_bit(image)).tolist() == [[0, 0, 1, 255, 0]]


def test_grey_and_colour():
    assert eight_bit(np.zeros((2, 3, 1))).mode == "L"
    assert eight_bit(np.zeros((2, 3, 3))).mode == "RGB"
    assert eight_bit(np.zeros((2, 3, 3))).size == (3, 2)
    assert eight_bit(np.zeros((2, 3, 4))).mode == "RGBA"


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_pictures_can_hold_is_packed_as_one(channels):
    image = np.random.default_rng(0).random((5, 6, channels))
    like = Scale((5, 6, channels), (-1, 1))
    data = packed(image, like)
    assert data.startswith(b"\x89PNG")
    np.testing.assert_allclose(unpacked(data, like), image, atol=0.51 / 255)


@pytest.mark.parametrize("shape", [(5, 6, 2), (5, 6, 13), (40, 3)])
def test_what_they_cannot_is_an_array_in_the_generators_range(shape):
    image = np.random.default_rng(0).normal(0.5, 1, shape)
    like = Scale(shape, (-3, 5))
    data = packed(image, like)
    saved = np.load(io.BytesIO(data))
    assert saved.dtype == np.float32
    np.testing.assert_allclose(saved, -3 + 8 * image, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(unpacked(data, like), image, atol=1e-6)


def _saved(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no array",
        _saved(np.zeros((4, 3), np.float32))[:-1],
        _saved(np.zeros((3, 4), np.float32)),
        _saved(np.zeros((4, 3), np.int32)),
        _saved(np.array([None, 1])),
        _saved(np.zeros((4, 3), np.float32)).replace(b"(4, 3)", b"(9**9, 3)"),
    ],
)
def test_damaged_arrays_are_told(data):
    with pytest.raises(BadInput):
        unpacked(data, Scale((4, 3)))
