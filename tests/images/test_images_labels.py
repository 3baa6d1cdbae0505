"""Classes of images, in every way they can be given."""

import gzip
import struct

import numpy as np
import pytest
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.entry import folders_of, names_of
from tfinvert.images.labels import FolderLabels, Labels
from tfinvert.images.load import Sources
from tfinvert.runs.job import load, sources
from tfinvert.settings import Job

FOLDERS = FolderLabels(["in", "out"])
IMAGES = np.zeros((3, 8, 8), np.uint8)
IDX = struct.pack(">BBBBI", 0, 0, 8, 1, 3) + bytes([4, 0, 2])


class Like:
    image_shape = (8, 8, 1)
    value_range = (0, 1)


def classes(given, ids=("in/a.png", "in/b.png", "c.png")):
    labels = Labels(given)
    return [labels.of(index, image_id) for index, image_id in enumerate(ids)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (4, [4, 4, 4]),
        ("4", [4, 4, 4]),
        (np.uint8(4), [4, 4, 4]),
        ([4, 0, 2], [4, 0, 2]),
        (np.int64([4, 0, 2]), [4, 0, 2]),
        ({"in/a.png": 4, "b.png": 0, "c.png": np.int64(2)}, [4, 0, 2]),
        ({"a.png": 1, "in/a.png": 4, "b.png": 0, "c.png": 2}, [4, 0, 2]),  # the whole path goes first
    ],
)
def test_in_memory(given, expected):
    assert classes(given) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b"4\n0\n2\n"),
        ("labels.txt", b"label\r\n4\r\n0\r\n2\r\n"),
        ("labels.txt", b"\xef\xbb\xbf4\n0\n2\n"),  # the mark that spreadsheets put first is no header
        ("labels.txt", b"4\n\n0\n2"),
        ("labels.csv", b"in/a.png,4\nb.png, 0\nc.png,2\n"),
        ("labels.csv", b'\xef\xbb\xbfid,label\nc.png,2\n"in/b.png",0\na.png,4\n'),
        ("t-labels-idx1-ubyte", IDX),
        ("t-labels-idx1-ubyte.gz", gzip.compress(IDX, mtime=0)),
    ],
)
def test_in_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert classes(tmp_path / name) == classes(str(tmp_path / name)) == [4, 0, 2]


def test_in_npy(tmp_path):
    np.save(tmp_path / "labels.npy", np.uint8([4, 0, 2]))
    assert classes(tmp_path / "labels.npy") == [4, 0, 2]


