"""Solvers without a generator."""

import numpy as np
import pytest
import tensorflow as tf
from problems import ROSENBROCK, STARTS, rosenbrock

import tfinvert as ti
from tfinvert.solvers.loop import Stopping
from tfinvert.solvers.status import Status


@pytest.mark.parametrize(
    ("objective", "solver"), [(rosenbrock, ti.LBFGS()), (ROSENBROCK, ti.LevenbergMarquardt()), (rosenbrock, ti.CMA())]
)
def test_a_function_or_an_objective_is_minimised(objective, solver):
    found = ti.solvers.minimise(objective, STARTS, solver)
    np.testing.assert_allclose(found.codes, np.ones([4, 2]), atol=1e-3)
    assert found.value.shape == found.status.shape == found.steps.shape == found.passes.shape == (4,)
    np.testing.assert_allclose(found.value, rosenbrock(found.codes), atol=1e-12)


def test_a_constraint_and_a_tolerance_are_kept():
    found = ti.solvers.minimise(
        lambda codes: tf.reduce_sum((codes - 3) ** 2, 1),
        np.zeros([2, 3]),
        ti.GradientDescent(0.1, 200),
        constrain=lambda codes, count: tf.clip_by_value(codes, -1, 1),
        stopping=Stopping(12.1),
    )
    assert set(found.status.numpy()) == {Status.CONVERGED}
    assert (np.abs(found.codes) <= 1).all()


def test_what_is_drawn_follows_from_the_seeds():
    run = lambda seeds: ti.solvers.minimise(rosenbrock, STARTS[[0, 0]], ti.CMA(5), seeds=seeds).codes.numpy()
    same, other = run([[1, 2], [1, 2]]), run([[1, 2], [1, 3]])
    np.testing.assert_array_equal(same[0], same[1])
    np.testing.assert_array_equal(same[0], other[0])
    assert (other[0] != other[1]).any()


def test_a_solver_may_be_named():
    found = ti.solvers.minimise(rosenbrock, STARTS, "lbfgs")
    np.testing.assert_allclose(found.codes, np.ones(STARTS.shape), atol=1e-2)


@pytest.mark.parametrize(
    ("solver", "why"),
    [("newton", "expected one of adam"), (ti.LevenbergMarquardt(), "LevenbergMarquardt .* without residuals")],
)
def test_what_does_not_fit_is_told(solver, why):
    with pytest.raises(ti.BadInput, match=why):
        ti.solvers.minimise(rosenbrock, STARTS, solver)
