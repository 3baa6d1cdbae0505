"""Codes of a generator's own images are found again, and what is no such image is told apart."""

import numpy as np
import pytest
import tensorflow as tf
from recovery_problems import LATENT, LINEAR, SAMPLES, error, everywhere, nonlinear, unit_noise

import tfinvert as ti
from tfinvert import Verdict
from tfinvert.generators.derived.precise import in_float64
from tfinvert.inversion import recover, stages


def conditional():
    """Each of three classes has a linear map of its own to images about grey."""
    random = np.random.default_rng(5)
    matrices = random.normal(0, 0.1, (3, 4, 64)).astype(np.float32)

    def function(codes, labels):
        return tf.reshape(0.5 + tf.einsum("bd,bdm->bm", codes, tf.gather(matrices, labels)), [-1, 8, 8, 1])

    return ti.load_generator(function, prior=ti.normal(4), value_range=(0, 1), classes=3)


@pytest.fixture(scope="module")
def normal():
    return nonlinear(ti.normal(LATENT), value_range=(-1, 1))


@pytest.fixture(scope="module")
def recovery(normal):
    return ti.Recovery(normal, samples=SAMPLES, attempts=3)  # the third looks in all the ways there are


@pytest.fixture(scope="module")
def linear():
    return ti.Recovery(LINEAR.generator, samples=SAMPLES, attempts=2)


def test_codes_of_a_linear_generator_are_found_again(linear):
    codes, images = LINEAR.generator.sample(5, seed=3)
    found = linear(images)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 5)
    assert error(found, codes).max() < 1e-6
    np.testing.assert_allclose(found.images, images, atol=1e-4)
    assert (found.error < 1e-10).all()
    assert list(found.rank) == [3] * 5
    assert [each.shape for each in found.directions] == [(0, 3)] * 5
    assert (found.deviation < 1e-4).all()
    assert list(found.attempts) == [1] * 5
    assert (found.passes > 0).all()


def test_codes_of_a_nonlinear_generator_are_found_again(recovery, normal):
    codes, images = normal.sample(12, seed=3)
    found = recovery(images)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 12)
    assert error(found, codes).max() < 1e-6
    np.testing.assert_allclose(found.images, images, atol=1e-4)  # in the generator's range, not on [0, 1]
    assert found.images.min() < -0.1
    assert list(found.noise) == [0] * 12


def test_codes_of_a_uniform_prior_are_found_again():
    generator = nonlinear(ti.uniform(LATENT, low=-2, high=2), seed=1)
    codes, images = generator.sample(12, seed=4)
    found = ti.Recovery(generator, samples=SAMPLES)(images)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 12)
    assert error(found, codes).max() < 1e-6


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("drop", "null", "deviations"),
    [
        # The last entry is ignored: nothing is known about it, and all about the others.
        (np.eye(LATENT)[:, :-1], np.eye(LATENT)[-1], [0, 0, 0, 0, 0, 1]),
        # Only z1 + z2 is seen: the error of z1 - z2 is shared between both.
        (
            np.eye(LATENT)[:, 1:] + np.eye(LATENT)[:, :1] @ np.eye(LATENT)[:1, :-1],
            np.array([1, -1, 0, 0, 0, 0]) / np.sqrt(2),
            [0.71, 0.71, 0, 0, 0, 0],
        ),
    ],
)
def test_a_direction_that_images_do_not_show_is_named(drop, null, deviations):
    generator = nonlinear(ti.normal(LATENT), mix=drop)
    codes, images = generator.sample(4, seed=5)
    found = ti.Recovery(generator, samples=SAMPLES)(images)
    assert list(found.verdict) == everywhere(Verdict.NOT_UNIQUE, 4)
    assert list(found.rank) == [LATENT - 1] * 4
    for directions in found.directions:
        assert directions.shape == (1, LATENT)
        assert abs(directions[0] @ null) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(found.deviation, np.tile(deviations, (4, 1)), atol=0.2)
    seen = found.codes @ drop - codes.numpy() @ drop
    np.testing.assert_allclose(seen, 0, atol=1e-3)


@pytest.mark.slow
def test_long_codes_are_found_again_and_begin_without_jacobians():
    random = np.random.default_rng(4)
    first = random.normal(0, 0.06, (256, 300)).astype(np.float32)
    second = random.normal(0, 0.06, (300, 768)).astype(np.float32)

    def function(codes):
        return tf.reshape(0.5 + 0.3 * tf.nn.leaky_relu(codes @ first) @ second, [-1, 16, 16, 3])

    generator = ti.load_generator(function, prior=ti.normal(256), value_range=(0, 1))
    codes, images = generator.sample(3, seed=3)
    seen = []
    found = ti.Recovery(generator, samples=SAMPLES)(images, watch=lambda codes, passes: seen.append((codes, passes)))
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 3)
    assert error(found, codes).max() < 1e-6
    cheap = [now for now, passes in seen if passes.max() < 256]
    assert np.mean((cheap[-1] - codes) ** 2) < 0.5 * np.mean((cheap[0] - codes) ** 2)


