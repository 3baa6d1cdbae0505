"""Which channels are seen, and how that is said."""

import numpy as np
import pytest

from tfinvert.errors import BadInput
from tfinvert.images.shown import check_shown, seen, told

MANY = np.random.default_rng(0).random((2, 4, 4, 13)) * 1.4 - 0.2
INSIDE = np.clip(MANY, 0, 1)


def test_three_are_seen():
    shape = (4, 4, 13)
    np.testing.assert_array_equal(seen(MANY, shape), INSIDE[..., :3])
    np.testing.assert_array_equal(seen(MANY, shape, (4, 3, 2)), INSIDE[..., [3, 2, 1]])
    np.testing.assert_array_equal(seen(MANY, shape, (13,)), INSIDE[..., 12:])
    two = seen(MANY[..., :2], (4, 4, 2))
    np.testing.assert_array_equal(two[..., :2], INSIDE[..., :2])
    assert two.shape[-1] == 3
    assert not two[..., 2].any()
    np.testing.assert_array_equal(seen(MANY[..., :1], (4, 4, 1)), INSIDE[..., :1])
    assert seen(np.full((4, 4, 13), np.nan), shape).max() == 0


def test_series_stay_as_they_are():
    series = np.random.default_rng(0).normal(0, 5, (3, 20, 12))
    np.testing.assert_array_equal(seen(series, (20, 12)), series[..., :3])
    np.testing.assert_array_equal(seen(series, (20, 12), (12,)), series[..., 11:])


@pytest.mark.parametrize(
    ("shape", "channels", "said"),
    [
        ((4, 4, 1), None, ""),
        ((4, 4, 3), None, ""),
        ((4, 4, 3), (1, 2, 3), ""),
        ((4, 4, 3), (3, 2, 1), "channels 3, 2, 1 of 3 as red, green and blue"),
        ((4, 4, 2), None, "channels 1, 2 of 2 as red and green"),
        ((4, 4, 4), None, "channels 1, 2, 3 of 4 as red, green and blue"),
        ((4, 4, 13), (8,), "channel 8 of 13 as grey"),
        ((99, 3), None, ""),
        ((99, 2), (1,), "channel 1 of 2"),
        ((99, 12), None, "channels 1, 2, 3 of 12"),
    ],
)
def test_it_is_said_which(shape, channels, said):
    assert told(shape, channels) == said


@pytest.mark.parametrize("channels", [(), (0,), (14,), (1, 2, 3, 4)])
def test_others_cannot_be_shown(channels):
    with pytest.raises(BadInput, match="at most three of the channels 1 to 13"):
        check_shown((4, 4, 13), channels)
