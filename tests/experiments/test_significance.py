"""Intervals and tests against known answers."""

import numpy as np
import pytest

import tfinvert as ti
from tfinvert.experiments import significance

RANDOM = np.random.default_rng(0)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution_for_many_values():
    values = RANDOM.normal(3, 2, 4000)
    low, high = significance.interval(values)
    assert (low + high) / 2 == pytest.approx(values.mean(), abs=0.01)
    assert high - low == pytest.approx(2 * 1.96 * 2 / 4000**0.5, rel=0.1)
    assert significance.interval(values) == (low, high)
    assert significance.interval(np.full(5, 2.0)) == (2, 2)
    assert significance.interval(np.array([7.0])) == (7, 7)


def test_holms_correction_by_hand():
    # 4 * 0.005, 3 * 0.01, 2 * 0.03, and then not less than that
    np.testing.assert_allclose(significance.holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert significance.holm([0.9, 0.8]) == [1, 1]
    assert np.isnan(significance.holm([float("nan"), 0.04])[0])
    assert significance.holm([float("nan"), 0.04])[1] == 0.04


def test_pairs_tell_a_difference_from_chance():
    base = RANDOM.gamma(2, 1, 60)
    errors = {"a": base, "b": base * 1.3, "c": base + RANDOM.normal(0, 0.2, 60)}
    found = {(each.one, each.other): each for each in significance.pairs(errors)}
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    clear, none = found["a", "b"], found["a", "c"]
    assert clear.p < 1e-6
    assert clear.low < clear.difference < clear.high < 0
    assert none.p > 0.05
    assert none.low < 0 < none.high


def test_a_false_alarm_is_as_rare_as_it_says():
    alarms = 0
    for _ in range(200):
        one, other, third = RANDOM.normal(size=(3, 20))
        alarms += any(pair.p < 0.05 for pair in significance.pairs({"a": one, "b": other, "c": third}))
    assert alarms <= 20  # of 200 families; 10 are expected at most


def test_too_little_to_test():
    few = {"a": np.arange(9.0), "b": np.arange(9.0) + 1}
    assert np.isnan(significance.pairs(few)[0].p)
    assert significance.pairs(few)[0].difference == -1
    assert significance.pairs({"a": np.ones(20), "b": np.ones(20)})[0].p == 1
    with pytest.raises(ti.BadInput, match="1 generators: expected two"):
        significance.pairs({"a": np.ones(20)})
