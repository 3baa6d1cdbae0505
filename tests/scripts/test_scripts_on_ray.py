"""Commands by Ray's workers: the same tables as in one process."""

import csv

import numpy as np
import pytest
from absl.testing import flagsaver

from tfinvert.experiments import recovery
from tfinvert.runs import Store

pytest.importorskip("ray")
pytestmark = pytest.mark.slow  # each command begins workers of its own
RAY = {"engine": "ray", "workers": 2}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One for all tests here: it takes seconds to begin."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def given(files):
    return {"images": str(files / "images.npy"), "value_range": ["-1", "1"]}


def called(script, **values):
    with flagsaver.flagsaver(**values):
        return script.main([script.__name__])


def table(path, but=()):
    """A table's rows without some of its columns."""
    with path.open(newline="") as file:
        return [{name: text for name, text in row.items() if name not in but} for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("experiment", "flags"),
    [
        ("methods", {"methods": "lbfgs, disabled"}),
        ("noise", {"methods": "lbfgs"}),
        ("unique", {"methods": "lbfgs", "encodings": 2, "limit": 5}),
    ],
)
def test_recover(loaded, files, given, tmp_path, monkeypatch, experiment, flags):
    monkeypatch.setattr(recovery, "LIPTON_VARIANCES", (1e-3, 1e-1))
    with loaded("recover") as script:
        usual = {**given, "generator": str(files / "many.keras"), "samples": 5, "budget": 20, "batch_size": 3}
        for name, engine in (("ray", RAY), ("plain", {})):
            how = {**usual, **flags, **engine, "experiment": experiment, "out": str(tmp_path / name)}
            assert called(script, **how) == 0
    file = {"methods": "recovery.csv"}.get(experiment, f"{experiment}.csv")
    but = ("seconds_per_code", "peak_memory")
    assert table(tmp_path / "ray" / file, but) == table(tmp_path / "plain" / file, but)


def test_pictures_are_judged_here(loaded, files, tmp_path, caplog):
    with loaded("recover") as script:
        how = {"generator": str(files / "many.keras"), "experiment": "pictures", "out": str(tmp_path)}
        assert called(script, **how, **RAY) == 1
    assert "--engine=ray with --experiment=pictures: pictures of a set are judged together" in caplog.messages[-1]


def test_compare(loaded, files, given, tmp_path):
    with loaded("compare") as script:
        generators = [str(files / "few.keras"), str(files / "many.keras")]
        usual = {**given, "generators": generators, "prior": "normal", "steps": 20, "restarts": 1, "limit": 11}
        for name, engine in (("ray", RAY), ("plain", {})):
            assert called(script, **usual, **engine, out=str(tmp_path / name)) == 0
    for file in ("comparison.csv", "pairs.csv", "errors.csv"):
        ray, plain = (table(tmp_path / name / file, ["seconds_per_image"]) for name in ("ray", "plain"))
        assert ray == plain


def test_invert_into_several_generators(loaded, files, given, tmp_path):
    with loaded("invert") as script:
        generators = [str(files / "few.keras"), str(files / "large.keras")]
        usual = {**given, "generators": generators, "prior": "normal;uniform", "steps": 5, "restarts": 1, "page": False}
        for name, engine in (("ray", RAY), ("plain", {})):
            assert called(script, **usual, **engine, batch_size=4, out=str(tmp_path / name)) == 0
    for generator in ("few", "large"):
        ray, plain = (Store(tmp_path / name / generator).read(["id", "place", "code"]) for name in ("ray", "plain"))
        assert ray["id"].to_pylist() == plain["id"].to_pylist() == [str(number) for number in range(14)]
        np.testing.assert_allclose(ray["code"].to_pylist(), plain["code"].to_pylist(), atol=1e-4)
        assert (tmp_path / "ray" / generator / "comparison.png").exists()
