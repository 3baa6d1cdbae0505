"""What every solver does, whichever it is; what is particular to one stands in its own file."""

import dataclasses
import functools
import re

import numpy as np
import problems
import pytest
import tensorflow as tf
from problems import ROSENBROCK, STARTS, squares
from solver_runs import free, minimise, minimiser, walk

import tfinvert as ti
from tfinvert.objective import Objective
from tfinvert.solvers.first_order import schedule
from tfinvert.solvers.status import Status

FIRST_ORDER = {"gd": ti.GradientDescent(1e-4), "adam": ti.Adam(0.1), "rmsprop": ti.RMSprop(0.02)}
SECOND_ORDER = {
    "lbfgs": ti.LBFGS(memory=3),
    "levenberg_marquardt": ti.LevenbergMarquardt(),
    "gauss_newton_cg": ti.GaussNewtonCG(inner=2),
}
WITHOUT_GRADIENTS = {"cma": ti.CMA(width=0.2)}
SOLVERS = {**FIRST_ORDER, **SECOND_ORDER, **WITHOUT_GRADIENTS}
NO_SECANT = {"levenberg_marquardt-worth-0": ti.LevenbergMarquardt(worth=0.0)}


def each(*tables):
    return pytest.mark.parametrize("name", [name for table in tables for name in table])


def suited(solver, objective):
    """The objective as the solver gets it: with residuals only where it needs them."""
    return objective if solver.needs_residuals else Objective(objective.values)


def test_none_is_forgotten():
    assert {type(solver).__name__ for solver in SOLVERS.values()} == set(ti.solvers.__all__) - {
        "Minimum",
        "minimise",
        "solver_of",
    }
    assert {name for name, solver in SOLVERS.items() if not solver.needs_gradients} == {"cma"}
    assert {name for name, solver in SOLVERS.items() if solver.needs_residuals} == {
        "levenberg_marquardt",
        "gauss_newton_cg",
    }


# Solvers with steps enough for Rosenbrock's function, and the value they reach in float32.
ENOUGH = {
    "adam": (ti.Adam(schedule("cosine", 0.5, 4000), 4000), 1e-8),
    "rmsprop": (ti.RMSprop(schedule("cosine", 0.02, 8000), 8000), 1e-5),  # without momentum it creeps along the valley
    "lbfgs": (ti.LBFGS(150), 1e-8),
    "levenberg_marquardt": (ti.LevenbergMarquardt(80), 1e-8),
    "levenberg_marquardt-worth-0": (ti.LevenbergMarquardt(80, worth=0.0), 1e-8),
    "gauss_newton_cg": (ti.GaussNewtonCG(60, inner=4), 1e-8),
    "cma": (ti.CMA(300), 1e-8),
}


@each(ENOUGH)
def test_rosenbrock_is_solved_from_every_start(name):
    solver, value = ENOUGH[name]
    starts = (STARTS[:3] if name in FIRST_ORDER else STARTS).astype(np.float32)  # Adam is lost for long from the fourth
    found = minimise(solver, suited(solver, ROSENBROCK), starts, tolerance=value)
    assert set(found.status.numpy()) == {Status.CONVERGED}
    assert found.best_codes.dtype == tf.float32
    assert (found.best_value.numpy() <= value).all()
    np.testing.assert_allclose(found.best_codes, np.ones_like(starts), atol=3 * value**0.5)


# The starts, a row at the minimum and one in the hole, where there is no value.
CROWD = np.concatenate([STARTS, [[1.0, 1.0], [-7.0, 0.0]]])
STEPS = 6  # so few that rounding has no say yet in how a row ends


def holed(codes):
    return tf.where(codes[:, :1] < -6, tf.cast(float("nan"), codes.dtype), ROSENBROCK.residuals(codes))


@functools.cache
def crowd(name):
    """The solver, the function that runs it in float64, and where the crowd stands after STEPS steps."""
    solver = {**SOLVERS, **NO_SECANT}[name]
    run = minimiser(solver, suited(solver, squares(holed)), tolerance=-1.0)
    return solver, run, run(CROWD, STEPS)


@each(SOLVERS, NO_SECANT)
def test_a_row_does_not_depend_on_its_neighbours(name):
    _, run, found = crowd(name)
    assert len({tuple(code) for code in found.codes.numpy()[:4].round(6)}) > 1  # not yet at the end, where all are one
    longer = run(CROWD, 25)
    for row in range(len(CROWD)):
        alone = run(CROWD[row : row + 1], STEPS)
        for field in ("codes", "best_codes", "best_value"):
            np.testing.assert_allclose(getattr(found, field)[row], getattr(alone, field)[0], rtol=1e-9, atol=1e-9)
        for field in ("status", "steps", "passes"):
            assert getattr(found, field)[row] == getattr(alone, field)[0]
        np.testing.assert_allclose(longer.codes[row], run(CROWD[row : row + 1], 25).codes[0], rtol=1e-9, atol=1e-9)


