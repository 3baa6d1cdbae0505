"""What is drawn for an image depends on the run's seed and its id, and on nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfinvert import seeds

IDS = ["photos/a.png", "photos/b.png", "3", "ä", ""]


def test_a_seed_is_the_runs_and_the_ids():
    found = seeds.of(7, IDS).numpy()
    assert found.dtype == np.int64
    assert found.shape == (5, 2)
    assert (found[:, 0] == 7).all()
    assert len(set(found[:, 1])) == 5
    np.testing.assert_array_equal(seeds.of(8, IDS)[:, 1], found[:, 1])


def test_indices_and_their_texts_are_the_same_ids():
    np.testing.assert_array_equal(seeds.of(0, [0, 1, 20]), seeds.of(0, ["0", "1", "20"]))
    np.testing.assert_array_equal(seeds.of(0, np.arange(3, dtype=np.int32)), seeds.of(0, np.array(["0", "1", "2"])))


def test_seeds_stay_from_one_release_to_the_next():
    """A store begun by one release is resumed by another: these numbers must never change."""
    np.testing.assert_array_equal(
        seeds.of(0, ["photos/a.png", "0"]), [[0, 4026891228764218816], [0, 5975597238397796928]]
    )
    np.testing.assert_allclose(
        seeds.normal(seeds.of(0, ["0"]), [3])[0], [-0.395305902, 0.0375005603, -0.042967733], rtol=1e-6
    )
    np.testing.assert_array_equal(seeds.fold_in(seeds.of(0, ["0"]), 1)[0], [4783365152562367460, 1])
    np.testing.assert_allclose(seeds.rotate(tf.zeros([1, 2]), 1)[0], [0.28497851466467683, 0.8135805849145932])


@pytest.mark.parametrize("draw", [seeds.normal, seeds.uniform])
def test_a_row_does_not_know_its_neighbours(draw):
    together = draw(seeds.of(1, IDS), [2, 3]).numpy()
    assert together.shape == (5, 2, 3)
    for index, name in enumerate(IDS):
        np.testing.assert_array_equal(draw(seeds.of(1, [name]), [2, 3])[0], together[index])
    np.testing.assert_array_equal(draw(seeds.of(1, IDS[::-1]), [2, 3]), together[::-1])
    assert len(np.unique(together)) == together.size
    assert (draw(seeds.of(2, IDS), [2, 3]).numpy() != together).all()


def test_inside_a_dataset_too():
    names = tf.data.Dataset.from_tensor_slices(IDS).batch(2)
    mapped = list(names.map(lambda ids: seeds.normal(seeds.of(1, ids), [4])).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate(mapped), seeds.normal(seeds.of(1, IDS), [4]))


def test_no_images():
    assert seeds.normal(seeds.of(0, tf.zeros([0], tf.string)), [4]).shape == (0, 4)


def test_folded_seeds_are_new_streams():
    own = seeds.of(0, IDS)
    streams = [own, *(seeds.fold_in(own, number) for number in range(1, 4))]
    assert all(stream.dtype == tf.int64 and stream.shape == (5, 2) for stream in streams)
    assert len({tuple(row) for stream in streams for row in stream.numpy()}) == 20
    np.testing.assert_array_equal(seeds.fold_in(own[2:3], 2), seeds.fold_in(own, 2)[2:3])
    np.testing.assert_array_equal(seeds.streams(own, 4), np.concatenate(streams))
    np.testing.assert_array_equal(seeds.streams(own, 1), own)
    drawn = np.stack([seeds.normal(stream, [500]) for stream in streams]).reshape(20, 500)
    assert np.abs(np.corrcoef(drawn) - np.eye(20)).max() < 0.2  # 4.5 standard errors


@pytest.mark.parametrize(("draw", "law"), [(seeds.normal, stats.norm), (seeds.uniform, stats.uniform)])
def test_the_law(draw, law):
    """Across the images as well as within one."""
    drawn = draw(seeds.of(0, tf.range(400)), [50]).numpy()
    for numbers in (drawn.ravel(), drawn[:, 0], drawn[0]):
        assert stats.kstest(numbers, law.cdf).pvalue > 1e-3


def test_rotated_offsets():
    """For each row: uniform, new in each step, and the same whatever its neighbours."""
    offsets = seeds.uniform(seeds.of(0, tf.range(40)), [2, 30])
    drawn = np.stack([seeds.rotate(offsets, count) for count in range(25)])
    assert drawn.shape == (25, 40, 2, 30)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    assert len(np.unique(drawn)) == drawn.size
    assert (drawn * 2**30 % 1 > 0).all()  # finer than float32, for probabilities that are smaller than its grid
    for numbers in (drawn[:, 0], drawn[0, 0], drawn[0, :, 0, 0], drawn[:, 0, 0, 0], drawn[:, 7, 1]):
        assert stats.kstest(numbers.ravel(), stats.uniform.cdf).pvalue > 1e-3
    assert np.abs(np.corrcoef(drawn[:, 0].reshape(25, 60)) - np.eye(25)).max() < 4.5 / np.sqrt(60)
    np.testing.assert_array_equal(seeds.rotate(offsets[5:6], tf.constant(3)), drawn[3, 5:6])
