"""Losses and penalties against their formulas, and that each objective learns a toy distribution."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.gans.gan import GAN
from tfinvert.gans.objectives import WGAN, WGANGP, SoftLabels, Standard
from tfinvert.gans.views import Noisy

RANDOM = np.random.default_rng(0)
REAL, FAKE = (tf.constant(RANDOM.normal(size=(400, 1)), tf.float32) for _ in range(2))
STREAM = tf.constant([3, 7], tf.int64)
SLOPES = tf.constant(RANDOM.normal(size=(12, 1)), tf.float32)
IMAGES, MADE = (tf.constant(RANDOM.uniform(size=(5, 2, 3, 2)), tf.float32) for _ in range(2))


def linear(images):
    return tf.reshape(images, [-1, 12]) @ SLOPES


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, float)))


def test_the_standard_losses_are_cross_entropies():
    loss = Standard().discriminator(REAL, FAKE, STREAM)
    expected = -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE)))
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
    np.testing.assert_allclose(Standard().generator(FAKE), -np.mean(np.log(sigmoid(FAKE))), rtol=1e-5)


def test_soft_labels_are_those_of_the_paper_on_average_and_drawn_anew():
    losses = [float(SoftLabels().discriminator(REAL, FAKE, STREAM + number)) for number in range(30)]
    entropy = lambda logits, label: (
        -np.mean(label * np.log(sigmoid(logits)) + (1 - label) * np.log(1 - sigmoid(logits)))
    )
    assert np.mean(losses) == pytest.approx(entropy(REAL, 0.95) + entropy(FAKE, 0.15), abs=0.01)
    assert len(set(losses)) == 30
    assert SoftLabels().discriminator(REAL, FAKE, STREAM) == SoftLabels().discriminator(REAL, FAKE, STREAM)


def test_wasserstein_losses_are_means():
    for objective in (WGAN(), WGANGP()):
        np.testing.assert_allclose(
            objective.discriminator(REAL, FAKE, STREAM), np.mean(FAKE) - np.mean(REAL), rtol=1e-4
        )
        np.testing.assert_allclose(objective.generator(FAKE), -np.mean(FAKE), rtol=1e-4)


def test_penalties_of_a_linear_discriminator_are_known():
    square = float(np.sum(np.square(SLOPES)))
    penalty = lambda objective, step: float(objective.penalty(linear, IMAGES, MADE, tf.constant(step), STREAM))
    assert penalty(Standard(2.0, 4), 8) == pytest.approx(4 * square, rel=1e-4)
    assert penalty(Standard(2.0, 4), 9) == 0
    assert penalty(Standard(0.0), 8) == 0
    assert penalty(WGANGP(), 8) == pytest.approx(10 * (square**0.5 - 1) ** 2, rel=1e-4)


def test_the_gradient_penalty_looks_between_real_and_made():
    seen = []

    def judge(images):
        seen.append(images)
        return linear(images)

    WGANGP().penalty(judge, IMAGES, MADE, tf.constant(0), STREAM)
    share = (seen[0] - IMAGES) / (MADE - IMAGES)
    assert np.ptp(share, axis=(1, 2, 3)).max() < 1e-3  # one for each image
    assert np.ptp(share) > 0.1
    assert 0 <= np.min(share) <= np.max(share) <= 1


def test_kernels_are_clipped_and_factors_have_a_bound_of_their_own():
    normalised = keras.layers.BatchNormalization()
    discriminator = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), normalised, keras.layers.Dense(1)])
    normalised.gamma.assign(np.linspace(-3, 3, 8))
    WGAN(0.02, gain=2.0).restrain(discriminator)
    kernels = [weight for weight in discriminator.trainable_variables if len(weight.shape) > 1]
    assert max(np.abs(kernel).max() for kernel in kernels) == pytest.approx(0.02)
    np.testing.assert_allclose(normalised.gamma, np.clip(np.linspace(-3, 3, 8), -2, 2), rtol=1e-6)


def test_noise_is_less_with_every_step_and_then_none():
    noisy = Noisy(0.5, 100)
    images = tf.zeros([50, 8, 8, 1])
    spread = [float(np.std(noisy(images, tf.constant(step), STREAM, 4))) for step in (0, 50, 100, 200)]
    np.testing.assert_allclose(spread, [0.5, 0.25, 0, 0], rtol=0.05)
    assert not np.array_equal(noisy(images, tf.constant(0), STREAM, 4), noisy(images, tf.constant(0), STREAM, 5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Standard(gamma=-1),
        lambda: Standard(lazy=0),
        lambda: WGAN(clip=0),
        lambda: WGAN(gain=0),
        lambda: WGAN(every=0),
        lambda: WGANGP(weight=-1),
        lambda: Noisy(stddev=-1),
        lambda: Noisy(steps=0),
    ],
)
def test_numbers_out_of_range_are_refused(make):
    with pytest.raises(ti.BadInput, match="expected"):
        make()


def toy(objective, *views, optimizer=None):
    """A GAN for flat grey images whose levels are normal around 0.5."""
    keras.utils.set_random_seed(0)
    code, image = keras.Input((2,)), keras.Input((4, 4, 1))
    generator = keras.Model(code, keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(code)))
    hidden = keras.layers.LeakyReLU(0.2)(keras.layers.Dense(32)(keras.layers.Flatten()(image)))
    gan = GAN(
        generator, keras.Model(image, keras.layers.Dense(1)(hidden)), 2, objective=objective, views=views, decay=0.98
    )
    optimizer = optimizer or (lambda: keras.optimizers.Adam(5e-3, 0.5, 0.9))
    gan.compile(optimizer(), optimizer())
    return gan


LEVELS = np.random.default_rng(0).normal(0.5, 0.1, size=(512, 1, 1, 1)).astype(np.float32)
TOY = np.broadcast_to(LEVELS, (512, 4, 4, 1)).copy()


@pytest.mark.parametrize(
    ("objective", "views", "epochs"),
    [
        (SoftLabels(), [], 40),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in [(Standard(0.0), [Noisy(0.3, 200)], 60), (WGAN(0.1), [], 100), (WGANGP(), [], 100)]
        ),
    ],
    ids=["soft labels", "noise", "wgan", "wgan-gp"],
)
def test_it_learns_the_mean_of_its_data(objective, views, epochs):
    gan = toy(objective, *views)
    codes = tf.random.stateless_normal([256, 2], [0, 1])
    before = np.asarray(gan(codes)).mean()
    gan.fit(TOY, batch_size=64, epochs=epochs, verbose=0)
    assert abs(before - 0.5) > 0.2
    assert np.asarray(gan(codes)).mean() == pytest.approx(0.5, abs=0.1)


def test_the_generator_steps_once_for_every_few_of_the_discriminator():
    gan = toy(WGANGP(every=4))
    weights = gan.generator.get_weights()[0]
    gan.fit(TOY[: 3 * 64], batch_size=64, epochs=1, verbose=0)
    np.testing.assert_array_equal(gan.generator.get_weights()[0], weights)
    gan.fit(TOY[:64], batch_size=64, epochs=1, verbose=0)
    assert not np.array_equal(gan.generator.get_weights()[0], weights)


def test_the_average_soon_forgets_the_first_weights():
    gan = toy(Standard())
    gan.averaged.set_weights([weight + 100 for weight in gan.generator.get_weights()])
    gan.decay = 0.999
    gan.fit(TOY, batch_size=16, epochs=2, verbose=0)  # 64 steps
    for mean, new in zip(gan.averaged.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_allclose(mean, new, atol=0.5)


class Stop(Exception):
    """Stands for a machine that goes away."""


def test_what_is_taken_up_again_ends_as_if_nothing_had_happened(tmp_path):
    data = tf.data.Dataset.from_tensor_slices(TOY[:256]).batch(64)

    def stop(epoch, logs):
        if epoch == 1:
            raise Stop

    whole = toy(WGANGP(every=3), Noisy(0.3, 10))
    whole.fit(data, epochs=4, verbose=0)
    backup = lambda: keras.callbacks.BackupAndRestore(tmp_path / "backup")
    first = toy(WGANGP(every=3), Noisy(0.3, 10))
    ends = keras.callbacks.LambdaCallback(on_epoch_begin=stop)
    with pytest.raises(Stop):
        first.fit(data, epochs=4, verbose=0, callbacks=[backup(), ends])
    second = toy(WGANGP(every=3), Noisy(0.3, 10))
    second.fit(data, epochs=4, verbose=0, callbacks=[backup()])
    assert int(second.count) == int(whole.count) == 16
    for one, other in zip(second.averaged.get_weights(), whole.averaged.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_mixed_precision_trains_too():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        scaled = lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(5e-3, 0.5, 0.9))
        gan = toy(Standard(), optimizer=scaled)
        assert gan.generator.layers[-1].compute_dtype == "float16"
        gan.fit(TOY, batch_size=64, epochs=20, verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    codes = tf.random.stateless_normal([256, 2], [0, 1])
    assert np.mean(np.asarray(gan(codes), np.float32)) == pytest.approx(0.5, abs=0.15)
