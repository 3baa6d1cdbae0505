"""The updates against Keras's own optimizers, and on problems with the answer known."""

import keras
import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.solvers import loop
from tfinvert.solvers.first_order import SCHEDULES, schedule
from tfinvert.solvers.solver import Objective
from tfinvert.solvers.status import Status

START = np.array([[-1.2, 1.0], [0.5, -0.3], [2.0, 2.0]], np.float32)


def minimise(solver, objective, start=START, stopping=None, constrain=lambda codes, count: codes, compiled=True):
    stopping = stopping or loop.Stopping(tolerance=0)
    objective = Objective(objective)

    def whole():
        progress = loop.start(solver, objective, tf.constant(start), tf.zeros(len(start), tf.int32))
        progress = loop.advance(solver, objective, constrain, stopping, progress, tf.constant(solver.steps))
        return loop.finish(objective, stopping, progress)

    return (tf.function(whole, autograph=False) if compiled else whole)()


@pytest.mark.parametrize(
    ("ours", "keras_own"),
    [
        (ti.GradientDescent(1e-3), keras.optimizers.SGD(1e-3)),
        (ti.Adam(0.1), keras.optimizers.Adam(0.1)),
        (ti.Adam(0.02, beta_1=0.5, beta_2=0.9, epsilon=1e-4), keras.optimizers.Adam(0.02, 0.5, 0.9, 1e-4)),
        (ti.RMSprop(0.01), keras.optimizers.RMSprop(0.01)),
        (ti.RMSprop(0.05, rho=0.5, epsilon=1e-3), keras.optimizers.RMSprop(0.05, 0.5, epsilon=1e-3)),
        (
            ti.Adam(keras.optimizers.schedules.CosineDecay(0.1, 30)),
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 30)),
        ),
    ],
    ids=["gd", "adam", "adam-other", "rmsprop", "rmsprop-other", "adam-cosine"],
)
def test_every_step_is_kerass(ours, keras_own):
    variable = keras.Variable(START)
    codes = tf.constant(START)
    memory = ours.init(codes, Objective(problems.rosenbrock))
    for count in range(30):
        step = ours.step(Objective(problems.rosenbrock), codes, memory, tf.constant(count), tf.fill([3], True))
        with tf.GradientTape() as tape:
            value = problems.rosenbrock(variable.value)
        keras_own.apply([tape.gradient(value, variable.value)], [variable])
        np.testing.assert_allclose(step.value, value, rtol=1e-4)
        codes, memory = step.codes, step.memory
        np.testing.assert_allclose(codes, variable, rtol=1e-4, atol=1e-5, err_msg=f"step {count}")


def test_gradient_descent_on_a_quadratic_is_its_closed_form():
    curvature = np.array([1.0, 4.0], np.float32)
    solver = ti.GradientDescent(0.1, steps=20)
    found = minimise(solver, problems.quadratic(curvature))
    np.testing.assert_allclose(found.codes, START * (1 - 0.1 * curvature) ** 20, rtol=1e-4)


@pytest.mark.parametrize(
    ("solver", "distance"),
    [
        (ti.Adam(schedule("cosine", 0.2, 4000), 4000), 1e-3),
        (ti.RMSprop(schedule("cosine", 0.02, 8000), 8000), 5e-2),  # without momentum it creeps along the valley
    ],
    ids=["adam", "rmsprop"],
)
def test_rosenbrock_is_solved_from_every_start(solver, distance):
    found = minimise(solver, problems.rosenbrock)
    np.testing.assert_allclose(found.best_codes, np.ones_like(START), atol=distance)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_start_at_the_rate_and_fall_or_stay(name):
    rate = schedule(name, 0.1, 80)
    values = [float(rate(step)) if callable(rate) else rate for step in range(0, 81, 10)]
    assert values[0] == pytest.approx(0.1)
    assert values == sorted(values, reverse=True)
    expected_end = {"constant": 0.1, "cosine": 0.0, "exponential": 0.001, "halving": 0.1 / 2**8}[name]
    assert values[-1] == pytest.approx(expected_end, abs=1e-9)


def test_wrong_numbers_are_refused():
    with pytest.raises(ti.BadInput, match="steps=0"):
        ti.Adam(steps=0)
    for rate in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ti.BadInput, match="learning_rate"):
            ti.Adam(rate)
    with pytest.raises(ti.BadInput, match="sawtooth"):
        schedule("sawtooth", 0.1, 10)


def test_the_status_of_each_row_is_its_own():
    # Row 0 converges, row 1 meets infinity on its way, row 2 is not finite from the first, row 3 is flat.
    def objective(codes):
        x = codes[:, 0]
        value = tf.where(x > 2, tf.exp(x * 30), tf.square(x))
        value = tf.where(x < -5, float("nan"), value)
        return tf.where(x == 0.5, 3.0, value)

    # exp(30 * 2.95) is nearly the largest float32: the step from there leaves all numbers behind.
    start = np.array([[1.0], [2.95], [-6.0], [0.5]], np.float32)
    found = minimise(ti.GradientDescent(0.4, steps=40), objective, start, loop.Stopping(tolerance=1e-8))
    ends = [Status(int(value)) for value in found.status]
    assert ends == [Status.CONVERGED, Status.DIVERGED, Status.NOT_FINITE, Status.FLAT]
    assert np.isfinite(found.best_codes).all()
    assert found.best_codes[1, 0] == np.float32(2.95)  # the only code it has seen
    assert int(found.steps[0]) < 40
    assert int(found.steps[2]) == 0
    assert np.isinf(found.best_value[2])


def test_patience_ends_rows_without_progress():
    # A slope so gentle that a hundred steps gain less than 1%.
    found = minimise(
        ti.GradientDescent(1e-3, steps=300), lambda codes: 1 + 1e-3 * codes[:, 0], START, loop.Stopping(0, patience=50)
    )
    assert [Status(int(value)) for value in found.status] == [Status.STALLED] * 3
    assert set(found.steps.numpy()) == {50}


def test_the_best_code_is_kept_when_the_last_is_worse():
    # With a rate that overshoots, gradient descent on x^2 grows without end; the start was the best.
    found = minimise(ti.GradientDescent(1.5, steps=10), lambda codes: tf.reduce_sum(codes**2, 1))
    np.testing.assert_array_equal(found.best_codes, START)
    np.testing.assert_allclose(found.best_value, (START**2).sum(1), rtol=1e-6)


def test_the_last_code_counts_too():
    # One step that solves the problem exactly: only the evaluation after the loop can see it.
    found = minimise(ti.GradientDescent(1.0, steps=1), lambda codes: tf.reduce_sum(0.5 * codes**2, 1))
    np.testing.assert_allclose(found.best_codes, 0 * START, atol=1e-7)


def test_constraints_hold_at_every_step():
    seen = []

    def objective(codes):
        seen.append(np.abs(codes.numpy()).max())
        return tf.reduce_sum((codes - 3) ** 2, 1)

    start = np.zeros((3, 2), np.float32)
    found = minimise(
        ti.GradientDescent(0.3, steps=8),
        objective,
        start,
        constrain=lambda z, count: tf.clip_by_value(z, -1, 1),
        compiled=False,
    )
    assert max(seen) <= 1
    np.testing.assert_array_equal(found.best_codes, np.ones_like(start))
