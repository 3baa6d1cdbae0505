"""Two-step inversion on a generator whose answer is known, and on others."""

import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.settings import SecondStep
from tfinvert.solvers.first_order import schedule

MATRIX = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 3)))[0].astype(np.float32)
OFFSET = np.random.default_rng(1).normal(size=12).astype(np.float32)
LINEAR = ti.load_generator(
    lambda codes: tf.reshape(tf.nn.bias_add(codes @ MATRIX.T, OFFSET), [-1, 2, 2, 3]),
    prior=ti.normal(3),
    value_range=(0, 1),
)
IMAGES = np.random.default_rng(2).uniform(0.05, 0.95, size=(4, 2, 2, 3)).astype(np.float32)
LATENT = ti.Adam(schedule("cosine", 0.1, 600), steps=600)
BEYOND = ti.Adam(schedule("cosine", 0.02, 800), steps=800)


def two_step(sparsity=None):
    first = ti.Inverter(LINEAR, solver=LATENT, restarts=1)
    return ti.TwoStep(first, SecondStep("first_dense", sparsity=sparsity), solver=BEYOND)


def best():
    """The least squares codes, and what is left of the images."""
    flat = IMAGES.reshape(4, 12) - OFFSET
    return flat @ MATRIX, flat - flat @ MATRIX @ MATRIX.T


@pytest.mark.first(2)
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 1.0, 10.0])
def test_delta_is_the_soft_threshold_of_what_codes_leave(sparsity):
    """Of mean((d - delta)^2) + s * mean(|delta|) the least value is at delta = soft(d, s / 2)."""
    codes, left = best()
    found = two_step(sparsity)(IMAGES)
    np.testing.assert_allclose(found.codes, codes, atol=2e-3)
    known = np.sign(left) * np.maximum(np.abs(left) - sparsity / 2, 0)
    np.testing.assert_allclose(found.delta, known, atol=5e-3)
    np.testing.assert_allclose(found.delta_zeros, np.mean(np.abs(left) <= sparsity / 2, axis=1), atol=0.09)
    np.testing.assert_allclose(found.hidden, codes @ MATRIX.T + OFFSET + known, atol=5e-3)
    np.testing.assert_allclose(found.mse_latent, np.mean(left**2, axis=1), rtol=1e-2)
    np.testing.assert_allclose(
        found.loss, np.mean((left - known) ** 2 + sparsity * np.abs(known), axis=1), rtol=1e-2, atol=1e-5
    )
    np.testing.assert_allclose(np.reshape(found.images, (4, 12)), found.hidden, atol=1e-5)


