"""The commands, through their `main`, on a generator of 13 channels and on one of series."""

import csv
import io
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from absl.testing import flagsaver
from PIL import Image, ImageSequence

import tfinvert as ti

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "generators"))
from generator_models import of_channels, of_series

MODELS = {
    "channels": (lambda: of_channels(13), ["-1", "1"], ["8", "8", "13"]),
    "series": (of_series, ["-4", "4"], None),
}


@pytest.fixture(scope="module", params=MODELS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def call(kind, tmp_path_factory, loaded):
    """Runs the `main` of a command with these flags, in the folder of a generator; gives the exit code."""
    root = tmp_path_factory.mktemp(kind)
    model, bounds, shape = MODELS[kind][0](), *MODELS[kind][1:]
    model.save(root / "g.keras")
    generator = {"generator": str(root / "g.keras"), "prior": "normal", "value_range": bounds, "image_shape": shape}

    def run(command, out, **values):
        with loaded(command) as script:
            own = generator if command in ("invert", "recover") else {"run": str(root / "run")}
            own = own if command == "page" else {**own, "out": str(root / out)}
            with flagsaver.flagsaver(**{**own, **values}):
                return script.main([command])

    made = model(np.random.default_rng(5).normal(0, 0.7, (4, 6)).astype(np.float32), training=False).numpy()
    np.save(root / "made.npy", made)
    np.save(root / "x.npy", made if kind == "series" else (made + 1) / 2)
    images = {"images": str(root / "x.npy"), "shown_channels": ["2"]}
    assert run("invert", "run", steps=40, restarts=2, **images) == 0
    run.root = root
    return run


def test_the_run_has_arrays_in_the_generators_units(call):
    root = call.root
    made = np.load(root / "made.npy")
    table = pq.read_table(root / "run" / "results").to_pylist()
    kept = np.stack([np.load(io.BytesIO(row["reconstruction"])) for row in table])
    assert kept.dtype == np.float32
    assert np.mean((kept - made) ** 2) < 0.1 * made.var()
    run = ti.runs.open_run(root / "run")
    codes = np.stack([row.code for row in run.rows()])
    np.testing.assert_allclose(run.load()(codes), kept, atol=1e-4)
    assert "shown: channel 2 of" in (root / "run" / "index.html").read_text()
    assert (root / "run" / "comparison.png").is_file()


def test_the_page_is_written_again(call):
    assert call("page", "", shown_channels=["3", "1"]) == 0
    assert "shown: channels 3, 1 of" in (call.root / "run" / "index.html").read_text()
    assert call("page", "") == 0
    assert "shown: channel 2 of" in (call.root / "run" / "index.html").read_text()  # as the run was told
    assert call("page", "", shown_channels=["14"]) != 0


def test_edits_are_pictures(call):
    assert call("edit", "edits", ids=["0", "1"], path=True, random=1, frames=3) == 0
    with Image.open(call.root / "edits" / "path.webp") as film:
        frames = [np.asarray(frame.convert("RGB")).astype(int) for frame in ImageSequence.Iterator(film)]
    assert len(frames) == 4
    assert np.abs(frames[0] - frames[-1]).max() > 50
    assert (call.root / "edits" / "random.png").is_file()


def test_codes_are_features(call):
    assert call("embed", "near", k=["1"], projector=True) == 0
    assert (call.root / "near" / "projector" / "sprite.png").is_file()
    with (call.root / "near" / "neighbours.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4


@pytest.mark.first(1)
def test_codes_are_recovered(call):
    assert call("recover", "recovery", methods=["recover"], samples=2) == 0
    with (call.root / "recovery" / "recovery.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["success_1e-6"]) == 1


def test_picture_files_of_it_are_no_experiment(call, caplog):
    assert call("recover", "pictures", experiment="pictures") != 0
    assert "expected one of pictures of 1 or 3 channels" in caplog.text


def test_regions_are_of_pictures_with_attention(call, kind, caplog):
    assert call("segment", "regions") != 0
    assert ("expected a generator of pictures" if kind == "series" else "attention") in caplog.text
