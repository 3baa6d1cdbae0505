"""Clusters of the places of a map."""

import numpy as np
import pytest
from planted import regions

from tfinvert.errors import BadInput
from tfinvert.segmentation import segment
from tfinvert.segmentation.clusters import dissimilarity, pooled, profiles, squared


def softmax(logits):
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return (weights / weights.sum(axis=-1, keepdims=True)).astype(np.float32)


def drawn(grid, keys, seed=0):
    """A map [h, w, h', w'] with weights of all sizes."""
    places, seen = np.prod(grid), np.prod(keys)
    return softmax(3 * np.random.default_rng(seed).normal(size=(places, seen))).reshape(*grid, *keys)


def within(labels, keys=1, seed=0):
    """A map that stays within the regions of labels [h, w], whose keys are pooled to every so many-th."""
    seen = labels[::keys, ::keys]
    logits = np.random.default_rng(seed).normal(size=(labels.size, seen.size))
    away = labels.ravel()[:, None] != seen.ravel()
    return softmax(np.where(away, -np.inf, logits)).reshape(*labels.shape, *seen.shape)


def average_linkage(distances, count):
    """By the definition: the two clusters of the least mean distance are joined until so many are left."""
    clusters = [[i] for i in range(len(distances))]
    while len(clusters) > count:
        pairs = [(i, j) for i in range(len(clusters)) for j in range(i)]
        i, j = min(pairs, key=lambda pair: distances[np.ix_(clusters[pair[0]], clusters[pair[1]])].mean())
        clusters[j] += clusters.pop(i)
    return {frozenset(cluster) for cluster in clusters}


def groups(labels):
    return {frozenset(np.flatnonzero(labels.ravel() == label)) for label in range(labels.max() + 1)}


def test_the_dissimilarity_is_the_papers():
    square = drawn((2, 3), (2, 3)).reshape(6, 6)
    found = dissimilarity(square)
    for i in range(6):
        for j in range(6):
            expected = 0 if i == j else 1 - (float(square[i, j]) + float(square[j, i])) / 2
            assert found[i, j] == pytest.approx(expected, abs=1e-7)
    assert found.dtype == np.float64
    assert dissimilarity(1e-7 * square)[0, 1] < 1  # weights that float32 would lose beside 1


@pytest.mark.parametrize(("grid", "keys"), [((4, 5), (4, 5)), ((4, 6), (2, 3))])
def test_clusters_are_those_of_average_linkage(grid, keys):
    weights = drawn(grid, keys)
    distances = dissimilarity(squared(weights, grid))
    for count, labels in segment(weights, range(1, 21), grouping="mutual").items():
        assert labels.shape == grid
        assert groups(labels) == average_linkage(distances, count)


@pytest.mark.parametrize("keys", [1, 2])
def test_regions_that_keep_to_themselves_are_found(keys):
    labels = regions((12, 16))
    found = segment(within(labels, keys), (4,), grouping="mutual")[4]
    np.testing.assert_array_equal(found, labels)


def test_as_many_clusters_as_asked_for_where_all_are_equally_far():
    weights = np.full((4, 4, 4, 4), 1 / 16, np.float32)
    found = segment(weights, (1, 3, 7, 16), grouping="mutual")
    assert {count: labels.max() + 1 for count, labels in found.items()} == {1: 1, 3: 3, 7: 7, 16: 16}
    np.testing.assert_array_equal(found[16].ravel(), np.arange(16))


def test_fewer_clusters_are_unions_and_the_first_is_the_largest():
    found = segment(drawn((8, 8), (4, 4)), (3, 8, 20), grouping="mutual")
    for fewer, more in ((3, 8), (8, 20)):
        assert len(set(zip(found[fewer].ravel(), found[more].ravel(), strict=True))) == more
    for labels in found.values():
        sizes = np.bincount(labels.ravel())
        assert (np.diff(sizes) <= 0).all()


