"""Whatever happens to a run, the same command brings every image to one row; benchmarks/faults.py does a hundred."""

import os

import faults
import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are killed as Linux and macOS do it")

ALWAYS = {"killed_at_a_call", "disk_full"}
FAULTS = [
    pytest.param(fault, id=fault.__name__, marks=[] if fault.__name__ in ALWAYS else [pytest.mark.slow])
    for fault in faults.FAULTS
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    runs = faults.Runs(seed=3, quick=True)
    folder = tmp_path_factory.mktemp("undisturbed")
    runs.finish(folder)
    return runs, faults.rows(folder)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_image_has_one_row_the_same_as_undisturbed(tmp_path, runs, fault):
    started, undisturbed = runs
    assert len(undisturbed) == faults.IMAGES
    faults.disturbed(started, tmp_path / "run", fault, undisturbed)
