"""Generators in a store: fetched, and then loaded as any file."""

from pathlib import Path

import keras
import numpy as np
import pytest
from stores import fill

import tfinvert as ti
from tfinvert.generators.opening import BUILTIN
from tfinvert.losses import Features


def small():
    return keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Reshape((4, 4, 1))]
    )


def send(folder: Path, url: str):
    fill(url, {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()})


def test_a_file_is_the_same_as_here_and_named_by_its_url(memory):
    fill(memory, {"g.keras": BUILTIN.read_bytes()})
    found, here = ti.load_generator(f"{memory}/g.keras"), ti.load_generator()
    assert found.name == f"{memory}/g.keras"
    assert found.about.fingerprint == here.about.fingerprint
    codes = here.sample(2, seed=0)[0]
    np.testing.assert_array_equal(found(codes), here(codes))


def test_a_folder_of_a_saved_model(memory, tmp_path):
    small().export(tmp_path / "saved", verbose=False)
    send(tmp_path / "saved", f"{memory}/saved")
    found, here = ti.load_generator(f"{memory}/saved"), ti.load_generator(tmp_path / "saved")
    assert (found.name, found.about.fingerprint) == (f"{memory}/saved", here.about.fingerprint)
    assert ti.from_saved_model(f"{memory}/saved").image_shape == (4, 4, 1)
    with pytest.raises(ti.BadInput, match="give it to from_saved_model"):
        ti.from_keras(f"{memory}/saved")


def test_from_keras_takes_one_and_from_saved_model_does_not(memory, tmp_path):
    small().save(tmp_path / "g.keras")
    send(tmp_path, memory)
    assert ti.from_keras(f"{memory}/g.keras").image_shape == (4, 4, 1)
    with pytest.raises(ti.BadInput, match="is a file"):
        ti.from_saved_model(f"{memory}/g.keras")


def test_what_cannot_be_loaded_is_one_line_with_its_url(memory):
    fill(memory, {"g.keras": b"broken", "large.keras": bytes(1000), "folder/x": b""})
    for name, limits, words in (
        ("none.keras", ti.Limits(), "no such file"),
        ("g.keras", ti.Limits(), "g.keras"),
        ("folder", ti.Limits(), "folder"),
        ("large.keras", ti.Limits(gigabytes=1e-7), "raise --max_gigabytes"),
    ):
        with pytest.raises(ti.BadInput, match=words) as told:
            ti.load_generator(f"{memory}/{name}", limits=limits)
        assert f"{memory}/{name}" in str(told.value)
        assert "\n" not in str(told.value)


def test_networks_of_a_perceptual_loss(memory, tmp_path):
    network = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3)])
    network.save(tmp_path / "n.keras")
    send(tmp_path, memory)
    images = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype(np.float32)
    here, there = (Features(None, network=f"{where}/n.keras").prepare(images) for where in (tmp_path, memory))
    np.testing.assert_array_equal(here, there)
    with pytest.raises(ti.BadInput, match="perceptual network"):
        Features(None, network=f"{memory}/none.keras")
