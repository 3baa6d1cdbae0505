"""Where named datasets are found, and what is said where they are not."""

import gzip
import zipfile

import keras
import numpy as np
import pytest

from tfinvert.errors import BadInput
from tfinvert.images import named
from tfinvert.images.named import training_source

DIGITS = np.arange(3 * 28 * 28).reshape(3, 28, 28).astype(np.uint8)


@pytest.fixture(autouse=True)
def nothing_cached(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    monkeypatch.setattr(named, "prepared", lambda name: False)


def archive(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", b"")
    return str(path)


def test_files_in_the_folder_come_first(tmp_path):
    two = [archive(tmp_path / "omniglot" / f"images_background_small{number}.zip") for number in (1, 2)]
    assert training_source("omniglot", tmp_path) == two
    assert training_source("omniglot", tmp_path / "omniglot") == two
    whole = archive(tmp_path / "images_background.zip")  # all of the small ones are in it
    assert training_source("omniglot", tmp_path) == whole
    faces = archive(tmp_path / "celeb-a" / "img_align_celeba.zip")
    assert training_source("celeb_a", tmp_path) == faces


def test_a_file_that_is_there_packed_and_unpacked_is_read_once(tmp_path):
    for name in ("train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"):
        (tmp_path / name).touch()
    assert training_source("mnist", tmp_path) == str(tmp_path / "train-images-idx3-ubyte")


def test_digits_are_not_taken_for_clothes(tmp_path):
    for folder, name in ((tmp_path, "mnist"), (tmp_path / "fashion-mnist", "fashion_mnist")):
        folder.mkdir(exist_ok=True)
        file = folder / "train-images-idx3-ubyte.gz"
        file.write_bytes(gzip.compress(b""))
        assert training_source(name, tmp_path) == str(file)
        file.unlink()
    (tmp_path / "train-images.idx3-ubyte").touch()
    assert training_source("mnist", tmp_path) == str(tmp_path / "train-images.idx3-ubyte")
    with pytest.raises(BadInput, match="dataset fashion_mnist: not in "):
        training_source("fashion_mnist", tmp_path)


def test_what_keras_has_cached_is_read_with_its_labels(tmp_path, monkeypatch):
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    (tmp_path / "keras" / "datasets" / "mnist.npz").touch()
    held = (DIGITS, np.uint8([3, 1, 2])), (DIGITS[:0], np.uint8([]))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: held)
    rows = list(training_source("mnist", tmp_path).as_numpy_iterator())
    assert [int(label) for _, label in rows] == [3, 1, 2]
    np.testing.assert_array_equal(np.stack([image for image, _ in rows])[..., 0], DIGITS)


@pytest.mark.parametrize("dataset", list(named.NAMED))
def test_nothing_is_fetched_unless_asked_for(dataset, tmp_path, monkeypatch):
    def fetch(*_, **__):
        raise AssertionError("fetched")

    monkeypatch.setattr(named, "_from_keras", fetch)
    monkeypatch.setattr(named, "tfds_dataset", fetch)
    with pytest.raises(BadInput, match=rf"dataset {dataset}: not in .* \(--download\)"):
        training_source(dataset, tmp_path)
    with pytest.raises(AssertionError, match="fetched"):
        training_source(dataset, tmp_path, download=True)


def test_a_failed_fetch_is_told_in_one_line(tmp_path, monkeypatch):
    def fail():
        raise Exception("URL fetch failure:\n no route")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    with pytest.raises(BadInput, match=r"cannot be had from Keras \(URL fetch failure: no route\)"):
        training_source("cifar10", tmp_path, download=True)


def test_tensorflow_datasets_give_their_training_split(monkeypatch):
    asked = []
    monkeypatch.setattr(named, "is_tfds", lambda text: text.startswith("svhn"))
    monkeypatch.setattr(named, "tfds_dataset", lambda text, download: asked.append((text, download)))
    for dataset in ("tfds:kmnist", "svhn_cropped", "svhn_cropped:extra"):
        training_source(dataset, download=True)
    assert asked == [("kmnist:train", True), ("svhn_cropped:train", True), ("svhn_cropped:extra", True)]


def test_everything_else_is_left_as_it_is(tmp_path):
    for source in (str(tmp_path), "a.png,b.png", "*.jpg"):
        assert training_source(source) == source
