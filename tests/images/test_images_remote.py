"""Images in a store: the same sources as on this machine, and pictures that are fetched in their turn."""

import io
import pickle
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from stores import fetches, fill, npy, png

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.images.like import Scale
from tfinvert.remote import Unavailable, path_of, patience

LIKE = Scale((8, 8, 1), (0, 1))
ARRAY = np.linspace(0, 1, 3 * 64).reshape(3, 8, 8, 1).astype(np.float32)


def archive(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return file.getvalue()


@pytest.fixture
def url(memory):
    """Of a folder with a file of each kind."""
    arrays = io.BytesIO()
    np.savez(arrays, images=ARRAY, labels=np.array([7, 8, 9]), other=ARRAY[:1])
    fill(
        memory,
        {
            "p/a.png": png(10),
            "p/b/c.png": png(20),
            "p/b/d[1].jpg": png(30),
            "p/.hidden/e.png": png(),
            "p/notes.txt": b"no picture",
            "a.npy": npy(ARRAY),
            "a.npz": arrays.getvalue(),
            "a.zip": archive(**{"x/1.png": png(1), "x/2.png": png(2), "y/3.png": png(3)}),
            "train-images-idx3-ubyte": b"\0\0\x08\x03" + struct.pack(">3I", 2, 8, 8) + bytes(128),
            "train-labels-idx1-ubyte": b"\0\0\x08\x01" + struct.pack(">I", 2) + b"\x03\x04",
        },
    )
    return memory


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        ("{}/p", ["{}/p/a.png", "{}/p/b/c.png", "{}/p/b/d[1].jpg"]),
        ("{}/p/", ["{}/p/a.png", "{}/p/b/c.png", "{}/p/b/d[1].jpg"]),
        ("{}/p/b/*.png", ["{}/p/b/c.png"]),
        ("{}/p/**/*.png", ["{}/p/.hidden/e.png", "{}/p/a.png", "{}/p/b/c.png"]),
        ("{}/p/b*", ["{}/p/b/c.png", "{}/p/b/d[1].jpg"]),
        ("{}/p/b/d[1].jpg", ["{}/p/b/d[1].jpg"]),
        ("{}/a.npy", ["0", "1", "2"]),
        ("{}/a.npz", ["0", "1", "2"]),
        ("{}/a.npz:other", ["0"]),
        ("{}/train-images-idx3-ubyte", ["0", "1"]),
        ("{}/a.zip", ["{}/a.zip:x/1.png", "{}/a.zip:x/2.png", "{}/a.zip:y/3.png"]),
        ("{}/a.zip:y", ["{}/a.zip:y/3.png"]),
        ("{0}/p/a.png,{0}/a.npz:other", ["{}/p/a.png", "{}/a.npz:other[0]"]),
        (["{}/p/a.png", "{}/a.zip:y"], ["{}/p/a.png", "{}/a.zip:y/3.png"]),
    ],
)
def test_every_kind_of_source(url, source, ids):
    texts = [text.format(url) for text in source] if isinstance(source, list) else source.format(url)
    found = list(Sources(texts, LIKE))
    assert [picture.id for picture in found] == [each.format(url) for each in ids]
    assert all(picture.pixels is not None and picture.pixels.shape == (8, 8, 1) for picture in found)


def test_classes_come_along_and_from_files(url):
    assert [each.label for each in Sources(f"{url}/a.npz", LIKE)] == [7, 8, 9]
    assert [each.label for each in Sources(f"{url}/train-images-idx3-ubyte", LIKE)] == [3, 4]
    fill(
        url, {"l.csv": f"id,label\n{url}/p/a.png,1\nc.png,2\nd[1].jpg,3\n".encode(), "l.npy": npy(np.array([4, 5, 6]))}
    )
    for name, labels in (("l.csv", [1, 2, 3]), ("l.npy", [4, 5, 6])):
        assert [each.label for each in Sources(f"{url}/p", LIKE, labels=f"{url}/{name}")] == labels
    for name, words in (("none", "no such file"), ("p", "which is a folder")):
        with pytest.raises(ti.BadInput, match=words):
            Sources(f"{url}/p", LIKE, labels=f"{url}/{name}")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("none", "no such file, folder or match"),
        ("none/*.png", "no such file, folder or match"),
        ("p/b/none.png", "no such file, folder or match"),
        ("a.npz:nothing", "no such array"),
        ("p/a.png:x", "nothing can be chosen"),
    ],
)
def test_what_is_not_there_is_one_line(url, source, words):
    with pytest.raises(ti.BadInput, match=words) as told:
        Sources(f"{url}/{source}", LIKE)
    assert url in str(told.value)


def test_pictures_are_fetched_in_their_turn(url, monkeypatch):
    store, fetched = path_of(url).fs, []
    fetch = store.cat_file
    monkeypatch.setattr(store, "cat_file", lambda path, *a, **how: fetched.append(path) or fetch(path, *a, **how))
    pictures = iter(Sources(f"{url}/p", LIKE))
    assert fetched == []
    next(pictures)
    assert fetched == ["/bucket/p/a.png"]


def test_a_picture_beyond_the_limits_is_not_fetched_whole(memory, monkeypatch):
    fill(memory, {"a.png": png(size=2000)[:-12] + bytes(5_000_000), "b.png": png()})
    fetched = fetches(memory, monkeypatch)
    large, small = Sources(memory, LIKE, limits=ti.Limits(megapixels=1))
    assert "4 megapixels" in large.note
    assert small.pixels is not None
    assert sum(fetched) < 1_000_000


def test_one_that_is_gone_or_broken_cannot_be_read_and_the_others_go_on(memory):
    fill(memory, {"a.png": png(), "b.png": b"broken", "c.png": png()})
    sources = Sources(memory, LIKE)
    path_of(f"{memory}/a.png").unlink()
    gone, broken, good = sources
    assert gone.pixels is None
    assert "no picture" in broken.note
    assert good.pixels is not None


def test_where_the_store_is_away_the_run_ends(memory, monkeypatch):
    fill(memory, {"a.png": png(), "b.png": png()})
    sources = Sources(memory, LIKE)
    monkeypatch.setattr(patience, "SECONDS", 0)

    def refused(*given, **how):
        raise ConnectionRefusedError

    monkeypatch.setattr(path_of(memory).fs, "info", refused)
    with pytest.raises(Unavailable, match="does not answer"):
        list(sources)


SCRIPT = """
import pickle, sys
for read in pickle.load(sys.stdin.buffer):
    print(read().shape, read().mean())
"""


@pytest.mark.slow
def test_entries_are_read_in_another_process(s3):
    fill(s3.url, {"a.zip": archive(**{"1.png": png(51)}), "p/a.png": png(102), "a.npy": npy(ARRAY)})
    sources = Sources([f"{s3.url}/{name}" for name in ("a.zip", "p/a.png", "a.npy")], LIKE)
    reads = pickle.dumps([entry.read for entry in sources._entries])
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=reads, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    assert [line[:9] for line in lines] == ["(8, 8, 1)"] * 5
    assert [float(line[10:]) for line in lines[:2]] == pytest.approx([0.2, 0.4])
