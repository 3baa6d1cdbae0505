"""Metrics against numpy and scipy."""

import math

import numpy as np
import pytest
from scipy import ndimage

from tfinvert import metrics

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.random((3, 24, 20, 3), np.float32)
IMAGES = np.clip(TARGETS + RANDOM.normal(0, [[[[0.01]]], [[[0.1]]], [[[0.3]]]], TARGETS.shape), 0, 1).astype(np.float32)


def test_mse_and_psnr():
    expected = ((IMAGES.astype(np.float64) - TARGETS) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(metrics.mse(IMAGES, TARGETS), expected, rtol=1e-5)
    np.testing.assert_allclose(metrics.psnr(IMAGES, TARGETS), -10 * np.log10(expected), rtol=1e-5)


def test_known_values():
    black, grey = np.zeros((1, 4, 4, 1), np.float32), np.full((1, 4, 4, 1), 0.1, np.float32)
    np.testing.assert_allclose(metrics.mse(grey, black), [0.01], rtol=1e-6)
    np.testing.assert_allclose(metrics.psnr(grey, black), [20], rtol=1e-6)


def test_beyond_black_and_white_there_is_no_difference():
    targets = np.array([0, 0, 0, 1, 1, 1, 0.5, 0.5, 0.99], np.float32).reshape(1, 3, 3, 1)
    images = np.array([-0.2, 0, 0.3, 1.2, 1, 0.6, -0.1, 1.1, 1.1], np.float32).reshape(1, 3, 3, 1)
    shown = np.array([0, 0, 0.3, 1, 1, 0.6, -0.1, 1.1, 1.1], np.float32).reshape(1, 3, 3, 1)
    np.testing.assert_array_equal(metrics.beyond(images, targets).ravel(), [True, *[False] * 2, True, *[False] * 5])
    np.testing.assert_array_equal(metrics.shown(images, targets), shown)
    np.testing.assert_array_equal(metrics.shown(images.astype(np.float64), targets), shown.astype(np.float64))
    np.testing.assert_allclose(metrics.mse(images, targets), [np.mean((shown - targets) ** 2)], rtol=1e-6)


def wang(image, target):
    """SSIM of one channel as Wang et al. 2004, section III.B, say it: an 11 x 11 Gaussian of 1.5 pixels."""
    blur = lambda plane: ndimage.gaussian_filter(plane, 1.5, radius=5)[5:-5, 5:-5]
    x, y = image.astype(np.float64), target.astype(np.float64)
    mx, my = blur(x), blur(y)
    vx, vy, cxy = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mx * my + c1) * (2 * cxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))).mean()


def test_ssim():
    pairs = zip(IMAGES, TARGETS, strict=True)
    expected = [np.mean([wang(x[..., c], y[..., c]) for c in range(3)]) for x, y in pairs]
    np.testing.assert_allclose(metrics.ssim(IMAGES, TARGETS), expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (8, 30), (11, 11)])
def test_equal_images_of_any_size(shape):
    images = RANDOM.random((2, *shape, 3), np.float32)
    np.testing.assert_array_equal(metrics.mse(images, images), [0, 0])
    np.testing.assert_array_equal(metrics.psnr(images, images), [math.inf] * 2)
    np.testing.assert_allclose(metrics.ssim(images, images), [1, 1], atol=1e-6)
    assert (metrics.ssim(1 - images, images).numpy() < 0.95).all()


SERIES = RANDOM.normal(0.5, 1, (3, 60, 2)).astype(np.float32)
MADE = SERIES + RANDOM.normal(0, [[[0.01]], [[0.1]], [[0.3]]], SERIES.shape).astype(np.float32)


def test_series_have_no_black_and_white():
    targets = np.float32([[[0.0], [1.0], [0.5]]])
    series = np.float32([[[-0.5], [1.5], [0.5]]])
    assert not np.any(metrics.beyond(series, targets))
    np.testing.assert_array_equal(metrics.shown(series, targets), series)
    np.testing.assert_allclose(metrics.mse(series, targets), [0.5 / 3], rtol=1e-6)
    np.testing.assert_array_equal(metrics.inside(series), series)
    np.testing.assert_array_equal(metrics.inside(series[..., None]), np.clip(series[..., None], 0, 1))


def test_series_by_the_formulas():
    expected = ((MADE.astype(np.float64) - SERIES) ** 2).mean(axis=(1, 2))
    np.testing.assert_allclose(metrics.mse(MADE, SERIES), expected, rtol=1e-5)
    np.testing.assert_allclose(metrics.psnr(MADE, SERIES), -10 * np.log10(expected), rtol=1e-5)
    assert np.isinf(metrics.psnr(SERIES, SERIES)).all()


def test_ssim_of_series_has_its_window_along_them():
    blur = lambda line: ndimage.gaussian_filter1d(line.astype(np.float64), 1.5, radius=5)[5:-5]

    def along(one, other):
        means = blur(one), blur(other)
        spread = [blur(line * line) - mean**2 for line, mean in zip((one, other), means, strict=True)]
        both = blur(one * other) - means[0] * means[1]
        top = (2 * means[0] * means[1] + 1e-4) * (2 * both + 9e-4)
        return np.mean(top / ((means[0] ** 2 + means[1] ** 2 + 1e-4) * (spread[0] + spread[1] + 9e-4)))

    expected = [np.mean([along(a[:, c], b[:, c]) for c in range(2)]) for a, b in zip(MADE, SERIES, strict=True)]
    np.testing.assert_allclose(metrics.ssim(MADE, SERIES), expected, rtol=1e-3)
    np.testing.assert_allclose(metrics.ssim(SERIES[:, :4], SERIES[:, :4]), [1, 1, 1], rtol=1e-5)
