"""`tfinvert segment` through its `main`."""

import re
import shutil

import numpy as np
import pytest
from absl.testing import flagsaver
from jobs import do
from PIL import Image
from planted import planted, regions

FAST = {"steps": 2, "restarts": 1}


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("segment")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run over three pictures, one of which cannot be read."""
    root = tmp_path_factory.mktemp("segment")
    planted("pooled").export(root / "generator", verbose=False)
    (root / "photos").mkdir()
    for number, name in enumerate(("one.png", "two.png")):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(root / "photos" / name)
    (root / "photos" / "broken.png").write_bytes(b"no picture")
    do(str(root / "run"), str(root / "generator"), str(root / "photos"), **FAST)
    return root


@pytest.fixture
def segment(script, folder, tmp_path, caplog):
    """Runs `main` with these flags; gives the exit code, what was logged, and the files."""

    def call(**values):
        caplog.clear()
        given = {"run": str(folder / "run"), "out": str(tmp_path / "out"), "clusters": ["4"], **values}
        with flagsaver.flagsaver(**given):
            code = script.main(["segment.py"])
        out = tmp_path / "out"
        files = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()} if out.exists() else set()
        return code, "\n".join(caplog.messages), files

    return call


def test_labels_and_figures_of_all_images(segment, folder, tmp_path):
    code, log, files = segment(clusters=["4", "9"])
    assert code == 3
    assert re.search("left out: image '.*broken.png' has no code", log)
    assert "2 images: see " in log
    labels = {f"labels/{name}-{count}.png" for name in ("one", "two") for count in (4, 9)}
    assert files == {"one.png", "two.png", *labels}
    expected = regions().repeat(2, axis=0).repeat(2, axis=1)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/labels/two-4.png")), expected)
    assert np.asarray(Image.open(tmp_path / "out/labels/two-9.png")).max() == 8
    assert (tmp_path / "out/one.png").stat().st_size > 5000


def test_some_images_into_the_runs_folder(segment, folder):
    code, _, files = segment(ids=["two.png"], out=None, attention="looks_1")
    assert code == 0
    made = folder / "run" / "segmentation"
    assert not files
    assert sorted(str(file.relative_to(made)) for file in made.rglob("*.png")) == ["labels/two-4.png", "two.png"]


def test_an_image_whose_map_is_not_finite_is_left_out_and_the_others_go_on(segment, monkeypatch):
    from tfinvert.segmentation import Attention

    given, calls = Attention.__call__, []

    def first_is_broken(self, *inputs):
        calls.append(inputs)
        return given(self, *inputs) * (np.nan if len(calls) == 1 else 1)

    monkeypatch.setattr(Attention, "__call__", first_is_broken)
    code, log, files = segment(ids=["one.png", "two.png"])
    assert code == 3
    assert re.search("left out: the attention map of '.*one.png' holds NaN", log)
    assert files == {"two.png", "labels/two-4.png"}


def test_images_that_are_not_there_any_more(segment, folder):
    (folder / "photos").rename(folder / "elsewhere")
    code, log, files = segment(ids=["one.png"])
    (folder / "elsewhere").rename(folder / "photos")
    assert code == 0
    assert "reconstructions are shown without their images" in log
    assert files == {"one.png", "labels/one-4.png"}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"run": None}, "no --run"),
        ({"run": "nowhere"}, "nowhere holds no run"),
        ({"ids": ["tow.png"]}, "no image 'tow.png' in .*nearest are .*two.png"),
        ({"ids": ["broken.png"]}, "no image of .* could be segmented: expected a run .* that found codes"),
        ({"attention": "look"}, "has no attention map 'look': .* near it are looks_1"),
        ({"attention": "last_1"}, "has no attention map 'last_1'"),
        ({"attention": "first_1"}, r"no attention map but gives \[256\]"),
        ({"clusters": ["65"]}, "65 clusters: expected 1 to 64, for the map has 8x8 places"),
        ({"clusters": ["many"]}, "--clusters=many"),
        ({"clusters": []}, "no numbers of clusters"),
        ({"generator": "g.h5"}, "g.h5"),
    ],
)
def test_wrong_input_is_told_in_one_line(segment, values, why):
    code, log, files = segment(**values)
    assert code == 1
    assert re.search(why, log)
    assert not files


def test_a_run_without_attention(segment, tmp_path):
    do(str(tmp_path / "glyphs"), limit=1, **FAST)
    code, log, _ = segment(run=str(tmp_path / "glyphs"))
    assert code == 1
    assert "has no attention map: looked for a softmax" in log


def test_a_run_that_has_found_nothing_yet(segment, folder, tmp_path):
    (tmp_path / "begun").mkdir()
    shutil.copy(folder / "run" / "run.json", tmp_path / "begun")
    code, log, files = segment(run=str(tmp_path / "begun"))
    assert code == 1
    assert "could be segmented" in log
    assert not files
