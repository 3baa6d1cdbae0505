"""The updates against Keras's own optimizers, and the schedules of the learning rate."""

import keras
import numpy as np
import problems
import pytest
import tensorflow as tf
from solver_runs import minimise, walk

import tfinvert as ti
from tfinvert.objective import Objective
from tfinvert.solvers.first_order import SCHEDULES, schedule

START = problems.STARTS[:3].astype(np.float32)


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
    for count, (_, step) in enumerate(walk(ours, Objective(problems.rosenbrock), START, 30)):
        with tf.GradientTape() as tape:
            value = problems.rosenbrock(variable.value)
        keras_own.apply([tape.gradient(value, variable.value)], [variable])
        np.testing.assert_allclose(step.value, value, rtol=1e-4)
        np.testing.assert_allclose(step.codes, variable, rtol=1e-4, atol=1e-5, err_msg=f"step {count}")


def test_gradient_descent_on_a_quadratic_is_its_closed_form():
    curvature = np.array([1.0, 4.0], np.float32)
    found = minimise(ti.GradientDescent(0.1, steps=20), Objective(problems.quadratic(curvature)), START)
    np.testing.assert_allclose(found.codes, START * (1 - 0.1 * curvature) ** 20, rtol=1e-4)
    assert found.passes.numpy().tolist() == [2 * 20 + 1] * 3  # forward and backward, and the last look


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_start_at_the_rate_and_fall_or_stay(name):
    rate = schedule(name, 0.1, 80)
    values = [float(rate(step)) if callable(rate) else rate for step in range(0, 81, 10)]
    assert values[0] == pytest.approx(0.1)
    assert values == sorted(values, reverse=True)
    expected_end = {"constant": 0.1, "cosine": 0.0, "exponential": 0.001, "halving": 0.1 / 2**8, "drop": 0.01}[name]
    assert values[-1] == pytest.approx(expected_end, abs=1e-9)


def test_an_unknown_schedule_is_named():
    with pytest.raises(ti.BadInput, match="sawtooth"):
        schedule("sawtooth", 0.1, 10)


def test_constraints_hold_at_every_step():
    seen = []

    def objective(codes):
        seen.append(np.abs(codes.numpy()).max())
        return tf.reduce_sum((codes - 3) ** 2, 1)

    start = np.zeros((3, 2), np.float32)
    clip = lambda codes, count: tf.clip_by_value(codes, -1, 1)
    found = minimise(ti.GradientDescent(0.3, steps=8), Objective(objective), start, constrain=clip, compiled=False)
    assert max(seen) <= 1
    np.testing.assert_array_equal(found.best_codes, np.ones_like(start))


LEAST = np.array([[1.0, -0.3, 0.0, 2.0], [-0.05, 0.6, 0.11, -0.09]], np.float32)  # of the smooth part
CURVATURE = np.array([1.0, 4.0, 0.5, 2.0], np.float32)


def sparse(weight: float) -> Objective:
    """sum of c * (z - least)^2 / 2 + weight * |z|, whose minimum is known entry by entry."""
    smooth = lambda codes: tf.reduce_sum(0.5 * CURVATURE * tf.square(codes - LEAST), axis=1)
    return Objective(smooth, sparsity=weight)


@pytest.mark.parametrize(
    "solver",
    [
        ti.GradientDescent(0.2, steps=400),
        ti.Adam(schedule("cosine", 0.05, 1500), steps=1500),
        ti.RMSprop(schedule("cosine", 0.02, 1500), steps=1500),
    ],
    ids=["gd", "adam", "rmsprop"],
)
def test_proximal_steps_end_at_the_least_value_with_exact_zeros(solver):
    weight = 0.2
    known = np.sign(LEAST) * np.maximum(np.abs(LEAST) - weight / CURVATURE, 0)
    assert (known == 0).sum() == 4
    found = minimise(solver, sparse(weight), np.full((2, 4), 0.5, np.float32))
    np.testing.assert_allclose(found.best_codes, known, atol=2e-3)
    assert (found.best_codes.numpy()[known == 0] == 0).all()
    np.testing.assert_allclose(found.best_value, sparse(weight)(tf.constant(known)), rtol=1e-3)


def test_a_proximal_step_is_a_gradient_step_and_a_soft_threshold():
    start = np.array([[0.5, -0.5, 0.01, 3.0], [0.0, 0.2, -0.1, 0.0]], np.float32)
    (_, step), *_ = walk(ti.GradientDescent(0.1), sparse(0.5), start, 1)
    moved = start - 0.1 * CURVATURE * (start - LEAST)
    np.testing.assert_allclose(step.codes, np.sign(moved) * np.maximum(np.abs(moved) - 0.05, 0), atol=1e-6)
    np.testing.assert_allclose(step.value, sparse(0.5)(tf.constant(start)), rtol=1e-6)
