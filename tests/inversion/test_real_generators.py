"""Strangers' generators, with every setting at its default, find their own images again."""

import numpy as np
import pytest

import tfinvert as ti

FILES = (
    "anime-face-64.h5",
    "cat-64-nested.h5",
    "face-36-linear-output.hdf5",
    "fashion-28-keras3.keras",
    "fashion-28-labelled.h5",
    "fashion-28-wrong-input-shape.h5",
    "fashion-28-z32.h5",
    "mnist-28-keras213-dialect.h5",
    "mnist-28-keras215.h5",
)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", FILES)
def test_samples_are_inverted_with_default_settings(shared, name):
    generator = ti.load_generator(shared / "generators" / name)
    count = 8 if generator.image_shape[0] < 64 else 4  # four have 16 starts, which larger images fill a batch with
    labels = np.arange(count) if generator.condition else None
    _, images = generator.sample(count, seed=11, labels=labels)
    found = ti.Inverter(generator)(images, labels=labels)
    errors = ti.metrics.mse(generator.to_unit(found.images), generator.to_unit(images))
    print(f"{name}: mse median {np.median(errors):.2e}, largest {np.max(errors):.2e}")
    assert np.max(errors) < 1e-2
    np.testing.assert_allclose(found.loss, errors, rtol=1e-3, atol=1e-9)
