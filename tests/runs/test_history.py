"""How losses fell: what runs keep of it, and its quartiles over images that stop at different times."""

import numpy as np
import problems
import pytest
from made_up_run import made_up_run, row

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.runs import Store, history, run

LINEAR = problems.Linear()
IMAGES = np.random.default_rng(0).uniform(size=(7, 4, 4, 1)).astype(np.float32)


def made(folder, inverter, images=IMAGES):
    store = Store(folder)
    run(inverter, Sources(images, LINEAR.generator), store, show=False)
    return store


def test_quartiles_over_images_that_stop_at_different_times(tmp_path):
    rows = [
        row("a", loss_steps=[25, 50, 75], losses=[8.0, 4.0, 2.0]),
        row("b", loss_steps=[25], losses=[1.0]),  # has ended
        row("c", loss_steps=[25, 60], losses=[5.0, 3.0]),
        row("failed", loss_steps=[], losses=[]),
        row("diverged", status="diverged", loss_steps=[25, 50], losses=[900.0, 800.0]),
        row("of an older version"),
    ]
    found = history(made_up_run(tmp_path / "run", "somewhere", (4, 4, 1), rows))
    np.testing.assert_array_equal(found.steps, [25, 50, 60, 75])
    np.testing.assert_array_equal(found.losses[1], [5, 4, 3, 2])
    np.testing.assert_array_equal(found.losses[0], [3, 2.5, 2, 1.5])


@pytest.mark.parametrize("rows", [[], [row("a")]])
def test_where_nothing_is_known_there_is_none(tmp_path, rows):
    assert history(made_up_run(tmp_path / "run", "somewhere", (4, 4, 1), rows)) is None


def test_a_run_keeps_the_losses_of_every_image(tmp_path):
    """Best so far, so they never rise, and the last is the loss that the image ended with, or a step before it."""
    solver = ti.Adam(steps=60)
    store = made(tmp_path, ti.Inverter(LINEAR.generator, solver=solver, batch_size=3))
    rows = store.read().to_pylist()
    assert len(rows) == 7
    for each in rows:
        assert each["loss_steps"] == [25, 50, 60]
        assert each["losses"] == sorted(each["losses"], reverse=True)
        assert each["loss"] <= each["losses"][-1]
    assert len({tuple(each["losses"]) for each in rows}) == 7
    # What was seen after 25 steps is what 25 steps give, but for the last look at the code they end with.
    short = made(tmp_path / "short", ti.Inverter(LINEAR.generator, solver=ti.Adam(steps=26), batch_size=3))
    for each, other in zip(rows, short.read().to_pylist(), strict=True):
        assert each["losses"][0] == pytest.approx(other["losses"][0])


def test_an_image_that_is_none_has_no_losses(tmp_path):
    images = IMAGES.copy()
    images[1, 0, 0, 0] = np.nan
    rows = made(tmp_path, ti.Inverter(LINEAR.generator, solver=ti.Adam(steps=5)), images).read().to_pylist()
    assert [len(each["losses"] or []) for each in rows] == [1, 0, 1, 1, 1, 1, 1]


def test_both_steps_follow_each_other(tmp_path):
    generator = ti.load_generator()
    first = ti.Inverter(generator, None, ti.Adam(steps=30), restarts=1)
    two = ti.TwoStep(first, solver=ti.Adam(steps=50))
    store = Store(tmp_path)
    sources = Sources("glyphs", generator, limit=2)
    run(two, sources, store, show=False)
    for each in store.read().to_pylist():
        assert each["loss_steps"] == [25, 30, 55, 60, 72, 80]  # the second in three stages
        assert all(np.diff(each["losses"][:2]) <= 0)
        assert all(np.diff(each["losses"][2:4]) <= 0)  # then less is smoothed, and the loss is another
