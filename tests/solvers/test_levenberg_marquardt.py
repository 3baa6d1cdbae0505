"""Levenberg-Marquardt on sums of squares with the answer known, what it costs, and what must not stop it."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from problems import ROSENBROCK, STARTS, squares
from solver_runs import minimise, minimiser, seeds_of, walk

from tfinvert.objective import Objective
from tfinvert.solvers.levenberg_marquardt import LevenbergMarquardt
from tfinvert.solvers.solver import Turn
from tfinvert.solvers.status import Status


def spied(objective):
    """The objective, and a list that takes down the rows of every block whose Jacobians are computed."""
    seen = []

    def part(rows):
        tf.py_function(lambda rows: seen.append(sorted(set(rows.numpy().tolist()))), [rows], [])
        return objective

    return Objective(objective.values, objective.residuals, part=part), seen


def mild(entries=12, seed=0):
    """Bent so little that one Jacobian serves several steps; zero at the code that comes with it."""
    random = np.random.default_rng(seed)
    matrix, answer = random.normal(size=(entries, 3 * entries)), random.normal(size=entries)
    image = lambda codes: tf.tanh(0.1 * (codes @ matrix)) * 10
    return squares(lambda codes: image(codes) - image(answer[np.newaxis])), answer


@pytest.mark.parametrize(("dtype", "distance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_linear_residuals_end_at_least_squares(dtype, distance):
    random = np.random.default_rng(3)
    matrix, target = random.normal(size=(30, 6)).astype(dtype), random.normal(size=30).astype(dtype)
    objective = squares(lambda codes: tf.reshape(codes, [-1, 6]) @ matrix.T - target)
    found = minimise(LevenbergMarquardt(40), objective, random.normal(size=(3, 2, 3)).astype(dtype))
    expected, left = np.linalg.lstsq(matrix.astype(float), target.astype(float))[:2]
    np.testing.assert_allclose(found.best_codes, [expected.reshape(2, 3)] * 3, atol=distance)
    np.testing.assert_allclose(found.best_value, [left[0]] * 3, rtol=1e-5)
    assert found.best_codes.dtype == dtype


def test_the_first_step_is_the_damped_equations():
    random = np.random.default_rng(4)
    matrix, target, start = random.normal(size=(7, 3)), random.normal(size=7), random.normal(size=(2, 3))
    objective = squares(lambda codes: codes @ matrix.T - target)
    for damping in (0.01, 2.0):
        _, step = next(walk(LevenbergMarquardt(damping=damping), objective, start, 1))
        normal = matrix.T @ matrix
        left = normal + damping * np.trace(normal) / 3 * np.eye(3)
        expected = start - np.linalg.solve(left, matrix.T @ (start @ matrix.T - target).T).T
        np.testing.assert_allclose(step.codes, expected, rtol=1e-10)


@pytest.mark.parametrize("worth", [0.0, 0.9])
def test_passes_are_one_for_a_trial_and_entries_and_one_for_a_jacobian(worth):
    (objective, seen), kinds = spied(ROSENBROCK), set()
    for number, (_, step) in enumerate(walk(LevenbergMarquardt(worth=worth), objective, STARTS, 15, compiled=True)):
        first = number == 0  # the starts themselves are looked at too
        computed = {row for rows in seen for row in rows}
        seen.clear()
        kinds.add(len(computed))
        assert step.passes.numpy().tolist() == [1 + first + 3 * (row in computed) for row in range(4)]
    assert len(kinds) > 1  # else rows would not have been told apart


def test_worth_0_computes_a_jacobian_after_every_accepted_step_and_no_other():
    (objective, seen), accepted = spied(ROSENBROCK), [True]
    for codes, step in walk(LevenbergMarquardt(worth=0.0), objective, STARTS[:1], 25, compiled=True):
        assert bool(seen) == accepted[-1]
        seen.clear()
        accepted.append(bool(np.any(step.codes != codes)))
    assert {True, False} == set(accepted)


def test_secant_updates_save_passes_and_end_at_the_same_place():
    objective, answer = mild()
    start = answer + 0.5 * np.random.default_rng(5).normal(size=(3, 12))
    dear, cheap = (
        minimise(LevenbergMarquardt(100, worth=worth), objective, start, tolerance=1e-16) for worth in (0.0, 0.9)
    )
    for found in (dear, cheap):
        assert set(found.status.numpy()) == {Status.CONVERGED}
        np.testing.assert_allclose(found.best_codes, [answer] * 3, atol=1e-6)
    assert (cheap.passes.numpy() < 0.6 * dear.passes.numpy()).all()


def test_the_normal_matrix_stays_that_of_the_updated_jacobian():
    objective, answer = mild()
    start, updates = answer + 0.3 * np.ones((2, 12)), 0
    for codes, step in walk(LevenbergMarquardt(), objective, start, 10):
        memory, moved = step.memory, step.codes - codes
        change = memory.residuals - objective.residuals(codes)
        expected = tf.matmul(memory.jacobian, memory.jacobian, transpose_b=True)
        np.testing.assert_allclose(memory.normal, expected, rtol=1e-9, atol=1e-9)
        for row in np.flatnonzero(tf.reduce_any(moved != 0, axis=1) & ~memory.wanted):
            updates += 1  # the secant equation: the last step is mapped to what it changed
            np.testing.assert_allclose(moved.numpy()[row] @ memory.jacobian.numpy()[row], change[row], atol=1e-9)
    assert updates > 4


def test_two_equal_columns_share_the_move():
    objective = squares(lambda codes: tf.stack([codes[:, 0] + codes[:, 1] - 4, 2 * codes[:, 2] - 2], axis=1))
    start = np.array([[0.0, 0.0, 0.0], [3.0, -1.0, 5.0]], np.float32)
    found = minimise(LevenbergMarquardt(60), objective, start, tolerance=-1.0)
    np.testing.assert_allclose(found.best_codes, [[2, 2, 1], [4, 0, 1]], atol=1e-3)


def test_equal_columns_under_the_least_damping_are_no_error():
    # Every step goes well, so the damping falls as far as it may, and the equations are all but singular.
    slope = lambda codes: tf.exp(-0.01 * tf.reduce_sum(codes, axis=1, keepdims=True))
    found = minimise(LevenbergMarquardt(150), squares(slope), np.zeros((2, 20)), tolerance=-1.0)
    assert (found.memory.damping.numpy() == 1e-14).all()
    assert np.isfinite(found.codes).all()
    assert (found.best_value.numpy() < 1e-30).all()


def test_a_jacobian_of_zeros_leaves_the_row_alone():
    def residuals(codes):
        x = codes[:, :1]
        return tf.concat([tf.where(x > 5, 2.0, x - 1), tf.where(x > 5, 1.0, codes[:, 1:])], axis=1)

    start = np.array([[6.0, 0.5], [3.0, 0.5]], np.float32)
    found = minimise(LevenbergMarquardt(), squares(residuals), start, tolerance=1e-8)
    assert found.status.numpy().tolist() == [Status.FLAT, Status.CONVERGED]
    np.testing.assert_array_equal(found.best_codes[0], start[0])
    np.testing.assert_allclose(found.best_codes[1], [1, 0], atol=1e-3)
    _, step = next(walk(LevenbergMarquardt(), squares(residuals), start, 1))
    np.testing.assert_array_equal(step.codes[0], start[0])
    assert np.isfinite(step.memory.normal).all()


def test_an_infinite_jacobian_leaves_the_row_alone_and_harms_nobody():
    objective = squares(lambda codes: tf.sqrt(tf.abs(codes)) + 1)  # a value at 0, but no slope
    other = np.array([[0.0, 0.0], [0.7, 0.2]])
    run = minimiser(LevenbergMarquardt(12), objective)
    found, alone = run(other), run(other[1:])
    assert np.isfinite(found.best_codes).all()
    np.testing.assert_array_equal(found.best_codes[0], [0, 0])
    np.testing.assert_allclose(found.best_codes[1], alone.best_codes[0], atol=1e-9)
    assert found.best_value[1] < objective(tf.constant(other))[1]


def test_more_rows_than_are_computed_at_once():
    # Codes of 256 entries go four rows at a time, and five rows do not fill the last block.
    matrix = np.linalg.qr(np.random.default_rng(6).normal(size=(256, 256)))[0]
    targets = np.random.default_rng(7).normal(size=(5, 256))

    def residuals(numbers):
        return lambda codes: codes @ matrix - tf.gather(targets, numbers)

    objective = Objective(
        squares(residuals(range(5))).values, residuals(range(5)), part=lambda n: squares(residuals(n))
    )
    found = minimise(LevenbergMarquardt(12), objective, np.zeros((5, 256)), tolerance=1e-12)
    np.testing.assert_allclose(found.best_codes, targets @ matrix.T, atol=1e-5)


def test_no_jacobians_are_computed_where_nothing_is_left_to_gain():
    # The least value is not zero. At the bottom one more Jacobian makes sure of it, without the secant updates' errors.
    matrix = np.random.default_rng(8).normal(size=(5, 9))
    objective = squares(lambda codes: codes @ matrix - 1)
    found = minimise(LevenbergMarquardt(40), objective, np.zeros((3, 5)))
    best = np.linalg.lstsq(matrix.T, np.ones(9), rcond=None)[0]
    np.testing.assert_allclose(found.best_codes, np.tile(best, [3, 1]), atol=1e-8)
    assert found.passes.numpy().max() <= 1 + 40 + 2 * 6 + 1  # the steps, two Jacobians, and the looks before and after


def test_jacobians_of_a_rough_form_serve_exact_residuals():
    # The rough form's Jacobian is 1% off; every step then leaves about 1% of the error, down to float64's own rounding.
    matrix = np.random.default_rng(6).normal(size=(5, 9))
    target, looked = np.random.default_rng(7).normal(size=5), []

    def rough(codes):
        looked.append(codes.dtype)
        return codes @ tf.constant(1.01 * matrix, tf.float32)

    objective = dataclasses.replace(squares(lambda codes: (codes - target) @ matrix), rough=rough)
    found = minimise(LevenbergMarquardt(12, 1e-6, 0), objective, np.zeros((3, 5)), tolerance=1e-30)
    assert set(looked) == {tf.float32}
    assert found.best_codes.dtype == tf.float64
    np.testing.assert_allclose(found.best_codes, np.tile(target, [3, 1]), atol=1e-14)


def test_a_row_thrown_elsewhere_gets_a_new_jacobian():
    # With worth=1 every step that gains is followed by a secant update, if the row is left where it is.
    (objective, seen), computed = spied(ROSENBROCK), []
    throw = lambda codes, count: codes + np.array([[0.3, -0.1], [0.0, 0.0]])
    for codes, step in walk(LevenbergMarquardt(worth=1.0), objective, STARTS[:2], 6, constrain=throw, compiled=True):
        computed.append({row for rows in seen for row in rows})
        seen.clear()
        np.testing.assert_allclose(step.value, ROSENBROCK(codes), rtol=1e-9)
    assert [0 in rows for rows in computed] == [True] * 6
    assert [1 in rows for rows in computed] != [True] * 6


def test_a_row_thrown_elsewhere_ends_where_all_do():
    def constrain(codes, count):
        return tf.where((count == 3) & [[True], [False]], tf.constant([[-3.0, 4.0]], codes.dtype), codes)

    found = minimise(LevenbergMarquardt(80), ROSENBROCK, STARTS[:2], tolerance=1e-20, constrain=constrain)
    np.testing.assert_allclose(found.best_codes, np.ones([2, 2]), atol=1e-6)


def test_rows_that_have_ended_cost_nothing():
    objective, seen = spied(ROSENBROCK)
    solver, codes = LevenbergMarquardt(worth=0.0), tf.constant(STARTS)
    memory = solver.init(codes, objective, seeds_of(codes))
    solver.step(
        objective,
        codes + 1,
        memory,
        Turn(tf.constant(0), tf.constant([False, True, False, True]), tf.identity, tf.constant(0)),
    )
    assert seen == [[1, 3]]
    seen.clear()
    solver.step(objective, codes, memory, Turn(tf.constant(0), tf.fill([4], False), tf.identity, tf.constant(0)))
    assert seen == []
