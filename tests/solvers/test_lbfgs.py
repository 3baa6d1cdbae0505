"""L-BFGS on problems with the answer known, and against SciPy's."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from problems import ROSENBROCK, STARTS
from solver_runs import minimise

from tfinvert.errors import BadInput
from tfinvert.objective import Objective
from tfinvert.solvers import lbfgs
from tfinvert.solvers.lbfgs import LBFGS
from tfinvert.solvers.status import Status


def test_rosenbrock_is_solved_in_about_as_many_evaluations_as_scipy_takes():
    found = minimise(LBFGS(100), Objective(ROSENBROCK.values), STARTS, tolerance=1e-8)
    assert set(found.status.numpy()) == {Status.CONVERGED}
    np.testing.assert_allclose(found.best_codes, np.ones_like(STARTS), atol=1e-3)
    for start, steps in zip(STARTS, found.steps.numpy(), strict=True):
        seen: list[float] = []

        def valued(code, seen=seen):
            seen.append(scipy.optimize.rosen(code))
            return seen[-1], scipy.optimize.rosen_der(code)

        options = {"maxcor": 20, "ftol": 0, "gtol": 0}
        scipy.optimize.minimize(valued, start, jac=True, method="L-BFGS-B", options=options)
        theirs = int(np.argmax(np.array(seen) < 1e-8))
        assert steps <= 3 * theirs


def test_an_ill_conditioned_quadratic_in_codes_of_any_shape():
    curvature = np.logspace(0, 4, 24).reshape(2, 3, 4)
    objective = Objective(lambda codes: 0.5 * tf.reduce_sum(curvature * codes**2, axis=[1, 2, 3]))
    start = np.random.default_rng(0).normal(size=(3, 2, 3, 4))
    found = minimise(LBFGS(250), objective, start, tolerance=1e-5)
    assert set(found.status.numpy()) == {Status.CONVERGED}
    # The steps, the first of which is a look at the start, and the trial beyond the code that is good enough.
    assert found.passes.numpy().tolist() == [2 * (steps + 1) for steps in found.steps.numpy()]


def test_a_guess_of_the_inverse_hessian_undoes_ill_conditioning():
    random = np.random.default_rng(1)
    turn = np.linalg.qr(random.normal(size=(24, 24)))[0]
    hessian = turn * np.logspace(0, 5, 24) @ turn.T
    objective = Objective(lambda codes: 0.5 * tf.einsum("nd,de,ne->n", codes, hessian, codes))
    start = random.normal(size=(3, 24))
    good = minimise(LBFGS(60, inverse=np.linalg.inv(hessian)[None]), objective, start, tolerance=1e-8)
    assert set(good.status.numpy()) == {Status.CONVERGED}
    # The same search as in the coordinates in which the guess is the identity.
    change = turn * np.logspace(0, 5, 24) ** -0.5 @ turn.T
    other = Objective(lambda codes: objective(codes @ change))
    same = minimise(LBFGS(60), other, start @ np.linalg.inv(change), tolerance=1e-8)
    np.testing.assert_array_equal(good.steps, same.steps)
    np.testing.assert_allclose(good.best_codes, same.best_codes @ change, atol=1e-6)
    plain = minimise(LBFGS(60), objective, start, tolerance=1e-8)
    assert (plain.best_value.numpy() > 1e-3).all()


@pytest.mark.parametrize("shape", [(3, 4), (3, 3), (2, 3, 4)])
def test_a_guess_that_is_no_stack_of_square_matrices_is_refused(shape):
    with pytest.raises(BadInput, match="inverse"):
        LBFGS(inverse=np.ones(shape))


def test_regions_without_a_value_are_stepped_back_from():
    # The slope at 2.9 leads over the edge at 3; the last row begins beyond it and must stay alone with that.
    def values(codes):
        x = codes[:, 0]
        return tf.where(x > 3, tf.cast(float("nan"), codes.dtype), (x - 2.95) ** 4 * 1e4 + codes[:, 1] ** 2 - x)

    start = np.array([[2.9, 5.0], [-4.0, 1.0], [0.0, 0.0], [4.0, 0.0]], np.float32)
    found = minimise(LBFGS(100), Objective(values), start, tolerance=-1e30)
    best = 2.95 + (1 / 4e4) ** (1 / 3)
    np.testing.assert_allclose(found.best_codes[:3], [[best, 0]] * 3, atol=2e-3)
    assert np.isfinite(found.codes).all()
    assert [Status(int(status)) for status in found.status][3] == Status.NOT_FINITE


@pytest.mark.parametrize("size", [1, 3])
def test_blocks_of_a_guess_are_that_guess(size):
    random = np.random.default_rng(2)
    blocks = [factor @ factor.T for factor in random.normal(size=(12 // size, size, size)) + 3 * np.eye(size)]
    hessian = np.kron(np.eye(12 // size), np.ones((size, size)))
    hessian[hessian == 1] = np.concatenate([np.ravel(block) for block in blocks])
    objective = Objective(lambda codes: 0.5 * tf.einsum("nd,de,ne->n", codes, hessian, codes))
    start = random.normal(size=(3, 12))
    short = minimise(LBFGS(40, inverse=np.linalg.inv(blocks)), objective, start, tolerance=1e-8)
    whole = minimise(LBFGS(40, inverse=np.linalg.inv(hessian)[None]), objective, start, tolerance=1e-8)
    assert set(short.status.numpy()) == {Status.CONVERGED}
    np.testing.assert_array_equal(short.steps, whole.steps)
    np.testing.assert_allclose(short.best_codes, whole.best_codes, atol=1e-12)


@pytest.mark.parametrize("forgotten", [(), (1, 3), (0,), (3, 4)])
def test_the_direction_is_that_of_two_loops(forgotten):
    """Algorithm 7.4 of Nocedal & Wright, without the pairs that a row has forgotten."""
    random = np.random.default_rng(4)
    factor = random.normal(size=(9, 9))
    hessian, guess = factor @ factor.T + np.eye(9), np.diag(random.uniform(0.5, 2, 9))
    moves, slopes = random.normal(size=(1, 7, 9)), random.normal(size=(1, 9))
    changes = moves @ hessian
    memory = LBFGS(memory=5).init(tf.zeros([1, 9], tf.float64), Objective(lambda codes: codes[:, 0]), seeds=None)
    for number in reversed(range(7)):  # the first two are pushed out
        pair = tf.constant(moves[:, number]), tf.constant(changes[:, number])
        memory = lbfgs._remember(memory, *pair, tf.constant([True]), lambda vectors: vectors @ guess)
        memory = lbfgs._remember(memory, *pair, tf.constant([False]), lambda vectors: vectors @ guess)
    weights = memory.weights.numpy()
    np.testing.assert_allclose(weights, 1 / np.sum(moves * changes, axis=2)[:, :5])
    weights[:, list(forgotten)] = 0
    found = lbfgs._direction(memory._replace(weights=weights), tf.constant(slopes), lambda vectors: vectors @ guess)

    kept = [number for number in range(5) if weights[0, number]]
    rest, shares = slopes[0].copy(), {}
    for number in kept:
        shares[number] = weights[0, number] * moves[0, number] @ rest
        rest -= shares[number] * changes[0, number]
    if 0 not in forgotten:
        rest = guess @ rest / (weights[0, 0] * changes[0, 0] @ guess @ changes[0, 0])
        for number in reversed(kept):
            rest += (shares[number] - weights[0, number] * changes[0, number] @ rest) * moves[0, number]
    else:  # without the newest pair it is steepest descent
        rest = guess @ slopes[0]
        rest *= min((slopes[0] @ rest) ** -0.5, 1.0)
    np.testing.assert_allclose(found[0], -rest, rtol=1e-9)


def test_beside_an_l1_term_it_ends_where_coordinate_descent_does_with_exact_zeros():
    random = np.random.default_rng(3)
    matrix, weight = random.normal(size=(30, 20)) / 5, 0.7
    targets = random.normal(size=(4, 30))
    wanted = np.zeros((4, 20))
    for _ in range(3000):  # exact in each entry, in turn
        for entry in range(20):
            rest = targets - wanted @ matrix.T + np.outer(wanted[:, entry], matrix[:, entry])
            slope, curved = rest @ matrix[:, entry], matrix[:, entry] @ matrix[:, entry]
            wanted[:, entry] = np.sign(slope) * np.maximum(np.abs(slope) - weight / 2, 0) / curved
    assert 0.2 < np.mean(wanted == 0) < 0.8
    squares = lambda codes: tf.reduce_sum((targets - codes @ matrix.T) ** 2, axis=1)
    start = random.normal(size=(4, 20))
    found = minimise(LBFGS(150), Objective(squares, sparsity=weight), start)
    np.testing.assert_allclose(found.best_codes, wanted, atol=1e-5)
    np.testing.assert_array_equal(found.best_codes == 0, wanted == 0)
    from_zero = minimise(LBFGS(150), Objective(squares, sparsity=weight), np.zeros((4, 20)))
    np.testing.assert_array_equal(from_zero.best_codes == 0, wanted == 0)


def test_a_charge_that_no_slope_outweighs_leaves_zero_at_once():
    objective = Objective(lambda codes: tf.reduce_sum((codes - 1) ** 2, axis=1), sparsity=3.0)
    found = minimise(LBFGS(50), objective, np.zeros((2, 5)))
    assert set(found.status.numpy()) == {Status.FLAT}
    np.testing.assert_array_equal(found.best_codes, 0)
