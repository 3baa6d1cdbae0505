"""`tfinvert invert` through its `main`, and once as a user starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import tfinvert as ti
from tfinvert.runs import Store
from tfinvert.runs.lock import Lock
from tfinvert.settings import Job, by_flags

BIN = Path(__file__).parents[2] / "bin"


def test_without_flags_it_inverts_the_builtin_default(invert, tmp_path):
    code, log = invert(limit=5)
    assert code == 0
    assert "5 images (5 finished)" in log
    table = Store(tmp_path / "out").read()
    assert table["id"].to_pylist()[0] == "DejaVuSansMono-BoldOblique-A"
    assert len(table["code"][0]) == 64
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert about["settings"]["solver"]["steps"] == 3
    assert about["settings"]["seed"] == 0
    assert about["versions"]["tensorflow"]
    picture = Image.open(tmp_path / "out" / "comparison.png")
    assert min(picture.size) > 100
    assert np.asarray(picture.convert("L")).std() > 10
    assert (tmp_path / "out" / "index.html").read_text().count('<li class="card') == 5
    assert "index.html" in log


OWN_LAYER = """
import keras
import tensorflow as tf

@keras.saving.register_keras_serializable(package="{module}")
class Wave(keras.layers.Layer):
    def call(self, x):
        return x + tf.sin(x) / 2

def save():
    layers = [keras.Input((3,)), keras.layers.Dense(16), Wave(), keras.layers.Reshape((4, 4, 1))]
    keras.Sequential(layers).save("own.keras")
