"""Unit directions and principal directions."""

import numpy as np
import pytest

import tfinvert as ti
from tfinvert.editing import principal, sums, units


def test_unit_directions_and_their_sums():
    codes = units(ti.normal(5), [0, 3], 2.0)
    np.testing.assert_array_equal(codes, [[2, 0, 0, 0, 0], [0, 0, 0, 2, 0]])
    both = sums(ti.normal(5), codes)
    np.testing.assert_array_equal(both[0, 1], [2, 0, 0, 2, 0])
    np.testing.assert_array_equal(both[1, 1], [0, 0, 0, 4, 0])


def test_they_are_about_the_priors_centre():
    space = ti.uniform(2, 2, low=0, high=1)
    codes = units(space, [1], 0.25)
    np.testing.assert_array_equal(codes, [[[0.5, 0.75], [0.5, 0.5]]])
    np.testing.assert_array_equal(sums(space, codes), [[[[0.5, 1.0], [0.5, 0.5]]]])


def test_principal_directions_of_codes_that_are_known():
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    spreads = np.array([5, 2, 0.5])
    codes = rng.normal(size=(20000, 3)) * spreads @ axes[:, :3].T + 7
    found = principal(codes.reshape(-1, 2, 3), 5)
    assert found.directions.shape == (3, 2, 3)  # no more than they differ in
    flat = found.directions.reshape(3, 6)
    np.testing.assert_allclose(np.abs(np.sum(flat * axes[:, :3].T, axis=1)), 1, atol=1e-3)
    np.testing.assert_allclose(flat @ flat.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(found.spreads, spreads, rtol=0.03)
    np.testing.assert_allclose(found.shares, spreads**2 / np.sum(spreads**2), atol=0.01)
    assert (np.take_along_axis(flat, np.abs(flat).argmax(axis=1)[:, None], axis=1) > 0).all()


def test_two_codes_have_one_direction():
    found = principal(np.array([[1.0, 2, 3], [1, 4, 3]]), 3)
    np.testing.assert_allclose(found.directions, [[0, 1, 0]], atol=1e-7)
    np.testing.assert_allclose(found.spreads, [np.sqrt(2)])


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: units(ti.normal(5), [5]), r"entries \[5\].*0 to 4"),
        (lambda: units(ti.normal(5), []), "entries"),
        (lambda: principal(np.ones((3, 4)), 2), "3 codes.*at least two that differ"),
        (lambda: principal(np.ones((1, 4)), 2), "1 codes.*at least two"),
        (lambda: principal(np.eye(4), 0), "0 principal directions"),
    ],
)
def test_what_has_no_directions_is_told(call, why):
    with pytest.raises(ti.BadInput, match=why):
        call()
