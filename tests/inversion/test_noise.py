"""Noise levels and bounds where they are known: white noise, rounding, shifts, and errors that pixels share."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert import metrics
from tfinvert.inversion.noise import DRAWS, EXACT, FALSE_ALARM, Noise, to_8_bits

STEP = 1 / (255 * np.sqrt(12))  # standard deviation of rounding where every remainder is as likely
NORMAL = 3.0902  # one in a thousand is above it
STUDENT = 3.2247  # the same for Student's t of 63 degrees of freedom
COUNT = 2000


class Linear:
    """G(z) = A z + offset of [8, 8, 1] images in float64, and the codes of images by least squares."""

    def __init__(self, latent=4, scale=0.03, offset=0.5, flat=False):
        self.matrix = np.random.default_rng(0).normal(0, scale, (64, latent))
        if flat:
            self.matrix = np.full((64, latent), scale)
        self.offset = offset
        self.generator = ti.load_generator(
            lambda codes: tf.reshape(codes @ self.matrix.T.astype(np.float32) + offset, [-1, 8, 8, 1]),
            prior=ti.normal(latent),
            value_range=(0, 1),
        )

    def make(self, codes, labels=None):
        return (codes @ self.matrix.T + self.offset).reshape(-1, 8, 8, 1)

    def noise(self, given, images):
        return Noise(given, images, self.generator, self.make)

    def sample(self, count=COUNT):
        return np.random.default_rng(1).normal(size=(count, self.matrix.shape[1]))

    def alarms(self, given, images):
        """Which images' best reconstructions are further from them than the noise explains."""
        noise = self.noise(given, images)
        flat = images.reshape(len(images), -1) - self.offset
        codes = np.linalg.lstsq(self.matrix, flat.T, rcond=None)[0].T
        cut = np.flatnonzero(((images == 0) | (images == 1)).any(axis=(1, 2, 3)))
        for row in np.repeat(cut, 3):  # pixels that are cut off tell nothing
            seen = ~np.asarray(metrics.beyond(self.make(codes[row : row + 1]), images[row : row + 1])).ravel()
            codes[row] = np.linalg.lstsq(self.matrix[seen], flat[row, seen], rcond=None)[0]
        noise.learn(np.arange(len(images)), codes, None)
        return metrics.mse(self.make(codes), images).numpy() > noise.allowed


LINEAR = Linear()


def test_a_number_is_the_level_whatever_the_images():
    images = LINEAR.make(LINEAR.sample(3))
    images[1] = to_8_bits(images[1])
    noise = LINEAR.noise(0.02, images)
    bound = 0.02**2 * (1 + NORMAL * np.sqrt(2 / 60))  # 64 values, of which 4 go into the code
    for _ in range(2):
        np.testing.assert_array_equal(noise.level, [0.02] * 3)
        np.testing.assert_allclose(noise.allowed, [bound] * 3, rtol=1e-4)
        assert noise.errors(1, np.zeros(4), None) is None
        noise.learn(np.arange(3), LINEAR.sample(3), None)


@pytest.mark.parametrize("given", [0, 0.0, 1e-7])
def test_no_noise_leaves_what_float32_can_do(given):
    noise = LINEAR.noise(given, to_8_bits(LINEAR.make(LINEAR.sample(2))))
    np.testing.assert_array_equal(noise.level, [given] * 2)
    np.testing.assert_array_equal(noise.allowed, [EXACT] * 2)


def test_images_of_8_bits_are_told_from_others():
    images = LINEAR.make(LINEAR.sample(5))
    images[:4] = to_8_bits(images[:4])
    images[1] = ((images[1].astype(np.float32) * 2 - 1) + 1) / 2  # by way of [-1, 1], in float32
    images[2, 3, 3, 0] += 0.1 / 255  # one value between two
    images[3] += 1e-4 / 255
    noise = LINEAR.noise(None, images)
    np.testing.assert_allclose(noise.level, [STEP, STEP, 0, STEP, 0], rtol=0.05)
    noise.learn(np.arange(5), LINEAR.sample(5), None)
    np.testing.assert_allclose(noise.level, [STEP, STEP, 0, STEP, 0], rtol=0.05)
    assert (noise.allowed[[2, 4]] == EXACT).all()
    assert (noise.allowed[[0, 1, 3]] > STEP**2).all()


def test_one_image_is_as_many():
    images, codes = to_8_bits(LINEAR.make(LINEAR.sample(3))), LINEAR.sample(3)
    together = LINEAR.noise(None, images)
    together.learn(np.arange(3), codes, None)
    for row in range(3):
        alone = LINEAR.noise(None, images[row : row + 1])
        alone.learn(np.array([0]), codes[row : row + 1], None)
        assert alone.level == together.level[row]
        assert alone.allowed == together.allowed[row]


def test_only_the_images_that_are_looked_at_change():
    grey = Linear(latent=1, scale=0.1, flat=True)
    noise = grey.noise(lambda unit: 0.9 * unit, grey.make(np.zeros((3, 1))))
    before = noise.level.copy()
    noise.learn(np.array([2, 0]), np.array([[2.0], [-2.0]]), None)  # grey levels 0.7 and 0.3
    np.testing.assert_allclose(noise.level, [0.03, before[1], 0.07], rtol=0.01)


