"""Figures and label images of regions."""

import io

import numpy as np
import pytest
from PIL import Image

from tfinvert.report.segmentation import colours, figure, label_picture, overlay
from tfinvert.runs.files import safe_names
from tfinvert.runs.finished import Row


def drawn(channels=3):
    pixels = np.random.default_rng(0).uniform(size=(8, 6, channels)).astype(np.float32)
    labels = np.arange(48).reshape(8, 6) // 12
    return Row("photos/a $b_{.png", None, None, None, pixels, "finished"), labels


@pytest.mark.parametrize(("count", "kind"), [(2, np.uint8), (256, np.uint8), (300, np.uint16)])
def test_pixels_of_a_label_picture_are_the_labels(count, kind):
    labels = np.random.default_rng(0).permutation(np.arange(400).reshape(20, 20) % count)
    buffer = io.BytesIO()
    label_picture(labels).save(buffer, "PNG")
    read = np.asarray(Image.open(buffer))
    np.testing.assert_array_equal(read, labels)
    assert read.dtype == kind


def test_colours_differ():
    found = colours(40).astype(int)
    apart = np.abs(found[:, np.newaxis] - found).sum(axis=2) + 1000 * np.eye(40, dtype=int)
    assert apart.min() > 20
    np.testing.assert_array_equal(colours(8), found[:8])


def test_an_overlay_tints_regions_and_draws_lines_between_them():
    row, labels = drawn()
    found = overlay(np.zeros_like(row.reconstruction), labels)
    assert found.shape == (256, 192, 3)
    for label, colour in enumerate(colours(4)):
        middle = found[64 * label + 30]
        np.testing.assert_allclose(middle, np.tile(0.45 * colour / 255, [192, 1]), atol=1e-6)
        if label:
            assert (found[64 * label] == 1).all()
    assert overlay(np.zeros((300, 300, 1)), np.zeros((300, 300), int)).shape == (300, 300, 3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("there", [True, False])
def test_the_figure_has_a_column_for_each_number_of_clusters(channels, there):
    row, labels = drawn(channels)
    found = figure(row, row.reconstruction if there else None, {4: labels, 2: labels // 2})
    titles = [axis.get_title() for axis in found.axes if axis.get_title()]
    over = "over the image" if there else "over the reconstruction"
    assert titles == [*["image"] * there, "4 clusters", "2 clusters", "reconstruction", over, over]
    assert sum(bool(axis.images) for axis in found.axes) == 5 + there
    found.canvas.draw()  # the image's name is text, not mathematics


def test_names_of_files():
    ids = [
        "a/cat.png",
        "b/cat.jpg",
        "b/dog.png",
        "x.npy[3]",
        "x.npy[4]",
        "zip.zip:f/o o?.png",
        "7",
        "..",
        "A/DOG.v2",
        "é",
    ]
    found = safe_names(ids)
    assert found["b/dog.png"] == "dog"
    assert [found[name] for name in ids[3:7]] == ["x.npy_3", "x.npy_4", "o_o", "7"]
    assert found["A/DOG.v2"] == "DOG.v2"
    assert found["a/cat.png"].startswith("cat-")
    assert len(set(found.values())) == len(ids)
    assert all(len(name) < 100 and "/" not in name and not name.startswith(".") for name in found.values())
    assert safe_names(["x" * 500])["x" * 500] == "x" * 80
