"""`tfinvert gap` through its `main`."""

import csv

import keras
import numpy as np
import pytest
from absl import flags


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("gap")


@pytest.fixture
def gap(script, tmp_path, called):
    """`tfinvert gap` with few steps; gives the exit code, what was logged, and the rows of the table."""

    def call(**values):
        code, log = called(script, limit=3, steps=5, second_steps=5, restarts=1)(**values)
        file = tmp_path / "out" / "gap.csv"
        return code, log, list(csv.DictReader(file.open())) if file.exists() else []

    return call


@pytest.mark.slow
def test_the_built_in_generator_and_its_glyphs(gap, tmp_path):
    code, log, rows = gap()
    assert code == 0
    assert [(row["images"], row["place"], row["n"]) for row in rows] == [
        ("generated", "latent", "3"),
        ("generated", "dense", "3"),
        ("real", "latent", "3"),
        ("real", "dense", "3"),
    ]
    assert float(rows[3]["q50"]) <= float(rows[2]["q50"])
    assert (tmp_path / "out" / "gap.png").stat().st_size > 5000
    assert "gap.csv" in log


@pytest.mark.slow
def test_classes_that_are_searched_for(gap, tmp_path):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    code, label = keras.Input((4,), name="z"), keras.Input((3,), name="y")
    hidden = layers.Dense(32)(layers.Concatenate()([code, label]))
    images = layers.Reshape((4, 4, 1))(layers.Dense(16, activation="tanh")(hidden))
    keras.Model([code, label], images).save(tmp_path / "classes.keras")
    np.save(tmp_path / "images.npy", np.random.default_rng(0).uniform(size=(4, 4, 4, 1)))
    given = {"generator": str(tmp_path / "classes.keras"), "images": str(tmp_path / "images.npy"), "limit": None}
    code, log, rows = gap(**given, samples=2, labels="search")
    assert code == 0
    assert [row["n"] for row in rows] == ["2", "2", "4", "4"]
    code, log, _ = gap(**given)
    assert code == 1
    assert "--labels=search" in log


@pytest.mark.parametrize(
    ("values", "why"),
    [({"images": "nowhere"}, "nowhere"), ({"split": ["dens_e"]}, "dens_e"), ({"generator": "g.h5"}, "g.h5")],
)
def test_wrong_input_is_told_in_one_line(gap, values, why):
    code, log, rows = gap(**values)
    assert code == 1
    assert why in log
    assert not rows


def test_a_part_of_the_images_is_no_gap(script):
    assert "shard" not in flags.FLAGS
