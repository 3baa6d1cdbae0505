"""Whatever the bytes are, readers give arrays or `BadInput` in one line."""

import contextlib
import gc
import gzip
import io
import multiprocessing
import os
import pickle
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.decode import decode_file
from tfinvert.images.entry import Reading
from tfinvert.images.labels import Labels
from tfinvert.images.sources import open_source
from tfinvert.settings import Limits

LIMITS = Limits(megapixels=1, gigabytes=0.05, seconds=5)
ARRAY = np.random.default_rng(0).integers(0, 256, (5, 4, 6), np.uint8)
IDX = b"\0\0\x08\x03" + struct.pack(">3I", *ARRAY.shape) + ARRAY.tobytes()

bounded = settings(
    max_examples=150,
    deadline=timedelta(seconds=20),
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def written(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def picture(kind, mode="RGB"):
    file = io.BytesIO()
    Image.fromarray(ARRAY[..., :3]).convert(mode).save(file, kind)
    return file.getvalue()


def archive():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("a.png", "in/b.png"):
            opened.writestr(name, picture("PNG"))
    return file.getvalue()


@st.composite
def mutated(draw, *wholes):
    """One of these files, changed here and there, cut, or a few bytes of anything."""
    data = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        part = draw(st.binary(max_size=8) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]))
        data[place : place + draw(st.sampled_from([0, len(part), len(part) + 5]))] = part
    return bytes(data[: draw(st.sampled_from([len(data), len(data), len(data) // 2, 20]))])


def anything(*wholes):
    return mutated(*wholes) | st.binary(max_size=200)


@contextlib.contextmanager
def only_bad_input():
    try:
        yield
    except BadInput as error:
        assert "\n" not in str(error)  # noqa: PT017


KINDS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "PPM", "TGA", "PCX", "SGI", "ICO", "WEBP", "JPEG2000")


@bounded
@given(anything(*map(picture, KINDS), picture("PNG", "P"), picture("TIFF", "CMYK"), picture("GIF", "L")))
def test_pictures(content):
    with only_bad_input():
        values = decode_file(io.BytesIO(content), limits=LIMITS)
        assert values.dtype == np.float32
        assert values.shape[-1] in (1, 3)


FILES = {
    "a.npy": (written(np.save, ARRAY), written(np.save, np.asfortranarray(ARRAY / 255))),
    "a.npz": (written(np.savez, images=ARRAY, labels=np.arange(5)), written(np.savez_compressed, ARRAY)),
    "a.idx": (IDX,),
    "a.idx.gz": (gzip.compress(IDX, mtime=0),),
    "a.zip": (archive(),),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_many_images(tmp_path, name):
    @bounded
    @given(anything(*FILES[name]))
    def reads(content):
        (tmp_path / name).write_bytes(content)
        with only_bad_input():
            for entry in list(open_source(tmp_path / name, Reading(limits=LIMITS)))[:3]:
                assert entry.read().dtype == np.float32

    reads()


@pytest.mark.parametrize("name", ["labels.txt", "labels.npy", "labels.gz"])
def test_labels(tmp_path, name):
    wholes = {
        "labels.txt": (b"id,label\na.png,4\nb.png,0\n", b"4\n0\n2\n", b"\xef\xbb\xbflabel\r\n4\r\n"),
        "labels.npy": (written(np.save, np.arange(5)),),
        "labels.gz": (gzip.compress(b"\0\0\x08\x01\0\0\0\x03\1\2\3", mtime=0),),
    }[name]

    @bounded
    @given(anything(*wholes))
    def reads(content):
        (tmp_path / name).write_bytes(content)
        with only_bad_input():
            assert Labels(tmp_path / name, LIMITS).values().dtype == np.int32

    reads()


@given(st.text(max_size=30))
@bounded
def test_what_a_user_types(text):
    with only_bad_input():
        Labels(text)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="forks, and looks at what is open")
def test_an_entry_reads_in_other_processes_and_threads(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive())
    entries = list(open_source(tmp_path / "a.zip"))
    expected = entries[0].read()
    with ThreadPoolExecutor(4) as pool:
        for values in pool.map(lambda number: entries[number % 2].read(), range(64)):
            np.testing.assert_array_equal(values, expected)
    again = pickle.loads(pickle.dumps(entries))
    np.testing.assert_array_equal(again[1].read(), expected)
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)

    def forked():
        send.send([float(entries[0].read().sum()) for _ in range(20)])

    child = multiprocessing.get_context("fork").Process(target=forked)
    child.start()
    sums = {float(entries[1].read().sum()) for _ in range(20)} | set(receive.recv())
    child.join()
    assert sums == {float(expected.sum())}


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="forks, and looks at what is open")
def test_an_archive_is_closed_when_nobody_holds_it(tmp_path):
    (tmp_path / "a.zip").write_bytes(archive())
    links = lambda: [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]
    entries = list(open_source(tmp_path / "a.zip"))
    entries[0].read()
    assert sum(link.endswith("a.zip") for link in links()) == 1
    del entries
    gc.collect()
    assert not any(link.endswith("a.zip") for link in links())
