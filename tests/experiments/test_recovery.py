"""Tables of recovery: numbers that are known by hand."""

import gc
import time

import numpy as np
import problems
import psutil
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments import recovery
from tfinvert.experiments.memory import Peak
from tfinvert.experiments.methods import Method, parse
from tfinvert.experiments.recovery import Outcome

LINEAR = problems.Linear()


def outcome(method, errors, *, unclear=None, seconds=2.0, passes=None):
    count = len(errors)
    return Outcome(
        method,
        np.array(errors),
        np.full(count, 3e-5),
        np.array(unclear or [False] * count),
        np.full(count, 10) if passes is None else np.array(passes),
        seconds,
        812.4,
        [],
    )


def test_success_is_the_share_below_each_threshold():
    row = recovery.table([outcome("adam", [0.5, 0.02, 3e-4, 2e-8], unclear=[True, False, False, False])])[0]
    assert row["method"] == "adam"
    assert row["samples"] == 4
    shares = [row[f"success_1e-{power}"] for power in range(1, 9)]
    assert shares == [0.75, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0]
    assert row["not_unique"] == 0.25
    assert float(row["mean"]) == pytest.approx((0.5 + 0.02 + 3e-4 + 2e-8) / 4, rel=1e-3)
    assert float(row["median"]) == pytest.approx((0.02 + 3e-4) / 2, rel=1e-3)
    assert float(row["image_error_median"]) == pytest.approx(3e-5)
    assert row["passes_per_code"] == 10
    assert row["seconds_per_code"] == 0.5
    assert row["peak_memory"] == 812
    assert row["wins"] == row["significant_wins"] == ""  # there is nothing to win against


def test_wins_are_against_disabled_and_significant_by_a_factor_of_two():
    base = outcome("disabled", [1.0, 1.0, 1.0, 1.0, 1.0])
    # Far ahead, a little ahead, equal, a little behind, far behind; and another far ahead.
    other = outcome("hard(3)", [0.4, 0.6, 1.0, 1.5, 2.5])
    third = outcome("hard(2.5)", [0.4, 0.1, 0.2, 1.5, 2.5])
    rows = {row["method"]: row for row in recovery.table([other, base, third])}
    assert rows["disabled"]["wins"] == rows["disabled"]["significant_wins"] == ""
    assert (rows["hard(3)"]["wins"], rows["hard(3)"]["significant_wins"]) == (40, 50)
    assert (rows["hard(2.5)"]["wins"], rows["hard(2.5)"]["significant_wins"]) == (60, 75)


def test_without_a_significant_difference_there_is_no_share_of_them():
    row = recovery.table([outcome("disabled", [1.0, 1.0]), outcome("clip", [0.9, 1.1])])[1]
    assert row["wins"] == 50
    assert row["significant_wins"] == ""


def test_codes_that_are_drawn_are_found_and_traced():
    shown = []
    done = recovery.run(
        LINEAR.generator, parse("levenberg_marquardt, disabled"), samples=3, budget=100, show=shown.append
    )
    assert [each.method for each in done] == ["levenberg_marquardt", "disabled"]
    assert [each.method for each in shown] == ["levenberg_marquardt", "disabled"]
    exact, slow = done
    assert (exact.errors < 1e-8).all()
    assert (exact.image_errors < 1e-8).all()
    assert not exact.open.any()
    for each in done:
        assert each.seconds > 0
        assert each.peak > 50
        assert len(each.trace) == 3
        for (passes, errors), last, total in zip(each.trace, each.errors, each.passes, strict=True):
            assert len(passes) == len(errors)
            assert (np.diff(passes) >= 0).all()
            assert errors[-1] == last
            assert passes[-1] == total
    assert len(slow.trace[0][0]) > 2
    assert slow.trace[0][1][-1] < slow.trace[0][1][0]


def test_the_seed_draws_the_codes():
    errors = lambda seed: recovery.run(LINEAR.generator, parse("disabled"), samples=2, budget=2, seed=seed)[0].errors
    np.testing.assert_array_equal(errors(0), errors(0))
    assert not np.array_equal(errors(0), errors(1))


