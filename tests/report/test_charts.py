"""Charts of pages: every value is counted, and stands where the axis says."""

import numpy as np
import pytest

from tfinvert.report.charts import curves, histogram


def test_every_value_is_counted_once_in_its_place():
    chart = histogram({"a": [1e-3] * 3 + [1e-1], "b": [1e-2, np.nan, np.inf]})
    assert chart.names == ["a", "b"]
    unit = (chart.bottom - chart.y[0].place) + (chart.y[0].place - chart.y[-1].place)
    heights = [sum(bar[3] for bar in bars) / unit for bars in chart.bars]
    assert heights == pytest.approx([4 / 3, 1 / 3], abs=0.01)
    assert [tick.text for tick in chart.y] == ["0", "2", "3"]
    places = {tick.text: tick.place for tick in chart.x}
    for text, bars in (("0.001", chart.bars[0]), ("0.1", chart.bars[0]), ("0.01", chart.bars[1])):
        assert any(left <= places[text] <= left + width + 1 for left, _, width, _ in bars)
    assert all(chart.left <= left and left + width <= chart.right for bars in chart.bars for left, _, width, _ in bars)


@pytest.mark.parametrize("values", [[0.0], [1e-3], [0.0, 0.0, 0.5], [1e-9, 1e3], list(np.geomspace(1e-12, 1, 50))])
def test_any_values_have_a_few_ticks_inside(values):
    chart = histogram({"a": values})
    assert len(chart.x) <= 7
    assert all(chart.left <= tick.place <= chart.right for tick in chart.x)


@pytest.mark.parametrize("values", [{}, {"a": []}, {"a": [np.nan, np.inf]}])
def test_without_values_there_is_no_chart(values):
    assert histogram(values) is None
    assert curves([1, 2], values) is None


def test_curves_go_from_edge_to_edge_and_leave_out_what_is_not_finite():
    chart = curves([1, 2, 3], {"a": [0.0, 1.0, 2.0], "b": [np.nan, 1.0, np.inf]})
    points = [[tuple(map(float, point.split(","))) for point in line.split()] for line in chart.lines]
    assert points[0][0] == (chart.left, chart.bottom)
    assert points[0][-1][0] == chart.right
    assert points[1] == [points[0][1]]
    assert [tick.text for tick in chart.x] == ["1", "2", "3"]


def test_a_logarithmic_axis_has_round_numbers_where_they_belong():
    chart = curves([0, 1], {"a": [1e-4, 1.0], "b": [1e-2, np.nan]}, logarithmic=True)
    (_, low), (_, high) = (tuple(map(float, point.split(","))) for point in chart.lines[0].split())
    places = {tick.text: tick.place for tick in chart.y}
    assert places["1e-4"] == low
    assert places["1"] == high
    assert float(chart.lines[1].split(",")[1]) == pytest.approx((low + high) / 2, abs=0.1)
    assert len(chart.y) <= 7


@pytest.mark.parametrize("values", [[0.0, 1.0], [-1.0, 1.0]])
def test_what_has_no_logarithm_stands_on_a_plain_axis(values):
    assert curves([0, 1], {"a": values}, logarithmic=True) == curves([0, 1], {"a": values})


def test_a_short_logarithmic_axis_names_its_ends():
    assert len(curves([0, 1], {"a": [1.3e-3, 1.6e-3]}, logarithmic=True).y) == 3


def test_one_epoch_and_equal_losses_are_drawn():
    assert curves([1], {"a": [0.5]}).lines[0].count(",") == 1
    assert curves([1, 2], {"a": [0.5, 0.5]}).lines[0].count(",") == 2
