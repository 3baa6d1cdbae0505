"""The built-in glyphs: dark ink on light paper, centred, reproducible, and the targets never trained on."""

import numpy as np
import pytest

from tfinvert.images.glyphs import CHARACTERS, HELD_OUT, SIZE, TRAINING, Jitter, draw, held_out, label, training_set


def ink(image):
    return 1 - image.astype(np.float64) / 255


def centre(image):
    """Of the box round the ink, (x, y) from the middle of the image, in pixels."""
    rows, columns = np.nonzero(ink(image) > 0.5)
    return [(places.min() + places.max() + 1 - len(image)) / 2 for places in (columns, rows)]


@pytest.mark.parametrize("font", [*TRAINING, *HELD_OUT])
def test_every_font_draws_every_character_apart(font):
    images = [draw(font, character) for character in CHARACTERS]
    assert all(image.shape == (SIZE, SIZE) and image.dtype == np.uint8 for image in images)
    assert len({image.tobytes() for image in images}) == len(CHARACTERS)
    for character, image in zip(CHARACTERS, images, strict=True):
        edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
        assert edge.min() == 255, character  # nothing is cut off
        assert 0.01 < ink(image).mean() < 0.5, character


@pytest.mark.parametrize("character", "Agj8")
def test_a_glyph_is_centred_on_its_ink(character):
    np.testing.assert_allclose(centre(draw("DejaVuSans", character)), [0, 0], atol=1)


def test_jitter_moves_turns_and_scales():
    plain, jittered = draw("DejaVuSans", "L"), lambda **change: draw("DejaVuSans", "L", Jitter(**change))
    np.testing.assert_array_equal(jittered(), plain)
    np.testing.assert_array_equal(jittered(shift=(3, -2)), np.roll(plain, (-2, 3), axis=(0, 1)))
    np.testing.assert_allclose(ink(jittered(rotation=90)), np.rot90(ink(plain), -1), atol=0.01)
    np.testing.assert_allclose(ink(jittered(scale=1.2)).sum(), 1.2**2 * ink(plain).sum(), rtol=0.03)
    np.testing.assert_allclose(ink(jittered(shear=0.3)).sum(), ink(plain).sum(), rtol=0.03)
    assert np.abs(ink(jittered(shear=0.3)) - ink(plain)).sum() > 5


def test_the_size():
    large, small = draw("DejaVuSans", "A", size=64), draw("DejaVuSans", "A", size=16)
    assert large.shape == (64, 64)
    np.testing.assert_allclose(ink(large).reshape(16, 4, 16, 4).mean((1, 3)), ink(small), atol=0.01)


def test_targets_are_never_trained_on():
    assert not set(TRAINING) & set(HELD_OUT)
    targets = list(held_out())
    assert len(set(targets)) == len(targets) == len(HELD_OUT) * len(CHARACTERS)
    assert {font for font, _ in targets[:4]} == set(HELD_OUT)  # a few show them all


def test_the_seed_fixes_every_pixel():
    images, labels = training_set(12, seed=3)
    assert images.shape == (12, SIZE, SIZE, 1)
    assert labels.shape == (12,)
    for mine, again in zip((images, labels), training_set(12, seed=3), strict=True):
        np.testing.assert_array_equal(mine, again)
    for mine, first in zip((images, labels), training_set(5, seed=3), strict=True):
        np.testing.assert_array_equal(mine[:5], first)
    assert len({image.tobytes() for image in images}) == 12
    assert (images != training_set(12, seed=4)[0]).any(axis=(1, 2, 3)).all()


def test_labels_name_the_characters():
    """A jittered glyph is nearer to its own character, in some font, than to most others."""
    images, labels = training_set(40, seed=5)
    plain = np.array([[draw(font, character) for font in TRAINING] for character in CHARACTERS], float)
    distances = ((plain - images.reshape(40, 1, 1, SIZE, SIZE)) ** 2).mean((3, 4)).min(2)  # [40, 62]
    ranks = (distances < distances[np.arange(40), labels][:, None]).sum(1)
    assert np.median(ranks) <= 2
    assert [CHARACTERS[each] for each in (label("A"), label("a"), label("9"))] == ["A", "a", "9"]
