"""Half precision where a device lacks it."""

import pytest

from tfinvert.experiments import precision


@pytest.mark.parametrize(("seconds", "told"), [(9.0, True), (1.2, False), (0.5, False)])
def test_it_is_told_where_it_is_slower(monkeypatch, caplog, seconds, told):
    monkeypatch.setattr(precision, "_seconds", lambda kind: 1.0 if kind == "float32" else seconds)
    precision.tell_if_slower("mixed_bfloat16")
    assert ("9 times as long as in float32" in caplog.text) == told


def test_single_precision_is_not_tried(monkeypatch):
    monkeypatch.setattr(precision, "_seconds", lambda kind: pytest.fail("tried"))
    precision.tell_if_slower("float32")


@pytest.mark.parametrize("kind", ["float32", "bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_gradients_take_some_time(kind):
    assert precision._seconds(kind) > 0
