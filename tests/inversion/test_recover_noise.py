"""Codes of pictures that came through noise or files of 8 bits: found, with standard errors, or told apart."""

import numpy as np
import pytest
import tensorflow as tf
from recovery_problems import LATENT, LINEAR, SAMPLES, error, everywhere, nonlinear, unit_noise

import tfinvert as ti
from tfinvert import Verdict


@pytest.fixture(scope="module")
def normal():
    return nonlinear(ti.normal(LATENT), value_range=(-1, 1))


def test_rounding_to_8_bits_is_seen_and_allowed_for(normal):
    codes, images = normal.sample(6, seed=8)
    unit = normal.to_unit(images).numpy()
    unit[:5] = np.round(255 * unit[:5]) / 255
    found = ti.Recovery(normal, samples=SAMPLES, attempts=3)(normal.from_unit(unit))
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 6)
    np.testing.assert_allclose(found.noise, [1 / (255 * np.sqrt(12))] * 5 + [0], rtol=0.05)
    assert (found.error[:5] > 1e-8).all()  # else nothing was rounded
    assert error(found, codes)[:5].max() < 1e-3
    assert (found.deviation[:5] > 10 * found.deviation[5]).all()


def test_what_8_bits_cut_off_is_no_error_and_tells_nothing():
    """A linear output that leaves [0, 1] in many pixels; not to know so would double the errors or more."""
    matrix = np.random.default_rng(0).normal(0, 0.2, (LATENT, 64)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix, [-1, 8, 8, 1]), prior=ti.normal(LATENT), value_range=(0, 1)
    )
    codes, images = generator.sample(24, seed=8)
    rounded = np.round(255 * np.clip(images, 0, 1)) / 255
    cut = np.mean((rounded - images) ** 2 > 1 / 255**2, axis=(1, 2, 3))
    assert 0.1 < cut.mean() < 0.4
    found = ti.Recovery(generator, samples=SAMPLES)(rounded)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 24)
    np.testing.assert_allclose(found.noise, np.sqrt((1 - cut) / 12) / 255, rtol=0.15)
    score = (found.codes - codes) / found.deviation
    assert 0.7 < np.sqrt(np.mean(score**2)) < 1.4


def test_standard_errors_are_right_under_gaussian_noise():
    generator = nonlinear(ti.normal(LATENT), seed=2)
    codes, images = generator.sample(32, seed=9)
    noisy = images + np.random.default_rng(3).normal(0, 0.02, images.shape).astype(np.float32)
    found = ti.Recovery(generator, noise=0.02, samples=SAMPLES, batch_size=16)(noisy)
    good = found.verdict == Verdict.RECOVERED
    assert good.sum() >= 29  # some of them are hard to tell from others through noise
    score = ((found.codes - codes.numpy()) / found.deviation)[good]
    assert 0.5 < np.sqrt(np.mean(score**2)) < 2
    assert (found.noise == 0.02).all()


@pytest.mark.first(1)
@pytest.mark.parametrize("prior", [ti.normal(4), ti.normal(4, stddev=0.5), ti.uniform(4, low=0, high=1)], ids=str)
def test_in_noise_the_most_probable_code_is_found(prior):
    """Of a linear generator it is known; two of four directions are far weaker than the noise."""
    noise, random = 2.0**-5, np.random.default_rng(4)
    matrix = random.normal(size=(64, 4)) * np.array([0.05, 0.02, 1e-3, 1e-4])
    generator = ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix.T.astype(np.float32), [-1, 8, 8, 1]),
        prior=prior,
        value_range=(0, 1),
    )
    codes, images = generator.sample(8, seed=9)
    noisy = images.numpy() + random.normal(0, noise, images.shape).astype(np.float32)
    found = ti.Recovery(generator, noise=noise, samples=SAMPLES, attempts=1)(noisy)
    precision = matrix.T @ matrix + noise**2 / prior.spread**2 * np.eye(4)
    pull = (noisy.reshape(8, 64) - 0.5) @ matrix + noise**2 / prior.spread**2 * prior.centre
    np.testing.assert_allclose(found.codes, np.linalg.solve(precision, pull.T).T, atol=2e-3 * prior.spread)
    assert list(found.verdict) == everywhere(Verdict.NOT_UNIQUE, 8)
    assert (error(found, codes) < 3 * prior.spread**2).all()


