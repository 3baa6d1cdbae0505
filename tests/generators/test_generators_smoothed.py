"""Generators without kinks: known formulas, true gradients, and the generator itself where the amount is zero."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, codes_for, labelled, randomise
from small_biggan import small_biggan

import tfinvert as ti
from tfinvert.generators.derived.smoothed import SMOOTHING, smoothed
from tfinvert.generators.derived.split import HIDDEN, around
from tfinvert.solvers.jacobian import jacobian

CODES = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
MATRIX = np.random.default_rng(1).normal(size=(16, 16)).astype(np.float32)
KINKS = {
    "relu": tf.nn.relu,
    "leaky_relu": lambda x: tf.nn.leaky_relu(x, 0.1),
    "relu6": lambda x: tf.nn.relu6(3 * x),
    "selu": tf.nn.selu,
    "abs": tf.abs,
    "maximum": lambda x: tf.maximum(x, x[:, ::-1] + 0.3),
    "minimum": lambda x: tf.minimum(0.5, x),
    "clip": lambda x: tf.clip_by_value(x, -0.5, 1.0),
    "max_pool": lambda x: pooled(x, 2, 2, "VALID"),
    "max_pool_same": lambda x: pooled(x, 3, 1, "SAME"),
    "prelu": lambda x: tf.nn.relu(x) - 0.2 * tf.nn.relu(-x),
}


def pooled(x, size, step, padding):
    return tf.nn.max_pool2d(tf.reshape(x, [-1, 4, 4, 1]), size, step, padding)


def generator_with(kink):
    def function(codes):
        seen = tf.reshape(kink(codes @ MATRIX), [tf.shape(codes)[0], -1])
        return tf.reshape(tf.tanh(seen[:, :4] / 4), [-1, 2, 2, 1])

    return ti.load_generator(function, prior=ti.normal(16), value_range=(-1, 1))


def by(generator, codes, amount, labels=None):
    """Images of a smoothed generator; one amount for all, or one for each row."""
    amounts = tf.broadcast_to(tf.constant(amount, tf.float32), [len(codes)])
    return generator(codes, labels, {SMOOTHING: amounts}).numpy()


def by_columns(x):
    """As many columns as codes are looked at, before the rows."""
    return tf.transpose(tf.nn.relu(tf.transpose(x[:, :8])))


def of_whole_numbers(x):
    return tf.nn.relu(x) + tf.cast(tf.maximum(tf.cast(4 * x, tf.int32), 0), tf.float32)


def padded(x):
    pooled = tf.nn.max_pool2d(tf.reshape(x, [-1, 4, 4, 1]), 2, 2, [[0, 0], [1, 1], [1, 1], [0, 0]])
    return tf.nn.relu(tf.reshape(pooled, [-1, 9]))


@pytest.mark.parametrize("left", [of_whole_numbers, padded])
def test_what_cannot_be_smoothed_stays_beside_what_can(left):
    generator = generator_with(left)
    assert not np.allclose(by(smoothed(generator), CODES, 0.5), generator(CODES), atol=1e-4)
    np.testing.assert_allclose(by(smoothed(generator), CODES, 0.0), generator(CODES), atol=1e-6)


def test_rows_are_not_taken_for_columns():
    with pytest.raises(ti.BadInput, match="no ReLU"):
        smoothed(generator_with(by_columns))


@pytest.fixture(params=KINKS)
def both(request):
    generator = generator_with(KINKS[request.param])
    return generator, smoothed(generator)


def test_the_less_the_amount_the_nearer_it_is_to_the_generator_itself(both):
    plain, smooth = both
    expected = plain(CODES).numpy()
    np.testing.assert_allclose(by(smooth, CODES, 0.0), expected, atol=1e-6)
    far = [np.abs(by(smooth, CODES, amount) - expected).mean() for amount in (1.0, 0.3, 0.1, 0.01, 0.001)]
    assert far == sorted(far, reverse=True)
    assert far[0] > 1e-2
    assert far[-1] < 1e-3


def test_every_row_has_its_own_amount(both):
    smooth = both[1]
    amounts = [0.0, 1.0, 0.0, 0.3, 0.03, 0.0]
    one_by_one = np.concatenate([by(smooth, CODES[row : row + 1], amounts[row]) for row in range(6)])
    np.testing.assert_allclose(by(smooth, CODES, amounts), one_by_one, atol=1e-6)


@pytest.mark.first(2)
@pytest.mark.parametrize("both", ["relu", "selu", "maximum", "max_pool_same"], indirect=True)
def test_gradients_and_jacobians_are_those_of_what_is_computed(both):
    smooth = both[1]
    codes = tf.constant(CODES)
    function = lambda codes: tf.reshape(smooth(codes, None, {SMOOTHING: tf.fill([6], 0.5)}), [6, 4])
    direction = np.random.default_rng(2).normal(size=CODES.shape).astype(np.float32)
    step = 3e-3
    expected = (function(codes + step * direction) - function(codes - step * direction)).numpy() / (2 * step)
    along = np.einsum("ndm,nd->nm", jacobian(function, codes).numpy(), direction)
    np.testing.assert_allclose(along, expected, rtol=1e-2, atol=2e-3)
    weights = np.random.default_rng(3).normal(size=[6, 4]).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(codes)
        total = tf.reduce_sum(function(codes) * weights)
    gradient = tf.reduce_sum(tape.gradient(total, codes) * direction, axis=1)
    np.testing.assert_allclose(gradient, np.sum(expected * weights, axis=1), rtol=1e-2, atol=5e-3)


def test_it_is_softplus_in_units_of_the_spread_of_what_enters():
    matrix = 3 * np.eye(4, dtype=np.float32)
    plain = ti.load_generator(
        lambda codes: tf.reshape(tf.nn.relu(codes @ matrix), [-1, 2, 2, 1]), prior=ti.normal(4), value_range=(0, 8)
    )
    images = by(smoothed(plain), np.zeros([1, 4], np.float32), 0.5)
    spread = images.ravel()[0] / np.log(2) / 0.5
    assert spread == pytest.approx(3, rel=0.4)  # of 8 codes only
    codes = np.array([[-9.0, -0.5, 0.5, 9.0]], np.float32)
    width = 0.5 * spread
    expected = width * np.log1p(np.exp(3 * codes / width))
    np.testing.assert_allclose(by(smoothed(plain), codes, 0.5).ravel(), expected.ravel(), rtol=1e-4)


def test_what_is_off_gets_a_gradient():
    plain = generator_with(tf.nn.relu)
    off = tf.constant(-40 * np.linalg.pinv(MATRIX).sum(axis=0)[None].astype(np.float32))
    slopes = []
    for function in (plain, lambda codes: smoothed(plain)(codes, None, {SMOOTHING: tf.fill([1], 10.0)})):
        with tf.GradientTape() as tape:
            tape.watch(off)
            image = tf.reduce_sum(function(off))
        slopes.append(np.abs(tape.gradient(image, off)).max())
    assert slopes[0] == 0
    assert slopes[1] > 1e-4


def convolutional(layers, activation):
    maker = keras if layers is keras.layers else tf_keras
    return randomise(
        maker.Sequential(
            [
                layers.Input((LATENT,)),
                layers.Dense(32),
                layers.BatchNormalization(),
                activation(),
                layers.Reshape((4, 4, 2)),
                layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
                activation(),
                layers.Conv2D(1, 3, padding="same", activation="tanh"),
            ]
        )
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: convolutional(keras.layers, keras.layers.ReLU),
        lambda: convolutional(
            keras.layers, lambda: keras.layers.ReLU(max_value=1.0, negative_slope=0.2, threshold=0.1)
        ),
        lambda: convolutional(keras.layers, keras.layers.LeakyReLU),
        lambda: convolutional(keras.layers, keras.layers.PReLU),
        lambda: convolutional(tf_keras.layers, tf_keras.layers.LeakyReLU),
    ],
    ids=["relu", "capped", "leaky", "prelu", "tf_keras"],
)
def test_layers_of_both_keras(make):
    plain = ti.load_generator(make())
    smooth, codes = smoothed(plain), codes_for(plain)
    expected = plain(codes).numpy()
    np.testing.assert_allclose(by(smooth, codes, 0.0), expected, atol=1e-5)
    assert np.abs(by(smooth, codes, 0.3) - expected).mean() > 1e-3
    assert (smooth.about.fingerprint, smooth.rough) == ("", None)


@pytest.mark.parametrize(
    "name", ["digits-28-savedmodel", "digiface-64.keras", "anime-face-64.h5", "mnist-28-keras215.h5"]
)
def test_files_of_strangers(shared, name):
    plain = ti.load_generator(shared / "generators" / name, value_range=(-1, 1))
    smooth, (codes, expected) = smoothed(plain), plain.sample(3)
    np.testing.assert_allclose(by(smooth, codes, 0.0), expected, atol=1e-4)
    assert np.abs(by(smooth, codes, 0.3) - expected).mean() > 1e-3


@pytest.mark.slow
def test_classes_are_held_too():
    plain = ti.load_generator(small_biggan())
    smooth, labels = smoothed(plain), [0, 2, 1]
    codes = codes_for(plain, 3)
    np.testing.assert_allclose(by(smooth, codes, 0.0, labels), plain(codes, labels), atol=1e-4)
    assert np.abs(by(smooth, codes, 0.3, labels) - plain(codes, labels)).mean() > 1e-4


def test_a_tail_is_smoothed_and_inverted():
    parts = ti.split(generator_with(tf.nn.relu))
    smooth, held = smoothed(around(parts.tail)), {HIDDEN: parts.head(CODES), SMOOTHING: tf.fill([6], 0.3)}
    images = smooth(MATRIX[:6], held=held)
    found = ti.Inverter(smooth, solver="lbfgs", restarts=1)(images, held=held, starts=tf.zeros([6, 1, 16]))
    assert np.median(found.loss) < 1e-6


def of_arrays(codes):
    return np.maximum(np.asarray(codes), 0).reshape(-1, 2, 2, 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: generator_with(tf.identity), "no ReLU or the like"),
        (lambda: ti.load_generator(labelled()), "no ReLU or the like"),
        (lambda: smoothed(generator_with(tf.nn.relu)), "it holds 'smoothing' already"),
        (lambda: ti.load_generator(of_arrays, prior=ti.normal(4)), "no ReLU or the like"),
    ],
)
def test_what_cannot_be_smoothed_says_why(make, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        smoothed(make())
    assert "\n" not in str(caught.value)


def test_a_kink_that_does_not_stand_row_by_row_stays(caplog):
    caplog.set_level("INFO", "absl")
    by_pixel = lambda x: tf.reshape(tf.nn.leaky_relu(tf.reshape(x, [-1, 1])), [-1, 16])
    plain = generator_with(lambda x: tf.nn.relu(by_pixel(x)))
    smooth = smoothed(plain)
    assert "LeakyRelu cannot be smoothed" in caplog.text
    np.testing.assert_allclose(by(smooth, CODES, 0.0), plain(CODES), atol=1e-6)
    assert np.abs(by(smooth, CODES, 0.3) - plain(CODES)).mean() > 1e-3


@pytest.mark.parametrize(
    "names", [("smoothing", "smoothing_1"), ("act", "act/mul"), ("act", "act_1/mul", "act/Softplus")]
)
def test_names_that_a_graph_has_already(names):
    def kinks(x):
        for name in names:
            x = tf.nn.relu(x + 0.1, name=name)
        return x

    plain, other = generator_with(kinks), generator_with(lambda x: tf.nn.relu(tf.nn.relu(x + 0.1) + 0.1))
    smooth = smoothed(plain)
    np.testing.assert_allclose(by(smooth, CODES, 0.0), plain(CODES), atol=1e-6)
    if len(names) == 2:
        np.testing.assert_allclose(by(smooth, CODES, 0.3), by(smoothed(other), CODES, 0.3), atol=1e-6)


def test_kinks_that_stay_are_told_of(caplog):
    caplog.set_level("INFO", "absl")
    smoothed(generator_with(lambda x: tf.nn.relu(x) + tf.reduce_max(x, axis=1, keepdims=True)))
    assert "Max cannot be smoothed, and stays as it is" in caplog.text
