"""Series as lines: nothing of them is lost where they are thinned, and pages and figures draw them."""

import numpy as np
import pytest
from made_up_run import made_up_run, row
from test_page import Parsed

import tfinvert as ti
from tfinvert.report.series import charts, drawn, thinned

RANDOM = np.random.default_rng(0)


def test_short_series_are_drawn_as_they_are():
    series = RANDOM.normal(size=(40, 2))
    lines = thinned(series, 40)
    np.testing.assert_array_equal(lines.places, np.arange(40))
    np.testing.assert_array_equal(lines.values, series)


@pytest.mark.parametrize("length", [41, 1000, 12_345])
def test_of_longer_ones_no_spike_is_lost(length):
    series = np.zeros((length, 2))
    spikes = RANDOM.choice(length, 5, replace=False)
    series[spikes, 0], series[spikes, 1] = 7, -3
    series[RANDOM.choice(length, 3, replace=False)] = np.nan
    series[spikes, 0], series[spikes, 1] = 7, -3
    lines = thinned(series, 40)
    assert len(lines.places) == len(lines.values) == 40
    assert (np.diff(lines.places) >= 0).all()
    for spike in spikes:
        near = np.abs(lines.places - spike) <= length / 20
        assert np.nanmax(lines.values[near, 0]) == 7
        assert np.nanmin(lines.values[near, 1]) == -3
    assert np.isfinite(lines.values).all()


def test_charts_have_the_lines_of_each_channel():
    series = RANDOM.normal(size=(30, 2))
    (first, _), (second, name) = charts({"target": thinned(series, 30), "made": thinned(series + 1, 30)}, ["a", "b"])
    assert (first.names, name) == (["target", "made"], "b")
    assert [line.count(",") for line in second.lines] == [30, 30]
    ends = [float(tick.text) for tick in second.y]
    assert ends == pytest.approx(
        [series[:, 1].min(), (series[:, 1].min() + series[:, 1].max() + 1) / 2, series[:, 1].max() + 1],
        rel=0.01,
        abs=0.01,
    )


def test_pictures_of_lines_are_on_one_scale():
    flat = np.stack([np.full((50, 1), level) for level in (-2.0, 0.0, 2.0)])
    pictures = drawn(flat)
    assert pictures.shape == (3, 128, 256, 3)
    rows = [np.flatnonzero((picture < 0.9).any(axis=(1, 2))).mean() for picture in pictures]
    assert rows == pytest.approx([126, 63.5, 1], abs=2)
    empty = drawn(np.full((1, 50, 1), np.nan))
    assert empty.min() == 1


@pytest.fixture
def run(tmp_path):
    """Of three series in [-2, 2] and beyond, one unreadable."""
    series = RANDOM.normal(0, 2, (3, 30, 5)).astype(np.float32)
    np.save(tmp_path / "s.npy", series)
    unit = (series + 2) / 4
    rows = [row("0", unit[0], 0.01, like=(-2, 2)), row("1", unit[1], 0.02, like=(-2, 2)), row("2", status="unreadable")]
    made_up_run(tmp_path / "run", tmp_path / "s.npy", (30, 5), rows, value_range=[-2, 2])
    return tmp_path / "run", series


def test_a_page_draws_target_and_reconstruction_in_one_chart_of_each_channel(run):
    folder, series = run
    page = Parsed(ti.report.page(folder))
    assert "shown: channels 1, 2, 3 of 5 (--shown_channels)" in page.text("p")
    assert not page.of("img")
    assert len(page.of("polyline")) == 3 * 2 + 3 * 2 + 3  # of the last, which was not found, the target
    assert page.text("span").count("reconstruction") == 6 + 1  # and in the histogram's key
    assert [text for text in page.text("figcaption") if text.startswith("channel")][:3] == [
        "channel 1",
        "channel 2",
        "channel 3",
    ]
    ticks = [float(text) for text in page.text("text") if text.replace(".", "").replace("-", "").isdigit()]
    assert any(tick == pytest.approx(series[0, :, 0].max(), rel=0.01) for tick in ticks)  # in the generator's units
    assert "no result" in page.text("p")
    assert len(Parsed(ti.report.page(folder, shown_channels=(5,))).of("polyline")) == 2 + 2 + 1


def test_rows_are_on_the_unit_scale_and_bytes_in_the_generators(run):
    folder, series = run
    opened = ti.runs.open_run(folder)
    first = opened.rows(["0"])[0]
    np.testing.assert_allclose(first.reconstruction, (series[0] + 2) / 4, atol=1e-6)
    np.testing.assert_allclose(opened.targets()["1"], (series[1] + 2) / 4, atol=1e-6)


def test_the_comparison_has_lines(run):
    folder, _ = run
    opened = ti.runs.open_run(folder)
    from tfinvert.report.figures import Pair, draw

    path = ti.report.comparison(opened.stored, opened.sources())
    assert path.stat().st_size > 5000
    series = RANDOM.normal(size=(30, 2))
    figure = draw([Pair(series, series + 1, 0.1, "a")])
    assert [len(axis.lines) for axis in figure.axes] == [2, 4]  # the target's stand behind the reconstruction's
