"""`tfinvert train` through its `main`, for as short a training as there is."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from PIL import Image

import tfinvert as ti
from tfinvert.experiments.epochs import STATE
from tfinvert.generators.readers.card import read_card
from tfinvert.runs.job import load, sources
from tfinvert.settings import Job, TrainingSettings, flags_of, flat


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("train")


@pytest.fixture
def train(script, called):
    """`tfinvert train` for one epoch."""
    return called(script, epochs=1, latent=5)


def pictures(path, count):
    np.save(path, np.random.default_rng(0).integers(0, 256, (count, 32, 32), dtype=np.uint8))
    return str(path)


def test_a_generator_with_a_uniform_prior_comes_out(train, tmp_path):
    code, _ = train(dataset=pictures(tmp_path / "pictures.npy", 64), prior="uniform")
    assert code == 0
    generator = ti.load_generator(tmp_path / "out" / "generator.keras")
    assert str(generator.space) == str(ti.uniform(5))
    assert (generator.space.low, generator.space.high) == (-1, 1)
    assert generator.about.assumed == ()  # all of it is in the file
    assert generator.value_range == (-1, 1)
    assert generator.image_shape == (32, 32, 1)
    codes, images = generator.sample(40)
    assert codes.numpy().min() < -0.7
    assert codes.numpy().max() > 0.7
    assert np.abs(codes).max() <= 1
    assert np.ptp(images, axis=0).max() > 1e-3
    assert Image.open(tmp_path / "out" / "samples.png").size == (640, 256)
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "samples.png"))) > 0


@pytest.mark.slow
def test_pictures_of_another_size_from_a_folder(train, tmp_path):
    (tmp_path / "folder").mkdir()
    for number in range(64):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "folder" / f"{number:02}.png")
    code, _ = train(dataset=str(tmp_path / "folder"), latent=3)
    assert code == 0
    generator = ti.load_generator(tmp_path / "out" / "generator.keras")
    assert str(generator.space) == str(ti.normal(3))
    assert generator.image_shape == (32, 32, 1)


@pytest.mark.parametrize(
    ("architecture", "latent"), [("dcgan", 5), pytest.param("attention", 8, marks=pytest.mark.slow)]
)
def test_folders_become_classes_and_one_of_them_is_kept_for_tests(train, tmp_path, architecture, latent):
    for name in ("cats", "dogs", "owls"):
        (tmp_path / "animals" / name).mkdir(parents=True)
        for number in range(33):
            pixels = np.random.default_rng(number).integers(0, 256, (32, 32), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "animals" / name / f"{number:02}.png")
    animals = str(tmp_path / "animals")
    code, log = train(
        dataset=animals, architecture=architecture, by_class=True, latent=latent, held_out=["dogs"], tensorboard=True
    )
    assert code == 0
    assert f"33 pictures are kept for tests: --images='{animals}/dogs'" in log
    made = tmp_path / "out" / "generator.keras"
    condition = ti.load_generator(made).condition
    assert condition.classes == 2
    assert [condition.say(label) for label in (0, 1, 2)] == ["class 0 (cats)", "class 1 (owls)", "class 2"]
    card = read_card(made)
    assert card["class_names"] == ["cats", "owls"]
    assert card["unseen"] == f"{animals}/dogs"
    assert list((tmp_path / "out" / "tensorboard").rglob("events*"))
    job = Job.of(generator=str(made), images=animals, labels="folders")
    pictures = list(sources(job, load(job)))
    assert [picture.label for picture in pictures[::33]] == [0, None, 1]
    assert "/dogs/00.png in the folder 'dogs': expected one named after a class: cats, owls" in pictures[33].note


@pytest.mark.parametrize(
    ("values", "word"),
    [({"dataset": "omniglot"}, "dataset omniglot: not in"), ({"held_out": ["Greek"]}, "held_out=Greek of the glyphs")],
)
def test_datasets_that_cannot_be_had(train, tmp_path, monkeypatch, values, word):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    code, log = train(data_dir=str(tmp_path), **values)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log


@pytest.mark.parametrize(("dataset", "word"), [("FEW", "63 pictures"), ("nowhere", "no such file, folder or match")])
def test_wrong_input_is_one_line_and_exit_code_1(train, tmp_path, dataset, word):
    dataset = pictures(tmp_path / "few.npy", 63) if dataset == "FEW" else dataset
    code, log = train(dataset=dataset)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log
    assert not (tmp_path / "out" / "generator.keras").exists()


@pytest.mark.slow
def test_killed_without_warning_it_goes_on(tmp_path):
    out, script = tmp_path / "out", Path(__file__).parents[2] / "bin" / "train.py"
    data = pictures(tmp_path / "pictures.npy", 640)
    command = [sys.executable, str(script), f"--dataset={data}", f"--out={out}", "--epochs=4", "--latent=5"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not (out / STATE).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert read_card(out / "generator.keras")["trained"] < 4
    again = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "epoch 1:" not in again.stderr
    assert read_card(out / "generator.keras")["trained"] == 4
    assert [line.split(",")[0] for line in (out / "losses.csv").read_text().split()] == ["epoch", "1", "2", "3", "4"]
    assert np.ptp(np.asarray(Image.open(out / "losses.png"))) > 0


def test_its_settings_are_flags_with_their_defaults(script):
    usual = flat(TrainingSettings())
    for name, how in flags_of(TrainingSettings).items():
        if name not in ("channels", "classes"):  # these are --colour, and what the pictures have
            assert flags.FLAGS[name].help.endswith(how.help)
            default = flags.FLAGS[name].default
            if how.several:
                assert tuple(default or ()) == tuple(map(str, usual[name] or ()))
            else:
                assert default == (str(usual[name]) if how.choices else usual[name])


def test_a_stray_argument_is_told(script, caplog):
    assert script.main(["train.py", "omniglot.zip"]) == 1
    assert "omniglot.zip: no such argument" in "\n".join(caplog.messages)