@each(SOLVERS, NO_SECANT)
def test_a_row_at_the_minimum_stays_there(name):
    solver, _, found = crowd(name)
    assert found.status[4] == (Status.FLAT if solver.needs_gradients else Status.FINISHED)
    np.testing.assert_array_equal(found.codes[4], [1, 1])
    np.testing.assert_array_equal(found.best_codes[4], [1, 1])


@each(SOLVERS, NO_SECANT)
def test_a_row_that_starts_without_a_value_says_so_and_stays_alone_with_that(name):
    _, _, found = crowd(name)
    assert found.status[5] == Status.NOT_FINITE
    assert found.steps[5] == 0
    np.testing.assert_array_equal(found.codes[5], CROWD[5])
    assert set(found.status[:4].numpy()) == {Status.FINISHED}
    assert np.isfinite(found.codes).all()


@each(SECOND_ORDER, NO_SECANT)
def test_float64_gets_nearer(name):
    _, run, _ = crowd(name)
    found = run(STARTS, ENOUGH[name][0].steps)
    assert found.best_codes.dtype == tf.float64
    assert (found.best_value.numpy() < 1e-20).all()
    np.testing.assert_allclose(found.best_codes, np.ones_like(STARTS), atol=1e-9)


@each({"gd"}, SECOND_ORDER, NO_SECANT, WITHOUT_GRADIENTS)
def test_values_never_go_up(name):
    _, run, _ = crowd(name)
    values = np.array([ROSENBROCK(run(STARTS, steps).codes) for steps in range(26)])
    assert (np.diff(values, axis=0) <= 0).all()
    assert (values[-1] < values[0]).all()


@each(SOLVERS, NO_SECANT)
def test_steps_without_a_graph_are_the_same_and_tell_of_the_codes_before(name):
    solver, _, found = crowd(name)
    passes = 1  # the last codes are looked at once more
    for codes, step in walk(solver, suited(solver, ROSENBROCK), STARTS, STEPS):
        np.testing.assert_allclose(step.value, ROSENBROCK(codes), rtol=1e-12, atol=1e-25)
        assert step.passes.dtype == step.ended.dtype == tf.int32
        assert set(step.ended.numpy()) == {Status.RUNNING}
        passes += step.passes
    np.testing.assert_allclose(step.codes, found.codes[:4], atol=1e-9)
    np.testing.assert_array_equal(passes, found.passes[:4])


@each(SOLVERS)
def test_axes_of_codes_make_no_difference(name):
    solver = SOLVERS[name]
    shaped = squares(lambda codes: ROSENBROCK.residuals(tf.reshape(codes, [-1, 2])))
    flat = walk(solver, suited(solver, ROSENBROCK), STARTS, 3)
    folded = walk(solver, suited(solver, shaped), STARTS.reshape(4, 1, 2, 1), 3)
    for (_, expected), (_, step) in zip(flat, folded, strict=True):
        assert step.codes.shape == (4, 1, 2, 1)
        np.testing.assert_allclose(tf.reshape(step.codes, [4, 2]), expected.codes, rtol=1e-9)


@each(SOLVERS)
def test_a_row_thrown_elsewhere_goes_on_from_there(name):
    thrown = lambda codes, count: tf.concat([[[-3.0, 4.0]], codes[1:]], axis=0) if count == 1 else codes
    objective = suited(SOLVERS[name], ROSENBROCK)
    ways = (walk(SOLVERS[name], objective, STARTS[:2], 4, constrain=constrain) for constrain in (thrown, free))
    for count, ((codes, step), (_, unmoved)) in enumerate(zip(*ways, strict=True)):
        np.testing.assert_allclose(step.value, ROSENBROCK(codes), rtol=1e-9)
        np.testing.assert_allclose(step.codes[1], unmoved.codes[1], rtol=1e-9)
        if count == 2:
            np.testing.assert_array_equal(codes[0], [-3, 4])


