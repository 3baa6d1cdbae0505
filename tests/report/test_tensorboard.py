"""A run in TensorBoard: what its own reader finds there, once also after the run went on."""

import numpy as np
import pytest
import tensorflow as tf
from made_up_run import made_up_run, row

import tfinvert as ti
from tfinvert.report.figures import Pair, draw

IMAGE = np.random.default_rng(0).uniform(size=(8, 8, 3))


def summaries(folder):
    """[tag, step, tensor] of every summary there."""
    found = []
    for path in folder.glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            found += [(value.tag, event.step, tf.make_ndarray(value.tensor)) for value in event.summary.value]
    return found


@pytest.fixture
def comparison(tmp_path):
    path = tmp_path / "comparison.png"
    draw([Pair(IMAGE, IMAGE, 0.1, "a.png")]).savefig(path, format="png")
    return path


def test_losses_errors_and_images_are_there_once(tmp_path, comparison):
    rows = [
        row(name, IMAGE, error, loss_steps=[25, 50], losses=[4 * error, error])
        for name, error in (("a", 0.01), ("b", 0.02), ("c", 0.04))
    ]
    store = made_up_run(tmp_path / "run", "somewhere", (8, 8, 3), [*rows, row("d", status="unreadable")])
    for _ in range(2):  # again where it was written before
        folder = ti.report.tensorboard(store, comparison)
    assert folder == tmp_path / "run" / "tensorboard"
    found = summaries(folder)
    median = {step: float(value) for tag, step, value in found if tag == "loss/median"}
    assert median == pytest.approx({25: 0.08, 50: 0.02})
    assert len([tag for tag, _, _ in found if tag == "loss/median"]) == 2
    (histogram,) = [value for tag, _, value in found if tag == "mse"]
    assert histogram[:, 2].sum() == 3
    (picture,) = [value for tag, _, value in found if tag == "targets over reconstructions"]
    assert picture[2].startswith(b"\x89PNG")


def test_a_run_without_results(tmp_path, comparison):
    folder = ti.report.tensorboard(made_up_run(tmp_path / "run", "somewhere", (8, 8, 3), []), comparison)
    assert {tag for tag, _, _ in summaries(folder)} == {"targets over reconstructions"}


def test_without_the_package_it_says_what_to_do(tmp_path, comparison, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ti.BadInput, match=r"TensorBoard is not installed: pip install 'tfinvert\[tensorboard\]'"):
        ti.report.tensorboard(made_up_run(tmp_path / "run", "somewhere", (8, 8, 3), []), comparison)
