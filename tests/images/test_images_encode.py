"""Pictures of images: rounding, channels, and what pictures cannot hold."""

import numpy as np

from tfinvert.images.encode import eight_bit


def test_values_are_rounded_and_cut_off():
    image = np.array([[[-1.0], [0.499 / 255], [0.501 / 255], [2.0], [np.nan]]])
    assert np.asarray(eight_bit(image)).tolist() == [[0, 0, 1, 255, 0]]


def test_grey_and_colour():
    assert eight_bit(np.zeros((2, 3, 1))).mode == "L"
    assert eight_bit(np.zeros((2, 3, 3))).mode == "RGB"
    assert eight_bit(np.zeros((2, 3, 3))).size == (3, 2)
