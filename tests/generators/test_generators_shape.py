"""Pictures or series: which of a generator's outputs is which."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.shape import shape_of


@pytest.mark.parametrize(
    ("given", "stated", "expected"),
    [
        ((28, 28), None, (28, 28, 1)),
        ((20, 28), None, (20, 28, 1)),
        ((128, 32), None, (128, 32, 1)),  # a grey picture, as far as anybody can tell
        ((128, 32), (128, 32), (128, 32)),
        ((128, 31), None, (128, 31)),
        ((1000, 12), None, (1000, 12)),
        ((1000, 12), (1000, 12, 1), (1000, 12, 1)),
        ((1000, 1), None, (1000, 1)),
        ((12, 1000), None, (12, 1000, 1)),
        ((28, 28, 1), None, (28, 28, 1)),
        ((2, 2, 3), None, (2, 2, 3)),
        ((64, 64, 2), None, (64, 64, 2)),
        ((64, 48, 13), None, (64, 48, 13)),
        ((4, 4, 13), (4, 4, 13), (4, 4, 13)),
        ((64, 1, 13), (64, 13), (64, 13)),
        ((1, 64, 13), (64, 13), (64, 13)),
        ((832,), (64, 13), (64, 13)),
        ((832,), (8, 8, 13), (8, 8, 13)),
        ((64,), (64, 1), (64, 1)),
    ],
)
def test_shapes(given, stated, expected):
    assert shape_of((8, *given), 8, stated, "g")[0] == expected


@pytest.mark.parametrize(
    ("given", "stated", "said"),
    [
        ((13, 64, 64), None, r"looks channels first: transpose it in a wrapper, or give image_shape=\(13, 64, 64\)"),
        ((3, 64, 64), None, "looks channels first"),
        ((64, 1, 13), None, r"if it is a series, give image_shape=\(64, 13\)"),
        ((1, 1, 512), None, "neither images .* nor series"),
        ((832,), None, r"if it is flat, give image_shape=\(H, W, C\) or \(L, C\)"),
        ((13, 64), (64, 13), r"cannot be image_shape=\(64, 13\): its values stand as \(13, 64\)"),
        ((64, 64, 13), (13, 64, 64), r"its values stand as \(64, 64, 13\)"),
        ((64, 64, 13), (64, 64, 12), r"cannot be image_shape=\(64, 64, 12\)$"),
        ((64, 13), (64,), r"expected \(H, W, C\), .* or \(L, C\)"),
        ((64, 13), (64, 13, 1, 1), r"expected \(H, W, C\)"),
        ((64, 13), (-64, -13), r"expected \(H, W, C\)"),
    ],
)
def test_what_is_neither_is_told_in_one_line(given, stated, said):
    with pytest.raises(BadInput, match=said) as caught:
        shape_of((8, *given), 8, stated, "g")
    assert "\n" not in str(caught.value)


def test_what_was_taken_for_a_series_stands_with_what_was_assumed():
    matrix = np.random.default_rng(0).normal(size=(4, 60)).astype(np.float32)
    function = lambda codes: tf.reshape(codes @ matrix, [-1, 30, 2])
    generator = ti.load_generator(function, prior="normal(4)", value_range=(-5, 5))
    assert generator.about.assumed == ("image_shape: 30,2 (series; of grey pictures say (30, 2, 1))",)
    assert ti.load_generator(function, prior="normal(4)", value_range=(-5, 5), image_shape=(30, 2)).about.assumed == ()
    grey = ti.load_generator(function, prior="normal(4)", value_range=(-5, 5), image_shape=(30, 2, 1))
    assert grey.image_shape == (30, 2, 1)
