"""Images in memory, .npy, .npz and idx: which values, which ids, which labels."""

import gzip
import io
import struct

import numpy as np
import pytest
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images.entry import Reading
from tfinvert.images.sources import open_source

BYTES = np.random.default_rng(0).integers(0, 256, (5, 4, 6), np.uint8)  # five grey images of 4 x 6
SCALED = BYTES[..., np.newaxis] / 255


def idx(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def pixels(entries):
    return np.stack([entry.read() for entry in entries])


def ids(entries):
    return [entry.id for entry in entries]


def labels(entries):
    return [entry.label for entry in entries]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (BYTES, SCALED),
        (BYTES[..., np.newaxis], SCALED),
        (list(BYTES[..., np.newaxis]), SCALED),
        (tf.constant(BYTES), SCALED),
        (BYTES[0], SCALED[:1]),
        (np.stack([BYTES[0]] * 3, axis=-1), np.repeat(SCALED[:1], 3, axis=-1)),
    ],
    ids=["NHW", "NHWC", "list", "tensor", "HW", "HWC"],
)
def test_arrays_in_memory(source, expected):
    entries = open_source(source)
    np.testing.assert_allclose(pixels(entries), expected, atol=1e-7)
    assert ids(entries) == [str(i) for i in range(len(expected))]


@pytest.mark.parametrize(
    "array",
    [BYTES, BYTES.astype(np.uint16) * 257, BYTES.astype(">u2") * 257, (BYTES / 255).astype(np.float64)],
    ids=["uint8", "uint16", "big-endian", "float64"],
)
def test_npy(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    entries = open_source(tmp_path / "a.npy")
    np.testing.assert_allclose(pixels(entries), SCALED, atol=1e-6)
    assert ids(entries) == ["0", "1", "2", "3", "4"]


def test_npy_of_half_floats_and_booleans(tmp_path):
    halves = (BYTES / 255).astype(np.float16)
    np.save(tmp_path / "half.npy", halves)
    np.save(tmp_path / "bool.npy", BYTES > 127)
    np.testing.assert_array_equal(pixels(open_source(tmp_path / "half.npy"))[..., 0], halves)
    np.testing.assert_array_equal(pixels(open_source(tmp_path / "bool.npy"))[..., 0], BYTES > 127)


def test_a_scale_that_the_type_does_not_say():
    symmetric = (BYTES / 127.5 - 1).astype(np.float32)
    np.testing.assert_allclose(pixels(open_source(symmetric, Reading((-1.0, 1.0)))), SCALED, atol=1e-6)
    with pytest.raises(BadInput, match="array_range"):
        pixels(open_source(symmetric))


def test_npz_with_one_array_or_one_called_images(tmp_path):
    np.savez(tmp_path / "one.npz", whatever=BYTES)
    np.savez_compressed(tmp_path / "named.npz", other=BYTES[:2], images=BYTES)
    for name in ("one", "named"):
        np.testing.assert_allclose(pixels(open_source(tmp_path / f"{name}.npz")), SCALED, atol=1e-7)


def test_npz_with_many_arrays_wants_a_key(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=BYTES, y_train=np.arange(5), x_test=BYTES[3:], y_test=np.uint8([7, 2]))
    with pytest.raises(BadInput, match=r"x_train \[5, 4, 6\], .*x_test \[2, 4, 6\].*say which .*npz:NAME"):
        open_source(path)
    with pytest.raises(BadInput, match=r"npz:x_dev: no such array; it holds x_train"):
        open_source(f"{path}:x_dev")
    entries = open_source(f"{path}:x_test")
    np.testing.assert_allclose(pixels(entries), SCALED[3:], atol=1e-7)
    assert labels(entries) == [7, 2]


@pytest.mark.parametrize("beside", [np.arange(4), np.linspace(0, 1, 5), np.array(list("abcde"))])
def test_npz_labels_that_are_none_are_left(tmp_path, beside):
    np.savez(tmp_path / "a.npz", images=BYTES, labels=beside)
    assert labels(open_source(tmp_path / "a.npz")) == [None] * 5


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["idx", "idx.gz"])
def test_idx_and_its_labels(tmp_path, pack):
    images, classes = tmp_path / "t-images-idx3-ubyte", tmp_path / "t-labels-idx1-ubyte"
    images.write_bytes(pack(idx(BYTES)))
    assert labels(open_source(images)) == [None] * 5
    classes.write_bytes(pack(idx(np.uint8([3, 1, 4, 1, 5]))))
    entries = open_source(images)
    np.testing.assert_allclose(pixels(entries), SCALED, atol=1e-7)
    assert labels(entries) == [3, 1, 4, 1, 5]
    classes.write_bytes(pack(idx(np.uint8([3, 1]))))
    with pytest.raises(BadInput, match=r"labels-idx1-ubyte of shape \[2\] beside images \[5, 4, 6\]"):
        open_source(images)


