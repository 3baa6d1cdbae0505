"""Edits of runs on generators of strangers."""

import numpy as np
import pytest
from jobs import job_of

from tfinvert.editing import scenes
from tfinvert.runs import open_run, run_job
from tfinvert.settings import EditSettings

REAL = {
    "anime-face-64.h5": {"value_range": (0.0, 1.0), "images": "data/photos"},
    "fashion-28-labelled.h5": {"classes": 10, "images": "data/mnist/t10k-images-idx3-ubyte.gz"},
    "digits-28-savedmodel": {
        "value_range": (0.0, 1.0),
        "class_entries": (32, 42),
        "images": "data/mnist/t10k-images-idx3-ubyte.gz",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("split", [None, "first_dense"])
def test_edits_begin_and_end_where_the_run_did(shared, tmp_path, name, split):
    given = {**REAL[name], "images": str(shared / REAL[name]["images"])}
    job = job_of(
        str(tmp_path),
        str(shared / "generators" / name),
        **given,
        limit=2,
        split=split,
        steps=40,
        restarts=1,
        **({"second_steps": 40} if split else {}),
    )
    run_job(job, show=False)
    run = open_run(tmp_path)
    rows = run.rows()
    label = rows[0].label if "anime" not in name else None
    edits = EditSettings.of(
        ids=run.ids(), path=True, frames=3, label=label, gap=split is not None, project=split is not None
    )
    place, found = scenes(run, edits)
    made = place.images(found[0].rows[0])
    np.testing.assert_allclose(made[0], rows[0].reconstruction, atol=0.5 / 255 + 1e-3)
    if "anime" in name:
        np.testing.assert_allclose(made[-1], rows[1].reconstruction, atol=0.5 / 255 + 1e-3)
    else:
        _, (scene,) = scenes(run, EditSettings.of(ids=run.ids()[:1], switch=list(range(10))))
        classes = place.images(scene.rows[0])
        np.testing.assert_allclose(classes[0], rows[0].reconstruction, atol=0.5 / 255 + 1e-3)
        np.testing.assert_allclose(classes[1 + label], classes[0], atol=1e-5)
        others = np.delete(classes[1:], label, axis=0)
        assert (np.abs(others - classes[0]).mean(axis=(1, 2, 3)) > 0.01).all()
