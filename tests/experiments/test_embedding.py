"""Nearest neighbours and what they say of classes, against answers that are known."""

import numpy as np
import pytest

import tfinvert as ti
from tfinvert.experiments import embedding
from tfinvert.experiments.embedding import Embedded, guesses, neighbours, table

RANDOM = np.random.default_rng(0)


def made(codes, labels, pixels=None):
    images = RANDOM.uniform(size=(len(codes), 2, 2, 1))
    features = {"codes": codes, "pixels": images.reshape(len(codes), -1) if pixels is None else pixels}
    return Embedded([str(number) for number in range(len(codes))], labels, images, features)


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


def test_too_little_to_say():
    with pytest.raises(ti.BadInput, match="images without classes: give the run"):
        table(made(RANDOM.normal(size=(20, 3)), None), [1])
    with pytest.raises(ti.BadInput, match="9 images: expected at least 10"):
        table(made(RANDOM.normal(size=(9, 3)), np.arange(9)), [1])
    with pytest.raises(ti.BadInput, match="0 neighbours"):
        neighbours(np.zeros((3, 1)), 0)
