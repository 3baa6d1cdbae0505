"""Pictures in pages: exact where there is room, and never larger than that."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from tfinvert.report.thumbnails import SIDE, Room, thumbnail


def noise(height, width, mode="RGB"):
    levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(levels).convert(mode)


def opened(made):
    kind, _, data = made.uri.partition(",")
    assert kind == "data:image/webp;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (made.width, made.height)
    return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("size", [(1, 1), (28, 28), (20, 60)])
def test_with_room_every_pixel_is_kept(mode, size):
    image = noise(*size, mode)
    made = thumbnail(image, 100_000)
    assert made.exact
    assert np.array_equal(opened(made), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("room", [8_000, 3_000, 1_000, 300])
def test_with_less_room_it_is_kept_to(room):
    image = noise(64, 64)
    made = thumbnail(image, room)
    assert not made.exact
    assert len(base64.b64decode(made.uri.partition(",")[2])) <= room
    assert made.width == made.height <= 64
    opened(made)


def test_no_room_at_all_ends_too():
    assert max(thumbnail(noise(64, 32), 1)[1:3]) <= 8


def test_large_pictures_are_made_smaller_and_the_given_one_is_left_alone():
    image = Image.new("RGB", (3 * SIDE, SIDE), "red")
    made = thumbnail(image, 100_000)
    assert not made.exact
    assert (made.width, made.height) == (SIDE, round(SIDE / 3))
    assert image.size == (3 * SIDE, SIDE)
    assert thumbnail(image, 100_000, side=4 * SIDE).exact


def test_what_a_picture_leaves_is_there_for_the_others():
    room = Room(20_000, 3)
    assert room.fit(Image.new("RGB", (64, 64))).exact
    assert not room.fit(noise(64, 64)).exact  # of 12 kB: half of what is left is too little
    assert room.fit(noise(64, 64)).exact


def test_many_pictures_share_their_room():
    room = Room(50_000, 20)
    made = [room.fit(noise(64, 64)) for _ in range(20)]
    assert 20_000 < sum(len(base64.b64decode(each.uri.partition(",")[2])) for each in made) <= 50_000
