"""Every documented element form of a tf.data.Dataset, and TensorFlow Datasets by name."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.load import Sources
from tfinvert.images.sources import open_source

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 1), np.uint8)
LABELS = np.int64([3, 1, 4, 1, 5])
NAMES = np.array(["e", "d", "c", "b", "a"])
COUNT = [str(i) for i in range(5)]


def rows(source):
    """(ids, labels, pixels) of a source, after a look that it gives the same again."""
    entries = open_source(source)
    first, second = list(entries), list(entries)
    assert [entry[:2] for entry in first] == [entry[:2] for entry in second]
    pixels, again = (np.stack([entry.read() for entry in turn]) for turn in (first, second))
    np.testing.assert_array_equal(pixels, again)
    return [entry.id for entry in first], [entry.label for entry in first], pixels


@pytest.mark.parametrize("batch", [None, 2], ids=["single", "batched"])
@pytest.mark.parametrize(
    ("elements", "ids", "labels"),
    [
        (IMAGES, COUNT, None),
        (IMAGES[..., 0], COUNT, None),
        (IMAGES.repeat(3, axis=-1), COUNT, None),
        ((IMAGES,), COUNT, None),
        ((IMAGES, LABELS), COUNT, LABELS),
        ((IMAGES[..., 0], LABELS.astype(np.uint8)), COUNT, LABELS),
        ((IMAGES, np.eye(9)[LABELS]), COUNT, None),  # one-hot: not a class number
        ((NAMES, IMAGES), NAMES, None),
        ((LABELS * 10 + np.arange(5), IMAGES), ["30", "11", "42", "13", "54"], None),
        ((NAMES, IMAGES, LABELS), NAMES, LABELS),
        ({"image": IMAGES}, COUNT, None),
        ({"image": IMAGES, "label": LABELS, "id": NAMES, "box": np.zeros((5, 4))}, NAMES, LABELS),
        ({"image": IMAGES, "label": NAMES}, COUNT, None),
    ],
)
def test_element_forms(elements, ids, labels, batch):
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    found_ids, found_labels, pixels = rows(dataset if batch is None else dataset.batch(batch))
    assert found_ids == list(ids)
    assert found_labels == ([None] * 5 if labels is None else list(labels))
    np.testing.assert_allclose(pixels[..., :1], IMAGES / 255, atol=1e-7)


def test_images_of_unknown_shape():
    image = lambda i: tf.ensure_shape(tf.py_function(lambda n: IMAGES[int(n)], [i], tf.uint8), None)
    dataset = tf.data.Dataset.range(5)
    for shaped in (
        dataset.map(image),
        dataset.map(lambda i: (image(i), i)),
        dataset.map(lambda i: {"image": image(i)}),
    ):
        np.testing.assert_allclose(rows(shaped)[2], IMAGES / 255, atol=1e-7)


@pytest.mark.parametrize(
    "elements",
    [
        (IMAGES, IMAGES),
        (IMAGES, NAMES, LABELS),
        (IMAGES, LABELS, LABELS, LABELS),
        LABELS,
        (LABELS, LABELS),
        {"picture": IMAGES},
    ],
)
def test_other_forms_are_told(elements):
    dataset = tf.data.Dataset.from_tensor_slices(elements)
    if elements is LABELS:
        with pytest.raises(BadInput, match=r"an image of shape \[\]"):
            next(iter(open_source(dataset))).read()
    else:
        with pytest.raises(BadInput, match="expected image, "):
            open_source(dataset)


class Like:
    image_shape = (4, 6, 1)
    value_range = (0, 1)


def test_a_dataset_without_end_wants_a_limit():
    endless = tf.data.Dataset.from_tensor_slices(IMAGES).repeat()
    with pytest.raises(BadInput, match="without end: expected an end, or a limit"):
        Sources(endless, Like())
    assert [picture.id for picture in Sources(endless, Like(), limit=7)] == [str(i) for i in range(7)]


@pytest.fixture
def tiny_tfds(tmp_path, monkeypatch):
    """The name of a dataset prepared where TFDS_DATA_DIR points: 2 training and 3 test images of 4 x 4."""
    tfds = pytest.importorskip("tensorflow_datasets")

    class TinyGreys(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": tfds.features.Image(shape=(4, 4, 1)), "label": tfds.features.ClassLabel(num_classes=3)}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {"train": self._generate_examples(2), "test": self._generate_examples(3)}

        def _generate_examples(self, count):
            for label in range(count):
                file = io.BytesIO()
                Image.new("L", (4, 4), 51 * label).save(file, "PNG")
                file.seek(0)
                yield label, {"image": file, "label": label}

    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    TinyGreys(data_dir=tmp_path).download_and_prepare()
    return "tiny_greys"


def test_tensorflow_datasets_by_name(tiny_tfds):
    for name, count in [("tfds:{}", 3), ("tfds:{}:train", 2), ("{}:train", 2), ("{}:test[:1]", 1)]:
        ids, labels, pixels = rows(name.format(tiny_tfds))
        assert ids == [str(i) for i in range(count)]
        # Preparing shuffles, the same way each time; an image and its label stay together.
        np.testing.assert_allclose(pixels[:, 0, 0, 0], np.array(labels) / 5, atol=1e-7)
        assert len(set(labels)) == count
    for wrong, said in [("tiny_greys:dev", "Unknown split 'dev'"), ("no_such", "no_such not found"), ("mnist", "find")]:
        with pytest.raises(BadInput, match=f"images tfds:{wrong} .*{said}.*: expected tfds:NAME") as caught:
            open_source(f"tfds:{wrong}")
        assert "\n" not in str(caught.value)
