"""Regions of an image."""

import numpy as np
import pytest

from tfinvert.segmentation import enlarged, mean_colours


def test_labels_are_repeated_for_the_pixels_of_a_place():
    labels = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(enlarged(labels, (4, 6, 3)), labels.repeat(2, axis=0).repeat(2, axis=1))
    np.testing.assert_array_equal(enlarged(labels, (2, 3)), labels)
    np.testing.assert_array_equal(enlarged(np.arange(3)[None], (1, 7))[0], [0, 0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(enlarged(np.arange(6)[None], (1, 3))[0], [0, 2, 4])  # a map finer than its image


@pytest.mark.parametrize("channels", [1, 3])
def test_every_region_has_its_mean_colour(channels):
    image = np.random.default_rng(0).uniform(size=(4, 5, channels)).astype(np.float32)
    labels = np.array([[0, 0, 1, 1, 3], [0, 0, 1, 1, 3], [0, 0, 0, 0, 3], [2, 0, 0, 0, 3]])
    found = mean_colours(labels, image)
    assert found.shape == image.shape
    assert found.dtype == np.float32
    for label in range(4):
        mean = image[labels == label].mean(axis=0)
        np.testing.assert_allclose(found[labels == label], np.tile(mean, [(labels == label).sum(), 1]), rtol=1e-6)