# Solvers for a quadratic, and how near they come to its minimum under constraints.
CONSTRAINED = {
    "gd": (ti.GradientDescent(0.1, 100), 1e-6),
    "adam": (ti.Adam(schedule("cosine", 0.1, 150), 150), 1e-3),
    "rmsprop": (ti.RMSprop(schedule("cosine", 0.05, 150), 150), 1e-3),
    "lbfgs": (ti.LBFGS(40), 1e-6),
    "levenberg_marquardt": (ti.LevenbergMarquardt(20), 1e-6),
    "gauss_newton_cg": (ti.GaussNewtonCG(20), 1e-6),
    "cma": (ti.CMA(400), 1e-6),
}


@each(CONSTRAINED)
def test_constraints_hold_and_values_are_those_of_the_codes_they_leave(name):
    # Three rows are clipped; three are kept on a sphere, which rounds them anew each time: that is no move.
    solver, near = CONSTRAINED[name]
    clipped = np.array([True, False])[:, np.newaxis].repeat(3, axis=0)

    def constrain(codes, count):
        return tf.where(clipped, tf.clip_by_value(codes, -1, 1), codes / tf.norm(codes, axis=1, keepdims=True))

    objective = squares(lambda codes: codes - [3.0, 0.5, 1.5])
    start = np.tile([[0, 0, -1], [0.6, 0.8, 0], [-0.28, 0, 0.96]], (2, 1))
    found = minimise(solver, suited(solver, objective), start, constrain=constrain)
    expected = np.repeat([[1, 0.5, 1], np.array([3, 0.5, 1.5]) / 11.5**0.5], 3, axis=0)
    # Adam and RMSprop scale each entry by itself, so that on the sphere they rest somewhere else.
    known = clipped[:, 0] | (name not in ("adam", "rmsprop"))
    np.testing.assert_allclose(found.best_codes[known], expected[known], atol=near)
    np.testing.assert_allclose(found.best_value, objective(found.best_codes), rtol=1e-9)
    assert (found.best_value < objective(tf.constant(start))).numpy().all()
    for codes in (found.codes, found.best_codes):
        np.testing.assert_allclose(codes, constrain(codes, 0), rtol=1e-12)


@each(SECOND_ORDER, WITHOUT_GRADIENTS)
def test_regions_without_a_value_are_stepped_back_from(name):
    # The exponential bends up, so that steps lead over the edge at 3; the last row begins there, and must stay alone.
    beyond = []

    def residuals(codes):
        x = codes[:, :1]
        if tf.executing_eagerly():
            beyond.append(x.numpy()[:3] > 3)
        nan = tf.cast(float("nan"), codes.dtype)
        return tf.where(x > 3, nan, tf.concat([tf.exp(x - 2.9) - 1, codes[:, 1:] * x], axis=1))

    solver, start = SOLVERS[name], np.array([[0.6, 1.0], [2.99, -2.0], [-0.5, 0.5], [4.0, 0.0]], np.float32)
    objective = suited(solver, squares(residuals))
    for _ in walk(solver, objective, start, 5):
        pass
    assert np.any(beyond)
    found = minimise(dataclasses.replace(solver, steps=60 if solver.needs_gradients else 300), objective, start)
    np.testing.assert_allclose(found.best_codes[:3], [[2.9, 0]] * 3, atol=1e-2)
    assert np.isfinite(found.codes).all()
    assert found.status[3] == Status.NOT_FINITE


@pytest.mark.parametrize(
    ("solver", "argument", "value"),
    [
        *((type(solver), "steps", 0) for solver in SOLVERS.values()),
        *((ti.Adam, "learning_rate", value) for value in (0.0, -1.0, np.nan, np.inf)),
        (ti.LBFGS, "memory", 0),
        *((ti.LevenbergMarquardt, "damping", value) for value in (0.0, -1.0, np.nan, np.inf)),
        *((ti.LevenbergMarquardt, "worth", value) for value in (-0.1, 1.1, np.nan)),
        *((ti.GaussNewtonCG, "damping", value) for value in (0.0, np.nan)),
        (ti.GaussNewtonCG, "inner", 0),
        (ti.CMA, "population", 3),
        *((ti.CMA, "width", value) for value in (0.0, np.nan, np.inf)),
    ],
)
def test_numbers_out_of_range_are_refused(solver, argument, value):
    with pytest.raises(ti.BadInput, match=re.escape(f"{argument}={value}")):
        solver(**{argument: value})


@each(name for name in SOLVERS if SOLVERS[name].needs_residuals)
def test_an_objective_without_residuals_is_refused(name):
    with pytest.raises(ti.BadInput, match="sum of squares"):
        minimise(SOLVERS[name], Objective(problems.rosenbrock), STARTS)
