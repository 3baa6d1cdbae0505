"""What is trained on, what is kept for tests, and classes by folder."""

import zipfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfinvert as ti
from tfinvert.experiments import datasets
from tfinvert.experiments.datasets import pictures

SHAPE = (28, 28, 1)
PLACES = {"small1": ("Greek", "Balinese"), "small2": ("Greek", "Tagalog", "Latin")}


def picture(path, level, size=28):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (size, size), level).save(path)


@pytest.fixture
def omniglot(tmp_path):
    """Two small archives as Omniglot's, of two characters for each alphabet; the level says the alphabet."""
    for name, alphabets in PLACES.items():
        with zipfile.ZipFile(tmp_path / f"images_background_{name}.zip", "w") as archive:
            for alphabet in alphabets:
                for character in (1, 2):
                    inner = f"images_background_{name}/{alphabet}/character{character:02}/{character}.png"
                    picture(tmp_path / "drawn.png", 10 * len(alphabet))
                    archive.write(tmp_path / "drawn.png", inner)
    (tmp_path / "drawn.png").unlink()
    return tmp_path


def test_alphabets_are_held_out_and_can_be_opened_by_what_is_said(omniglot):
    found = pictures("omniglot", SHAPE, folder=omniglot)
    assert found.pixels.shape == (6, *SHAPE)
    assert found.pixels.dtype == np.float32
    assert np.unique(np.round((found.pixels + 1) * 127.5)).tolist() == [50]  # Greek and Latin
    assert found.unseen.count(",") == 1
    unseen = ti.images.load(found.unseen, like=ti.load_generator())
    assert len(unseen.ids) == 4
    assert all("Balinese" in each or "Tagalog" in each for each in unseen.ids)


def test_an_alphabet_is_one_class_in_both_archives(omniglot):
    found = pictures("omniglot", SHAPE, folder=omniglot, held_out=(), by_class=True)
    assert found.classes == ("Balinese", "Greek", "Latin", "Tagalog")
    levels = np.round((found.pixels[:, 0, 0, 0] + 1) * 127.5)
    for label, name in enumerate(found.classes):
        assert set(levels[found.labels == label]) == {10 * len(name)}
    assert found.unseen == ""


def test_folders_of_pictures_are_classes_without_those_that_are_held_out(tmp_path):
    for name, level in {"cats": 20, "dogs": 90, "owls": 200}.items():
        for number in range(3):
            picture(tmp_path / "animals" / name / f"{number}.png", level)
    found = pictures(str(tmp_path / "animals"), SHAPE, held_out=["dogs"], by_class=True)
    assert found.classes == ("cats", "owls")
    np.testing.assert_array_equal(found.labels, [0, 0, 0, 1, 1, 1])
    assert found.unseen == f"{tmp_path.as_posix()}/animals/dogs"


def test_labels_of_the_source_go_before_folders(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    header = lambda *shape: bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(header(4, 28, 28) + random.bytes(4 * 28 * 28))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(header(4) + bytes([3, 1, 2, 1]))
    found = pictures("mnist", SHAPE, folder=tmp_path, by_class=True)
    np.testing.assert_array_equal(found.labels, [3, 1, 2, 1])
    assert found.classes == ()


def test_pictures_of_several_sizes_are_brought_to_one(tmp_path):
    for number, size in enumerate((9, 28, 40)):
        picture(tmp_path / f"{number}.png", 30, size)
    assert pictures(str(tmp_path), SHAPE).pixels.shape == (3, *SHAPE)


def test_glyphs_are_drawn():
    found = pictures("glyphs", (32, 32, 1), limit=70)
    assert found.pixels.shape == (70, 32, 32, 1)
    assert found.pixels.min() >= -1
    assert found.labels.shape == (70,)
    assert len(found.classes) == 62
    assert found.labels.max() < 62
    assert np.array_equal(found.pixels, pictures("glyphs", (32, 32, 1), limit=70).pixels)
    assert not np.array_equal(found.pixels, pictures("glyphs", (32, 32, 1), limit=70, seed=1).pixels)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"held_out": ["Greeek"]}, "no folder 'Greeek' among the pictures: near it are: Greek"),
        ({"held_out": ["Greek", "Latin", "Tagalog", "Balinese"]}, "all 10 pictures are held out"),
    ],
)
def test_folders_that_cannot_be_held_out(omniglot, given, word):
    with pytest.raises(ti.BadInput, match=word):
        pictures("omniglot", SHAPE, folder=omniglot, **given)


