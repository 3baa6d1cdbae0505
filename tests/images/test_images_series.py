"""Series in arrays: which axis is which, and what their values are."""

import numpy as np
import pytest
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images import Scale, Sources, load

RANDOM = np.random.default_rng(0)
SERIES = RANDOM.normal(0, 1, (4, 30, 2)).astype(np.float32)
LIKE = Scale((30, 2), (-2.0, 2.0))  # many values lie beyond it
ONE = Scale((30, 1), (-2.0, 2.0))


def test_floats_are_in_the_generators_units_and_may_go_beyond_its_range(tmp_path):
    assert np.abs(SERIES).max() > 2.5
    np.save(tmp_path / "a.npy", SERIES)
    np.savez(tmp_path / "a.npz", series=SERIES, other=np.arange(4))
    dataset = tf.data.Dataset.from_tensor_slices(SERIES)
    for source in (
        SERIES,
        tf.constant(SERIES),
        list(SERIES),
        tmp_path / "a.npy",
        tmp_path / "a.npz",
        dataset,
        dataset.batch(3),
    ):
        np.testing.assert_allclose(load(source, LIKE).pixels, SERIES, atol=1e-5)
    np.testing.assert_allclose(load(SERIES[0], LIKE).pixels, SERIES[:1], atol=1e-5)


@pytest.mark.parametrize("source", [SERIES[..., :1], SERIES[..., 0], SERIES[0, :, 0], SERIES[0, :, :1]])
def test_one_channel_need_not_stand_there(source):
    made = load(source, ONE).pixels
    np.testing.assert_allclose(made.ravel(), source.ravel(), atol=1e-5)
    assert made.shape[1:] == (30, 1)


def test_series_of_an_npz_without_channels(tmp_path):
    np.savez(tmp_path / "a.npz", beats=SERIES[..., 0], labels=np.arange(4))
    assert load(tmp_path / "a.npz", ONE).pixels.shape == (4, 30, 1)


def test_a_scale_that_was_stated():
    sound = np.round(SERIES * 5000).astype(np.int16)
    made = load(sound, LIKE, array_range=(-32768, 32767)).pixels
    np.testing.assert_allclose(made, -2 + 4 * (sound.astype(float) + 32768) / 65535, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            SERIES.transpose(0, 2, 1),
            r"\[4, 2, 30\]: they have channels first: save np.transpose\(series, \(0, 2, 1\)\)",
        ),
        (SERIES[:, :20], r"\[4, 20, 2\]: expected \[N, 30, 2\] .*: cut or resample them to that length"),
        (SERIES[..., :1], r"\[4, 30, 1\]: expected \[N, 30, 2\]"),
        (SERIES.reshape(4, -1), r"\[4, 60\]: they are flat: save series.reshape\(-1, 30, 2\)"),
        (SERIES[..., np.newaxis], r"\[4, 30, 2, 1\]: expected"),
        (SERIES[:0], "no images"),
        ((1000 * SERIES).astype(np.int16), r"series of int16: say the scale .*--array_range=-32768,32767"),
        (SERIES > 0, r"series of bool: say the scale .*--array_range=0,1"),
        (SERIES.astype(complex), "complex128: expected numbers"),
        (None, r"glyphs for a generator of series \[30, 2\]: expected arrays \[N, 30, 2\]"),
    ],
)
def test_other_arrays_are_told_in_one_line(source, said):
    with pytest.raises(BadInput, match=said) as caught:
        Sources(source, LIKE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [np.inf, 1e3, -1e3])
def test_far_values_are_told_and_the_others_go_on(bad):
    series = SERIES.copy()
    series[1, 3, 0] = bad
    read = list(Sources(series, LIKE))
    assert [picture.pixels is None for picture in read] == [False, True, False, False]
    assert "far beyond [-2, 2]: say the scale" in read[1].note


def test_nan_stays_for_the_inverter_to_tell():
    series = SERIES.copy()
    series[1, 3, 0] = np.nan
    made = load(series, LIKE).pixels
    assert np.isnan(made).sum() == np.isnan(made[1, 3, 0]) == 1


def test_what_was_seen_before_is_on_the_unit_scale():
    again = dict(Sources(SERIES, LIKE).again(["0", "3"]))
    np.testing.assert_allclose(again["3"], (SERIES[3] + 2) / 4, atol=1e-6)