def test_images_that_no_code_makes_are_never_recovered(recovery, normal):
    found = recovery(normal.from_unit(unit_noise(4)))
    assert set(found.verdict) <= {Verdict.NOT_IN_RANGE, Verdict.OUT_OF_BUDGET}
    assert (found.error > 1e-3).all()
    assert list(found.rank) == [-1] * 4
    assert np.isnan(found.deviation).all()
    assert list(found.attempts) == [3] * 4
    assert np.isfinite(found.codes).all()


def test_linear_images_out_of_range_end_in_their_least_squares_minimum(linear):
    images = np.random.default_rng(1).normal(size=(3, 4, 4, 1)).astype(np.float32)
    found = linear(images)
    assert list(found.verdict) == everywhere(Verdict.NOT_IN_RANGE, 3)
    assert list(found.attempts) == [2] * 3
    np.testing.assert_allclose(found.codes, LINEAR.best(images), atol=1e-3)


def test_nan_images_have_their_own_verdict_and_harm_nobody(recovery, normal):
    codes, images = normal.sample(4, seed=6)
    images = images.numpy()
    images[1, 2, 2, 0] = np.nan
    images[3, 0, 0, 0] = np.inf
    found = recovery(images)
    assert list(found.verdict) == [Verdict.RECOVERED, Verdict.INVALID_IMAGE, Verdict.RECOVERED, Verdict.INVALID_IMAGE]
    assert error(found, codes)[[0, 2]].max() < 1e-6
    assert np.isfinite(found.codes).all()
    assert np.isfinite(found.images).all()
    assert list(found.rank[[1, 3]]) == [-1, -1]
    assert list(found.passes[[1, 3]]) == [0, 0]


def test_a_constant_generator_is_told():
    generator = ti.load_generator(
        lambda codes: 0.5 + 0 * tf.reshape(tf.tile(codes, [1, 16]), [-1, 8, 8, 1]),
        prior=ti.normal(4),
        value_range=(0, 1),
    )
    found = ti.Recovery(generator, samples=SAMPLES)(np.full((2, 8, 8, 1), 0.5, np.float32))
    assert list(found.verdict) == everywhere(Verdict.CONSTANT, 2)
    assert list(found.passes) == [0, 0]
    assert np.isfinite(found.codes).all()


def test_classes_are_held_while_codes_are_searched():
    generator = conditional()
    labels = np.array([0, 2, 1, 2])
    codes = generator.space.sample(ti.seeds.of(1, tf.range(4)))
    images = generator(codes, labels).numpy()
    recovery = ti.Recovery(generator, samples=SAMPLES, attempts=1)
    found = recovery(images, labels=labels)
    assert list(found.verdict) == everywhere(Verdict.RECOVERED, 4)
    assert error(found, codes).max() < 1e-6
    one = recovery(images, labels=2)
    assert [value == Verdict.RECOVERED for value in one.verdict] == [False, True, False, True]
    assert error(one, codes)[[1, 3]].max() < 1e-6
    assert list(recovery(images, labels=[0, 2, 1, 2]).verdict) == everywhere(Verdict.RECOVERED, 4)
    with pytest.raises(ti.BadInput, match="no labels came"):
        recovery(images)
    with pytest.raises(ti.BadInput, match="label 3"):
        recovery(images, labels=np.array([0, 1, 2, 3]))


def test_images_do_not_depend_on_their_neighbours(recovery, normal):
    images, ids = normal.sample(5, seed=11)[1].numpy(), np.arange(10, 15)
    images[1:4] = normal.from_unit(normal.to_unit(images[1:4]) * 0.9 + 0.1 * unit_noise(3))  # more work is to be done
    batch = recovery(images, ids)
    assert list(batch.attempts) == [1, 3, 3, 3, 1]
    for row in (3, 4):
        alone = recovery(images[row : row + 1], ids[row : row + 1])
        np.testing.assert_allclose(alone.codes[0], batch.codes[row], atol=1e-4)
        assert alone.verdict[0] == batch.verdict[row]
        assert alone.attempts[0] == batch.attempts[row]


def stretched(least, latent=LATENT):
    """A dense net with a hidden layer whose first weights have singular values from 2 down to 2 * least."""
    random = np.random.default_rng(0)
    rotations = [np.linalg.qr(random.normal(size=(size, latent)))[0] for size in (latent, 64)]
    first = (2 * rotations[0] * np.geomspace(1, least, latent) @ rotations[1].T).astype(np.float32)
    second = random.normal(0, 0.125, (64, 256)).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(tf.tanh(codes @ first) @ second), [-1, 16, 16, 1]),
        prior=ti.normal(latent),
        value_range=(0, 1),
    )


