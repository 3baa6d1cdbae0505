"""The class that comes nearest to an image is found among all of them."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti

CLASSES = 9
MATRICES = np.random.default_rng(5).normal(0, 0.1, (CLASSES, 4, 64)).astype(np.float32)


def linear(codes, labels):
    """Each class has a linear map of its own to images about grey."""
    return tf.reshape(0.5 + tf.einsum("bd,bdm->bm", codes, tf.gather(MATRICES, labels)), [-1, 8, 8, 1])


GENERATOR = ti.load_generator(linear, prior=ti.normal(4), value_range=(0, 1), classes=CLASSES)
LABELS = np.array([0, 8, 3, 3, 5, 7])


@pytest.fixture(scope="module")
def search():
    return ti.ClassSearch(GENERATOR)


@pytest.fixture(scope="module")
def images():
    return GENERATOR.sample(len(LABELS), seed=2, labels=LABELS)[1].numpy()


def test_classes_of_generated_images_are_found(search, images):
    found = search(images)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, LABELS)
    np.testing.assert_array_equal(search(images[2:4], ids=[2, 3]), LABELS[2:4])


def test_the_nearest_class_wins_where_none_fits(search):
    """Of linear maps least squares says which it is."""
    images = np.random.default_rng(7).uniform(0.2, 0.8, (8, 8, 8, 1)).astype(np.float32)
    flat = images.reshape(8, 64) - 0.5
    left = [np.sum(flat @ (np.eye(64) - np.linalg.pinv(matrix) @ matrix) * flat, axis=1) for matrix in MATRICES]
    np.testing.assert_array_equal(search(images), np.argmin(left, axis=0))


def test_a_search_tells_that_it_goes_on(search, images):
    seen = []
    search(images[:2], [0, 1], seen.append)
    assert [snapshot.steps for snapshot in seen][:1] == [25]
    assert len(seen) >= len(search._rounds)


def test_only_candidates_are_tried(images):
    found = ti.ClassSearch(GENERATOR, candidates=[8, 5])(images)
    assert set(found) <= {5, 8}
    assert list(found[[1, 4]]) == [8, 5]
    assert list(ti.ClassSearch(GENERATOR, candidates=[6])(images)) == [6] * 6


def test_an_image_with_nan_harms_nobody(search, images):
    images = images.copy()
    images[1, 0, 0] = np.nan
    np.testing.assert_array_equal(search(images)[[0, 2, 3, 4, 5]], LABELS[[0, 2, 3, 4, 5]])


@pytest.mark.parametrize(
    ("values", "word"), [({"candidates": []}, "0 classes"), ({"steps": 0}, "0 steps"), ({"candidates": [9]}, "label 9")]
)
def test_what_cannot_be_tried_is_told(values, word):
    with pytest.raises(ti.BadInput, match=word):
        ti.ClassSearch(GENERATOR, **values)


def test_a_generator_without_classes_is_told():
    with pytest.raises(ti.BadInput, match="not class-conditional"):
        ti.ClassSearch(ti.load_generator())
