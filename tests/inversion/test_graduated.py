"""Stages of smoothing: what they share, what they find, and that the last one is the generator itself."""

import pickle

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.inversion.graduated import Smoothing, pulled, smoothing_of, stages
from tfinvert.settings import SMOOTHING_AT_CODE, SecondStep, Starts
from tfinvert.solvers.status import Status


def kinked(seed=0, latent=4):
    """relu(A z - 0.5): half of its pixels are off for a code near zero."""
    matrix = np.random.default_rng(seed).normal(size=(latent, 64)).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(tf.nn.relu(codes @ matrix - 0.5), [-1, 8, 8, 1]),
        prior=ti.normal(latent),
        value_range=(0, 4),
    )


def behind_a_relu():
    """Behind its dense layer stands a ReLU, so that values below zero get no gradient."""
    random = np.random.default_rng(1)
    first, second = (random.normal(size=size).astype(np.float32) for size in ((3, 20), (20, 64)))

    def images(codes):
        return tf.reshape(tf.nn.relu(codes @ first) @ second, [-1, 8, 8, 1]) / 8

    return ti.load_generator(images, prior=ti.normal(3), value_range=(0, 1)), second


def test_stages_share_the_steps_and_end_with_the_generator_itself():
    generator = kinked()
    made = stages(generator, smoothing_of([0.3, 0.03]), 100)
    assert [(stage.smoothing, stage.until) for stage in made] == [(0.3, 30), (0.03, 51), (0.0, 100)]
    assert made[0].generator is made[1].generator
    assert made[-1].generator is generator
    for none in ((), [0]):
        assert [stage.until for stage in stages(generator, smoothing_of(none), 100)] == [100]


@pytest.mark.parametrize(
    "amounts",
    [
        *([0.03, 0.3], [0.1, 0.1], [-0.1], [0.1, 0.0, 0.0], [float("nan")], [float("inf")]),
        *(-0.1, "much", ["much"], [None], [[0.1, 0.2]]),
    ],
)
def test_amounts_that_do_not_fall_are_refused(amounts):
    with pytest.raises(BadInput, match="expected positive numbers that fall"):
        ti.Inverter(kinked(), smoothing=amounts)


def test_one_amount_is_one_stage():
    assert ti.Inverter(kinked(), smoothing=0.3).smoothing.amounts == (0.3,)
    assert ti.Inverter(kinked(), smoothing=0).smoothing.amounts == ()


def test_fewer_steps_than_stages_are_refused():
    with pytest.raises(BadInput, match="2 steps for 3 stages"):
        ti.Inverter(kinked(), solver=ti.LBFGS(2), smoothing=(0.3, 0.03))


def test_a_generator_without_kinks_is_refused():
    smooth = ti.load_generator(
        lambda codes: tf.reshape(tf.tanh(codes), [-1, 4, 4, 1]), prior=ti.normal(16), value_range=(-1, 1)
    )
    with pytest.raises(BadInput, match="no ReLU"):
        ti.Inverter(smooth, smoothing=(0.3,))


@pytest.mark.parametrize(
    "solver",
    [
        "adam",
        "lbfgs",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("levenberg_marquardt", "gauss_newton_cg", "cma")),
    ],
)
def test_every_solver_walks_through_stages(solver):
    generator = kinked()
    _, images = generator.sample(5)
    found = ti.Inverter(generator, solver=solver, restarts=2, smoothing=(0.3, 0.03))(images)
    assert np.max(found.loss) < 1e-4
    np.testing.assert_allclose(found.images, generator(found.codes), atol=1e-6)  # of the generator itself
    loss = np.mean(np.square(generator.to_unit(found.images) - generator.to_unit(images)), axis=(1, 2, 3))
    np.testing.assert_allclose(found.loss, loss, rtol=1e-3, atol=1e-9)


