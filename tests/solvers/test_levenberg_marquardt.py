"""Levenberg-Marquardt on sums of squares with the answer known, what it costs, and what must not stop it."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.solvers import loop
from tfinvert.solvers.levenberg_marquardt import LevenbergMarquardt
from tfinvert.solvers.solver import Objective
from tfinvert.solvers.status import Status

STARTS = np.array([[-1.2, 1.0], [0.5, -0.3], [2.0, 2.0], [-3.0, -4.0]])


def squares(residuals):
    return Objective(lambda codes: tf.reduce_sum(residuals(codes) ** 2, axis=1), residuals)


ROSENBROCK = squares(lambda codes: tf.stack([1 - codes[:, 0], 10 * (codes[:, 1] - codes[:, 0] ** 2)], axis=1))


def minimise(solver, objective, start, tolerance=0.0, constrain=lambda codes, count: codes, compiled=True):
    stopping = loop.Stopping(tolerance)

    def whole(codes):
        progress = loop.start(solver, objective, codes, tf.zeros(tf.shape(codes)[:1], tf.int32))
        progress = loop.advance(solver, objective, constrain, stopping, progress, tf.constant(solver.steps))
        return loop.finish(objective, stopping, progress)

    codes = tf.constant(start)
    signature = [tf.TensorSpec([None, *codes.shape[1:]], codes.dtype)]
    return (tf.function(whole, signature, autograph=False) if compiled else whole)(codes)


def spied(objective):
    """The objective, and a list that takes down the rows of every block whose Jacobians are computed."""
    seen = []

    def part(rows):
        seen.append(sorted(set(rows.numpy().tolist())))
        return objective

    return Objective(objective.values, objective.residuals, part), seen


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
        found = minimise(LevenbergMarquardt(1, damping=damping), objective, start)
        normal = matrix.T @ matrix
        left = normal + damping * np.trace(normal) / 3 * np.eye(3)
        expected = start - np.linalg.solve(left, matrix.T @ (start @ matrix.T - target).T).T
        np.testing.assert_allclose(found.codes, expected, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "value"), [(np.float32, 1e-8), (np.float64, 1e-20)])
@pytest.mark.parametrize("worth", [0.0, 0.9])
def test_rosenbrock_is_solved_from_every_start(dtype, value, worth):
    found = minimise(LevenbergMarquardt(80, worth=worth), ROSENBROCK, STARTS.astype(dtype), value)
    assert set(found.status.numpy()) == {Status.CONVERGED}
    np.testing.assert_allclose(found.best_codes, np.ones_like(STARTS), atol=1e-3)


def test_values_never_go_up_and_are_those_of_the_codes_before_the_step():
    solver, codes = LevenbergMarquardt(), tf.constant(STARTS)
    memory, values = solver.init(codes, ROSENBROCK), []
    for count in range(20):
        with tf.GradientTape() as tape:
            tape.watch(codes)
            value = ROSENBROCK(codes)
        step = solver.step(ROSENBROCK, codes, memory, tf.constant(count), tf.fill([4], True))
        np.testing.assert_allclose(step.value, value, rtol=1e-9, atol=1e-25)
        if count == 0:  # later ones may come from a secant update
            np.testing.assert_allclose(step.gradient, tape.gradient(value, codes), rtol=1e-9)
        values.append(value)
        codes, memory = step.codes, step.memory
    assert (np.diff(values, axis=0) <= 0).all()
    assert (values[-1] < values[0]).numpy().all()


@pytest.mark.parametrize("worth", [0.0, 0.9])
def test_passes_are_one_for_a_trial_and_entries_and_one_for_a_jacobian(worth):
    objective, seen = spied(ROSENBROCK)
    solver, codes = LevenbergMarquardt(worth=worth), tf.constant(STARTS)
    memory, kinds = solver.init(codes, objective), set()
    for count in range(15):
        seen.clear()
        step = solver.step(objective, codes, memory, tf.constant(count), tf.fill([4], True))
        computed = {row for rows in seen for row in rows}
        kinds.add(len(computed))
        assert step.passes.dtype == tf.int32
        assert step.passes.numpy().tolist() == [1 + 3 * (row in computed) for row in range(4)]
        codes, memory = step.codes, step.memory
    assert len(kinds) > 1  # else rows would not have been told apart


def test_worth_0_computes_a_jacobian_after_every_accepted_step_and_no_other():
    objective, seen = spied(ROSENBROCK)
    solver, codes = LevenbergMarquardt(worth=0.0), tf.constant(STARTS[:1])
    memory, accepted = solver.init(codes, objective), []
    for count in range(25):
        seen.clear()
        step = solver.step(objective, codes, memory, tf.constant(count), tf.fill([1], True))
        assert bool(seen) == (count == 0 or accepted[-1])
        accepted.append(bool(np.any(step.codes != codes)))
        codes, memory = step.codes, step.memory
    assert {True, False} == set(accepted)


def test_secant_updates_save_passes_and_end_at_the_same_place():
    objective, answer = mild()
    start = answer + 0.5 * np.random.default_rng(5).normal(size=(3, 12))
    dear, cheap = (minimise(LevenbergMarquardt(100, worth=worth), objective, start, 1e-16) for worth in (0.0, 0.9))
    for found in (dear, cheap):
        assert set(found.status.numpy()) == {Status.CONVERGED}
        np.testing.assert_allclose(found.best_codes, [answer] * 3, atol=1e-6)
    assert (cheap.passes.numpy() < 0.6 * dear.passes.numpy()).all()


def test_the_normal_matrix_stays_that_of_the_updated_jacobian():
    objective, answer = mild()
    solver, codes = LevenbergMarquardt(), tf.constant(answer + 0.3 * np.ones((2, 12)))
    memory, updates = solver.init(codes, objective), 0
    for count in range(10):
        step = solver.step(objective, codes, memory, tf.constant(count), tf.fill([2], True))
        change = step.memory.residuals - (memory.residuals if count else objective.residuals(codes))
        moved = step.codes - codes
        codes, memory = step.codes, step.memory
        expected = tf.matmul(memory.jacobian, memory.jacobian, transpose_b=True)
        np.testing.assert_allclose(memory.normal, expected, rtol=1e-9, atol=1e-9)
        for row in np.flatnonzero(~memory.exact & ~memory.wanted):
            updates += 1  # the secant equation: the last step is mapped to what it changed
            np.testing.assert_allclose(moved.numpy()[row] @ memory.jacobian.numpy()[row], change[row], atol=1e-9)
    assert updates > 4


def test_regions_without_a_value_are_stepped_back_from():
    # The first step from 0.6 leads far over the edge at 3; the last row begins beyond it and must stay alone.
    def residuals(codes):
        x = codes[:, :1]
        nan = tf.cast(float("nan"), codes.dtype)
        return tf.where(x > 3, nan, tf.concat([tf.sin(x / 2) - np.sin(1.45), codes[:, 1:] * x], axis=1))

    start = np.array([[0.6, 1.0], [2.99, -2.0], [-0.5, 0.5], [4.0, 0.0]], np.float32)
    found = minimise(LevenbergMarquardt(60, damping=1e-6), squares(residuals), start)
    np.testing.assert_allclose(found.best_codes[:3], [[2.9, 0]] * 3, atol=1e-2)
    assert np.isfinite(found.codes).all()
    assert found.status[3] == Status.NOT_FINITE


def test_two_equal_columns_share_the_move():
    objective = squares(lambda codes: tf.stack([codes[:, 0] + codes[:, 1] - 4, 2 * codes[:, 2] - 2], axis=1))
    start = np.array([[0.0, 0.0, 0.0], [3.0, -1.0, 5.0]], np.float32)
    found = minimise(LevenbergMarquardt(60), objective, start, -1.0)
    np.testing.assert_allclose(found.best_codes, [[2, 2, 1], [4, 0, 1]], atol=1e-3)


def test_equal_columns_under_the_least_damping_are_no_error():
    # Every step goes well, so the damping falls as far as it may, and the equations are all but singular.
    slope = lambda codes: tf.exp(-0.01 * tf.reduce_sum(codes, axis=1, keepdims=True))
    found = minimise(LevenbergMarquardt(150), squares(slope), np.zeros((2, 20)), -1.0)
    assert (found.memory.damping.numpy() == 1e-14).all()
    assert np.isfinite(found.codes).all()
    assert (found.best_value.numpy() < 1e-30).all()


def test_a_jacobian_of_zeros_leaves_the_row_alone():
    def residuals(codes):
        x = codes[:, :1]
        return tf.concat([tf.where(x > 5, 2.0, x - 1), tf.where(x > 5, 1.0, codes[:, 1:])], axis=1)

    start = np.array([[6.0, 0.5], [3.0, 0.5]], np.float32)
    found = minimise(LevenbergMarquardt(), squares(residuals), start, 1e-8)
    assert found.status.numpy().tolist() == [Status.FLAT, Status.CONVERGED]
    np.testing.assert_array_equal(found.best_codes[0], start[0])
    np.testing.assert_allclose(found.best_codes[1], [1, 0], atol=1e-3)
    solver, codes = LevenbergMarquardt(), tf.constant(start)
    step = solver.step(
        squares(residuals), codes, solver.init(codes, squares(residuals)), tf.constant(0), tf.fill([2], True)
    )
    np.testing.assert_array_equal(step.codes[0], start[0])
    assert np.isfinite(step.memory.normal).all()


def test_an_infinite_jacobian_leaves_the_row_alone_and_harms_nobody():
    objective = squares(lambda codes: tf.sqrt(tf.abs(codes)) + 1)  # a value at 0, but no slope
    other = np.array([[0.0, 0.0], [0.7, 0.2]])
    found = minimise(LevenbergMarquardt(12), objective, other)
    alone = minimise(LevenbergMarquardt(12), objective, other[1:])
    assert np.isfinite(found.best_codes).all()
    np.testing.assert_array_equal(found.best_codes[0], [0, 0])
    np.testing.assert_allclose(found.best_codes[1], alone.best_codes[0], atol=1e-9)
    assert found.best_value[1] < objective(tf.constant(other))[1]


@pytest.mark.parametrize("worth", [0.0, 0.9])
def test_rows_are_independent(worth):
    solver = LevenbergMarquardt(12, worth=worth)
    together = minimise(solver, ROSENBROCK, STARTS)
    for row in range(len(STARTS)):
        alone = minimise(solver, ROSENBROCK, STARTS[row : row + 1])
        np.testing.assert_allclose(together.codes[row], alone.codes[0], atol=1e-9)
        assert together.passes[row] == alone.passes[0]
    assert len({tuple(code) for code in together.codes.numpy().round(6)}) > 1  # not yet at the end, where all are one


def test_more_rows_than_are_computed_at_once():
    # Codes of 512 entries go two rows at a time, and five rows do not fill the last block.
    matrix = np.linalg.qr(np.random.default_rng(6).normal(size=(512, 512)))[0]
    targets = np.random.default_rng(7).normal(size=(5, 512))

    def residuals(numbers):
        return lambda codes: codes @ matrix - tf.gather(targets, numbers)

    objective = Objective(squares(residuals(range(5))).values, residuals(range(5)), lambda n: squares(residuals(n)))
    found = minimise(LevenbergMarquardt(12), objective, np.zeros((5, 512)), 1e-12)
    np.testing.assert_allclose(found.best_codes, targets @ matrix.T, atol=1e-5)


def test_the_same_with_and_without_a_graph():
    solver = LevenbergMarquardt(12)
    for a, b in zip(
        minimise(solver, ROSENBROCK, STARTS)[1:4:2], minimise(solver, ROSENBROCK, STARTS, compiled=False)[1:4:2],
        strict=True,
    ):  # fmt: skip
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_codes_moved_by_a_constraint_are_noticed():
    objective = squares(lambda codes: (codes - [3.0, 0.5]) * [1.0, 2.0])
    clip = lambda codes, count: tf.clip_by_value(codes, -1, 1)
    found = minimise(LevenbergMarquardt(20), objective, np.zeros((2, 2)), constrain=clip)
    np.testing.assert_allclose(found.best_codes, [[1, 0.5]] * 2, atol=1e-6)
    np.testing.assert_allclose(found.best_value, objective(found.best_codes), rtol=1e-9)


def test_a_row_thrown_elsewhere_goes_on_from_there():
    thrown = tf.constant([[-3.0, 4.0], [0.0, 0.0]], tf.float64)

    def constrain(codes, count):
        return tf.where((count == 3) & (thrown != 0), thrown, codes)

    objective, seen = spied(ROSENBROCK)
    solver, codes = LevenbergMarquardt(worth=1.0), tf.constant(STARTS[:2])
    memory = solver.init(codes, objective)
    for count in range(5):
        seen.clear()
        step = solver.step(objective, codes, memory, tf.constant(count), tf.fill([2], True))
        np.testing.assert_allclose(step.value, objective(codes), rtol=1e-9)
        if count == 4:
            assert 0 in seen[0]
            with tf.GradientTape() as tape:
                tape.watch(codes)
                value = objective(codes)
            np.testing.assert_allclose(step.gradient[0], tape.gradient(value, codes)[0], rtol=1e-9)
        codes, memory = constrain(step.codes, tf.constant(count)), step.memory
    found = minimise(LevenbergMarquardt(80), ROSENBROCK, STARTS[:2], 1e-20, constrain)
    np.testing.assert_allclose(found.best_codes, np.ones([2, 2]), atol=1e-6)


def test_rows_that_have_ended_cost_nothing():
    objective, seen = spied(ROSENBROCK)
    solver, codes = LevenbergMarquardt(worth=0.0), tf.constant(STARTS)
    memory = solver.init(codes, objective)
    solver.step(objective, codes + 1, memory, tf.constant(0), tf.constant([False, True, False, True]))
    assert seen == [[1, 3]]
    seen.clear()
    solver.step(objective, codes, memory, tf.constant(0), tf.fill([4], False))
    assert seen == []


def test_what_cannot_be_used_is_refused():
    for numbers in (
        {"steps": 0}, {"damping": 0.0}, {"damping": -1.0}, {"damping": float("nan")}, {"damping": float("inf")},
        {"worth": -0.1}, {"worth": 1.1}, {"worth": float("nan")},
    ):  # fmt: skip
        with pytest.raises(ti.BadInput, match=next(iter(numbers))):
            LevenbergMarquardt(**numbers)
    with pytest.raises(ti.BadInput, match="sum of squares"):
        minimise(LevenbergMarquardt(), Objective(ROSENBROCK.values), STARTS)
    assert LevenbergMarquardt.needs_residuals
