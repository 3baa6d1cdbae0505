"""The gap between a code and the dense layer, on errors that are known."""

import numpy as np
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments import gap
from tfinvert.report.gap import gap as draw

MATRIX = np.linalg.qr(np.random.default_rng(0).normal(size=(12, 3)))[0].astype(np.float32)
LINEAR = ti.load_generator(
    lambda codes: tf.reshape(tf.nn.bias_add(0.1 * codes @ MATRIX.T, tf.fill([12], 0.5)), [-1, 2, 2, 3]),
    prior=ti.normal(3),
    value_range=(0, 1),
)


def errors(name, latent, dense):
    return gap.Errors(name, np.array(latent, float), np.array(dense, float), np.full(len(latent), 0.25))


def test_the_table_of_known_errors():
    sets = [errors("generated", [1, 2, 3, 4], [1, 1, 1, 1]), errors("real", [2.5, 5, np.nan, 4], [1, 1, 1, 2])]
    rows = {(row["images"], row["place"]): row for row in gap.table(sets)}
    assert list(rows) == [("generated", "latent"), ("generated", "dense"), ("real", "latent"), ("real", "dense")]
    assert [row["n"] for row in rows.values()] == [4, 4, 3, 4]
    assert rows["generated", "latent"]["q50"] == "2.5"
    assert rows["real", "latent"]["mean"] == "3.833"
    assert rows["generated", "latent"]["told"] == ""
    assert rows["real", "latent"]["told"] == pytest.approx((2 + 4 + 3.5) / 12, abs=1e-3)
    assert rows["real", "dense"]["told"] == pytest.approx((3 * 0.5 + 1) / 4)
    assert rows["real", "dense"]["delta_zeros"] == 0.25


def two_step(loss, solver, second=ti.SecondStep("first_dense", steps=5)):  # noqa: B008
    return ti.TwoStep(ti.Inverter(LINEAR, loss, solver, restarts=1), second)


def test_codes_reach_generated_images_and_the_dense_layer_all(tmp_path):
    inverter = two_step(ti.Pixel(), ti.Adam(0.05, steps=300), ti.SecondStep("first_dense", sparsity=0.0))
    real = np.random.default_rng(2).uniform(0.1, 0.9, size=(5, 2, 2, 3)).astype(np.float32)
    sets = [
        gap.measure(name, inverter, images) for name, images in (("generated", LINEAR.sample(20)[1]), ("real", real))
    ]
    flat = real.reshape(5, 12) - 0.5
    np.testing.assert_allclose(sets[1].latent, np.mean((flat - flat @ MATRIX @ MATRIX.T) ** 2, axis=1), rtol=1e-2)
    assert sets[0].latent.max() < 1e-5
    assert sets[1].dense.max() < 1e-4 < 1e-3 < sets[1].latent.min()
    rows = gap.table(sets)
    assert rows[2]["told"] == 1
    picture = draw(sets, tmp_path / "deep" / "gap.png", "linear")
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_loss_that_compares_is_the_one_that_is_given():
    images = LINEAR.sample(3)[1]
    still = ti.GradientDescent(1e-9, steps=1)  # so that both have the same codes
    plain, double = (gap.measure("own", two_step(weight * ti.Pixel(), still), images) for weight in (1, 2))
    np.testing.assert_allclose(double.latent, 2 * plain.latent, rtol=1e-5)