def test_all_classes_that_occur():
    assert Labels(7).values().tolist() == [7]
    assert Labels([4, 0, 4]).values().tolist() == [0, 4]
    assert Labels({"a": 3, "b": 3}).values().tolist() == [3]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gone.txt", "labels gone.txt: no such file"),
        ([0.5, 1], "labels of float64"),
        ([], "labels of float64"),
        ([[1, 2], [3, 4]], r"labels of int64 \[2, 2\]"),
        ([[1, 2], [3]], "different lengths"),
        (["cat", "dog"], "labels of <U3"),
        ({"a.png": "cat"}, "label 'cat'"),
        ({"a.png": 0.5}, "label 0.5"),
    ],
)
def test_what_is_no_class(given, said):
    with pytest.raises(BadInput, match=f"{said}.*expected a class number"):
        Labels(given)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("labels.txt", b""),
        ("labels.txt", b"4\ncat\n"),
        ("labels.csv", b"a.png,4,9\n"),
        ("labels.csv", b"a.png,4\nb.png\n"),
        ("labels.csv", b"id,label\na.png,cat\n"),
        ("labels.bin", bytes(range(128, 256))),
        ("labels.npy", b""),
        ("labels.npy", b"4\n0\n2\n"),
        ("idx1", IDX[:-1]),
        ("idx1", b"\0\0\x0c\x01\0\0\0\1\0\0\0\7"),  # 32-bit integers, which read as bytes would be others
        ("idx1.gz", gzip.compress(IDX, mtime=0)[:-10]),
    ],
)
def test_files_without_classes(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match="expected") as caught:
        Labels(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def found(labels, **options):
    return [(picture.label, picture.note) for picture in Sources(IMAGES, Like(), labels=labels, **options)]


def test_given_labels_go_before_the_sources_own(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.arange(3))
    own = lambda **options: [picture.label for picture in Sources(tmp_path / "a.npz", Like(), **options)]
    assert own() == [0, 1, 2]
    assert own(labels=[4, 0, 2]) == [4, 0, 2]
    assert own(labels={"0": 4, 1: 0, "2": 2}) == [4, 0, 2]


@pytest.mark.parametrize(("labels", "limit"), [([1, 2], None), ([1, 2, 3, 4], None), ([1], 2), ([1, 2, 3, 4], 2)])
def test_a_wrong_count(labels, limit):
    with pytest.raises(BadInput, match=f"{len(labels)} labels for {limit or 3} images: expected one for each"):
        Sources(IMAGES, Like(), labels=labels, limit=limit)


def test_with_a_limit_labels_are_as_many_as_the_images_wanted_or_as_all():
    assert found([4, 0], limit=2) == found([4, 0, 2], limit=2) == [(4, ""), (0, "")]


def test_an_image_without_a_line_is_told_and_the_others_go_on():
    assert found({"0": 4, "2": 2})[::2] == [(4, ""), (2, "")]
    label, note = found({"0": 4, "2": 2})[1]
    assert label is None
    assert note == "no label for 1: the labels have no line with its path or name"


def test_by_the_names_of_folders():
    ids = ["photos/in/a.png", "data.zip:out/b.png", "in/c.png"]
    assert [FOLDERS.of(0, image_id) for image_id in ids] == [0, 1, 0]
    assert FOLDERS.values().tolist() == [0, 1]
    FOLDERS.check_count(3, 5)
    for image_id, folder in (("in/sub/a.png", "in the folder 'sub'"), ("a.png", "in no folder")):
        with pytest.raises(BadInput, match=f"{image_id} {folder}: .*named after a class: in, out"):
            FOLDERS.of(0, image_id)
    with pytest.raises(BadInput, match=r"a class: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, \.\.\.$"):
        FolderLabels(list(map(str, range(1000)))).of(0, "a.png")


def test_by_folders_where_the_generator_names_no_class():
    job = Job.of(images=IMAGES, labels="folders")
    with pytest.raises(BadInput, match=r"labels=folders for .*expected one whose file names its classes"):
        sources(job, load(job))


def pictures(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(IMAGES[0]).save(folder / name)
    return str(folder)


def labels_of(source, labels):
    return [waiting.entry.label for waiting in Sources(source, Like(), labels=labels).left(frozenset())]


def test_the_ends_of_paths_are_names_where_only_one_image_has_them(tmp_path):
    source = pictures(tmp_path, "cat/1.png", "dog/1.png", "dog/2.png")
    assert labels_of(source, {"cat/1.png": 3, "dog/1.png": 5, "2.png": 4}) == [3, 5, 4]
    assert labels_of(source, {"cat/1.png": 3}) == [3, None, None]
    with pytest.raises(BadInput, match=r"the label of '1.png': several images .*cat/1.png and .*dog/1.png: give their"):
        labels_of(source, {"1.png": 3, "2.png": 4})


@pytest.mark.parametrize(
    ("labels", "why"),
    [({"3.png": 1}, "no label for .*cat/1.png"), (FolderLabels(["owl"]), "1.png in the folder 'cat'")],
)
def test_labels_of_no_image_are_told_before_the_work(labels, why, tmp_path):
    with pytest.raises(BadInput, match=why):
        labels_of(pictures(tmp_path, "cat/1.png", "dog/2.png"), labels)


def test_one_name_with_two_classes_is_told(tmp_path):
    (tmp_path / "labels.csv").write_text("a.png,1\nb.png,2\na.png,3\n")
    with pytest.raises(BadInput, match=r"labels\.csv .*a.png has the classes 1 and 3"):
        Labels(tmp_path / "labels.csv")


def test_colons_are_letters_but_behind_an_archive():
    assert folders_of("photos/cat/2024-01-01 10:30:00.png") == ["photos", "cat"]
    assert folders_of("data.ZIP:cat/1:2.png") == ["data.ZIP", "cat"]
    assert list(names_of("a.zip:cat/1:2.png")) == ["a.zip:cat/1:2.png", "cat/1:2.png", "1:2.png"]
