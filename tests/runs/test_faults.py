"""Whatever happens to a run, the same command brings every image to one row; benchmarks/faults.py does a hundred."""

import os

import faults
import pytest

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="processes are killed as Linux and macOS do it")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    runs = faults.Runs(seed=3, quick=True)
    folder = tmp_path_factory.mktemp("undisturbed")
    runs.finish(folder)
    return runs, faults.rows(folder)


@pytest.mark.parametrize("fault", [pytest.param(each, id=each.__name__) for each in faults.FAULTS])
def test_every_image_has_one_row_the_same_as_undisturbed(tmp_path, runs, fault):
    started, undisturbed = runs
    assert len(undisturbed) == faults.IMAGES
    faults.disturbed(started, tmp_path / "run", fault, undisturbed)
