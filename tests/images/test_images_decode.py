"""Odd pictures whose pixels are known come out as exactly those pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images.decode import decode_array, decode_file

DEEP = np.array([[0, 1, 257], [32768, 65534, 65535]], np.uint16)
RED, BLUE = [255, 0, 0], [0, 0, 255]


def reopened(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def palette():
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putdata([0, 1])
    return image


def of(mode, *pixels):
    image = Image.new(mode, (len(pixels), 1))
    image.putdata(pixels)
    return image


def deep_colour_png(array):
    """A PNG of 16-bit RGB [H, W, 3], which Pillow cannot write."""
    chunk = lambda name, data: struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    height, width, _ = array.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (reopened(of("1", 0, 255), "PNG"), [[0], [255]]),
        (reopened(of("1", 0, 255), "PNG", transparency=0), [[255], [255]]),
        (reopened(of("L", 3, 200), "BMP"), [[3], [200]]),
        (reopened(of("L", 3, 200), "PNG", transparency=3), [[255], [200]]),
        (reopened(of("LA", (0, 51), (9, 255)), "PNG"), [[204], [9]]),
        (reopened(of("RGBA", (255, 0, 0, 51), (1, 2, 3, 0)), "PNG"), [[255, 204, 204], [255, 255, 255]]),
        (reopened(of("RGB", (1, 2, 3), (4, 5, 6)), "PNG", transparency=(1, 2, 3)), [[255, 255, 255], [4, 5, 6]]),
        (reopened(of("RGB", (1, 2, 3), (4, 5, 6)), "WEBP", lossless=True), [[1, 2, 3], [4, 5, 6]]),
        (reopened(palette(), "PNG"), [RED, BLUE]),
        (reopened(palette(), "PNG", transparency=1), [RED, [255, 255, 255]]),
        (reopened(palette(), "GIF", transparency=0), [[255, 255, 255], BLUE]),
        (reopened(of("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)), "TIFF"), [RED, [0, 0, 0]]),
        (reopened(of("YCbCr", (255, 128, 128), (60, 128, 128)), "TIFF"), [[255] * 3, [60] * 3]),
    ],
)
def test_modes(file, expected):
    np.testing.assert_array_equal(decode_file(file), np.float32([expected]) / 255)


def test_cmyk_jpeg_keeps_its_colours():
    plain = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    np.testing.assert_allclose(decode_file(reopened(plain, "JPEG"))[8, 8], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize(
    "file",
    [
        reopened(Image.fromarray(DEEP), "PNG"),
        reopened(Image.fromarray(DEEP), "TIFF"),
        io.BytesIO(b"P5 3 2 65535\n" + DEEP.astype(">u2").tobytes()),
        reopened(Image.fromarray((DEEP / 65535).astype(np.float32)), "TIFF"),
    ],
    ids=["png", "tiff", "pgm", "float tiff"],
)
def test_deep_grey_keeps_its_bits(file):
    np.testing.assert_allclose(decode_file(file), DEEP[..., np.newaxis] / 65535, atol=1e-7)


def test_deep_colour_comes_with_8_bits():
    colour = np.stack([DEEP, DEEP[::-1], 65535 - DEEP], axis=-1)
    np.testing.assert_allclose(decode_file(deep_colour_png(colour)), colour / 65535, atol=1 / 255)


TURNS = {  # EXIF 2.3, 4.6.4 "Orientation": where the stored rows and columns belong
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_exif_orientation(orientation, dtype):
    stored = np.arange(6, dtype=dtype).reshape(2, 3) * 40
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = decode_file(reopened(Image.fromarray(stored), "PNG", exif=exif))
    np.testing.assert_allclose(upright[..., 0] * np.iinfo(dtype).max, TURNS[orientation](stored), atol=1e-2)


def test_exif_orientation_of_a_jpeg_from_a_phone():
    left_red = np.zeros((16, 32, 3), np.uint8)
    left_red[:, :16, 0] = left_red[:, 16:, 2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode_file(reopened(Image.fromarray(left_red), "JPEG", exif=exif, quality=95))
    assert upright.shape == (32, 16, 3)
    np.testing.assert_allclose(upright[[4, 28], 8], [[1, 0, 0], [0, 0, 1]], atol=0.03)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_of_an_animation_the_first_frame_counts(kind):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    file = reopened(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    np.testing.assert_array_equal(decode_file(file), np.broadcast_to(np.float32([1, 0, 0]), (4, 4, 3)))


@pytest.mark.parametrize("size", [(1, 1), (1, 20000), (5000, 4000)])
def test_any_size(size):
    assert decode_file(reopened(Image.new("L", size, 51), "PNG")).shape == (size[1], size[0], 1)


def noise(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    return reopened(Image.fromarray(pixels), kind).getvalue()


PNG, JPEG = noise("PNG"), noise("JPEG")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no picture"),
        (b"a letter to a friend\n", "no picture"),
        (PNG[:20], "Truncated"),
        (PNG[: len(PNG) // 2], "truncated"),
        (PNG[:5000] + b"\xff" * 40 + PNG[5040:], "broken"),
        (JPEG[: len(JPEG) // 2], "truncated"),
    ],
    ids=["empty", "text", "head only", "cut PNG", "damaged PNG", "cut JPEG"],
)
def test_what_is_no_whole_picture_is_told_in_a_line(tmp_path, content, said):
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"{said}.*: expected") as caught:
        decode_file(path)
    assert "\n" not in str(caught.value)


def test_a_missing_picture(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        decode_file(tmp_path / "gone.png")


def test_a_picture_on_its_own_scale():
    counts = reopened(Image.fromarray(np.float32([[0, 51], [102, 255]])), "TIFF")
    with pytest.raises(BadInput, match=r"values in \[0, 255\]: expected \[0, 1\]; .*array_range"):
        decode_file(counts)
    np.testing.assert_allclose(decode_file(counts, (0, 255))[..., 0], [[0, 0.2], [0.4, 1]], atol=1e-7)
    twelve_bits = reopened(Image.fromarray(np.uint16([[0, 4095]])), "PNG")
    np.testing.assert_array_equal(decode_file(twelve_bits, (0, 4095))[..., 0], [[0, 1]])


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        (np.uint8([0, 51, 255]), None, [0, 0.2, 1]),
        (np.int64([0, 51, 255]), None, [0, 0.2, 1]),
        (np.uint16([0, 13107, 65535]), None, [0, 0.2, 1]),
        (np.array([0, 13107, 65535], ">u2"), None, [0, 0.2, 1]),
        (np.array([False, True]), None, [0, 1]),
        (np.float16([0, 0.5, 1]), None, [0, 0.5, 1]),
        (np.float64([0, 0.2, 1]), None, [0, 0.2, 1]),
        (np.float32([-0.0005, 1.0005]), None, [0, 1]),  # rounding at the ends of the scale
        (np.float32([-1, -0.6, 1]), (-1, 1), [0, 0.2, 1]),
        (np.int16([-1024, 0, 3072]), (-1024, 3072), [0, 0.25, 1]),
        (np.float32([np.nan, 0.2]), None, [np.nan, 0.2]),
        (np.float32([np.nan, np.nan]), None, [np.nan, np.nan]),
    ],
)
def test_scales_of_arrays(values, scale, expected):
    decoded = decode_array(values[np.newaxis], scale)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded[0, :, 0], expected, atol=1e-7)


def test_an_array_with_alpha_is_laid_on_white():
    pixels = np.uint8([[[255, 0, 0, 51], [10, 20, 30, 255]]])
    np.testing.assert_allclose(decode_array(pixels) * 255, [[[255, 204, 204], [10, 20, 30]]], atol=1e-4)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.float32([[0, 255]]), r"float32 values in \[0, 255\].*array_range"),
        (np.float32([[-1, 1]]), r"float32 values in \[-1, 1\].*array_range"),
        (np.float32([[np.nan, 2]]), r"float32 values in \[2, 2\].*array_range"),
        (np.float32([[0, np.inf]]), r"float32 values in \[0, inf\]"),
        (np.int64([[0, 256]]), r"int64 values in \[0, 256\]"),
        (np.zeros((4, 4, 2)), r"shape \[4, 4, 2\]: expected \[H, W\]"),
        (np.zeros((4, 4, 5)), r"shape \[4, 4, 5\]"),
        (np.zeros((0, 4, 3)), r"shape \[0, 4, 3\]"),
        (np.zeros(4), r"shape \[4\]"),
        (np.array([["a"]]), "expected numbers"),
        (np.zeros((4, 4), complex), "complex128: expected numbers"),
    ],
)
def test_arrays_that_are_no_image(array, said):
    with pytest.raises(BadInput, match=said):
        decode_array(array)
