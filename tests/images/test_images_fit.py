"""Where no resampling is needed the pixels are the very same; elsewhere straight ramps stay straight."""

import numpy as np
import pytest

from tfinvert.errors import BadInput
from tfinvert.images.fit import FITS, fit


def noise(height, width, channels=3):
    return np.random.default_rng(0).random((height, width, channels), np.float32)


@pytest.mark.parametrize("how", FITS)
def test_an_image_of_the_size_is_not_touched(how):
    pixels = noise(5, 7)
    fitted, note = fit(pixels, (5, 7, 3), how)
    assert fitted is pixels
    assert note == ""


@pytest.mark.parametrize(
    ("given", "wanted", "kept"),
    [
        ((6, 10), (6, 6), np.s_[:, 2:8]),
        ((6, 9), (6, 6), np.s_[:, 1:7]),  # an odd rest: whole pixels, not half ones
        ((10, 6), (4, 6), np.s_[3:7, :]),
        ((33, 32), (32, 32), np.s_[0:32, :]),
    ],
)
def test_crop_keeps_the_centre(given, wanted, kept):
    pixels = noise(*given)
    np.testing.assert_array_equal(fit(pixels, (*wanted, 3))[0], pixels[kept])


@pytest.mark.parametrize(
    ("given", "wanted", "rows", "columns"),
    [
        ((2, 4), (4, 4), [0, 0, 1, 1], [0, 1, 2, 3]),
        ((3, 2), (3, 5), [0, 1, 2], [0, 0, 1, 1, 1]),
        ((1, 4), (4, 4), [0, 0, 0, 0], [0, 1, 2, 3]),
    ],
)
def test_pad_repeats_the_edges(given, wanted, rows, columns):
    pixels = noise(*given)
    np.testing.assert_array_equal(fit(pixels, (*wanted, 3), "pad")[0], pixels[np.ix_(rows, columns)])


def ramp(height, width):
    """An image whose every pixel says where its centre is, across."""
    return np.tile((np.arange(width, dtype=np.float32)[:, np.newaxis] + 0.5) / width, (height, 1, 1))


@pytest.mark.parametrize(
    ("how", "given", "first", "last"),
    [
        ("crop", (64, 192), 1 / 3, 2 / 3),  # the middle third
        ("crop", (192, 64), 0, 1),
        ("stretch", (16, 192), 0, 1),
        ("pad", (48, 64), 0, 1),
    ],
)
def test_what_part_is_seen(how, given, first, last):
    fitted = fit(ramp(*given), (16, 16, 1), how)[0]
    centres = first + (last - first) * (np.arange(16) + 0.5) / 16
    # Two pixels at each side feel the border, where the filter has nothing to lean on.
    np.testing.assert_allclose(fitted[:, 2:-2, 0], np.tile(centres[2:-2], (16, 1)), atol=1e-3)


def test_reducing_does_not_alias():
    stripes = np.tile(np.float32([0, 1]), (128, 64))[..., np.newaxis]
    np.testing.assert_allclose(fit(stripes, (16, 16, 1))[0][2:-2, 2:-2], 0.5, atol=0.02)


@pytest.mark.parametrize("how", FITS)
@pytest.mark.parametrize("wanted", [(28, 28, 3), (100, 100, 3), (64, 48, 3), (1, 1, 3)])
def test_every_size_is_taken(how, wanted):
    """Rounding must not lead out of the image: (29 / 28) * 28 > 29."""
    for size in (1, 2, 3, 7, 14, 28, 29, 49, 56, 57, 58, 97, 98, 113, 161, 1000):
        for given in {(size, size), (size, 31), (31, size)}:
            fitted = fit(np.full((*given, 3), 0.3, np.float32), wanted, how)[0]
            assert fitted.shape == wanted, given
            np.testing.assert_allclose(fitted, 0.3, atol=1e-6, err_msg=str(given))


def test_cubic_overshoot_stays_in_range():
    edge = np.zeros((8, 8, 1), np.float32)
    edge[:, 4:] = 1
    fitted = fit(edge, (32, 32, 1))[0]
    assert fitted.min() == 0
    assert fitted.max() == 1


def test_channels_are_converted_and_it_says_so():
    grey = noise(4, 4, 1)
    colour, note = fit(grey, (4, 4, 3))
    np.testing.assert_array_equal(colour, np.repeat(grey, 3, axis=-1))
    assert note == "grey image repeated to colour"
    primaries = np.float32([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]])
    luma, note = fit(primaries, (1, 4, 1))
    np.testing.assert_allclose(luma[0, :, 0], [0.299, 0.587, 0.114, 1], atol=1e-6)
    assert note == "colour image turned to grey"


def test_a_wrong_word_is_told():
    with pytest.raises(BadInput, match="fit 'zoom': expected one of crop, pad, stretch"):
        fit(noise(2, 2), (2, 2, 3), "zoom")