def test_a_function_is_asked_what_it_does():
    noise = LINEAR.noise(lambda unit: unit + 0.03, LINEAR.make(LINEAR.sample(2)))
    np.testing.assert_allclose(noise.level, [0.03] * 2)
    noise.learn(np.array([1]), np.zeros((1, 4)), None)
    np.testing.assert_allclose(noise.level, [0.03] * 2)
    np.testing.assert_allclose(noise.allowed[1], 0.03**2 * (1 + NORMAL * np.sqrt(2 / 60)), rtol=1e-4)
    np.testing.assert_allclose(noise.errors(1, np.zeros(4), None), np.full((DRAWS, 64), 0.03))


def test_neighbours_are_a_twentieth_of_the_prior_away_and_of_the_same_class():
    asked = []

    def make(codes, labels):
        asked.append((codes, labels))
        return np.full((len(codes), 2, 2, 1), 0.5)

    generator = ti.load_generator(
        lambda codes, labels: tf.reshape(codes, [-1, 2, 2, 1]),
        prior=ti.uniform(4, low=2, high=6),
        value_range=(0, 6),
        classes=3,
    )
    noise = Noise(None, np.zeros((2, 2, 2, 1)), generator, make)
    noise.learn(np.array([1, 0]), np.array([[2.0, 3, 4, 5], [6, 6, 6, 6]]), np.array([2, 1]))
    for (codes, labels), code, label in zip(asked[1:], ([2, 3, 4, 5], [6, 6, 6, 6]), (2, 1), strict=True):
        np.testing.assert_array_equal(labels, [label] * DRAWS)
        away = codes - code
        assert np.abs(away).max() <= 0.1 + 1e-6
        np.testing.assert_allclose(away.std(axis=0), 0.2 / np.sqrt(12) * np.ones(4), rtol=0.25)
        np.testing.assert_allclose(away.mean(axis=0), np.zeros(4), atol=0.03)


def test_errors_that_pixels_share_allow_for_more():
    """One random number for all 64 pixels: squares differ from neighbour to neighbour as much as they can."""
    flat = Linear(latent=1, scale=1.0, flat=True)
    noise = flat.noise(lambda unit: 1.5 * unit - 0.25, flat.make(np.zeros((1, 1))))
    noise.learn(np.array([0]), np.zeros((1, 1)), None)
    squares = np.mean(noise.errors(0, np.zeros(1), None) ** 2, axis=1)
    predicted = squares.mean() + STUDENT * np.sqrt(1 + 1 / DRAWS) * squares.std(ddof=1)
    np.testing.assert_allclose(noise.level**2, squares.mean())
    np.testing.assert_allclose(noise.allowed, predicted, rtol=5e-3)
    assert predicted > 2 * noise.level[0] ** 2 * (1 + NORMAL * np.sqrt(2 / 63))


def test_black_pixels_round_exactly_and_make_no_noise():
    black = LINEAR.matrix.copy()
    black[::2] = 0
    make = lambda codes, labels: (codes @ black.T + np.tile([0, 0.5], 32)).reshape(-1, 8, 8, 1)
    images = to_8_bits(make(LINEAR.sample(2), None))
    noise = Noise(None, images, LINEAR.generator, make)
    np.testing.assert_allclose(noise.level, [STEP / np.sqrt(2)] * 2, rtol=0.05)
    noise.learn(np.arange(2), LINEAR.sample(2), None)
    np.testing.assert_allclose(noise.level, [STEP / np.sqrt(2)] * 2, rtol=0.05)


def test_false_alarms_of_white_noise_are_as_rare_as_stated():
    clean = LINEAR.make(LINEAR.sample())
    random = np.random.default_rng(2)
    assert LINEAR.alarms(0.02, clean + random.normal(0, 0.02, clean.shape)).mean() <= 5e-3
    assert LINEAR.alarms(0.02, clean + random.normal(0, 0.04, clean.shape)).mean() > 0.99
    # What is left of white noise after a fit is a sum of 60 squares: a million of them.
    allowed = LINEAR.noise(0.02, clean[:1]).allowed
    left = 0.02**2 * random.chisquare(60, 1_000_000) / 64
    assert FALSE_ALARM / 3 < np.mean(left > allowed) < 3 * FALSE_ALARM


@pytest.mark.parametrize(
    "problem",
    [
        LINEAR,
        Linear(scale=0.002),  # neighbours are hardly a grey level apart
        Linear(scale=0.05),  # one image in seventy leaves [0, 1], and is cut off there
        Linear(latent=1, scale=0.1, flat=True),  # all pixels are rounded alike
    ],
    ids=["usual", "dull", "cut-off", "flat"],
)
def test_false_alarms_of_rounding_are_rare(problem):
    clean = problem.make(problem.sample())
    assert problem.alarms(None, to_8_bits(clean)).mean() <= 5e-3


def test_coarser_rounding_than_stated_is_seen():
    clean = LINEAR.make(LINEAR.sample(200))
    coarse = lambda unit: np.round(127.5 * unit) / 127.5  # steps of two grey levels, each of 8 bits
    images = coarse(clean)
    assert not LINEAR.alarms(coarse, images).any()
    assert LINEAR.alarms(None, images).mean() > 0.99
