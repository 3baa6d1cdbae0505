"""`tfinvert embed` through its `main`."""

import csv

import keras
import numpy as np
import pytest
from jobs import do
from PIL import Image

import tfinvert as ti
from tfinvert.experiments.embedding import Embedded
from tfinvert.report.embedding import projector

COUNT = 12


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("embed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run over images of a linear generator, dark ones of class 0 and bright ones of class 1."""
    root = tmp_path_factory.mktemp("embed")
    keras.utils.set_random_seed(0)
    code = keras.Input((3,))
    image = keras.layers.Reshape((6, 6, 1))(keras.layers.Dense(36, activation="sigmoid")(code))
    keras.Model(code, image).save(root / "generator.keras")
    bright = np.arange(COUNT) % 2
    random = np.random.default_rng(0)
    np.save(root / "images.npy", np.uint8(60 + 120 * bright[:, None, None] + random.integers(0, 20, (COUNT, 6, 6))))
    np.save(root / "labels.npy", bright)
    settings = {"value_range": (0, 1), "prior": "normal", "steps": 60, "restarts": 1}
    where = str(root / "generator.keras"), str(root / "images.npy")
    do(str(root / "run"), *where, labels=str(root / "labels.npy"), **settings)
    do(str(root / "unlabelled"), *where, **settings)
    return root


@pytest.fixture
def embed(script, folder, tmp_path, called):
    """Gives the exit code, what was logged, and the folder."""
    return lambda **values: (*called(script, run=str(folder / "run"))(**values), tmp_path / "out")


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_tables_and_figure(embed):
    code, log, out = embed(k=["1", "3"])
    assert code == 0
    found = rows(out / "neighbours.csv")
    assert len(found) == 3 * COUNT
    assert [row["rank"] for row in found[:3]] == ["1", "2", "3"]
    assert all(row["id"] != row["neighbour"] for row in found)
    shares = {(row["features"], row["k"]): float(row["accuracy"]) for row in rows(out / "accuracy.csv")}
    assert set(shares) == {(name, k) for name in ("codes", "pixels", "reconstructions") for k in ("1", "3")}
    assert shares["pixels", "1"] == 1
    assert np.ptp(np.asarray(Image.open(out / "neighbours.png"))) > 0
    assert "accuracy.csv" in log
    assert not (out / "projector").exists()


def test_the_projector_gets_codes_ids_and_thumbnails_in_one_order(embed, folder):
    code, _, out = embed(projector=True)
    assert code == 0
    projector = out / "projector"
    codes = np.loadtxt(projector / "codes.tsv", delimiter="\t")
    run = ti.runs.open_run(folder / "run")
    np.testing.assert_allclose(codes, np.stack([row.code for row in run.rows()]), rtol=1e-5)
    lines = (projector / "metadata.tsv").read_text().splitlines()
    assert lines[0] == "id\tclass"
    assert [line.split("\t") for line in lines[1:]] == [[str(row), str(row % 2)] for row in range(COUNT)]
    sprite = np.asarray(Image.open(projector / "sprite.png"))
    assert sprite.shape == (24, 24, 3)  # 4 x 4 places for 12 images
    levels = sprite.reshape(4, 6, 4, 6, 3).mean(axis=(1, 3, 4)).ravel()
    np.testing.assert_array_equal(levels[:COUNT] > 128, np.arange(COUNT) % 2 == 1)


def test_ids_stand_in_the_projectors_table_as_they_are(tmp_path):
    images = np.zeros((2, 4, 4, 1))
    ids = ['a"b\tc.png', "caf\xe9\\.png"]
    projector(Embedded(ids, None, images, {"codes": np.zeros((2, 3))}), tmp_path)
    lines = (tmp_path / "metadata.tsv").read_bytes().decode("utf-8").split("\n")
    assert lines == ["id\tclass", 'a"b c.png\t', "caf\xe9\\.png\t", ""]


def test_tensorboard_reads_what_was_written(embed):
    from google.protobuf import text_format

    config = pytest.importorskip("tensorboard.plugins.projector.projector_config_pb2")
    _, _, out = embed(projector=True)
    read = text_format.Parse((out / "projector" / "projector_config.pbtxt").read_text(), config.ProjectorConfig())
    assert read.embeddings[0].tensor_path == "codes.tsv"
    assert list(read.embeddings[0].sprite.single_image_dim) == [6, 6]


def test_without_classes_there_are_neighbours_only(embed, folder):
    code, log, out = embed(run=str(folder / "unlabelled"))
    assert code == 0
    assert "no accuracy: it takes classes of all images" in log
    assert (out / "neighbours.csv").exists()
    assert not (out / "accuracy.csv").exists()


def test_images_and_a_generator_that_have_moved(embed, folder):
    names = "images.npy", "generator.keras", "labels.npy"
    for name in names:
        (folder / name).rename(folder / f"{name}.moved")
    code, log, out = embed(projector=True)
    for name in names:
        (folder / f"{name}.moved").rename(folder / name)
    assert code == 0
    assert "images.npy: no such file" in log
    assert {row["features"] for row in rows(out / "accuracy.csv")} == {"codes", "reconstructions"}
    assert (out / "neighbours.png").exists()
    assert (out / "projector" / "sprite.png").exists()


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"run": None}, "no --run"),
        ({"run": "nowhere"}, "holds no run"),
        ({"k": ["0"]}, "--k=0: expected numbers from 1 on"),
        ({"k": ["many"]}, "--k=many"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_1(embed, values, word):
    code, log, out = embed(**values)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log
    assert not out.exists()
