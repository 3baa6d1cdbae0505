"""The parts of a search that recovery as a whole does not show."""

import numpy as np
import problems

from tfinvert.inversion.search import Search
from tfinvert.inversion.stages import Stages
from tfinvert.inversion.uncertainty import Uncertainty
from tfinvert.losses import Pixel

LINEAR = problems.Linear()


def search(count=4):
    codes, images = LINEAR.generator.sample(count, seed=3)
    stages, uncertainty = Stages(LINEAR.generator), Uncertainty(LINEAR.generator)
    return Search(stages, uncertainty, images.numpy(), np.arange(count), None), codes.numpy()


def test_of_many_starts_each_image_gets_its_nearest():
    searching, codes = search()
    random = np.random.default_rng(0)
    starts = [codes[[1, 3]] + random.normal(0, 1, (2, 3)).astype(np.float32) for _ in range(20)]
    starts[7][0] = codes[1] + 0.01
    starts[12][1] = codes[3] - 0.01
    starts[15][0] = np.nan
    chosen = searching.nearest(Pixel(), np.array([1, 3]), starts)
    np.testing.assert_array_equal(chosen, [starts[7][0], starts[12][1]])
    assert list(searching.result().passes) == [0, 20, 0, 20]


def test_starts_without_a_finite_loss_are_none():
    searching, _ = search()
    chosen = searching.nearest(Pixel(), np.array([0]), [np.full((1, 3), np.nan, np.float32)])
    assert np.isfinite(chosen).all()
