"""Limits reach every reader, are exact, and leave Pillow as it was."""

import io
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.experiments.datasets import pictures
from tfinvert.images import Scale, Sources, dataset, load
from tfinvert.images.decode import decode_file
from tfinvert.images.entry import Reading
from tfinvert.images.fit import fit
from tfinvert.images.sources import open_source
from tfinvert.settings import DEFAULT_LIMITS, Limits

SMALL = Limits(megapixels=0.01)  # 100 x 100
LIKE = Scale((4, 4, 1))


def png(width, height):
    file = io.BytesIO()
    Image.new("L", (width, height), 51).save(file, "PNG")
    file.seek(0)
    return file


@pytest.fixture
def folder(tmp_path):
    """A picture at the limit, and one just beyond it."""
    (tmp_path / "a.png").write_bytes(png(100, 100).getvalue())
    (tmp_path / "b.png").write_bytes(png(101, 100).getvalue())
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "a.png", "a.png")
        archive.write(tmp_path / "b.png", "b.png")
    return tmp_path


@pytest.mark.parametrize("name", ["", "*.png", "all.zip"])
def test_a_picture_beyond_the_limit_is_a_row_and_the_others_go_on(folder, name):
    good, bad = Sources(f"{folder}/{name}", LIKE, limits=SMALL)
    assert good.pixels is not None
    assert bad.pixels is None
    assert bad.note.endswith("expected at most 0.01 megapixels; shrink it, or raise --max_megapixels")
    assert all(picture.pixels is not None for picture in Sources(f"{folder}/{name}", LIKE))


def test_all_ways_to_images_take_limits(folder):
    assert len(load(folder, LIKE, limits=SMALL).ids) == 1
    assert len(list(dataset(folder, LIKE, limits=SMALL))) == 1
    assert len(pictures(str(folder), (4, 4, 1), limits=SMALL).pixels) == 1
    assert len(load(folder, LIKE).ids) == 2


@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_images_of_an_array_are_as_limited(tmp_path, suffix):
    save = {"npy": np.save, "npz": np.savez}[suffix]
    save(tmp_path / f"a.{suffix}", np.zeros((2, 100, 101), np.uint8))
    with pytest.raises(BadInput, match=r"an image of 101 x 100 pixels: expected at most 0\.01 megapixels"):
        open_source(tmp_path / f"a.{suffix}", Reading(limits=SMALL))


def test_more_than_pillows_own_limit_may_be_allowed(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert decode_file(png(100, 100), limits=SMALL).shape == (100, 100, 1)
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(BadInput):
        decode_file(png(101, 100), limits=SMALL)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_pillow_prints_no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode_file(png(100, 80), limits=SMALL).shape == (80, 100, 1)


def test_what_padding_would_make_is_limited_too():
    strip = np.full((1, 5000, 1), 0.2, np.float32)
    with pytest.raises(BadInput, match="5000 x 1 pixels, padded: expected fit=crop or stretch"):
        fit(strip, (8, 8, 1), "pad", SMALL)
    np.testing.assert_allclose(fit(strip, (8, 8, 1), "pad", DEFAULT_LIMITS)[0], 0.2, atol=1e-6)


def test_large_pictures_are_converted_by_blocks_as_if_at_once():
    random = np.random.default_rng(0)
    wide = random.integers(0, 256, (3, 700_000, 4), np.uint8)
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG", compress_level=0)
    layered = Image.alpha_composite(Image.new("RGBA", (700_000, 3), "white"), Image.fromarray(wide)).convert("RGB")
    np.testing.assert_array_equal(decode_file(file), np.asarray(layered, np.float32) / 255)
