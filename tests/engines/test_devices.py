"""Several devices in one machine, for which two logical ones stand."""

import pickle

import numpy as np
import planted_devices
import pytest

from tfinvert.engines import Task
from tfinvert.engines.supervised import Bounds, Home, Supervised


@pytest.fixture(scope="module")
def worker():
    """Devices can only be divided in a process where TensorFlow has not begun."""
    made = Supervised(pickle.dumps(planted_devices.start), Home.here(), Bounds(8e9, 300.0, 1, 1))
    yield made
    made.close()


def test_an_inverter_works_where_it_is_placed_and_finds_the_same(worker):
    (found,) = worker(Task(0, [pickle.dumps("placed")]))
    for device, (place, codes) in found.items():
        assert place.endswith(device)
        np.testing.assert_array_equal(codes, found["CPU:0"][1])


@pytest.mark.slow
def test_two_devices_with_half_the_images_each_find_the_same(worker):
    ((one, two),) = worker(Task(0, [pickle.dumps("mirrored")]))
    np.testing.assert_allclose(two, one, atol=1e-4)