def test_of_what_is_not_held_out_some_are_drawn_from_everywhere(omniglot):
    drawn = [pictures("omniglot", SHAPE, folder=omniglot, limit=5, seed=seed) for seed in range(4)]
    assert {len(each.pixels) for each in drawn} == {5}
    assert all(len(ti.images.load(each.unseen, like=ti.load_generator()).ids) == 4 for each in drawn)
    again = pictures("omniglot", SHAPE, folder=omniglot, limit=5, seed=1, by_class=True)
    np.testing.assert_array_equal(drawn[1].pixels, again.pixels)
    for name in ("cats", "dogs"):
        for number in range(9):
            picture(omniglot / "animals" / name / f"{number}.png", 20 + number)
    assert set(pictures(str(omniglot / "animals"), SHAPE, limit=9, by_class=True).labels) == {0, 1}


def test_nothing_can_be_held_out_of_a_stream_and_its_first_images_are_taken(monkeypatch):
    stream = tf.data.Dataset.from_tensor_slices(
        np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones(SHAPE, "u1")
    )
    monkeypatch.setattr(datasets, "training_source", lambda *given: stream)
    with pytest.raises(ti.BadInput, match="held_out=a of a stream: expected pictures in folders"):
        pictures("mnist", SHAPE, held_out=["a"])
    levels = np.round((pictures("omniglot", SHAPE, limit=3).pixels[:, 0, 0, 0] + 1) * 127.5)
    np.testing.assert_array_equal(levels, [0, 1, 2])


def test_pictures_without_classes(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((3, 28, 28), np.uint8))
    with pytest.raises(ti.BadInput, match="pictures without classes: expected labels"):
        pictures(str(tmp_path / "a.npy"), SHAPE, by_class=True)
    picture(tmp_path / "one" / "a.png", 3)
    with pytest.raises(ti.BadInput, match=r"pictures of one class \(one\)"):
        pictures(str(tmp_path / "one"), SHAPE, by_class=True)
    with pytest.raises(ti.BadInput, match="held_out=cmr10 of the glyphs"):
        pictures("glyphs", (32, 32, 1), held_out=["cmr10"])
    with pytest.raises(ti.BadInput, match="glyphs at"):
        pictures("glyphs", SHAPE)


def test_nothing_to_train_on(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ti.BadInput, match="holds no pictures"):
        pictures(str(tmp_path / "empty"), SHAPE)
    np.save(tmp_path / "none.npy", np.zeros((0, 28, 28), np.uint8))
    with pytest.raises(ti.BadInput, match="an array of no images"):
        pictures(str(tmp_path / "none.npy"), SHAPE)


def test_a_limit_draws_from_all_images_of_an_array(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(200, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2))
    found = pictures(str(tmp_path / "a.npy"), (8, 8, 1), limit=8, seed=3)
    assert np.round((found.pixels[:, 0, 0, 0] + 1) * 127.5).max() > 8


def test_pictures_that_are_kept_are_the_same_in_any_training_and_can_be_loaded(tmp_path):
    pixels = np.linspace(-1, 1, 40, dtype=np.float32).reshape(40, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    data = datasets.Pictures(pixels, np.arange(40, dtype=np.int32), ("a",))
    rest, kept = datasets.parted(data, 10)
    again = datasets.parted(data, 10)[1]
    np.testing.assert_array_equal(kept.labels, again.labels)
    assert sorted([*rest.labels, *kept.labels]) == list(range(40))
    assert len(kept.labels) == 10
    np.testing.assert_array_equal(rest.pixels, pixels[rest.labels])
    datasets.keep(kept, tmp_path / "unseen.npz")
    found = ti.images.load(tmp_path / "unseen.npz", ti.images.Scale((8, 8, 1), (-1, 1)))
    np.testing.assert_allclose(found.pixels, kept.pixels, atol=1 / 255)
    np.testing.assert_array_equal(found.labels, kept.labels)


@pytest.mark.parametrize("count", [0, 40, 41])
def test_some_pictures_must_be_left_to_train_on(count):
    data = datasets.Pictures(np.zeros((40, 8, 8, 1), np.float32), None)
    with pytest.raises(ti.BadInput, match=f"{count} of 40 pictures to keep"):
        datasets.parted(data, count)
