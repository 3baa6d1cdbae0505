"""`tfinvert edit` through its `main`."""

import keras
import pytest
from eager import eager
from jobs import do
from PIL import Image


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("edit")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run in two steps of the built-in generator."""
    out = tmp_path_factory.mktemp("edit") / "run"
    with eager():
        do(str(out), limit=3, steps=3, restarts=1, split="first_dense", second_steps=3)
    return out


@pytest.fixture
def edit(script, run, called):
    return called(script, run=str(run), frames=2)


IDS = ["DejaVuSansMono-BoldOblique-A", "DejaVuSerif-Italic-A"]


def test_each_edit_is_a_strip_and_films_where_it_moves(edit, tmp_path):
    code, log = edit(ids=IDS, path=True, gap=True, project=True, arithmetic=["1", "-1"])
    assert code == 0, log
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == [
        "arithmetic.png",
        "gap.gif",
        "gap.png",
        "gap.webp",
        "path.gif",
        "path.png",
        "path.webp",
        "project.png",
    ]
    assert Image.open(tmp_path / "out" / "path.gif").n_frames == 3
    assert "|h* - projection| / |h*| is" in log
    assert edit(ids=IDS, circle=True, films=["frames"])[0] == 0
    assert len(list((tmp_path / "out" / "circle.frames").iterdir())) == 8


def test_what_an_earlier_command_left_of_an_edit_is_replaced(edit, tmp_path):
    assert edit(ids=IDS, path=True, gap=True, films=["frames", "gif"])[0] == 0
    assert edit(ids=IDS[::-1], path=True, films=["none"])[0] == 0
    written = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert written == ["gap.frames", "gap.gif", "gap.png", "path.png"]


def test_without_out_it_writes_into_the_run(edit, run):
    assert edit(units=["0", "1"], out=None, films=["none"])[0] == 0
    assert [file.name for file in (run / "edits").iterdir()] == ["units.png"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"run": None, "path": True}, "no --run"),
        ({"run": "nowhere", "path": True}, "nowhere holds no run"),
        ({"ids": IDS[:1], "path": True}, "expected at least two"),
        ({"ids": ["DejaVuSerif-Italic-a"], "gap": True}, "nearest are DejaVuSerif-Italic-A"),
        ({"ids": IDS, "switch": ["x"]}, "--switch=x: expected numbers"),
        ({"ids": IDS, "switch": ["1"]}, "it is not class-conditional"),
        ({"ids": IDS}, "no edit"),
        ({"ids": IDS, "gap": True, "films": ["avi"]}, "a film as 'avi'"),
    ],
)
def test_wrong_input_is_told_in_one_line_and_nothing_is_written(edit, tmp_path, values, why):
    code, log = edit(**values)
    assert code == 1
    assert why in log.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_another_generator_is_refused(edit, tmp_path):
    keras.Sequential([keras.Input((64,)), keras.layers.Dense(1024), keras.layers.Reshape((32, 32, 1))]).save(
        tmp_path / "other.keras"
    )
    code, log = edit(ids=IDS, path=True, generator=str(tmp_path / "other.keras"))
    assert code == 1
    assert "other.keras is not the generator of" in log


def test_a_strangers_run_does_not_say_that_its_generator_may_run_code(edit, tmp_path):
    """run.json tells what its maker trusted. Who opens the run has to say so, too."""
    proof = tmp_path / "proof"
    source = f"lambda x: (__import__('pathlib').Path({str(proof)!r}).touch(), x)[1]"
    layers = [
        keras.Input((3,)),
        keras.layers.Dense(48),
        keras.layers.Reshape((4, 4, 3)),
        keras.layers.Lambda(eval(source)),
    ]
    keras.Sequential(layers).save(tmp_path / "g.keras")
    given = {"generator": str(tmp_path / "g.keras"), "images": "glyphs", "limit": 1, "steps": 1, "restarts": 1}
    do(str(tmp_path / "run"), **given, allow_unsafe=True)
    proof.unlink()
    code, log = edit(run=str(tmp_path / "run"), ids=IDS[:1], random=1)
    assert code == 1
    assert "allow_unsafe=True) (--allow_unsafe) loads it" in log
    assert not proof.exists()
    assert edit(run=str(tmp_path / "run"), ids=IDS[:1], random=1, allow_unsafe=True)[0] == 0
    assert proof.exists()