"""


@pytest.mark.slow
def test_a_module_of_the_users_brings_its_layers(invert, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_waves.py").write_text(OWN_LAYER.format(module="my_waves"))
    (tmp_path / "my_nothing.py").write_text("")
    made = "import sys; sys.path.insert(0, '.'); import my_waves; my_waves.save()"
    subprocess.run([sys.executable, "-c", made], check=True, capture_output=True)
    np.save("x.npy", np.zeros((2, 4, 4, 1), np.uint8))
    own = {"generator": "own.keras", "images": "x.npy", "value_range": ["-1", "1"]}
    code, log = invert(**own, **{"import": ["my_nothing"]})
    assert code == 1
    assert "--import=my_nothing registers no layer" in log
    assert "--import=MODULE" in log
    code, log = invert(**own, **{"import": ["my_nowhere"]})
    assert code == 1
    assert "--import=my_nowhere (ModuleNotFoundError" in log
    code, log = invert(**own, **{"import": ["my_waves"]})
    assert (code, "2 images (2 finished)" in log, "registers no layer" in log) == (0, True, False)


@pytest.mark.slow
def test_a_run_without_a_page(invert, tmp_path):
    code, log = invert(limit=2, page=False)
    assert code == 0
    assert not (tmp_path / "out" / "index.html").exists()
    assert "comparison.png" in log


@pytest.mark.slow
def test_a_damaged_part_is_one_line_and_can_be_done_anew(invert, tmp_path):
    assert invert(limit=4, batch_size=2)[0] == 0
    first, second = Store(tmp_path / "out").parts()
    before = first.read_bytes()
    for broken in (b"PAR1 no more", b"", before[:-40]):
        second.write_bytes(broken)
        code, log = invert(limit=4, batch_size=2)
        assert code == 1
        (line,) = [line for line in log.splitlines() if "is damaged" in line]
        assert str(second) in line
        assert "delete it and run again" in line
    second.unlink()
    assert invert(limit=4, batch_size=2)[0] == 0
    assert Store(tmp_path / "out").read().num_rows == 4
    assert first.read_bytes() == before


def test_who_comes_second_is_told_who_is_there(invert, tmp_path):
    (tmp_path / "out").mkdir()
    with Lock(tmp_path / "out"):
        code, log = invert(limit=2)
        assert code == 1
        (line,) = [line for line in log.splitlines() if "being written by this process" in line]
        assert "one writer at a time" in line
    assert invert(limit=2)[0] == 0


@pytest.mark.slow
def test_a_truncated_run_json_makes_nothing_unreachable(invert, tmp_path):
    assert invert(limit=2)[0] == 0
    path = tmp_path / "out" / "run.json"
    before = path.read_bytes()
    path.write_bytes(before[:100])
    assert ti.report.page(tmp_path / "out").read_text().count('<li class="card') == 2
    code, log = invert(limit=3)
    assert code == 0
    assert "3 images (3 finished)" in log
    assert "run.json was damaged: restored from the parts" in log
    assert path.read_bytes() == before


def test_a_run_in_tensorboard(invert, tmp_path):
    code, log = invert(limit=2, tensorboard=True)
    assert code == 0
    assert f"tensorboard --logdir={tmp_path / 'out' / 'tensorboard'}" in log
    assert list((tmp_path / "out" / "tensorboard").glob("events*"))


def test_two_steps_go_beyond_the_codes(invert, tmp_path):
    code, log = invert(limit=3, split=["first_dense"], steps=30, second_steps=30)
    assert code == 0, log
    rows = Store(tmp_path / "out").read().to_pylist()
    for row in rows:
        assert row["mse"] < row["mse_latent"]
        assert 0 <= row["delta_zeros"] < 1
        assert np.mean(np.array(row["delta"]) == 0) == pytest.approx(row["delta_zeros"], abs=1e-6)
        assert row["reconstruction_latent"] != row["reconstruction"]
    tall = Image.open(tmp_path / "out" / "comparison.png").size
    assert invert(limit=3, out=str(tmp_path / "one"))[0] == 0
    assert tall[1] > 1.3 * Image.open(tmp_path / "one" / "comparison.png").size[1]  # three rows and not two
    assert Store(tmp_path / "one").read()["delta"].to_pylist() == [None] * 3


def test_a_perceptual_loss_may_be_of_a_network_of_ones_own(invert, tmp_path):
    layers = keras.layers
    network = keras.Sequential([layers.Input((32, 32, 3)), layers.Conv2D(2, 3, name="first"), layers.ReLU()])
    network.save(tmp_path / "network.keras")
    code, log = invert(limit=2, features="first", features_network=str(tmp_path / "network.keras"))
    assert code == 0, log
    assert json.loads((tmp_path / "out" / "run.json").read_text())["settings"]["loss"]["features"]["layer"] == "first"
    table = Store(tmp_path / "out").read()
    assert (np.array(table["loss"]) > np.array(table["mse"])).all()


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"sparsity": 1.0}, "sparsity=1.0 without split"),
        ({"split": ["conv"]}, "no layer 'conv'.*near it are"),
        ({"features": "mixed8", "features_network": "AlexNet"}, "network 'AlexNet'"),
        ({"truncation": 0.5}, "truncation=0.5 for glyphs.keras"),
        ({"signature": "generate"}, "signature=generate for glyphs.keras"),
        ({"class_entries": ["1"]}, "class_entries"),
    ],
)
def test_settings_that_do_not_go_together_are_told(invert, values, why):
    code, log = invert(limit=2, **values)
    assert code == 1
    assert re.search(why, log)


@pytest.mark.slow
def test_a_preset_is_a_papers_settings_and_other_flags_go_before_it(tmp_path):
    command = [
        sys.executable,
        BIN / "invert.py",
        "--preset=creswell2018",
        "--steps=2",
        "--limit=1",
        f"--out={tmp_path}",
    ]
    subprocess.run(command, check=True, capture_output=True)
    settings = by_flags(json.loads((tmp_path / "run.json").read_text())["settings"], Job)
    expected = {"solver": "rmsprop", "learning_rate": 0.01, "prior_weight": 0.0025, "steps": 2, "restarts": 1}
    assert {name: settings[name] for name in expected} == expected


def test_the_same_again_goes_on_and_another_setting_is_refused(invert, tmp_path):
    assert invert(limit=3)[0] == 0
    assert invert(limit=5)[0] == 0
    assert Store(tmp_path / "out").read().num_rows == 5
    code, log = invert(limit=5, steps=4)
    assert code == 1
    assert "steps was 3 and is 4" in log
    assert Store(tmp_path / "out").read().num_rows == 5


def test_defaults_are_stated_in_log_and_results(invert, tmp_path, shared):
    code, log = invert(
        generator=str(shared / "generators" / "mnist-28-keras215.h5"),
        images=str(shared / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"),
        limit=4,
    )
    assert code == 0
    assumed = json.loads((tmp_path / "out" / "run.json").read_text())["assumed"]
    assert assumed == ["prior: normal", "value_range: [-1.0, 1.0]"]
    assert all(line in log for line in assumed)
    assert Store(tmp_path / "out").read()["label"].to_pylist() == [7, 2, 1, 0]  # MNIST's own, from beside it


def test_photos_into_a_colour_generator(invert, tmp_path, shared):
    code, log = invert(
        generator=str(shared / "generators" / "anime-face-64.h5"),
        value_range=["0", "1"],
        images=str(shared / "data" / "photos" / "*.png"),
    )
    assert code == 0
    rows = Store(tmp_path / "out").read().to_pylist()
    assert len(rows) == 8
    assert Path(rows[1]["id"]).name == "camera.png"
    assert "grey image repeated to colour" in rows[1]["message"]
    assert "grey image repeated to colour" in log


def test_classes_one_for_all_from_a_file_missing_or_wrong(invert, tmp_path, shared):
    given = {
        "generator": str(shared / "generators" / "fashion-28-labelled.h5"),
        "images": str(shared / "data" / "mnist" / "t10k-images-idx3-ubyte.gz"),
        "limit": 3,
    }
    assert invert(**given, labels="3", out=str(tmp_path / "one"))[0] == 0
    assert Store(tmp_path / "one").read()["label"].to_pylist() == [3, 3, 3]
    (tmp_path / "labels.txt").write_text("0\n5\n9\n")
    assert invert(**given, labels=str(tmp_path / "labels.txt"), out=str(tmp_path / "file"))[0] == 0
    assert Store(tmp_path / "file").read()["label"].to_pylist() == [0, 5, 9]
    code, log = invert(**given, labels="10", out=str(tmp_path / "wrong"))
    assert code == 1
    assert "label 10: expected class labels 0 to 9" in log
    code, log = invert(**{**given, "images": str(shared / "data" / "photos" / "*.png")}, out=str(tmp_path / "none"))
    assert code == 1
    assert "no labels came" in log
    assert not (tmp_path / "none" / "run.json").exists()


@pytest.mark.slow
def test_classes_are_searched_for_or_mixed(invert, tmp_path, shared):
    generator = ti.load_generator(shared / "generators" / "fashion-28-labelled.h5")
    np.save(tmp_path / "own.npy", generator.to_unit(generator.sample(3, labels=[0, 5, 8])[1]))
    given = {"generator": str(shared / "generators" / "fashion-28-labelled.h5"), "images": str(tmp_path / "own.npy")}
    assert invert(**given, labels="search", out=str(tmp_path / "search"))[0] == 0
    assert Store(tmp_path / "search").read()["label"].to_pylist() == [0, 5, 8]
    assert invert(**given, labels="embedding", out=str(tmp_path / "embedding"))[0] == 0
    table = Store(tmp_path / "embedding").read()
    assert table["label"].to_pylist() == [None] * 3
    assert {len(code) for code in table["code"].to_pylist()} == {generator.space.entries + 10}
    code, log = invert(labels="search", out=str(tmp_path / "none"))
    assert code == 1
    assert "not class-conditional" in log


def test_a_dead_generator_is_reported_as_such(invert, tmp_path, shared):
    code, log = invert(generator=str(shared / "generators" / "dead-constant.h5"), limit=3)
    assert code == 1
    assert "does not depend on the code" in log
    rows = Store(tmp_path / "out").read().to_pylist()
    assert [row["status"] for row in rows] == ["constant"] * 3
    assert all("does not depend on the code" in row["message"] for row in rows)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"generator": "nowhere.h5"}, "no such file"),
        ({"images": "nowhere"}, "no such file, folder or match"),
        ({"images": "EMPTY"}, "holds no pictures"),
        ({"value_range": ["0", "x"]}, "expected numbers"),
        ({"value_range": ["1"]}, "expected two numbers"),
        ({"prior": "normal(7)"}, "codes have the shape"),
        ({"out": "/proc/nowhere"}, "cannot be written"),
        ({"labels": "nowhere.txt"}, "no such file"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_1(invert, tmp_path, values, word):
    (tmp_path / "empty").mkdir()
    values = {key: str(tmp_path / "empty") if value == "EMPTY" else value for key, value in values.items()}
    code, log = invert(**values)
    assert code == 1
    errors = [line for line in log.splitlines() if word in line]
    assert len(errors) == 1
    assert "Traceback" not in log


def test_as_a_user_starts_it_ctrl_c_keeps_what_is_done(tmp_path):
    process = subprocess.Popen(
        [sys.executable, str(BIN / "invert.py"), f"--out={tmp_path}/out", "--batch_size=1", "--steps=50"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    deadline = time.monotonic() + 240
    while not list((tmp_path / "out" / "results").glob("part-*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in log
    assert "oneDNN" not in log
    assert Store(tmp_path / "out").read().num_rows >= 1
    assert (tmp_path / "out" / "comparison.png").exists()


def test_a_wrong_flag_is_told_at_once(tmp_path):
    ended = subprocess.run(
        [sys.executable, str(BIN / "invert.py"), "--steps=many"], capture_output=True, text=True, cwd=tmp_path
    )
    assert ended.returncode == 1
    assert "--steps=many" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_shards_together_are_the_run_and_then_it_is_drawn(invert, tmp_path):
    out = tmp_path / "out"
    for shard in ("2/2", "1/2"):
        code, log = invert(limit=5, shard=shard)
        assert code == 0, log
        end = f"shard {shard}: {3 if shard == '1/2' else 2} images ({3 if shard == '1/2' else 2} finished)"
        assert end in log
        assert f"`tfinvert page --run={out}` makes the page once all shards are done" in log
        assert {path.name for path in out.iterdir()} - {".lock", ".lock-1-of-2", ".lock-2-of-2"} == {
            "run.json",
            "results",
        }
    code, log = invert(limit=6)
    assert code == 0
    assert "6 images (6 finished)" in log
    assert (out / "comparison.png").exists()
    assert (out / "index.html").read_text().count('<li class="card') == 6
    assert Store(out).read(["place"])["place"].to_pylist() == list(range(6))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shard": "65/64"}, "--shard=65/64: expected K/N with K from 1 to N, such as 3/64"),
        ({"shard": "6/6"}, "--shard=6/6 of 5 images: no image is left for it"),
        ({"shard": "1/2", "tensorboard": True}, "--tensorboard with --shard=1/2: give it to the same command without"),
    ],
)
def test_what_no_shard_can_be_is_one_line(invert, values, said):
    code, log = invert(limit=5, **values)
    assert code == 1
    assert said in log
    assert len(log.splitlines()) == 1 or "--shard=6/6" in said