def conditional():
    """The code and the class go round the dense layer, as in BigGAN."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    codes, label = keras.Input((4,), name="z"), keras.Input((5,), name="y")
    both = layers.Concatenate()([codes, layers.Dense(3, use_bias=False)(label)])
    hidden = layers.Reshape((4, 4, 3))(layers.Dense(48)(codes)) * (1 + layers.Reshape((1, 1, 3))(layers.Dense(3)(both)))
    return keras.Model([codes, label], layers.Conv2DTranspose(1, 3, 2, "same", activation="tanh")(hidden))


@pytest.mark.slow
def test_the_class_and_the_code_are_held_for_what_comes_later():
    model = conditional()
    generator = ti.load_generator(model)
    images = np.random.default_rng(3).uniform(-0.9, 0.9, size=(3, 8, 8, 1)).astype(np.float32)
    labels = [4, 0, 2]
    shares = []
    inverter = ti.TwoStep(ti.Inverter(generator, restarts=2))
    found = inverter(images, labels=labels, watch=lambda seen: shares.append(seen.share))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    unit = np.mean((found.images - images) ** 2, axis=(1, 2, 3)) / 4
    assert (unit < 0.5 * found.mse_latent.numpy()).all()
    np.testing.assert_allclose(generator(found.codes, labels), found.images_latent, atol=1e-5)
    np.testing.assert_allclose(
        inverter.parts.tail(found.hidden, labels, {"codes": found.codes}), found.images, atol=1e-5
    )
    alone = inverter(images[1:2], ids=[1], labels=labels[1])
    for one, several in [(alone.codes, found.codes), (alone.hidden, found.hidden), (alone.delta, found.delta)]:
        np.testing.assert_allclose(one, several[1:2], atol=1e-4)


def test_generated_images_need_no_delta():
    model = conditional()
    generator = ti.load_generator(model)
    _, images = generator.sample(3, labels=1)
    found = ti.TwoStep(ti.Inverter(generator), SecondStep("first_dense", sparsity=10.0))(images, labels=1)
    assert (found.mse_latent.numpy() < 1e-4).all()
    assert (found.delta_zeros.numpy() > 0.99).all()


def test_images_that_are_none_leave_the_others_alone():
    images = IMAGES.copy()
    images[1, 0, 0] = np.nan
    found = two_step()(images)
    whole = two_step()(IMAGES)
    assert ti.Status(int(found.status[1])) == ti.Status.INVALID_IMAGE
    assert np.isfinite(found.hidden).all()
    np.testing.assert_allclose(np.delete(found.hidden, 1, axis=0), np.delete(whole.hidden, 1, axis=0), atol=1e-5)


@pytest.mark.parametrize(
    ("loss", "at", "why"),
    [
        (None, {"sparsity": -1}, "sparsity=-1: expected a number of at least 0"),
        (None, {"at": "conv"}, "no layer 'conv'"),
        (None, {"at": []}, "split=.*expected a layer's name, or several"),
        (None, {"at": [3]}, "split=.*expected a layer's name, or several"),
        (None, {"at": 3}, "split=.3.: expected a layer's name, or several"),
        (ti.LogPrior(), {}, "sees no image"),
        (None, {"learning_rate": 0.1}, "second_learning_rate=0.1 for lbfgs: it has none"),
        (None, {"schedule": "drop"}, "second_schedule=drop for lbfgs: it has none"),
        (None, {"solver": "newton"}, "second_solver=.newton.: expected one of adam"),
    ],
)
def test_settings_that_cannot_be_are_refused(loss, at, why):
    with pytest.raises(ti.BadInput, match=why):
        ti.TwoStep(ti.Inverter(LINEAR, loss), SecondStep(**{"at": "first_dense", **at}))


def test_the_second_step_has_the_loss_of_images_alone_and_stops_as_the_first():
    stopping = ti.Stopping(tolerance=1e-3, patience=7)
    first = ti.Inverter(LINEAR, ti.Pixel() + 0.1 * ti.LogPrior(), stopping=stopping, batch_size=3, seed=5)
    inverter = ti.TwoStep(first, SecondStep("first_dense", sparsity=0.5))
    assert str(inverter.loss) == str(ti.losses.Sum((ti.Pixel(),)))
    assert inverter.behind[0].inverter.stopping == stopping
    assert (inverter.batch_size, inverter.behind[0].inverter.batch_size, inverter.behind[0].inverter.seed) == (3, 3, 5)


def deep():
    """A class-conditional generator with layers to cut behind, of which the code and the class reach the last."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    codes, label = keras.Input((4,), name="z"), keras.Input((5,), name="y")
    hidden = layers.Activation("relu")(layers.Reshape((2, 2, 12))(layers.Dense(48, name="first")(codes)))
    hidden = layers.Activation("relu")(layers.Conv2DTranspose(8, 3, 2, "same", name="second")(hidden))
    scale = layers.Reshape((1, 1, 8))(layers.Dense(8, name="scale")(layers.Concatenate()([codes, label])))
    return keras.Model([codes, label], layers.Conv2DTranspose(1, 3, 2, "same", activation="tanh")(hidden * (1 + scale)))


@pytest.mark.slow
def test_each_cut_starts_from_what_the_one_before_found():
    generator = ti.load_generator(deep())
    images = np.random.default_rng(3).uniform(-0.5, 0.5, size=(3, 8, 8, 1)).astype(np.float32)
    labels = [4, 0, 2]
    first, shares = ti.Inverter(generator, solver=ti.LBFGS(20), restarts=2), []
    one = ti.TwoStep(first, SecondStep("first", steps=40, sparsity=0.0))(images, labels=labels)
    both = ti.TwoStep(first, SecondStep(["first", "second"], steps=40, sparsity=0.0))
    found = both(images, labels=labels, watch=lambda seen: shares.append((seen.share, seen.steps)))
    assert shares == sorted(shares)
    assert shares[-1] == (1, 20 + 40 + 40)
    np.testing.assert_allclose(found.codes, one.codes, atol=1e-6)
    assert (found.loss.numpy() < 0.6 * one.loss.numpy()).all()
    assert (found.steps.numpy() > one.steps.numpy()).all()
    assert found.hidden.shape == (3, 4, 4, 8)
    before, held = both.parts.before(found.codes, labels)
    np.testing.assert_allclose(before + found.delta, found.hidden, atol=1e-5)
    np.testing.assert_allclose(both.parts.tail(found.hidden, *held), found.images, atol=1e-5)
    # A charge that lets nothing move leaves each cut at what the one before gives there.
    still = ti.TwoStep(first, SecondStep(["first", "second"], steps=40, sparsity=1e3))(images, labels=labels)
    assert (still.delta_zeros.numpy() == 1).all()
    np.testing.assert_allclose(still.images, still.images_latent, atol=1e-4)


