"""The parts of a search that recovery as a whole does not show."""

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.inversion import search as search_module
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


def saturated():
    """Two layers of tanh and sigmoid; most pixels are nearly black or white."""
    random = np.random.default_rng(0)
    first = random.normal(0, 6**-0.5, (6, 6)).astype(np.float32)
    second = (60 * random.normal(size=(6, 64)) / 6**0.5).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(tf.tanh(codes @ first) @ second), [-1, 8, 8, 1]),
        prior=ti.normal(6),
        value_range=(0, 1),
    )


def test_the_detour_leads_round_valleys_in_which_the_finish_ends():
    generator = saturated()
    stages = Stages(generator)
    codes, images = generator.sample(16, seed=3)
    codes = codes.numpy()
    starts = codes + 0.1 * np.random.default_rng(5).normal(size=codes.shape)
    error = lambda found: np.mean((found.codes - codes) ** 2, axis=1)
    direct = stages.finish()(images, starts=starts[:, None])
    assert error(direct).max() > 1e-3
    near = stages.detour()(images, starts=starts[:, None])
    found = stages.finish()(images, starts=near.codes[:, None])
    assert error(found).max() < 1e-7


@pytest.mark.slow
def test_what_the_finish_does_not_settle_takes_the_detour_and_is_no_worse(monkeypatch):
    generator = saturated()
    codes, images = generator.sample(3, seed=3)
    rows, errors = np.arange(3), []
    for bound in (np.inf, -1.0):
        monkeypatch.setattr(search_module, "_ROUNDING", bound)
        searching = Search(Stages(generator), Uncertainty(generator), images.numpy(), rows, None)
        searching.stage(searching._stages.polish(), rows, codes.numpy() + np.float32(1e-4))
        monkeypatch.setattr(search_module, "_CERTAIN", 0.0)
        before = searching.result().passes.copy()
        searching.conclude(rows)
        errors.append(np.mean((searching.result().codes - codes) ** 2, axis=1))
        spent = searching.result().passes - before
        assert len(searching.unsolved()) == (0 if bound > 0 else 3)
    assert (spent > 0).all()
    assert (errors[1] <= 2 * errors[0] + 1e-12).all()