def test_narrow_idx_images_are_no_colours(tmp_path):
    (tmp_path / "a.idx").write_bytes(idx(BYTES[..., :3]))
    np.testing.assert_allclose(pixels(open_source(tmp_path / "a.idx")), SCALED[:, :, :3], atol=1e-7)


def test_idx_in_colour(tmp_path):
    colour = np.stack([BYTES, 255 - BYTES, BYTES // 2], axis=-1)
    (tmp_path / "a.idx").write_bytes(idx(colour))
    np.testing.assert_allclose(pixels(open_source(tmp_path / "a.idx")), colour / 255, atol=1e-7)


def test_the_mnist_files(shared):
    entries = open_source(shared / "data" / "mnist" / "t10k-images-idx3-ubyte.gz")
    assert len(entries) == 10000
    assert labels(entries[:5]) == [7, 2, 1, 0, 4]
    assert entries[0].read().shape == (28, 28, 1)


def damaged(content):
    return content[:60] + bytes(8) + content[68:]


def saved(array, save=np.save):
    file = io.BytesIO()
    save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.npy", b"", "cannot be read"),
        ("a.npy", b"no array", "cannot be read"),
        ("a.npy", saved(BYTES)[:-9], "cannot be read"),
        ("a.npy", saved(np.array([None, "a"])), "cannot be read .*[oO]bject"),
        ("a.npy", saved(np.arange(5)), r"shape \[5\]: expected \[N, H, W, C\]"),
        ("a.npy", saved(np.zeros((2, 3, 8, 8))), r"shape \[2, 3, 8, 8\]: expected \[N, H, W, C\] with C = 1, 3 or 4"),
        ("a.npy", saved(np.zeros((0, 8, 8))), "no images"),
        ("a.npy", saved(np.zeros((2, 8, 8), complex)), "complex128: expected numbers"),
        ("a.npz", b"", "cannot be read"),
        ("a.npz", b"PK\x03\x04 and no more", "cannot be read"),
        ("a.npz", damaged(saved(BYTES.repeat(50, 0), np.savez_compressed)), "cannot be read"),
        ("a.npz", saved(np.array([None, "a"]), np.savez), "cannot be read .*[oO]bject"),
        ("a.npz", saved(np.arange(5), np.savez), r"holds arr_0 \[5\]: say which"),
        ("a.idx", idx(BYTES)[:-1], "no whole idx file"),
        ("a.idx.gz", gzip.compress(idx(BYTES), mtime=0)[:-12], "no whole idx file"),
        ("a.idx.gz", damaged(gzip.compress(idx(BYTES.repeat(50, 0)), mtime=0)), "no whole idx file"),
        ("a.idx", idx(np.uint8([1, 2, 3])), r"shape \[3\]: expected"),
    ],
)
def test_damaged_files_are_told_in_a_line(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=said) as caught:
        open_source(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_under_the_other_name_is_read_all_the_same(tmp_path):
    (tmp_path / "a.npz").write_bytes(saved(BYTES))
    (tmp_path / "b.npy").write_bytes(saved(BYTES, np.savez))
    for name in ("a.npz", "b.npy"):
        np.testing.assert_allclose(pixels(open_source(tmp_path / name)), SCALED, atol=1e-7)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (np.zeros((2, 4, 4, 2)), r"shape \[2, 4, 4, 2\]: expected"),
        (np.zeros((0, 4, 4, 3)), "no images"),
        (np.zeros((2, 4, 0, 3)), "no images"),
        ([], r"shape \[0\]"),
        ([np.zeros((4, 4)), np.zeros((5, 5))], "different shapes: expected one shape"),
        ({"image": BYTES}, "type dict: expected a path, an array or a tf.data.Dataset"),
        (7, "type int: expected a path"),
    ],
)
def test_what_is_no_source(source, said):
    with pytest.raises(BadInput, match=said):
        open_source(source)