@pytest.mark.parametrize(
    "cuts", [["second", "first"], ["first", "first"], ["first_dense", "first"], ["first", "scale"]]
)
def test_cuts_that_do_not_follow_one_another_are_refused(cuts):
    with pytest.raises(ti.BadInput, match=f"{cuts[1]} does not come behind {cuts[0]}: name cuts from the code"):
        ti.TwoStep(ti.Inverter(ti.load_generator(deep())), cuts)


def test_codes_that_are_known_leave_the_first_step_out():
    first = ti.Inverter(LINEAR, solver=LATENT, restarts=1)
    two = pickle.loads(pickle.dumps(ti.TwoStep(first, SecondStep("first_dense", steps=50))))
    whole = two(IMAGES)
    shares = []
    found = two(IMAGES, codes=whole.codes, watch=lambda seen: shares.append((seen.share, seen.steps)))
    assert shares == [(steps / 50, steps) for steps in (25, 30, 42, 50)]  # stages end after 30 and 42
    np.testing.assert_allclose(found.hidden, whole.hidden, atol=1e-5)
    np.testing.assert_allclose(found.images_latent, whole.images_latent, atol=1e-6)
    assert (found.passes.numpy() < whole.passes.numpy()).all()
    for codes, why in [(whole.codes[:2], "2 codes for 4 images"), (whole.codes[:, :2], r"codes \[4, 2\]")]:
        with pytest.raises(ti.BadInput, match=why):
            two(IMAGES, codes=codes)


@pytest.mark.slow
def test_a_function_of_images_is_traced_before_the_curvature_is_known():
    two = ti.TwoStep(ti.Inverter(LINEAR, solver=ti.LBFGS(5), restarts=1), SecondStep("first_dense", steps=20))
    traced = tf.function(lambda images: two(images).hidden, autograph=False)(IMAGES)
    np.testing.assert_allclose(traced, two(IMAGES).hidden, atol=1e-4)


@pytest.mark.first(1)
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_values_of_half_precision_at_the_cut(solver):
    half, layers = keras.DTypePolicy("mixed_float16"), keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(12, activation="relu", dtype=half, name="half"),
            layers.Dense(16, activation="tanh"),
            layers.Reshape((4, 4, 1)),
        ]
    )
    generator = ti.from_keras(model, prior=ti.normal(6))
    first = ti.Inverter(generator, solver=ti.LBFGS(5), restarts=1)
    found = ti.TwoStep(first, SecondStep("half", steps=20, solver=solver))(generator.sample(2, seed=1)[1])
    assert found.hidden.dtype == tf.float32
    assert (
        (ti.metrics.mse(*map(generator.to_unit, (found.images, generator.sample(2, seed=1)[1]))) < found.mse_latent)
        .numpy()
        .all()
    )


def test_a_cut_round_which_the_one_before_goes_is_refused():
    matrices = np.random.default_rng(0).normal(size=(2, 12, 12)).astype(np.float32)

    def function(codes):
        with tf.name_scope("one"):
            one = codes @ matrices[0, :3]
        with tf.name_scope("two"):
            two = tf.nn.relu(one) @ matrices[1]
        return tf.reshape(tf.tanh(2 * one + two / 9), [-1, 2, 2, 3])

    first = ti.Inverter(ti.load_generator(function, prior=ti.normal(3)), solver=ti.LBFGS(5), restarts=1)
    with pytest.raises(ti.BadInput, match="cuts one, two of function: values at one also go round two"):
        ti.TwoStep(first, ["one", "two"])


def test_the_first_curvature_is_that_of_the_images_behind_the_cut():
    """The generator is linear: a guess that follows the images is not the identity times a number."""
    two = ti.TwoStep(ti.Inverter(LINEAR, solver=ti.LBFGS(5), restarts=1), SecondStep("first_dense", steps=20))
    (guess,) = two.behind[0].inverter.solver.inverse
    weights = np.linalg.eigvalsh(guess)
    assert weights.max() > 1.5 * weights.min()
