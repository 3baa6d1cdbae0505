"""The geometry of paths: where they lead, and how long their points are."""

import itertools

import numpy as np
import pytest

from tfinvert import BadInput
from tfinvert.editing import paths

ENDS = np.random.default_rng(0).normal(size=(4, 40)).astype(np.float32)
LONG = ENDS * np.array([1, 3, 0.5, 2], np.float32)[:, None]  # of other norms


def norms(points, centre=0.0):
    return np.linalg.norm(points.reshape(len(points), -1) - centre, axis=1)


def angle(one, other):
    return np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1))


@pytest.mark.parametrize("way", [paths.linear, paths.spherical])
@pytest.mark.parametrize("points", [ENDS, LONG])
def test_a_path_leads_through_its_points(way, points):
    found = way(points, 5)
    assert found.shape == (16, 40)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[::5], points, atol=1e-5)
    closed = way(points, 5, closed=True)
    assert len(closed) == 20
    np.testing.assert_allclose(closed[:16], found, atol=1e-6)
    np.testing.assert_allclose(way(points[[3, 0]], 5)[:5], closed[15:], atol=1e-5)


def test_a_straight_path_has_equal_steps():
    steps = np.diff(paths.linear(ENDS[:2], 7), axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to((ENDS[1] - ENDS[0]) / 7, steps.shape), atol=1e-6)


@pytest.mark.parametrize("centre", [0.0, 0.5])
def test_norms_of_a_spherical_path_lie_between_those_of_its_ends(centre):
    for number in range(3):
        ends = LONG[number : number + 2]
        found = norms(paths.spherical(ends, 20, centre=centre), centre)
        assert found.min() >= norms(ends, centre).min() * (1 - 1e-5)
        assert found.max() <= norms(ends, centre).max() * (1 + 1e-5)
    assert norms(paths.linear(ENDS[:2], 20)).min() < 0.8 * norms(ENDS[:2]).min()  # which straight ones do not


def test_between_equal_norms_it_is_slerp():
    """Egan et al., section 5.2: sin((1 - t) a) / sin(a) one + sin(t a) / sin(a) other."""
    one, other = (each / np.linalg.norm(each) * 6 for each in ENDS[:2])
    between, share = angle(one, other), np.linspace(0, 1, 11)[:, None]
    known = (np.sin((1 - share) * between) * one + np.sin(share * between) * other) / np.sin(between)
    found = paths.spherical(np.stack([one, other]), 10)
    np.testing.assert_allclose(found, known, atol=1e-5)
    np.testing.assert_allclose(norms(found), 6, rtol=1e-6)


def test_directions_turn_evenly_whatever_the_norms():
    found = paths.spherical(LONG[:2], 9)
    turned = [angle(one, other) for one, other in itertools.pairwise(found)]
    np.testing.assert_allclose(turned, angle(*LONG[:2]) / 9, rtol=1e-3)


def test_opposite_ends_have_a_way_round():
    ends = np.stack([ENDS[0], -2 * ENDS[0]])
    found = paths.spherical(ends, 10)
    np.testing.assert_allclose(found[[0, -1]], ends, atol=1e-5)
    np.testing.assert_allclose(norms(found), norms(ENDS[:1]) * np.linspace(1, 2, 11), rtol=1e-5)
    np.testing.assert_array_equal(found, paths.spherical(ends, 10))
    nearly = paths.spherical(np.stack([ENDS[0], -ENDS[0] + 1e-9 * ENDS[1]]), 10)
    assert np.isfinite(nearly).all()


def test_equal_ends_and_the_centre():
    np.testing.assert_allclose(paths.spherical(ENDS[[0, 0]], 4), np.repeat(ENDS[:1], 5, axis=0), atol=1e-6)
    longer = paths.spherical(np.stack([ENDS[0], 3 * ENDS[0]]), 4)
    np.testing.assert_allclose(longer, np.multiply.outer(np.linspace(1, 3, 5), ENDS[0]), rtol=1e-4, atol=1e-5)
    zero = np.zeros(40)
    for ends in ([zero, ENDS[0]], [ENDS[0], zero]):
        np.testing.assert_allclose(paths.spherical(np.stack(ends), 4), paths.linear(np.stack(ends), 4), atol=1e-6)
    assert not paths.spherical(np.zeros((2, 40)), 4).any()


@pytest.mark.parametrize("points", [ENDS[:1], ENDS[:2] / np.linalg.norm(ENDS[:2], axis=1, keepdims=True)])
def test_the_great_circle_keeps_the_norm_and_comes_back(points):
    found = paths.circle(points, 24)
    np.testing.assert_allclose(norms(found), norms(points)[0], rtol=1e-5)
    np.testing.assert_allclose(found[0], points[0], atol=1e-6)
    np.testing.assert_allclose(found[12], -points[0], atol=1e-5)  # half way round
    np.testing.assert_allclose([angle(*found[[i, (i + 1) % 24]]) for i in range(24)], 2 * np.pi / 24, rtol=1e-2)
    assert np.linalg.matrix_rank(found, tol=1e-3) == 2


def test_the_great_circle_goes_through_the_second_point():
    found = paths.circle(LONG[:2], 2000)
    assert np.linalg.norm(found - LONG[1], axis=1).min() < 0.01 * norms(LONG[1:2])[0]
    assert norms(found).max() <= norms(LONG[:2]).max() * (1 + 1e-5)
    assert norms(found).min() >= norms(LONG[:2]).min() * (1 - 1e-5)
    near = paths.nearness(LONG[:2], 2000)
    assert near[0] == 0
    np.testing.assert_allclose(near.argmax() / 2000, angle(*LONG[:2]) / (2 * np.pi), atol=1e-3)
    short = np.stack([ENDS[0], ENDS[0]])
    np.testing.assert_allclose(norms(paths.circle(short, 10)), norms(ENDS[:1])[0], rtol=1e-6)
    np.testing.assert_allclose(norms(paths.circle(np.stack([ENDS[0], -ENDS[0]]), 10)), norms(ENDS[:1])[0], rtol=1e-6)


def test_codes_of_any_shape():
    points = ENDS[:2].reshape(2, 4, 5, 2)
    for found in (paths.linear(points, 3), paths.spherical(points, 3)):
        assert found.shape == (4, 4, 5, 2)
    assert paths.circle(points, 6).shape == (6, 4, 5, 2)


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: paths.linear(ENDS[:1], 3), "a path through 1 points"),
        (lambda: paths.spherical(ENDS[:2], 0), "a path of 0 steps"),
        (lambda: paths.circle(ENDS[:3], 9), "a circle through 3 points"),
        (lambda: paths.circle(ENDS[:1], 0), "a circle of 0 points"),
        (lambda: paths.circle(np.zeros((1, 3)), 5), "a circle from the centre"),
    ],
)
def test_what_is_no_path_is_told(call, why):
    with pytest.raises(BadInput, match=why):
        call()