def test_a_row_that_is_done_with_a_stage_goes_on_in_the_next():
    generator = kinked()
    _, images = generator.sample(3)
    inverter = ti.Inverter(
        generator, solver=ti.LBFGS(90), stopping=ti.Stopping(1e-5), smoothing=(0.5, 0.05), restarts=1
    )
    found = inverter(images)
    assert set(found.status.numpy()) <= {Status.CONVERGED, Status.FINISHED}
    for stage in inverter._stages[:-1]:
        held = {"smoothing": tf.fill([3], stage.smoothing)}
        smooth = stage.generator(found.codes, None, held)
        assert np.abs(smooth - found.images).max() > 1e-3  # so none could have ended there


def test_the_same_in_a_graph_in_a_batch_and_alone():
    generator = kinked()
    _, images = generator.sample(5)
    inverter = ti.Inverter(generator, solver=ti.LBFGS(60), restarts=2, smoothing=(0.3, 0.03))
    found, graph = inverter(images), tf.function(inverter)(images)
    np.testing.assert_allclose(found.codes, graph.codes, atol=1e-4)
    alone = inverter(images[3:4], ids=[3])
    np.testing.assert_array_equal(found.codes[3:4], alone.codes)


def test_an_image_that_is_not_finite_stays_so_and_others_go_on():
    generator = kinked()
    images = np.array(generator.sample(3)[1])
    images[1, 0, 0, 0] = np.nan
    found = ti.Inverter(generator, solver=ti.LBFGS(60), smoothing=(0.3, 0.03))(images)
    assert found.status[1] == Status.INVALID_IMAGE
    assert np.isfinite(found.codes).all()
    assert max(found.loss.numpy()[[0, 2]]) < 1e-4


def test_who_watches_may_end_it_in_a_smooth_stage_and_the_loss_is_the_generators():
    generator = kinked()
    _, images = generator.sample(3)
    seen = []

    def watch(snapshot):
        seen.append(snapshot.steps)
        raise StopIteration

    inverter = ti.Inverter(generator, solver=ti.LBFGS(150), smoothing=(0.3, 0.03))
    found = inverter(images, watch=watch)
    assert seen == [25]
    assert set(found.status.numpy()) == {Status.STOPPED}
    loss = np.mean(np.square(generator.to_unit(generator(found.codes)) - generator.to_unit(images)), axis=(1, 2, 3))
    np.testing.assert_allclose(found.loss, loss, rtol=1e-3)


def test_watchers_see_all_steps_of_all_stages_in_order():
    generator = kinked()
    seen = []
    inverter = ti.Inverter(
        generator, solver=ti.Adam(steps=120), stopping=ti.Stopping(0.0), restarts=1, smoothing=(0.3, 0.03)
    )
    inverter(generator.sample(2)[1], watch=lambda snapshot: seen.append((snapshot.steps, snapshot.share)))
    assert [steps for steps, _ in seen] == [25, 36, 61, 86, 111, 120]
    assert [share for _, share in seen] == sorted(share for _, share in seen)


@pytest.mark.slow
def test_a_second_step_that_cannot_be_smoothed_has_its_charge_smoothed_or_tells_that_there_is_nothing():
    matrix = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.tanh(codes @ matrix), [-1, 4, 4, 1]), prior=ti.normal(4), value_range=(-1, 1)
    )
    first = ti.Inverter(generator, solver=ti.LBFGS(10), restarts=1)
    assert (
        not ti.TwoStep(ti.Inverter(kinked()), SecondStep("first_dense", steps=2)).behind[0].inverter.smoothing.amounts
    )
    found = ti.TwoStep(first, SecondStep("first_dense", steps=10))(generator.sample(2)[1])
    assert np.isfinite(found.loss).all()
    assert ti.TwoStep(first, SecondStep("first_dense", smoothing=[0.3])).behind[0].inverter.smoothing.amounts == (0.3,)
    with pytest.raises(BadInput, match=r"no ReLU.*leave smoothing out"):
        ti.TwoStep(first, SecondStep("first_dense", smoothing=[0.3], sparsity=0.0))


