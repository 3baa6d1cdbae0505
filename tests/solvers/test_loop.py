"""The loop around solvers, run with gradient descent: how rows end, and which code is kept."""

import numpy as np
import problems
import tensorflow as tf
from solver_runs import free, minimise, seeds_of

import tfinvert as ti
from tfinvert.objective import Objective
from tfinvert.settings import Stopping
from tfinvert.solvers import loop
from tfinvert.solvers.status import Status

START = problems.STARTS[:3].astype(np.float32)


def test_the_status_of_each_row_is_its_own():
    # Row 0 converges, row 1 meets infinity on its way, row 2 is not finite from the first, row 3 is flat.
    def objective(codes):
        x = codes[:, 0]
        value = tf.where(x > 2, tf.exp(x * 30), tf.square(x))
        value = tf.where(x < -5, float("nan"), value)
        return tf.where(x == 0.5, 3.0, value)

    # exp(30 * 2.95) is nearly the largest float32: the step from there leaves all numbers behind.
    start = np.array([[1.0], [2.95], [-6.0], [0.5]], np.float32)
    found = minimise(ti.GradientDescent(0.4, steps=40), Objective(objective), start, tolerance=1e-8)
    ends = [Status(int(value)) for value in found.status]
    assert ends == [Status.CONVERGED, Status.DIVERGED, Status.NOT_FINITE, Status.FLAT]
    assert np.isfinite(found.best_codes).all()
    assert found.best_codes[1, 0] == np.float32(2.95)  # the only code it has seen
    assert int(found.steps[0]) < 40
    assert int(found.steps[2]) == 0
    assert np.isinf(found.best_value[2])


def test_patience_ends_rows_without_progress():
    # A slope so gentle that a hundred steps gain less than 1%.
    gentle = Objective(lambda codes: 1 + 1e-3 * codes[:, 0])
    found = minimise(ti.GradientDescent(1e-3, steps=300), gentle, START, patience=50)
    assert [Status(int(value)) for value in found.status] == [Status.STALLED] * 3
    assert set(found.steps.numpy()) == {50}


def test_the_best_code_is_kept_when_the_last_is_worse():
    # With a rate that overshoots, gradient descent on x^2 grows without end; the start was the best.
    found = minimise(ti.GradientDescent(1.5, steps=10), Objective(lambda codes: tf.reduce_sum(codes**2, 1)), START)
    np.testing.assert_array_equal(found.best_codes, START)
    np.testing.assert_allclose(found.best_value, (START**2).sum(1), rtol=1e-6)


def test_the_last_code_counts_too():
    # One step that solves the problem exactly: only the evaluation after the loop can see it.
    half = Objective(lambda codes: tf.reduce_sum(0.5 * codes**2, 1))
    found = minimise(ti.GradientDescent(1.0, steps=1), half, START)
    np.testing.assert_allclose(found.best_codes, 0 * START, atol=1e-7)


def test_first_codes_are_kept_where_another_objective_leads_to_worse_ones_or_to_none():
    """The first objective leads to 0, where the second one has no value, or a larger one than at the start."""
    solver, stopping = ti.GradientDescent(0.5, steps=4), Stopping(0.1)
    first = tf.constant([[1.0], [1.0], [3.0], [1.0]])
    level = tf.constant([float("nan"), 9.0, float("nan"), 9.0])
    status = tf.constant([Status.RUNNING, Status.RUNNING, Status.RUNNING, Status.INVALID_IMAGE], tf.int32)
    near = lambda rows: Objective(
        lambda codes: tf.where(codes[:, 0] < 0.9, tf.gather(level, rows), tf.square(codes[:, 0] - 1)), part=near
    )
    objective = Objective(lambda codes: codes[:, 0] ** 2)
    progress = loop.start(solver, objective, first, status, seeds_of(first))
    progress = loop.advance(solver, objective, free, stopping, progress, tf.constant(2))
    assert progress.best_codes.numpy().ravel().tolist() == [0.0, 0.0, 0.0, 1.0]
    progress = loop.renew(solver, near(tf.range(4)), progress, seeds_of(first), tf.constant(2))
    progress = loop.advance(solver, near(tf.range(4)), free, stopping, progress, tf.constant(4))
    found = loop.finish(near(tf.range(4)), stopping, progress, first=first)
    assert found.best_codes.numpy().ravel().tolist() == [1.0, 1.0, 3.0, 1.0]
    assert found.best_value.numpy().tolist() == [0.0, 0.0, 4.0, float("inf")]
    ends = [Status.CONVERGED, Status.CONVERGED, Status.DIVERGED, Status.INVALID_IMAGE]
    assert [Status(int(end)) for end in found.status] == ends
