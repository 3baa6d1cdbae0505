"""Commands whose images, generators and folders are in a store."""

import json

import numpy as np
import pytest
from absl.testing import flagsaver
from stores import fill, forget, names, npy, png

import tfinvert as ti
from tfinvert.generators.opening import BUILTIN
from tfinvert.remote import path_of
from tfinvert.runs import open_run
from tfinvert.runs.lease import Lease
from tfinvert.runs.stored import Stored
from tfinvert.settings import Shard

FEW = {"steps": 2, "restarts": 1, "batch_size": 2}


@pytest.fixture
def command(loaded, called):
    """command("page", run=...) gives the exit code and what was logged."""

    def of(name, **values):
        with loaded(name) as script:
            return called(script, **(FEW if name in ("invert", "compare") else {}))(**values)

    return of


@pytest.fixture
def places(s3):
    """The bucket of four pictures and a generator, as flags."""
    fill(s3.url, {f"p/{grey}.png": png(grey, 32) for grey in (10, 20, 30, 40)} | {"g.keras": BUILTIN.read_bytes()})
    return {"images": f"{s3.url}/p", "generator": f"{s3.url}/g.keras", "out": f"{s3.url}/run"}


def test_all_that_a_run_reads_and_writes_is_in_the_store(command, loaded, places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, log = command("invert", **places, limit=2)
    assert code == 0
    assert f"see {places['out']}/results and {places['out']}/index.html" in log
    about = json.loads(path_of(f"{places['out']}/run.json").read_bytes())
    assert about["settings"]["generator"]["source"] == about["generator_name"] == places["generator"]
    assert about["settings"]["images"]["source"] == places["images"]
    code, log = command("invert", **places)
    assert (code, "4 images (4 finished)" in log) == (0, True)
    stored = Stored(places["out"])
    assert stored.ids() == [f"{places['images']}/{grey}.png" for grey in (10, 20, 30, 40)]
    assert {"comparison.png", "index.html", "run.json"} < set(names(places["out"]))
    page = path_of(f"{places['out']}/index.html")
    page.unlink()
    with loaded("page") as script, flagsaver.flagsaver(run=places["out"]):
        code = script.main(["page"]) or 0
    assert (code, page.read_bytes().count(b'<li class="card')) == (0, 4)
    assert b"not where it was" not in page.read_bytes()
    assert list(tmp_path.iterdir()) == []
    assert not any("s3:" in name for name in names(places["out"]))


@pytest.mark.slow
def test_the_rows_are_those_of_files_here(command, places, tmp_path):
    array, bucket = np.full((2, 32, 32), 0.5, np.float32), places["images"].removesuffix("/p")
    fill(bucket, {"a.npy": npy(array)})
    np.save(tmp_path / "a.npy", array)
    command("invert", **{**places, "images": f"{bucket}/a.npy"})
    command("invert", images=str(tmp_path / "a.npy"), out=str(tmp_path / "run"))
    there, here = (Stored(folder).read(["id", "code", "loss"]) for folder in (places["out"], tmp_path / "run"))
    assert there.equals(here)


@pytest.mark.slow
def test_figures_of_a_run_are_written_beside_it(command, places):
    command("invert", **places)
    edit = {"ids": ["10.png", "40.png"], "path": True, "films": ["gif", "frames"]}
    for name, flags, written in (
        ("edit", edit, "edits/path.frames/00000.png"),
        ("embed", {"projector": True}, "embedding/projector/sprite.png"),
    ):
        code, log = command(name, run=places["out"], out=None, **flags)
        assert code == 0, log
        assert written in names(places["out"])


@pytest.mark.slow
def test_a_run_is_compared_in_the_store(command, places):
    generators = [places["generator"]] * 2
    code, log = command("compare", images=places["images"], out=places["out"], generators=generators)
    assert code == 0, log
    assert {"comparison.csv", "comparison.png"} < set(names(places["out"]))


def test_a_second_writer_is_told_before_the_generator_is_loaded(command, places):
    with Lease(path_of(places["out"])):
        code, log = command("invert", **{**places, "generator": "no such file"})
    assert (code, "is being written by this process" in log) == (1, True)


def test_what_cannot_be_had_is_one_line(command, places, monkeypatch, tmp_path):
    for flags, words in (
        ({"out": "s3://no-such-bucket-here/run"}, "no such bucket"),
        ({"images": "s3://no-such-bucket-here/p"}, "no such bucket"),
        ({"generator": "s3://no-such-bucket-here/g.keras"}, "no such bucket"),
        ({"images": f"{places['images']}/none"}, "no such file, folder or match"),
        ({"out": "nowhere://bucket/run"}, "unknown scheme"),
        ({"out": "s3://"}, "names no bucket"),
        ({"tensorboard": True}, "TensorBoard"),
    ):
        code, log = command("invert", **{**places, **flags})
        assert (code, words in log, len(log.splitlines())) == (1, True, 1), log
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    forget()
    code, log = command("invert", **places)
    assert (code, "without credentials" in log, len(log.splitlines())) == (1, True, 1), log


def test_a_training_is_refused_in_one_line(command, memory):
    code, log = command("train", out=f"{memory}/train")
    assert (code, "Keras keeps the checkpoints" in log, len(log.splitlines())) == (1, True, 1)


@pytest.mark.slow
def test_a_run_whose_generator_is_gone_says_so(command, places):
    command("invert", **places)
    path_of(places["generator"]).unlink()
    code, log = command("segment", run=places["out"], out=None)
    assert (code, f"{places['generator']}: no such file" in log) == (1, True)
    with pytest.raises(ti.BadInput, match="no such file"):
        open_run(places["out"]).load()


@pytest.mark.slow
def test_shards_share_a_folder_in_the_store(command, places):
    for shard in ("1/2", "2/2"):
        code, log = command("invert", **places, shard=shard)
        assert (code, "2 images (2 finished)" in log) == (0, True), log
    with Lease(path_of(places["out"]), Shard(1, 2)):
        assert command("invert", **places, shard="2/2")[0] == 0
        code, log = command("invert", **places)
        assert (code, "is being written by this process" in log) == (1, True)
    assert sorted(Stored(places["out"]).read(["place"])["place"].to_pylist()) == [0, 1, 2, 3]
