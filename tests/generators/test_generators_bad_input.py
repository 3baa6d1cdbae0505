"""What cannot be a generator, and what one cannot be given, is told in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, codes_for, linear, sequential

import tfinvert as ti
from tfinvert.errors import BadInput


def fails(codes):
    raise RuntimeError("first\nsecond line of the reason")


def images_of(shape):
    return lambda codes: tf.reshape(tf.tile(codes[:, :1], [1, int(np.prod(shape))]), [-1, *shape])


@pytest.mark.parametrize(
    ("source", "options", "said"),
    [
        (3, {}, "generator of type int"),
        (b"file", {}, "generator of type bytes"),
        (linear, {}, "prior with a shape, such as normal"),
        (lambda z: tf.cast(linear(z), tf.uint8), {"prior": "normal(4)"}, "uint8.*floating point"),
        (lambda z: None, {"prior": "normal(4)"}, "NoneType.*image tensor"),
        (lambda z: {"image": linear(z)}, {"prior": "normal(4)"}, "1 outputs"),
        (lambda z: (linear(z), z), {"prior": "normal(4)"}, "2 outputs"),
        (fails, {"prior": "normal(4)"}, "first second line of the reason"),
        (linear, {"prior": "normal(5)"}, r"codes \[8, 5\].*normal\(N\)"),
        (images_of((4, 2, 4)), {"prior": "normal(4)"}, r"channels first.*image_shape=\(4, 2, 4\) if it is not"),
        (images_of((1, 8, 4)), {"prior": "normal(4)"}, r"if it is a series, give image_shape=\(8, 4\)"),
        (
            images_of((8, 4)),
            {"prior": "normal(4)", "image_shape": (4, 8)},
            r"cannot be image_shape=\(4, 8\).*stand as \(8, 4\)",
        ),
        (images_of((3, 4, 4)), {"prior": "normal(4)"}, "channels first"),
        (images_of((2, 4, 4, 1)), {"prior": "normal(4)"}, "neither images"),
        (lambda z: linear(z)[0], {"prior": "normal(4)"}, "for 8 codes"),
        (lambda z: linear(z)[:3], {"prior": "normal(4)"}, "for 8 codes"),
        (images_of((3, 4, 4)), {"prior": "normal(4)", "image_shape": (4, 4, 3)}, "cannot be image_shape"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (4, 4, 3)}, "cannot be image_shape"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (16,)}, r"expected \(H, W, C\)"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": 16}, r"expected \(H, W, C\)"),
        (images_of((16,)), {"prior": "normal(4)", "image_shape": (-4, -4, 1)}, r"expected \(H, W, C\)"),
        (linear, {"prior": "gaussian"}, "expected normal"),
        (linear, {"prior": 4}, r"prior 4: expected normal\(\)"),
        (linear, {"prior": "normal(4)", "value_range": 1}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": ()}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": (0, 1, 2)}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": ("black", "white")}, "expected two numbers"),
        (linear, {"prior": "normal(4)", "value_range": (1, -1)}, "low before high"),
        (linear, {"prior": "normal(4)", "value_range": (0, float("nan"))}, "finite"),
        (linear, {"prior": "normal(4)", "label_input": "y"}, "label_input 'y'"),
        (linear, {"prior": "normal(4)", "classes": 0}, "classes=0"),
        (linear, {"prior": "normal(4)", "classes": "ten"}, "classes='ten'"),
        (linear, {"prior": "normal(4)", "classes": 3}, "cannot be called"),
    ],
)
def test_bad_input_is_told_in_one_line(source, options, said):
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(ti.GeneratorSettings.of(generator=source, **options))
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"prior": ti.normal(7)}, r"normal\(7\).*codes have the shape \(6,\)"),
        ({"prior": "uniform(6, 1)"}, r"codes have the shape \(6,\)"),
        ({"classes": 10}, "takes no label"),
        ({"label_input": "nothing"}, "the model's inputs are"),
    ],
)
def test_options_that_the_model_contradicts(options, said):
    with pytest.raises(BadInput, match=said):
        ti.load_generator(ti.GeneratorSettings.of(generator=sequential(), **options))


def test_the_reason_of_a_failing_model_is_not_lost():
    """Keras wraps it into several lines with terminal colours; the first line names only the layer."""

    class Fails(keras.layers.Layer):
        def call(self, codes):
            raise RuntimeError("the weather is bad")

    with pytest.raises(BadInput, match="the weather is bad") as caught:
        ti.load_generator(keras.Sequential([Fails()]), prior="normal(4)")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("codes", [np.zeros((2, 7)), np.zeros(6), tf.zeros([2, 1, 6])])
def test_codes_of_another_shape(codes):
    generator = ti.load_generator(sequential())
    with pytest.raises(BadInput, match="codes"):
        generator(codes)


def test_codes_of_other_types():
    generator = ti.load_generator(sequential())
    codes = codes_for(generator)
    for other in (codes.tolist(), codes.astype(np.float64), tf.constant(codes, tf.float64)):
        np.testing.assert_allclose(generator(other), generator(codes), atol=1e-5)


def test_labels_for_a_generator_without_classes():
    generator = ti.load_generator(sequential())
    with pytest.raises(BadInput, match="not class-conditional"):
        generator(np.zeros((2, LATENT)), [0, 1])