def test_more_noise_than_stated_is_no_match():
    _, images = LINEAR.generator.sample(8, seed=9)
    noise = np.repeat([0.1, 0.5], 4)[:, np.newaxis, np.newaxis, np.newaxis]
    noisy = images + np.random.default_rng(3).normal(0, noise, images.shape).astype(np.float32)
    found = ti.Recovery(LINEAR.generator, noise=0.1, samples=SAMPLES, attempts=1)(noisy)
    assert list(found.verdict[:4]) == everywhere(Verdict.RECOVERED, 4)
    assert list(found.verdict[4:]) == everywhere(Verdict.NOT_IN_RANGE, 4)


@pytest.mark.slow
def test_noise_may_be_what_was_done_to_the_images(normal):
    spoil = lambda unit: np.round(31 * np.asarray(unit)) / 31
    codes, images = normal.sample(6, seed=10)
    unit = normal.to_unit(images).numpy()
    unit[:5] = spoil(unit[:5])
    unit[5:] = unit_noise(1)
    recovery = ti.Recovery(normal, noise=spoil, samples=SAMPLES, attempts=2)
    found = recovery(normal.from_unit(unit))
    assert list(found.verdict[:5]) == everywhere(Verdict.RECOVERED, 5)
    assert found.verdict[5] in (Verdict.NOT_IN_RANGE, Verdict.OUT_OF_BUDGET)
    np.testing.assert_allclose(found.noise[:5], 1 / (31 * np.sqrt(12)), rtol=0.3)
    score = (found.codes - codes.numpy())[:5] / found.deviation[:5]
    assert 0.3 < np.sqrt(np.mean(score**2)) < 3
    # Where nothing is left to search after the first attempt there is no second.
    unit[5:] = unit[:1]
    found = recovery(normal.from_unit(unit))
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 6)
    assert list(found.attempts) == [1] * 6


def test_an_image_that_only_a_code_far_out_makes_is_not_its_own():
    """Nine standard deviations out, seen through noise; without noise an exact match is proof enough."""
    matrix = np.random.default_rng(0).normal(0, 0.01, (4, 64)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix, [-1, 8, 8, 1]), prior=ti.normal(4), value_range=(0, 1)
    )
    codes = generator.sample(6, seed=2)[0].numpy()
    codes[4:] = 9 * codes[4:] / np.linalg.norm(codes[4:], axis=1, keepdims=True)
    images = generator(codes).numpy()
    noisy = images + np.random.default_rng(3).normal(0, 0.005, images.shape).astype(np.float32)
    found = ti.Recovery(generator, noise=0.005, samples=SAMPLES)(noisy)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 4) + everywhere(Verdict.IMPROBABLE, 2)
    assert "prior hardly gives" in found.messages[5]
    assert list(ti.Recovery(generator, samples=SAMPLES)(images).verdict) == everywhere(Verdict.RECOVERED, 6)


@pytest.mark.slow
def test_pictures_of_a_saturated_generator_are_found_where_rounding_hides_much():
    """The second attempt finds what the first does not: most pixels are black or white, before a sigmoid."""
    random, latent = np.random.default_rng(0), 16
    first = random.normal(0, latent**-0.5, (latent, 64)).astype(np.float32)
    offset = random.normal(0, 0.5, 64).astype(np.float32)
    second = random.normal(0, 6 * (2 / 64) ** 0.5, (64, 144)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(8 + tf.nn.relu(codes @ first + offset) @ second), [-1, 12, 12, 1]),
        prior=ti.normal(latent),
        value_range=(0, 1),
    )
    codes, images = generator.sample(16, seed=8)
    pictures = np.round(255 * images.numpy()) / 255
    assert np.isin(pictures, (0, 1)).mean() > 0.6
    grey = (pictures[0] > 0.2) & (pictures[0] < 0.8)
    # Nearly its own: it goes on from where it is in the third attempt, and in vain.
    pictures[0][grey] += 2 / 255 * (-1) ** np.arange(grey.sum())
    found = ti.Recovery(generator, samples=1000, attempts=3)(pictures)
    own = found.verdict == Verdict.RECOVERED
    assert own[1:].sum() >= 14
    assert own[found.attempts > 1].any()
    assert error(found, codes)[own].max() < 1e-3
    assert found.verdict[0] == Verdict.OUT_OF_BUDGET  # nobody can say here that no code makes it
    assert error(found, codes)[0] < 0.1
