"""Rows that are done leave in whole blocks, and stand in their places again at the end."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from tfinvert.inversion.at_work import Rows
from tfinvert.solvers.loop import Progress
from tfinvert.solvers.status import Status


class Memory(NamedTuple):
    """A nest as solvers carry it, with a number that all rows share."""

    slots: tuple[tf.Tensor, tf.Tensor]
    shared: tf.Tensor


def made(count):
    """Rows that say who they are: everything of row n holds n, in some form."""
    numbers = tf.range(count)
    wide = tf.cast(numbers, tf.float32)[:, None] + [0.0, 0.25]
    values = tf.cast(numbers, tf.float32)
    memory = Memory((10 * wide, tf.cast(numbers, tf.float64)), tf.constant(7))
    progress = Progress(
        tf.constant(0),
        tf.constant(0),
        wide,
        memory,
        wide + 0.5,
        values,
        values,
        numbers,
        tf.zeros([count], tf.int32),
        numbers,
        numbers,
    )
    return progress, (wide + 1000, tf.strings.as_string(numbers))


def running(progress, which, **others):
    """The progress with the rows whose first code is in `which` at work, and all others done."""
    own = np.isin(np.floor(progress.codes.numpy()[:, 0]).astype(int) % 100, which)
    status = np.where(own, int(Status.RUNNING), int(Status.CONVERGED)).astype(np.int32)
    return progress._replace(status=tf.constant(status), **others)


def names(rows):
    return [int(name) for name in rows.targets[1].numpy()]


@pytest.mark.parametrize(
    ("at_work", "left"),
    [
        (range(8), list(range(8))),
        ([0, 1, 2, 6, 7], list(range(8))),  # five need two blocks
        ([1, 2, 4, 7], [1, 2, 4, 7]),
        ([5, 3], [0, 1, 3, 5]),  # two are filled up by the first that are done
        ([], [0, 1, 2, 3]),
    ],
)
def test_what_leaves_is_what_a_whole_block_can_spare(at_work, left):
    progress, targets = made(8)
    rows = Rows(progress, targets, 4)
    rows.take(running(progress, list(at_work)))
    assert names(rows) == left
    assert rows.running == bool(at_work)
    for here, all_of_them in zip(tf.nest.flatten(rows.progress), tf.nest.flatten(progress), strict=True):
        if here is not rows.progress.status:
            np.testing.assert_array_equal(here, all_of_them if here.shape.rank == 0 else all_of_them.numpy()[left])
    np.testing.assert_array_equal(rows.targets[0], targets[0].numpy()[left])
    assert isinstance(rows.progress.memory, Memory)


def test_a_last_block_that_is_not_full_is_no_reason_to_leave():
    progress, targets = made(6)
    rows = Rows(progress, targets, 4)
    rows.take(running(progress, [0, 1, 2, 4, 5]))
    assert names(rows) == list(range(6))
    rows.take(running(rows.progress, [1, 5]))
    assert names(rows) == [0, 1, 2, 5]


def test_whole_puts_everything_back():
    progress, targets = made(12)
    rows = Rows(progress, targets, 4)
    expected = progress.codes.numpy()
    for count, at_work in ((25, list(range(1, 12))), (50, [1, 2, 5, 8, 11]), (75, [2, 8]), (100, [8])):
        worked = names(rows)
        was_running = rows.progress.status.numpy() == Status.RUNNING
        moved = rows.progress.codes + tf.where(was_running[:, None], 100.0, 0.0)
        for place, row in enumerate(worked):
            expected[row] += 100 * was_running[place]
        rows.take(running(rows.progress, at_work, codes=moved, count=tf.constant(count)))
        whole = rows.whole()
        np.testing.assert_array_equal(whole.codes, expected)
        np.testing.assert_array_equal(whole.best_codes, progress.best_codes)
        np.testing.assert_array_equal(whole.steps, range(12))
        np.testing.assert_array_equal(np.flatnonzero(whole.status == Status.RUNNING), at_work)
        assert whole.count == count
        assert whole.memory == ()
    assert len(names(rows)) == 4
    assert 8 in names(rows)
    assert len(np.unique(expected[:, 0] // 100)) == 4  # rows were at work for so many different times


def test_whole_before_anything_was_taken():
    progress, targets = made(5)
    rows = Rows(progress, targets, 4)
    np.testing.assert_array_equal(rows.whole().codes, progress.codes)
    assert rows.running
