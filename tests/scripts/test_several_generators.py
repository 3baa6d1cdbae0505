"""`tfinvert invert` with --generators: the same images into each of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from tfinvert.cli import several
from tfinvert.runs import Store


@pytest.fixture
def into(invert, files):
    """Inverts the images into these generators; gives the exit code and what was logged."""

    def call(*names, **values):
        given = {"images": str(files / "images.npy"), "value_range": ["-1", "1"], "limit": 5, **values}
        return invert(generators=[str(files / f"{name}.keras") for name in names], **given)

    return call


def settings(out):
    return json.loads((out / "run.json").read_text())["settings"]


def test_each_generator_has_a_run_of_its_own(into, tmp_path):
    code, log = into("few", "large", prior="normal;uniform", value_range=["-1", "1;-2", "2"])
    assert code == 0
    for name, size in (("few", 2), ("large", 4)):
        out = tmp_path / "out" / name
        assert {len(each) for each in Store(out).read(["code"])["code"].to_pylist()} == {size}
        assert (out / "comparison.png").stat().st_size > 1000
        assert (out / "index.html").read_text().count('<li class="card') == 5
        assert len([line for line in log.splitlines() if line.startswith(f"{name}: 5 images (5 finished)")]) == 1
    few, large = (settings(tmp_path / "out" / name)["generator"] for name in ("few", "large"))
    assert (few["prior"], few["value_range"]) == ("normal(2)", [-1, 1])
    assert large["prior"].startswith("uniform(4")
    assert large["value_range"] == [-2, 2]


@pytest.mark.slow
def test_each_run_is_that_of_its_generator_alone(into, invert, files, tmp_path):
    assert into("few", "many")[0] == 0
    alone = {"generator": str(files / "many.keras"), "images": str(files / "images.npy"), "value_range": ["-1", "1"]}
    assert invert(**alone, limit=5, out=str(tmp_path / "alone"))[0] == 0
    columns = ["id", "place", "code", "status"]
    assert Store(tmp_path / "out" / "many").read(columns).equals(Store(tmp_path / "alone").read(columns))
    assert settings(tmp_path / "out" / "many") == settings(tmp_path / "alone")
    code, log = into("few", "many", limit=6)  # the same again goes on
    assert code == 0
    assert "many: 6 images (6 finished)" in log


@pytest.mark.slow
def test_the_exit_code_is_the_worst(into, files, tmp_path):
    images = np.load(files / "images.npy")
    images[2, 0, 0, 0] = np.nan
    np.save(tmp_path / "spoilt.npy", images)
    assert into("few", "many", images=str(tmp_path / "spoilt.npy"))[0] == 3
    code, log = into("constant", "few", out=str(tmp_path / "other"))
    assert code == 1
    assert "few: 5 images (5 finished)" in log


@pytest.mark.slow
def test_shards_are_of_all_generators(into, tmp_path):
    for shard in ("1/2", "2/2"):
        code, log = into("few", "many", shard=shard)
        assert code == 0
        assert log.count(f"shard {shard}: ") == 2
        assert f"many: shard {shard}: {3 if shard == '1/2' else 2} images" in log
    assert not (tmp_path / "out" / "few" / "comparison.png").exists()
    parts = {path: path.read_bytes() for path in (tmp_path / "out").rglob("part-*")}
    assert into("few", "many")[0] == 0
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("part-*")} == parts
    assert (tmp_path / "out" / "few" / "comparison.png").exists()


@pytest.mark.parametrize(
    ("names", "values", "word"),
    [
        (["few", "many", "missing"], {}, "missing.keras"),
        (["few"], {}, "1 in --generators: expected two or more"),
        (["few", "many"], {"generator": "few.keras"}, "2 in --generators beside --generator: expected two or more"),
        (["few", "many"], {"prior": "normal;normal;uniform"}, "3 in --prior: expected one for all, or 2"),
        (["few", "many"], {"prior": "normal;normal(7)"}, "codes have the shape"),
        (["few", "classes"], {}, "class-conditional and no labels came"),
        (["few", "many"], {"images": "nowhere"}, "no such file"),
    ],
)
def test_wrong_input_is_one_line_before_any_work(into, tmp_path, names, values, word):
    code, log = into(*names, **values)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log
    assert not list(tmp_path.rglob("part-*"))


def test_files_of_one_name_are_told_apart():
    assert several.names(["a/g.keras", "b/g.keras"]) == ["a", "b"]
    assert several.names(["a/g.keras", "a/h.keras", "b/g.keras"]) == ["a-g", "a-h", "b-g"]
    assert several.names(["a/g.keras", "a/g.keras"]) == ["a-g (1)", "a-g (2)"]
    assert several.names(["id.keras", "g.keras"]) == ["id (1)", "g (2)"]
    assert several.names([".", "g.keras"]) == [Path.cwd().stem, "g"]
    assert not {"", "..", "."} & {*several.names(["..", "."]), *several.names(["/g.h5", "/x/g.h5"])}