def test_keys_that_were_pooled_are_repeated():
    weights = drawn((4, 6), (2, 3))
    expected = weights.reshape(24, 2, 3).repeat(2, axis=1).repeat(2, axis=2).reshape(24, 24)
    np.testing.assert_array_equal(squared(weights, (4, 6)), expected)
    # Of seven places in pairs, what is left over is the last's, or has a pair of its own.
    odd = squared(drawn((7, 7), (3, 3)), (7, 7)).reshape(7, 7, 7, 7)
    np.testing.assert_array_equal(odd[..., 0, 6], odd[..., 1, 4])
    even = squared(drawn((7, 7), (4, 4)), (7, 7)).reshape(7, 7, 7, 7)
    assert not np.array_equal(even[..., 0, 6], even[..., 1, 4])


@pytest.mark.parametrize(("grid", "keys"), [((8, 8), (8, 8)), ((8, 8), (4, 4)), ((6, 10), (3, 5)), ((7, 9), (7, 9))])
def test_a_pooled_map_holds_means(grid, keys):
    weights = drawn(grid, keys)
    small = pooled(grid, most=20)
    factor = -(-grid[0] // small[0])
    whole = squared(weights, grid).reshape(*grid, *grid)
    found = squared(weights, small).reshape(*small, *small)
    for i, j, k, m in np.ndindex(*small, *small):
        block = whole[tuple(slice(factor * n, factor * (n + 1)) for n in (i, j, k, m))]
        assert found[i, j, k, m] == pytest.approx(block.mean(), rel=1e-5)


@pytest.mark.parametrize("keys", [1, 2])
def test_a_pooled_map_has_the_same_regions(keys):
    labels = regions((16, 24), block=4)
    weights = within(labels, keys)
    for most in (384, 96, 24):
        found = segment(weights, (4,), most, grouping="mutual")[4]
        np.testing.assert_array_equal(found, labels)


def test_how_far_maps_are_pooled():
    assert pooled((64, 64)) == (64, 64)
    assert pooled((128, 128)) == (64, 64)
    assert pooled((64, 128)) == (32, 64)
    assert pooled((75, 75)) == (38, 38)


@pytest.mark.parametrize(
    ("clusters", "why"), [((2, 17), "17 clusters"), ((0,), "0 clusters"), ((-3,), "1 to 16"), ((), "no numbers")]
)
def test_numbers_of_clusters_that_cannot_be(clusters, why):
    with pytest.raises(BadInput, match=why):
        segment(drawn((4, 4), (4, 4)), clusters, grouping="mutual")
    with pytest.raises(BadInput, match="5 clusters: expected 1 to 4, for the map has 2x2 places"):
        segment(drawn((4, 4), (4, 4)), (5,), most=4, grouping="mutual")


@pytest.mark.slow
def test_the_map_of_a_real_biggan():
    labels = regions((64, 64), block=8)
    np.testing.assert_array_equal(segment(within(labels, keys=2), (4,), grouping="mutual")[4], labels)


@pytest.mark.parametrize("grid", [(12, 16), (6, 8)])
def test_places_that_attend_to_the_same_are_joined(grid):
    labels, random = regions((12, 16)), np.random.default_rng(0)
    looks = random.normal(size=(4, 48))[labels] + 0.1 * random.normal(size=(12, 16, 48))
    weights = softmax(looks).reshape(12, 16, 6, 8)
    found = segment(weights, (1, 4, 20), most=grid[0] * grid[1])
    np.testing.assert_array_equal(found[4], labels)
    assert found[1].max() == 0
    assert found[20].max() == 19
    for label in range(20):  # clusters of the smaller number are unions of those of the larger
        assert len(np.unique(found[4][found[20] == label])) == 1


def test_places_that_all_attend_to_the_same_are_joined_to_their_neighbours():
    found = segment(np.full((8, 8, 4, 4), 1 / 16, np.float32), (4,))[4]
    for label in range(4):
        rows, columns = np.nonzero(found == label)
        assert len(rows) == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # a rectangle


def test_places_vary_half_as_much_as_what_they_attend_to():
    found = profiles(drawn((6, 4), (3, 2)), (6, 4))
    assert found.shape == (24, 8)
    np.testing.assert_allclose([np.sum(found[:, :6] ** 2), np.sum(found[:, 6:] ** 2)], [24, 6])


def test_there_are_two_groupings():
    with pytest.raises(BadInput, match="grouping='near': expected one of alike, mutual"):
        segment(drawn((4, 4), (4, 4)), (2,), grouping="near")
