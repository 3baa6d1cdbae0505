"""Codes of strangers' generators are found again; the figures of whole runs are in docs/recovery.md."""

import numpy as np
import pytest

import tfinvert as ti

SAMPLES = 8
GENERATORS = {
    "fashion-28-keras3.keras": (-1, 1),
    "mnist-28-keras215.h5": (-1, 1),
    "fashion-28-z32.h5": (0, 1),
    "anime-face-64.h5": (0, 1),
    "face-36-linear-output.hdf5": (-1, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATORS)
def test_codes_are_found_again(shared, name):
    generator = ti.load_generator(shared / "generators" / name, prior=ti.normal(), value_range=GENERATORS[name])
    codes, images = generator.sample(SAMPLES, seed=3)
    found = ti.Recovery(generator)(images)
    errors = np.mean((found.codes - codes.numpy()) ** 2, axis=1)
    print(f"{name}: largest code error {errors.max():.2g}, attempts {found.attempts.max()}, {found.messages[0]}")
    open_codes = (found.verdict == ti.Verdict.NOT_UNIQUE) & (found.error < 1e-10)
    assert np.sum((errors < 1e-6) | open_codes) >= SAMPLES - 1
