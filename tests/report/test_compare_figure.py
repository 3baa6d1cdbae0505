"""The figure of a comparison."""

import numpy as np
import pytest
from PIL import Image

import tfinvert as ti
from tfinvert.experiments.compare import Represented
from tfinvert.experiments.significance import Pair
from tfinvert.report.compare import compare


@pytest.mark.parametrize("name", ["dcgan.h5", "runs/$x_$.h5"])
def test_names_of_generators_are_text(tmp_path, name):
    images = np.random.default_rng(0).uniform(size=(4, 5, 5, 1))
    errors = np.array([0.1, 0.2, 0.3, 0.4])
    found = [
        Represented(each, ti.images.Images(images, np.arange(4), None), images / 2, errors)
        for each in (name, "other $y_{.keras")
    ]
    pair = Pair(name, "other $y_{.keras", 0.1, 0.05, 0.2, np.nan)
    path = compare(found, [pair], tmp_path / "deep" / "comparison.png", f"two of {name}, $ and $")
    assert Image.open(path).size[0] > 700
    assert list(path.parent.iterdir()) == [path]