@pytest.mark.first(1)
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_values_that_are_off_move_behind_a_cut(solver):
    generator, second = behind_a_relu()
    # Sums of the second layer's rows with weights that no code gives.
    weights = np.abs(np.random.default_rng(2).normal(size=(6, 20))).astype(np.float32)
    images = np.reshape(weights @ second, [-1, 8, 8, 1]) / 8
    first = ti.Inverter(generator, solver=ti.LBFGS(60), restarts=2)

    def error(smoothing):
        how = SecondStep("first_dense", sparsity=0.0, steps=400, solver=solver, smoothing=smoothing)
        return np.median(ti.TwoStep(first, how)(images).loss)

    plain, smooth = error([0]), error(None)
    assert smooth < 0.05 * plain


@pytest.mark.slow
def test_a_charge_leaves_exact_zeros_with_lbfgs_too():
    generator, second = behind_a_relu()
    _, images = generator.sample(4)
    images = images + 0.05 * np.reshape(second[:4], [4, 8, 8, 1])
    first = ti.Inverter(generator, solver=ti.LBFGS(60), restarts=2)
    how = {"steps": 200, "solver": "lbfgs", "smoothing": (0.3, 0.03)}
    charged = ti.TwoStep(first, SecondStep("first_dense", sparsity=0.02, **how))(images)
    free = ti.TwoStep(first, SecondStep("first_dense", sparsity=0.0, **how))(images)
    assert np.mean(charged.delta_zeros) > np.mean(free.delta_zeros) + 0.2
    assert np.mean(np.abs(charged.delta)) < np.mean(np.abs(free.delta))


@pytest.mark.parametrize("solver", [ti.LBFGS(6), ti.Adam(steps=6), ti.CMA(steps=6)])
def test_nobody_ends_worse_than_where_they_began(solver):
    """By the smoothed generator these starts are far from the images, and so few steps do not lead back."""
    generator = kinked()
    codes, images = generator.sample(6)
    starts = codes + 0.01
    found = ti.Inverter(generator, solver=solver, restarts=1, smoothing=(30, 20))(images, starts=starts[:, None])
    begun = np.mean(np.square(generator.to_unit(generator(starts)) - generator.to_unit(images)), axis=(1, 2, 3))
    assert (found.loss.numpy() <= begun * 1.001).all()


def test_with_l_bfgs_it_is_usual_where_there_are_kinks():
    usual = lambda *arguments: ti.Inverter(*arguments).smoothing.amounts
    assert usual(kinked()) == usual(kinked(), None, "lbfgs") == SMOOTHING_AT_CODE
    assert usual(kinked(), None, ti.LBFGS(1)) == usual(kinked(), None, "adam") == ()
    smooth = ti.load_generator(lambda codes: tf.tanh(tf.reshape(codes, [-1, 2, 2, 1])), prior=ti.normal(4))
    assert usual(smooth) == ()
    assert pickle.loads(pickle.dumps(ti.Inverter(kinked()))).smoothing.amounts == SMOOTHING_AT_CODE
    assert ti.Inverter(kinked(), smoothing=[0]).smoothing.amounts == ()


def test_the_pull_is_that_of_the_prior():
    prior, codes = ti.normal(2, 3, stddev=2.0, mean=0.5), tf.random.stateless_normal([4, 2, 3], [1, 2])
    weights = tf.constant([0.0, 0.5, 1.0, 2.0])
    term = ti.LogPrior().bind(tf.zeros([4, 1]), prior)
    pull = pulled(prior, weights)
    np.testing.assert_allclose(pull(codes), weights * term(codes, None), rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(pull.residuals(codes) ** 2, axis=1), pull(codes), rtol=1e-5)


def test_codes_are_drawn_to_the_centre_while_smoothing_lasts():
    """Where the image hardly depends on a code's entry, and none fits, it would run away."""
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.nn.relu(codes[:, :1] + 1) + 0.01 * codes[:, 1:], [-1, 1, 1, 1]),
        prior=ti.normal(2),
        value_range=(0, 1),
    )
    images = np.full((3, 1, 1, 1), -1.0, np.float32)
    far = {}
    for pull in (0.0, 1.0):
        smoothing = Smoothing((0.5,), pull=pull, share=0.9)
        found = ti.Inverter(generator, solver=ti.Adam(steps=40), smoothing=smoothing, restarts=Starts(1, 0.3))(images)
        far[pull] = np.abs(found.codes.numpy()).max()
    assert far[1.0] < 0.5 * far[0.0]
