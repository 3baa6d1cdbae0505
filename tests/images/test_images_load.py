"""From a source to what a generator could have made: sizes, ranges, notes; what is broken is left out."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images import Sources, dataset, load
from tfinvert.images.labels import Labels
from tfinvert.settings import Shard


class Like(NamedTuple):
    image_shape: tuple[int, int, int] = (8, 8, 1)
    value_range: tuple[float, float] = (-1, 1)


GREYS = np.uint8([0, 51, 255])[:, np.newaxis, np.newaxis] * np.ones((8, 8), np.uint8)


@pytest.fixture
def folder(tmp_path):
    """A grey picture, a broken one, one in colour, and one that is too wide."""
    Image.new("L", (8, 8), 51).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:50])
    Image.new("RGB", (8, 8), "red").save(tmp_path / "c.png")
    Image.new("L", (24, 8), 255).save(tmp_path / "d.png")
    return tmp_path


@pytest.mark.parametrize(
    ("value_range", "expected"), [((-1, 1), [-1, -0.6, 1]), ((0, 1), [0, 0.2, 1]), ((0, 255), [0, 51, 255])]
)
def test_values_are_in_the_generators_range(value_range, expected):
    images = load(GREYS, Like(value_range=value_range))
    assert images.pixels.shape == (3, 8, 8, 1)
    assert images.pixels.dtype == np.float32
    np.testing.assert_allclose(images.pixels[:, 0, 0, 0], expected, rtol=1e-6)
    assert images.ids.tolist() == ["0", "1", "2"]
    assert images.labels is None


def test_a_broken_picture_is_noted_and_the_others_go_on(folder):
    pictures = list(Sources(folder, Like()))
    assert [picture.id for picture in pictures] == [(folder / f"{name}.png").as_posix() for name in "abcd"]
    assert [picture.pixels is None for picture in pictures] == [False, True, False, False]
    assert [pictures[i].note for i in (0, 2, 3)] == ["", "colour image turned to grey", ""]
    assert "cannot be read" in pictures[1].note
    assert "\n" not in pictures[1].note
    np.testing.assert_allclose(pictures[2].pixels, 2 * 0.299 - 1, atol=1e-6)


def test_load_leaves_broken_pictures_out_and_names_them(folder, caplog):
    images = load(folder, Like(), labels={"a.png": 0, "c.png": 2, "d.png": 1})
    assert [name[-5:] for name in images.ids] == ["a.png", "c.png", "d.png"]
    assert images.labels.tolist() == [0, 2, 1]
    assert "b.png is left out" in caplog.text


def test_greys_for_a_colour_generator_are_converted_and_it_says_so_once(caplog):
    images = load(GREYS, Like((8, 8, 3)))
    np.testing.assert_array_equal(images.pixels, load(GREYS, Like()).pixels.repeat(3, axis=-1))
    assert caplog.messages.count("0: grey image repeated to colour (said once)") == 1
    assert caplog.text.count("grey image repeated") == 1


def test_fit_and_scale_reach_the_images():
    wide = np.float32([[0, 0, 255, 255]])
    fitted = lambda fit: load(wide, Like((1, 2, 1), (0, 1)), fit=fit, array_range=(0, 255)).pixels.ravel()
    np.testing.assert_allclose(fitted("crop"), [0, 1], atol=1e-6)
    np.testing.assert_allclose(fitted("stretch"), [0, 1], atol=0.1)
    padded = load(wide, Like((3, 4, 1), (0, 1)), fit="pad", array_range=(0, 255)).pixels
    np.testing.assert_array_equal(padded[0, ..., 0], [[0, 0, 1, 1]] * 3)


def test_again_gives_the_same(folder):
    sources = Sources(folder, Like())
    first, second = list(sources), list(sources)
    assert [picture.id for picture in first] == [picture.id for picture in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("source", [GREYS, tf.data.Dataset.from_tensor_slices(GREYS)], ids=["array", "dataset"])
def test_a_limit_and_what_is_skipped(source):
    limited = Sources(source, Like(), limit=2)
    assert limited.count == 2
    assert [picture.id for picture in limited] == ["0", "1"]
    # What is skipped counts: a resumed run stops at the same image.
    assert [picture.id for picture in limited.read(frozenset({"0"}))] == ["1"]


def test_an_order_of_ones_own():
    many = np.arange(40, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2)
    drawn = lambda **given: [picture.id for picture in Sources(many, Like(), **given)]
    assert sorted(drawn(shuffle=3), key=int) == drawn()
    assert drawn(shuffle=3) == drawn(shuffle=3) != drawn(shuffle=4)
    assert drawn(shuffle=3, limit=5) == drawn(shuffle=3)[:5] != drawn(limit=5)  # so that a run may go on with more
    assert load(many, Like(), shuffle=3, limit=5).ids.tolist() == drawn(shuffle=3, limit=5)
    # Pixels and labels stay with their images.
    found = load(many, Like((8, 8, 1), (0, 255)), shuffle=3, limit=7, labels=list(range(100, 140)))
    np.testing.assert_allclose(found.pixels[:, 0, 0, 0], found.ids.astype(int), atol=1e-3)
    np.testing.assert_array_equal(found.labels, 100 + found.ids.astype(int))


@pytest.mark.parametrize(
    ("source", "given", "word"),
    [
        (tf.data.Dataset.from_tensor_slices(GREYS), {}, "a stream of images in another order: shuffle it before"),
        (GREYS, {"limit": 2, "labels": [1, 2]}, "2 labels for 3 images"),
    ],
)
def test_what_cannot_be_shuffled(source, given, word):
    with pytest.raises(BadInput, match=word):
        Sources(source, Like(), shuffle=0, **given)


def test_an_image_that_is_named_twice_counts_once(folder, caplog):
    twice = [folder / "c.png", folder, folder / "a.png"]
    sources = Sources(twice, Like(), limit=3)
    assert sources.count == 3
    assert [picture.id[-5:] for picture in sources] == ["c.png", "a.png", "b.png"]
    assert Sources(twice, Like()).count == 4
    assert [name[-5:] for name in load(twice, Like(), labels=[6, 5, 0, 7]).ids] == ["c.png", "a.png", "d.png"]
    assert "c.png: comes again, and counts once (said once)" in caplog.text
    endless = tf.data.Dataset.from_tensor_slices((["a", "b"], GREYS[:2])).repeat()
    assert load(endless, Like(), limit=5).ids.tolist() == ["a", "b"]


@pytest.mark.parametrize("source", [GREYS, tf.data.Dataset.from_tensor_slices(GREYS)], ids=["array", "dataset"])
def test_images_are_found_again_by_id_whatever_the_limit(source):
    sources = Sources(source, Like(), limit=1)
    found = dict(sources.again(["2", "1", "gone"]))
    assert sorted(found) == ["1", "2"]
    np.testing.assert_allclose(found["1"], np.full((8, 8, 1), 0.2), rtol=1e-6)
    assert list(sources.again([])) == []


def test_of_images_that_cannot_be_read_again_it_is_said_why(folder):
    (folder / "a.png").write_bytes(b"no picture")
    sources = Sources(folder, Like(), shuffle=3)
    found = dict(sources.again([(folder / name).as_posix() for name in ("a.png", "d.png")]))
    assert [isinstance(each, str) for each in found.values()] == [True, False]
    assert "no picture" in found[(folder / "a.png").as_posix()]


def test_counts():
    assert Sources(GREYS, Like()).count == Sources(GREYS, Like(), limit=9).count == 3
    assert Sources(tf.data.Dataset.from_tensor_slices(GREYS), Like()).count is None


def test_skipped_pictures_are_not_decoded(folder, monkeypatch):
    sources = Sources(folder, Like())
    names = [picture.id for picture in sources]
    opened = []

    def decode(file, scale, limits, alpha):
        opened.append(file)
        return np.zeros((8, 8, 1), np.float32)

    monkeypatch.setattr("tfinvert.images.sources.decode_file", decode)
    list(sources.read(frozenset(names[:3])))
    assert opened == names[3:]


def test_labels_are_known_only_where_all_are():
    pairs = tf.data.Dataset.from_tensor_slices((GREYS[..., np.newaxis], [2, 1, 0]))
    assert load(pairs, Like()).labels.tolist() == [2, 1, 0]
    assert load(pairs, Like()).labels.dtype == np.int32


class Refused(Exception):
    pass


def check(labels):
    if labels is None or labels.max() > 3:
        raise Refused(labels)


def test_classes_are_checked_before_the_work():
    Sources(GREYS, Like()).check_labels(None)
    Sources(GREYS, Like(), labels=[0, 1, 3]).check_labels(check)
    Sources(tf.data.Dataset.from_tensor_slices((GREYS, [0, 1, 9])), Like()).check_labels(
        check
    )  # the first is looked at
    for labels in (None, 4, [0, 1, 4]):
        with pytest.raises(Refused):
            Sources(GREYS, Like(), labels=labels).check_labels(check)
    assert Labels([0, 1, 4]).values().max() == 4


def test_of_classes_that_come_with_the_images_some_may_be_wrong(tmp_path):
    np.savez(tmp_path / "a.npz", images=GREYS, labels=[9, 1, 3])
    for source in (tmp_path / "a.npz", tf.data.Dataset.from_tensor_slices((GREYS, [1, 9, 3]))):
        sources = Sources(source, Like())
        sources.check_labels(check)
        assert sorted(picture.label for picture in sources if picture.pixels is not None) == [1, 3]
        (wrong,) = [picture for picture in sources if picture.pixels is None]
        assert wrong.note == "[9]"  # as said by the check
    np.savez(tmp_path / "b.npz", images=GREYS, labels=[9, 8, 7])
    with pytest.raises(Refused):
        Sources(tmp_path / "b.npz", Like()).check_labels(check)


def test_dataset_gives_triples(folder):
    rows = list(dataset(folder, Like(), labels={"a.png": 5, "c.png": 6, "d.png": 7}).as_numpy_iterator())
    assert [(name[-5:], label) for name, _, label in rows] == [(b"a.png", 5), (b"c.png", 6), (b"d.png", 7)]
    np.testing.assert_array_equal(np.stack([row[1] for row in rows]), load(folder, Like()).pixels)
    unlabelled = dataset(GREYS, Like()).batch(3).get_single_element()
    assert unlabelled[0].numpy().tolist() == [b"0", b"1", b"2"]
    assert unlabelled[1].shape == (3, 8, 8, 1)
    assert unlabelled[2].numpy().tolist() == [-1, -1, -1]


EMPTY = tf.data.Dataset.from_tensor_slices(GREYS).take(0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"like": None}, "without like=: expected like=generator"),
        ({"fit": "zoom"}, "fit 'zoom': expected one of crop"),
        ({"limit": 0}, "limit=0: expected at least 1"),
        ({"array_range": (1, 0)}, r"array_range \[1, 0\]: expected two numbers, low before high"),
        ({"array_range": (255,)}, r"array_range \[255\]: expected two numbers"),
        ({"array_range": (0, np.inf)}, "expected two numbers"),
        ({"array_range": (0, np.nan)}, "expected two numbers"),
        (
            {"source": GREYS[2:], "array_range": (0, 100)},
            r"none of 1 images could be read; the first, 0: uint8 values in \[255, 255\]: expected \[0, 100\]",
        ),
        ({"source": EMPTY}, "a source of no images: expected at least one"),
        (
            {"source": np.full((2, 8, 8), 2.0)},
            r"none of 2 images could be read; the first, 0: float64 values in \[2, 2\]",
        ),
    ],
)
def test_bad_input_is_told_in_a_line(options, said):
    with pytest.raises(BadInput, match=said) as caught:
        load(**{"source": GREYS, "like": Like(), **options})
    assert "\n" not in str(caught.value)


def test_an_empty_dataset_for_a_conditional_generator():
    with pytest.raises(BadInput, match="a source of no images"):
        Sources(EMPTY, Like()).check_labels(check)


def test_real_photos_in_colour_and_grey(shared):
    for shape in ((64, 64, 3), (28, 28, 1)):
        for fit in ("crop", "pad"):
            images = load(shared / "data" / "photos", Like(shape), fit=fit)
            assert images.pixels.shape == (8, *shape)
            assert images.pixels.min() >= -1
            assert images.pixels.max() <= 1
            assert images.pixels.std(axis=(1, 2, 3)).min() > 0.1


STREAM = tf.data.Dataset.from_tensor_slices(
    np.arange(0, 70, 10, dtype=np.uint8)[:, None, None] * np.ones((8, 8), np.uint8)
)


@pytest.mark.parametrize(
    "how",
    [{}, {"limit": 5}, {"shuffle": 3}, {"shuffle": 3, "limit": 5}, {"stream": True}, {"stream": True, "limit": 5}],
)
def test_shards_share_the_images_and_keep_their_places(how):
    def opened(shard=None):
        rest = {name: value for name, value in how.items() if name != "stream"}
        source = STREAM if "stream" in how else np.stack([image.numpy() for image in STREAM])
        return Sources(source, Like(), **rest, shard=shard)

    whole = [(picture.place, picture.id) for picture in opened()]
    assert [place for place, _ in whole] == list(range(how.get("limit", 7)))
    shards = [opened(Shard(number, 3)) for number in (1, 2, 3)]
    if "stream" not in how:
        assert [shard.count for shard in shards] == [len(whole[first::3]) for first in range(3)]
    found = [[(picture.place, picture.id) for picture in shard] for shard in shards]
    assert found == [whole[first::3] for first in range(3)]
    assert [shard.count for shard in shards] == [len(each) for each in found]
    passed = []
    left = [each.entry.id for each in shards[0].left(frozenset({whole[0][1], whole[1][1]}), passed)]
    assert (passed, left) == ([whole[0][1]], [image_id for _, image_id in whole[3::3]])


@pytest.mark.parametrize(("how", "count"), [({}, 3), ({"limit": 2}, 2)])
def test_a_shard_beyond_the_last_image_is_told_how_many_there_are(how, count):
    with pytest.raises(BadInput, match=rf"^--shard=4/4 of {count} images: no image is left for it"):
        Sources(GREYS, Like(), **how, shard=Shard(4, 4))
    stream = Sources(tf.data.Dataset.from_tensor_slices(GREYS), Like(), **how, shard=Shard(count, 9))
    assert [picture.place for picture in stream] == [count - 1]
    with pytest.raises(BadInput, match="--shard=8/9 of 3 images"):  # of a stream it is known at its end
        list(Sources(tf.data.Dataset.from_tensor_slices(GREYS), Like(), shard=Shard(8, 9)))


def test_labels_of_a_shard_are_those_of_the_whole():
    given = {"labels": [4, 5, 6], "shuffle": 1}
    whole = [(picture.id, picture.label) for picture in Sources(GREYS, Like(), **given)]
    shards = [Sources(GREYS, Like(), **given, shard=Shard(number, 2)) for number in (1, 2)]
    assert [[(picture.id, picture.label) for picture in shard] for shard in shards] == [whole[::2], whole[1::2]]
    (only,) = Sources(GREYS, Like(), labels=[4, 5], limit=2, shard=Shard(2, 2))
    assert (only.id, only.label) == ("1", 5)