def test_noise_is_added_on_the_scale_from_0_to_1():
    matrix = np.random.default_rng(12).normal(0, 0.03, (3, 256)).astype(np.float32)
    grey = ti.load_generator(
        lambda codes: tf.reshape(codes @ matrix, [-1, 16, 16, 1]), prior=ti.normal(3), value_range=(-1, 1)
    )
    done = recovery.run(grey, parse("levenberg_marquardt"), samples=4, budget=200, noise=0.05)[0]
    np.testing.assert_allclose(done.image_errors, 0.05**2, rtol=0.3)
    # Least squares: the codes' error is that of the noise through the map on [0, 1].
    expected = 0.05**2 * np.trace(np.linalg.inv(matrix @ matrix.T / 4)) / 3
    assert done.errors.mean() == pytest.approx(expected, rel=0.8)


def test_matches_by_another_code_are_told():
    matrix = np.random.default_rng(0).normal(0, 0.1, (2, 16)).astype(np.float32)
    blind = ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes[:, :2] @ matrix, [-1, 4, 4, 1]), prior=ti.normal(3), value_range=(0, 1)
    )
    done = recovery.run(blind, parse("levenberg_marquardt"), samples=3, budget=400)
    assert done[0].open.all()
    assert recovery.table(done)[0]["not_unique"] == 1
    assert recovery.table(done)[0]["success_1e-6"] == 0


@pytest.mark.parametrize("values", [{"samples": 0}, {"budget": 0}])
def test_numbers_out_of_range_are_refused(values):
    with pytest.raises(ti.BadInput, match="=0"):
        recovery.run(LINEAR.generator, parse("disabled"), **values)


@pytest.mark.slow
def test_encodings_of_an_unseen_image_are_one_where_the_best_code_is_one():
    images = np.random.default_rng(1).normal(size=(60, 4, 4, 1)).astype(np.float32)
    (row,) = recovery.unique(LINEAR.generator, [Method("levenberg_marquardt")], images, encodings=4, budget=200)
    assert row["method"] == "levenberg_marquardt"
    assert (row["images"], row["encodings"]) == (60, 4)
    assert float(row["distance"]) < 1e-6
    assert float(row["median_distance"]) < 1e-6
    assert float(row["random_codes"]) == pytest.approx(2, abs=0.4)
    residual = LINEAR.best(images) @ LINEAR.matrix.T + LINEAR.offset - images.reshape(60, 16)
    assert float(row["image_error"]) == pytest.approx(np.mean(residual**2), rel=1e-2)


def test_encodings_that_have_not_moved_are_as_far_apart_as_random_codes():
    images = np.zeros((30, 4, 4, 1), np.float32)
    plateau = ti.load_generator(
        lambda codes: tf.stop_gradient(LINEAR.generator(codes)) + 0 * tf.reduce_sum(codes),
        prior=ti.normal(3),
        value_range=(0, 1),
    )
    row = next(recovery.unique(plateau, [Method("disabled")], images, encodings=3, budget=1))
    assert float(row["distance"]) == pytest.approx(float(row["random_codes"]), rel=1e-3)


def test_one_encoding_has_no_distance():
    with pytest.raises(ti.BadInput, match="encodings=1"):
        next(recovery.unique(LINEAR.generator, [Method("disabled")], np.zeros((1, 4, 4, 1), np.float32), encodings=1))


def test_the_peak_is_that_of_memory_that_is_gone_again():
    gc.collect()
    before = psutil.Process().memory_info().rss / 2**20
    with Peak(interval=0.01) as peak:
        assert peak.mebibytes > 0
        held = np.ones(50 * 2**17)  # 50 MiB
        deadline = time.monotonic() + 30
        while peak.mebibytes < before + 40 and time.monotonic() < deadline:
            time.sleep(0.02)
        del held
    assert before + 40 < peak.mebibytes < before + 500
