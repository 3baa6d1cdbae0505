"""What all three inverters refuse and take."""

import dataclasses

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti

GENERATOR = problems.Linear().generator
RIGHT = np.zeros((2, 4, 4, 1), np.float32)
INVERTERS = {
    "inverter": lambda: ti.Inverter(GENERATOR, solver=ti.Adam(steps=1), restarts=1),
    "two_step": lambda: ti.TwoStep(ti.Inverter(GENERATOR, solver=ti.Adam(steps=1), restarts=1), "matmul"),
    "recovery": lambda: ti.Recovery(GENERATOR, attempts=1, samples=64),
}


@pytest.fixture(scope="module", params=INVERTERS)
def inverter(request):
    return INVERTERS[request.param]()


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 4, 4, 1), np.uint8), "images of uint8.*values in .0, 1.; tfinvert.images.load"),
        (tf.zeros((2, 4, 4, 1), tf.int32), "images of int32"),
        (255 * np.ones((2, 4, 4, 1), np.float32), "images that span .255, 255..*values in .0, 1."),
        (np.zeros((2, 16), np.float32), r"they are flat: give images.reshape\(-1, 4, 4, 1\)"),
        (np.zeros((2, 5, 4, 1), np.float32), "like=generator"),
        (np.zeros((4, 4, 1), np.float32), "like=generator"),
        ("coffee.png", "images 'coffee.png'.*reads files"),
        ([[[[0.5]]], [[[0.5], [0.5]]]], "images of several shapes"),
    ],
)
def test_what_is_no_image_of_the_generators_is_told_with_what_mends_it(inverter, images, said):
    with pytest.raises(ti.BadInput, match=said):
        inverter(images)


@pytest.mark.parametrize(("least", "told"), [(0.0, True), (-0.5, False)])
def test_arrays_on_0_to_1_for_a_range_below_zero_are_told_of(caplog, least, told):
    signed = dataclasses.replace(GENERATOR, value_range=(-1.0, 1.0))
    images = np.linspace(least, 1, 32, dtype=np.float32).reshape(2, 4, 4, 1)
    caplog.set_level("WARNING", "absl")
    ti.Inverter(signed, solver=ti.Adam(steps=1), restarts=1)(images)
    assert ("expected values in [-1, 1]; tfinvert.images.load" in caplog.text) is told


@pytest.mark.first(1)
def test_images_bring_ids_along(inverter):
    images = ti.images.load(np.zeros((2, 4, 4, 1), np.uint8), like=GENERATOR)
    found = inverter(images)
    np.testing.assert_array_equal(found.codes, inverter(images.pixels, ids=images.ids).codes)


def test_a_loss_of_all_images_together_is_refused():
    whole = ti.Pixel(lambda wanted, images: tf.reduce_mean(tf.square(wanted - images)))
    with pytest.raises(ti.BadInput, match="one value for each image"):
        ti.Inverter(GENERATOR, whole, ti.Adam(steps=1))(RIGHT)
