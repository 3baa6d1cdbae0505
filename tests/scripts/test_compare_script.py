"""`tfinvert compare` through its `main`."""

import csv
import shutil

import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("compare")


@pytest.fixture
def compare(script, files, tmp_path, caplog):
    """Runs `main` for these generators; gives the exit code, what was logged, and the rows of both tables."""

    def call(names, **values):
        caplog.clear()
        out = tmp_path / "out"
        given = {
            "generators": [str(files / f"{name}.keras") for name in names],
            "images": str(files / "images.npy"),
            "value_range": ["-1", "1"],
            "prior": "normal",
            "steps": 60,
            "restarts": 2,
            "out": str(out),
            **values,
        }
        with flagsaver.flagsaver(**given):
            code = script.main(["compare.py"])
        tables = [out / "comparison.csv", out / "pairs.csv"]
        rows = [list(csv.DictReader(table.open())) if table.exists() else [] for table in tables]
        return code, "\n".join(caplog.messages), *rows

    return call


def test_the_generator_that_made_the_images_is_better(compare, tmp_path):
    code, log, rows, pairs = compare(["few", "many"])
    assert code == 0
    assert [row["generator"] for row in rows] == ["few", "many"]
    assert [row["n"] for row in rows] == ["14", "14"]
    assert float(rows[1]["mse"]) < 0.1 * float(rows[0]["mse"])
    assert (pairs[0]["one"], pairs[0]["other"]) == ("few", "many")
    assert float(pairs[0]["low"]) > 0
    assert float(pairs[0]["p"]) < 0.01
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "comparison.png"))) > 0
    assert "comparison.csv" in log
    with (tmp_path / "out" / "errors.csv").open() as file:
        errors = list(csv.DictReader(file))
    assert [row["id"] for row in errors] == [str(number) for number in range(14)]
    assert np.mean([float(row["many"]) for row in errors]) == pytest.approx(float(rows[1]["mse"]), rel=1e-4)


@pytest.mark.slow
def test_other_sizes_are_brought_to_one_and_it_is_said(compare):
    code, log, rows, pairs = compare(["few", "large", "many"], value_range=["-1", "1;-1", "1;-1", "1"], limit=5)
    assert code == 0
    assert len(rows) == len(pairs) == 3
    assert "large makes [12, 12, 3]: compared at [8, 8, 1]" in log
    assert "5 images: no test is run below 10" in log
    assert {pair["p"] for pair in pairs} == {"nan"}


def test_it_goes_on_where_it_stopped_and_takes_one_generator_more(compare, tmp_path):
    assert compare(["few", "many"], limit=10)[0] == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}
    assert len(before) == 2
    names = ["few", "many", "large"]
    code, _, rows, pairs = compare(names, limit=12)
    assert code == 0
    assert [row["n"] for row in rows] == ["12"] * 3
    assert len(pairs) == 3
    assert all(path.read_bytes() == data for path, data in before.items())
    again = compare(["few", "many"], limit=10)
    assert [row["n"] for row in again[2]] == ["10"] * 2
    code, log, *_ = compare(["few", "many"], steps=50)
    assert code == 1
    assert "few holds a run with other settings (steps was 60 and is 50)" in log


@pytest.mark.slow
def test_a_name_that_another_takes_too_does_not_begin_a_run_anew(compare, files, tmp_path):
    (tmp_path / "twin").mkdir()
    shutil.copy(files / "many.keras", tmp_path / "twin" / "few.keras")
    assert compare(["few", "many"], limit=2)[0] == 0
    own, twin = str(files / "few.keras"), str(tmp_path / "twin" / "few.keras")
    code, log, *_ = compare([], generators=[own, twin], limit=2)
    assert code == 1
    assert f"out/few has a run, and there are several few now, {files.name}, twin: give that folder the name" in log
    (tmp_path / "out" / "few").rename(tmp_path / "out" / files.name)
    assert compare([], generators=[own, twin], limit=2)[0] == 0


def test_an_image_that_one_cannot_invert_is_left_out_for_all(compare, files, tmp_path):
    images = np.load(files / "images.npy")
    images[3, 0, 0, 0] = np.nan
    np.save(tmp_path / "spoilt.npy", images)
    code, log, rows, pairs = compare(["few", "many"], images=str(tmp_path / "spoilt.npy"))
    assert code == 0
    assert [row["n"] for row in rows] == ["13", "13"]
    assert all(np.isfinite(float(row["mse"])) for row in rows)
    assert np.isfinite(float(pairs[0]["p"]))
    assert "3 is left out: few: the image holds NaN" in log


@pytest.mark.slow
def test_classes_are_searched_only_where_there_are_some(compare):
    code, _, rows, _ = compare(["few", "classes"], labels="search", limit=2)
    assert code == 0
    assert [row["n"] for row in rows] == ["2", "2"]


@pytest.mark.parametrize(
    ("names", "values", "word"),
    [
        (["few"], {}, "1 in --generators: expected two or more"),
        (["few", "many"], {"prior": "normal;normal;uniform"}, "3 in --prior: expected one for all, or 2"),
        (["few", "many"], {"value_range": ["-1", "1;0", "1;0", "1"]}, "3 in --value_range"),
        (["few", "many"], {"split": ["first_dense"]}, "--split=first_dense"),
        (["few", "missing"], {}, "missing.keras"),
        (
            ["few", "many"],
            {"feature_distance": "mixed8", "features_network": "no.keras"},
            "perceptual network 'no.keras'",
        ),
        (["few", "many"], {"images": "nowhere"}, "no such file"),
        (["few", "many"], {"preset": "pividori2019"}, "--split=first_dense"),
        (["few", "wide"], {}, "generators of 6x12, 8x8: of other proportions"),
        (["constant", "many"], {}, "14 images, none of them inverted by all generators"),
        (["few", "classes"], {}, "class-conditional and no labels came"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_1(compare, tmp_path, names, values, word):
    code, log, rows, _ = compare(names, **values)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log
    assert not rows


@pytest.mark.slow
def test_shards_invert_and_the_same_without_compares(compare, files, tmp_path):
    code, log, table, _ = compare(["few", "many"], shard="1/2")
    assert (code, table) == (0, [])
    assert "shard 1/2 is done: the same command without --shard compares, once all are" in log
    compare(["few", "many"], shard="2/2")
    parts = sorted((tmp_path / "out" / "few" / "results").glob("part-*"))
    code, log, table, _ = compare(["few", "many"])
    assert (code, [row["n"] for row in table]) == (0, ["14", "14"])
    assert sorted((tmp_path / "out" / "few" / "results").glob("part-*")) == parts  # nothing was left to do
