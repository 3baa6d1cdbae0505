"""Gauss-Newton by conjugate gradients, on sums of squares with the answer known."""

import numpy as np
import tensorflow as tf
from problems import squares
from solver_runs import minimise, walk

from tfinvert.solvers.krylov import GaussNewtonCG
from tfinvert.solvers.status import Status


def linear(condition, entries=20, seed=0):
    """A matrix [M, d] with J^T J of this condition, and a right side outside its range."""
    random = np.random.default_rng(seed)
    left = np.linalg.qr(random.normal(size=(2 * entries, entries)))[0]
    right = np.linalg.qr(random.normal(size=(entries, entries)))[0]
    return left * np.logspace(0, -0.5 * np.log10(condition), entries) @ right, random.normal(size=2 * entries)


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
    objective = squares(lambda codes: codes @ matrix)
    codes, step = next(walk(GaussNewtonCG(), objective, start, 1))
    assert step.passes.numpy().tolist() == [3 + 3 * used + 1 for used in (2, 1, 0)]
    np.testing.assert_allclose(step.value, objective(codes))
    assert step.ended.numpy().tolist() == [Status.RUNNING, Status.RUNNING, Status.FLAT]
