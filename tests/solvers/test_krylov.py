"""Gauss-Newton by conjugate gradients, on sums of squares with the answer known."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.solvers import loop
from tfinvert.solvers.krylov import GaussNewtonCG
from tfinvert.solvers.solver import Objective
from tfinvert.solvers.status import Status

STARTS = np.array([[-1.2, 1.0], [0.5, -0.3], [2.0, 2.0], [-3.0, -4.0]])


def squares(residuals):
    return Objective(lambda codes: tf.reduce_sum(residuals(codes) ** 2, axis=1), residuals)


ROSENBROCK = squares(lambda codes: tf.stack([1 - codes[:, 0], 10 * (codes[:, 1] - codes[:, 0] ** 2)], axis=1))


def minimise(solver, objective, start, tolerance=0.0, signature=None):
    stopping = loop.Stopping(tolerance)

    def whole(codes):
        progress = loop.start(solver, objective, codes, tf.zeros(tf.shape(codes)[:1], tf.int32))
        progress = loop.advance(solver, objective, lambda z, n: z, stopping, progress, tf.constant(solver.steps))
        return loop.finish(objective, stopping, progress)

    return tf.function(whole, signature, autograph=False)(tf.constant(start))


def linear(condition, entries=20, seed=0):
    """A matrix [M, d] with J^T J of this condition, and a right side outside its range."""
    random = np.random.default_rng(seed)
    left = np.linalg.qr(random.normal(size=(2 * entries, entries)))[0]
    right = np.linalg.qr(random.normal(size=(entries, entries)))[0]
    return left * np.logspace(0, -0.5 * np.log10(condition), entries) @ right, random.normal(size=2 * entries)


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, 1e-8), (np.float64, 1e-20)])
def test_rosenbrock_is_solved_from_every_start(dtype, value):
    found = minimise(GaussNewtonCG(60, inner=4), ROSENBROCK, STARTS.astype(dtype), value)
    assert set(found.status.numpy()) == {Status.CONVERGED}
    assert found.best_codes.dtype == dtype
    np.testing.assert_allclose(found.best_codes, np.ones_like(STARTS), atol=1e-3)


def test_one_step_on_linear_residuals_is_least_squares():
    matrix, target = linear(1e4)
    objective = squares(lambda codes: tf.reshape(codes, [-1, 20]) @ matrix.T - target)
    start = np.random.default_rng(1).normal(size=(3, 4, 5))
    found = minimise(GaussNewtonCG(1, inner=60, damping=1e-13), objective, start)
    expected = np.linalg.lstsq(matrix, target)[0].reshape(4, 5)
    np.testing.assert_allclose(found.best_codes, [expected] * 3, atol=1e-6)


def test_damping_is_in_units_of_the_mean_eigenvalue():
    matrix = 3 * np.eye(5)  # every eigenvalue of J^T J is 9: each step leaves damping / (1 + damping) of the code
    start = np.ones((2, 5))
    for damping in (1.0, 1e-2):
        found = minimise(GaussNewtonCG(1, damping=damping), squares(lambda codes: codes @ matrix), start)
        np.testing.assert_allclose(found.codes, start * damping / (1 + damping), rtol=1e-12)


def test_passes_are_what_each_row_cost():
    # With two distinct eigenvalues the conjugate gradients need two iterations; along one eigenvector, one.
    matrix = np.diag([1.0, 1.0, 3.0, 3.0])
    start = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    solver, objective = GaussNewtonCG(), squares(lambda codes: codes @ matrix)
    codes = tf.constant(start)
    step = solver.step(objective, codes, solver.init(codes, objective), tf.constant(0), tf.fill([3], True))
    assert step.passes.numpy().tolist() == [3 + 3 * used + 1 for used in (2, 1, 0)]
    np.testing.assert_allclose(step.value, objective(codes))
    np.testing.assert_allclose(step.gradient, 2 * start @ matrix @ matrix)


def test_rows_are_independent_and_their_number_need_not_be_known():
    solver = GaussNewtonCG(8, inner=2)
    signature = [tf.TensorSpec([None, 2], tf.float64)]
    together = minimise(solver, ROSENBROCK, STARTS, signature=signature)
    for row in range(len(STARTS)):
        alone = minimise(solver, ROSENBROCK, STARTS[row : row + 1], signature=signature)
        np.testing.assert_allclose(together.codes[row], alone.codes[0], atol=1e-6)
        assert together.passes[row] == alone.passes[0]


def test_steps_are_the_same_without_a_graph_and_never_go_up():
    solver, codes = GaussNewtonCG(8, inner=2), tf.constant(STARTS)
    memory, values = solver.init(codes, ROSENBROCK), []
    for count in range(8):
        step = solver.step(ROSENBROCK, codes, memory, tf.constant(count), tf.fill([4], True))
        values.append(step.value)
        codes, memory = step.codes, step.memory
    assert (np.diff(values, axis=0) <= 0).all()
    np.testing.assert_allclose(codes, minimise(solver, ROSENBROCK, STARTS).codes, atol=1e-6)


def test_regions_without_a_value_are_stepped_back_from():
    # The first step from 0.6 leads far over the edge at 3; the last row begins beyond it and must stay alone.
    def residuals(codes):
        x = codes[:, :1]
        nan = tf.cast(float("nan"), codes.dtype)
        return tf.where(x > 3, nan, tf.concat([tf.sin(x / 2) - np.sin(1.45), codes[:, 1:] * x], axis=1))

    start = np.array([[0.6, 1.0], [2.99, -2.0], [-0.5, 0.5], [4.0, 0.0]], np.float32)
    found = minimise(GaussNewtonCG(40), squares(residuals), start)
    np.testing.assert_allclose(found.best_codes[:3], [[2.9, 0]] * 3, atol=1e-2)
    assert np.isfinite(found.codes).all()
    assert found.status[3] == Status.NOT_FINITE


def test_a_row_at_the_minimum_stays_there():
    found = minimise(GaussNewtonCG(40), ROSENBROCK, np.array([[1.0, 1.0], [-1.2, 1.0]], np.float32), -1.0)
    assert found.status[0] == Status.FLAT
    np.testing.assert_array_equal(found.codes[0], [1, 1])
    np.testing.assert_allclose(found.best_codes[1], [1, 1], atol=1e-3)


def test_what_cannot_be_used_is_refused():
    for numbers in ({"steps": 0}, {"inner": 0}, {"damping": 0.0}, {"damping": float("nan")}):
        with pytest.raises(ti.BadInput, match=next(iter(numbers))):
            GaussNewtonCG(**numbers)
    with pytest.raises(ti.BadInput, match="sum of squares"):
        minimise(GaussNewtonCG(), Objective(ROSENBROCK.values), STARTS)