@pytest.mark.slow
def test_float64_finds_what_float32_cannot_tell_apart(monkeypatch):
    monkeypatch.setattr(recover, "FLOORS", (None,))  # one way to look at pixels is enough for these
    generator = stretched(1e-4)
    codes, images = in_float64(generator).sample(6, seed=3)  # those that float32 makes differ by more than they must
    finished = ti.Recovery(generator, samples=SAMPLES, attempts=1)(images)
    assert list(finished.verdict) == everywhere(Verdict.RECOVERED, 6)
    assert error(finished, codes).max() < 1e-6
    assert finished.images.dtype == finished.codes.dtype == np.float32
    monkeypatch.setattr(stages, "in_float64", lambda _: None)
    without = ti.Recovery(generator, samples=SAMPLES, attempts=1)(images)
    assert list(without.verdict) == everywhere(Verdict.RECOVERED, 6)  # the images are matched all the same
    assert np.median(error(without, codes)) > 1e-6
    assert (error(without, codes) > 30 * error(finished, codes)).all()


@pytest.mark.slow
def test_matched_but_not_to_the_last_digit_is_tried_three_times(monkeypatch):
    monkeypatch.setattr(recover, "FLOORS", (None,))
    generator = stretched(1e-2)
    _, images = generator.sample(3, seed=3)
    disturbed = np.array([0, 5e-6, 2e-5])[:, np.newaxis, np.newaxis, np.newaxis]
    images = images + disturbed * np.random.default_rng(1).normal(size=images.shape)
    found = ti.Recovery(generator, samples=SAMPLES, attempts=4)(images)
    assert list(found.verdict) == [Verdict.RECOVERED, Verdict.RECOVERED, Verdict.NOT_IN_RANGE]
    assert 1e-12 < found.error[1] < 1e-10 < found.error[2]
    assert list(found.attempts) == [1, 3, 4]


@pytest.mark.slow
def test_those_who_watch_see_every_image_move_on(normal):
    """Also while others are worked on, two at a time."""
    _, images = normal.sample(3, seed=13)
    images = np.concatenate([images, normal.from_unit(unit_noise(1))])
    seen = []
    watch = lambda codes, passes: seen.append((codes, passes))
    found = ti.Recovery(normal, samples=SAMPLES, attempts=2, batch_size=2)(images, watch=watch)
    passes = np.stack([each for _, each in seen])
    assert passes.shape[1] == 4
    assert (np.diff(passes, axis=0) >= 0).all()
    assert ((passes > 0) & (passes < found.passes)).any(axis=0).all()
    before = passes[:, 3] <= passes[-1, 3] / 2  # it is not matched, and goes on in a second attempt
    assert len(np.unique(np.stack([codes for codes, _ in seen])[before, 3], axis=0)) > 3
    assert all(codes.shape == found.codes.shape for codes, _ in seen)


def test_those_who_watch_see_codes_and_passes(recovery, normal):
    _, images = normal.sample(3, seed=12)
    seen = []
    found = recovery(images, watch=lambda codes, passes: seen.append((codes, passes)))
    assert seen
    np.testing.assert_array_equal(seen[-1][0], found.codes)
    np.testing.assert_array_equal(seen[-1][1], found.passes)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"attempts": 0}, "attempts=0"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"samples": 0}, "samples=0"),
        ({"noise": -1}, "noise=-1"),
        ({"noise": np.inf}, "noise=inf"),
        ({"noise": np.nan}, "noise=nan"),
    ],
)
def test_numbers_out_of_range_are_refused(values, word):
    with pytest.raises(ti.BadInput, match=word):
        ti.Recovery(LINEAR.generator, **values)


@pytest.mark.parametrize("shape", [(2, 8, 4, 1), (2, 4, 4, 3), (4, 4, 1), (2, 16)])
def test_images_of_another_shape_are_refused(linear, shape):
    with pytest.raises(ti.BadInput, match=r"expected|they are flat"):
        linear(np.zeros(shape, np.float32))


def test_no_images_and_too_few_ids_are_refused(recovery, normal):
    _, images = normal.sample(3, seed=12)
    with pytest.raises(ti.BadInput, match="no images"):
        recovery(images[:0])
    with pytest.raises(ti.BadInput, match="ids"):
        recovery(images, ids=["a", "b"])


def test_every_verdict_has_a_message(recovery, normal):
    messages = [verdict.message for verdict in Verdict]
    assert len(set(messages)) == len(Verdict) == 7
    assert all(len(message) > 20 and "\n" not in message for message in messages)
    images = np.full((1, *normal.image_shape), np.nan, np.float32)
    assert recovery(images).messages == [Verdict.INVALID_IMAGE.message]
