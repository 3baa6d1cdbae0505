"""Clusters of places, by a self-attention map A.

`mutual` is that of Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural
Images", section 5: the dissimilarity of two places is 1 - (A + A^T) / 2, and clusters are joined by average linkage.
Where places attend to many others a little, all are nearly equally far, and most clusters are single places. `alike`
joins places that attend to the same and lie near each other (docs/photographs.md compares both on faces).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfinvert.errors import BadInput

GROUPINGS = ("alike", "mutual")
_NEAR = 0.5  # with 0.7 and more, planted regions that lie in several parts fall into them
_SAME = 1e-12  # variance of what does not vary but for rounding
PLACES = 4096  # at most: memory grows with their square, here to a third of a GiB (benchmarks/segment.py)


def segment(
    weights: np.ndarray, clusters: Sequence[int], most: int = PLACES, grouping: str = "alike"
) -> dict[int, np.ndarray]:
    """The clusters of the places of one attention map, int32 [h, w] for each number of them.

    Cluster 0 is the largest. Of two numbers, the clusters of the smaller are unions of those of the larger.

    Args:
      weights: [h, w, h', w'], as of `Attention`.
      clusters: how many, such as (8, 20, 40).
      most: places; a map of more is pooled first, see `pooled`.
      grouping: "alike" or "mutual".

    Raises:
      BadInput: there are not so many places, or no such grouping.
    """
    from scipy.cluster.hierarchy import linkage  # half a second, which `import tfinvert` need not take
    from scipy.spatial.distance import squareform

    grid = pooled(weights.shape[:2], most)
    check(clusters, grid)
    if grouping not in GROUPINGS:
        raise BadInput(f"grouping={grouping!r}", f"expected one of {', '.join(GROUPINGS)}")
    if grouping == "mutual":
        merges = linkage(squareform(dissimilarity(squared(weights, grid)), checks=False), "average")
    else:
        merges = linkage(profiles(weights, grid), "ward")
    return {count: _spread(_cut(merges, count).reshape(grid), weights.shape[:2]) for count in clusters}


def check(clusters: Sequence[int], grid: tuple[int, int]) -> None:
    """Raises BadInput where a map of this size has no such numbers of clusters."""
    places = grid[0] * grid[1]
    for count in clusters:
        if not 1 <= count <= places:
            raise BadInput(f"{count} clusters", f"expected 1 to {places}, for the map has {grid[0]}x{grid[1]} places")
    if not clusters:
        raise BadInput("no numbers of clusters", "expected some, such as 8,20,40")


def pooled(grid: Sequence[int], most: int = PLACES) -> tuple[int, int]:
    """The size of a map of at most so many places: sides divided by the smallest whole number that does it."""
    height, width = grid
    factor = 1
    while -(-height // factor) * -(-width // factor) > most:
        factor += 1
    return -(-height // factor), -(-width // factor)


def squared(weights: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The map A [n, n] among the n places of a grid.

    Each of the places attended to stands for all those that were pooled to it, so its weight is repeated for them, as
    in the paper; for clusters it does not matter that the sum is then more than 1. Where the grid is smaller than the
    map, weights are averaged over the places that become one: average linkage goes on from there as if these had been
    joined first.

    Args:
      weights: [h, w, h', w'].
      grid: (h, w), or smaller.
    """
    height, width, below, beside = weights.shape
    rows, columns = _averages(height, grid[0]), _averages(width, grid[1])
    # One axis after the other, so that nothing is ever larger than both the map and A.
    square = rows @ weights.reshape(height, -1)
    square = columns @ square.reshape(grid[0], width, -1)
    square = square.reshape(-1, below, beside) @ (columns @ _repeats(width, beside)).T
    square = (rows @ _repeats(height, below)) @ square
    return square.reshape(grid[0] * grid[1], -1)


def profiles(weights: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """What the n places of a grid attend to, and where they lie: float64 [n, m].

    Squared distances of the first part are Hellinger's, of the square roots of what is attended to, which counts small
    weights, too. The second part varies half as much over the places.

    Args:
      weights: [h, w, h', w'].
      grid: (h, w), or smaller; then weights are averaged over the places that become one.
    """
    height, width = weights.shape[:2]
    rows, columns = _averages(height, grid[0]), _averages(width, grid[1])
    seen = np.einsum("ai,bj,ijk->abk", rows, columns, weights.reshape(height, width, -1), optimize=True)
    places = np.moveaxis(np.mgrid[: grid[0], : grid[1]], 0, -1) / max(grid)
    flat = lambda features: _equalled(np.float64(features).reshape(grid[0] * grid[1], -1))
    return np.concatenate([flat(np.sqrt(seen)), _NEAR * flat(places)], axis=1)


def _equalled(features: np.ndarray) -> np.ndarray:
    """Features [n, m] about their mean, with a total variance of 1 unless they do not vary."""
    centred = features - features.mean(axis=0)
    total = np.mean(np.sum(centred**2, axis=1))
    return centred / np.sqrt(total) if total > _SAME else 0 * centred


def dissimilarity(square: np.ndarray) -> np.ndarray:
    """D = (1 - (A + A^T) / 2) o (1 - I) of a map A [n, n], float64."""
    found = 1 - np.multiply(square + square.T, 0.5, dtype=np.float64)
    np.fill_diagonal(found, 0)
    return found


def _spread(labels: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Labels of a pooled map for each place of the map itself [h, w]."""
    rows, columns = (np.arange(n) // -(-n // below) for n, below in zip(size, labels.shape, strict=True))
    return labels[np.ix_(rows, columns)]


def _averages(size: int, pooled_size: int) -> np.ndarray:
    """[pooled_size, size] float32: means over neighbours."""
    factor = -(-size // pooled_size)
    members = (np.arange(size) // factor == np.arange(pooled_size)[:, np.newaxis]).astype(np.float32)
    return members / members.sum(axis=1, keepdims=True)


def _repeats(size: int, pooled_size: int) -> np.ndarray:
    """[size, pooled_size] float32: to which of the places that a layer has pooled each belongs."""
    stride = max(1, round(size / pooled_size))
    belongs = np.minimum(np.arange(size) // stride, pooled_size - 1)  # what pooling left over goes to the last
    return np.eye(pooled_size, dtype=np.float32)[belongs]


def _cut(merges: np.ndarray, count: int) -> np.ndarray:
    """Labels int32 [n] after the merges [n - 1, 4] that leave so many clusters, also where heights are equal."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    places = len(merges) + 1
    done = merges[: places - count, :2].astype(int)
    made = places + np.arange(len(done))
    edges = (np.repeat(made, 2), done.ravel())
    graph = coo_array((np.ones(2 * len(done), bool), edges), shape=(2 * places, 2 * places))
    found = connected_components(graph, directed=False)[1][:places]
    _, first, labels, sizes = np.unique(found, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(count, np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(count)
    return rank[labels]
