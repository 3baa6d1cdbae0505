"""Nearest neighbours and what they say of classes, against answers that are known."""

import numpy as np
import pytest
from made_up_run import made_up_run, row

import tfinvert as ti
from tfinvert.experiments import embedding
from tfinvert.experiments.embedding import Embedded, embedded, guesses, nearest, neighbours
from tfinvert.runs import open_run

RANDOM = np.random.default_rng(0)
IMAGES = np.random.default_rng(1).uniform(size=(4, 2, 2, 1))


def made(codes, labels, pixels=None):
    images = RANDOM.uniform(size=(len(codes), 2, 2, 1))
    features = {"codes": codes, "pixels": images.reshape(len(codes), -1) if pixels is None else pixels}
    return Embedded([str(number) for number in range(len(codes))], labels, images, features)


def table(found, counts):
    return embedding.table(found, nearest(found, max(counts)), counts)


def run_of(folder, images, **values):
    """A run of images 0, 1, 2... whose reconstructions are half as bright."""
    rows = [row(str(number), image / 2, 0.1, code=[number, 1.0], **values) for number, image in enumerate(IMAGES)]
    made_up_run(folder, images, IMAGES.shape[1:], rows)
    return open_run(folder)


def test_neighbours_on_a_line_are_known():
    found = neighbours(np.array([[0.0], [1.0], [3.0], [7.0]]), 2)
    np.testing.assert_array_equal(found.places, [[1, 2], [0, 2], [1, 0], [2, 1]])
    np.testing.assert_array_equal(found.distances, [[1, 3], [1, 2], [2, 3], [4, 6]])


def test_an_image_is_not_its_own_neighbour_and_its_twin_is(monkeypatch):
    monkeypatch.setattr(embedding, "_BLOCK", 3)
    features = RANDOM.normal(size=(7, 4)).repeat(2, axis=0)
    found = neighbours(features, 99)
    np.testing.assert_array_equal(found.places[:, 0], np.arange(14) ^ 1)
    assert found.places.shape == (14, 13)
    assert all(len({row, *places}) == 14 for row, places in enumerate(found.places))


def test_the_nearest_decides_between_classes_of_equal_votes():
    labels = np.array([5, 7, 7, 5, 9])
    found = embedding.Neighbours(np.array([[1, 3, 2], [3, 1, 4], [0, 1, 4]]), np.zeros((3, 3)))
    np.testing.assert_array_equal(guesses(found, labels, 1), [7, 5, 5])
    np.testing.assert_array_equal(guesses(found, labels, 2), [7, 5, 5])
    np.testing.assert_array_equal(guesses(found, labels, 3), [7, 5, 5])
    np.testing.assert_array_equal(guesses(embedding.Neighbours(np.array([[1, 3, 0]]), None), labels, 3), [5])


def test_codes_that_hold_the_class_tell_it_and_noise_does_not():
    labels = np.repeat([3, 8], 60)
    codes = RANDOM.normal(size=(120, 5)) + 20 * (labels == 8)[:, None]
    rows = table(made(codes, labels), [1, 5])
    by = {(row["features"], row["k"]): row for row in rows}
    for count in (1, 5):
        assert by["codes", count]["accuracy"] == 1
        assert by["codes", count]["low"] > 0.96
        assert by["pixels", count]["low"] < 0.5 < by["pixels", count]["high"]
        assert float(by["pixels", count]["p"]) < 1e-6
        assert by["codes", count]["p"] == ""


def test_equal_features_are_equally_often_right():
    labels, codes = RANDOM.integers(0, 2, 30), RANDOM.normal(size=(30, 3))
    assert table(made(codes, labels, codes.copy()), [3])[1]["p"] == "1"


def test_images_of_a_run_with_their_codes(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    found = embedded(run_of(tmp_path / "run", tmp_path / "images.npy", label=3))
    assert found.ids == ["0", "1", "2", "3"]
    assert found.labels.tolist() == [3] * 4
    np.testing.assert_allclose(found.features["pixels"], IMAGES.reshape(4, -1), atol=1e-6)
    np.testing.assert_allclose(found.features["reconstructions"], IMAGES.reshape(4, -1) / 2, atol=0.6 / 255)
    assert found.features["codes"].tolist() == [[0, 1], [1, 1], [2, 1], [3, 1]]


def test_of_two_steps_the_codes_own_reconstructions_are_compared(tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    dark = row("", np.zeros((2, 2, 1)))["reconstruction"]
    found = embedded(run_of(tmp_path / "run", tmp_path / "images.npy", reconstruction_latent=dark))
    assert not found.features["reconstructions"].any()


def test_images_that_have_moved_are_told_and_left_out(tmp_path, caplog):
    np.save(tmp_path / "images.npy", IMAGES[:3])
    assert embedded(run_of(tmp_path / "run", tmp_path / "images.npy")).ids == ["0", "1", "2"]
    assert "1 of 4 images are left out: not where they were" in caplog.text
    found = embedded(run_of(tmp_path / "gone", tmp_path / "gone.npy"))
    assert "gone.npy: no such file" in caplog.text
    assert "codes and reconstructions are compared, and pixels are not" in caplog.text
    assert sorted(found.features) == ["codes", "reconstructions"]
    np.testing.assert_allclose(found.images, IMAGES / 2, atol=0.6 / 255)


def test_more_neighbours_than_there_are_images_have_no_row(caplog):
    found = made(RANDOM.normal(size=(12, 3)), np.arange(12) % 2)
    assert {row["k"] for row in table(found, [1, 11, 12, 15])} == {1, 11}
    assert "12 images have 11 neighbours at most: more are left out" in caplog.text
    with pytest.raises(ti.BadInput, match="15 neighbours in 12 images: expected 11 at most"):
        table(found, [15])


def test_too_little_to_say():
    with pytest.raises(ti.BadInput, match="images without classes: give the run"):
        table(made(RANDOM.normal(size=(20, 3)), None), [1])
    with pytest.raises(ti.BadInput, match="9 images: expected at least 10"):
        table(made(RANDOM.normal(size=(9, 3)), np.arange(9)), [1])
    with pytest.raises(ti.BadInput, match="0 neighbours"):
        neighbours(np.zeros((3, 1)), 0)
