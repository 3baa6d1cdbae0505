"""Methods by name: which there are, that they all run, and that all start from the same codes."""

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments import methods
from tfinvert.experiments.methods import Method, parse

LINEAR = problems.Linear()
SAME_START = [name for name in methods.GROUPS["all"] if name not in ("adam", "recover")]


def names(text):
    return [method.name for method in parse(text)]


def test_the_18_rows_of_egan():
    assert names("egan") == [
        "disabled",
        "hard(2.5)",
        "hard(3)",
        "hard(3.5)",
        "truncated_normal(2.5)",
        "truncated_normal(2.75)",
        "truncated_normal(3)",
        "truncated_normal(3.25)",
        "truncated_normal(3.75)",
        "logistic(2, 2)",
        "logistic(3, 2)",
        "logistic(4, 2)",
        "logistic(2, 2.5)",
        "logistic(3, 2.5)",
        "logistic(4, 2.5)",
        "logistic(2, 3)",
        "logistic(3, 3)",
        "logistic(4, 3)",
    ]
    assert len(names("egan")) == 18


def test_groups_and_single_names_mix_and_nothing_comes_twice():
    assert names("lipton") == ["descent", "clip", "stochastic_clip"]
    assert names(" recover ,lipton, logistic(2, 2.5),clip, recover") == [
        "recover",
        "descent",
        "clip",
        "stochastic_clip",
        "logistic(2, 2.5)",
    ]
    assert set(names("own")) == {"adam", "lbfgs", "levenberg_marquardt", "gauss_newton_cg", "recover"}
    assert names("all") == [*names("egan"), *names("lipton"), *names("own")]


@pytest.mark.parametrize("wrong", ["newton", "logistic(2)", "hard(-1)", "hard(2.5", "", "Egan", "clip(3)"])
def test_a_wrong_name_is_named(wrong):
    with pytest.raises(ti.BadInput) as caught:
        parse(f"recover, {wrong}")
    assert f"method {wrong!r}" in str(caught.value)
    assert "levenberg_marquardt" in str(caught.value)
    assert "egan" in str(caught.value)


@pytest.mark.first(12)
@pytest.mark.parametrize("method", parse("all"), ids=lambda method: method.name)
def test_every_method_gives_codes_and_counts_its_passes(method):
    codes, images = LINEAR.generator.sample(3, seed=5)
    seen = []
    found = method(
        LINEAR.generator,
        images.numpy(),
        np.array(["a", "b", "c"]),
        budget=20,
        watch=lambda rows, codes, passes: seen.append((rows, codes, passes)),
    )
    assert found.codes.shape == (3, 3)
    assert np.isfinite(found.codes).all()
    assert (found.passes > 0).all()
    error = np.mean((found.codes - codes) ** 2, axis=1)
    start = np.mean((LINEAR.generator.space.sample(ti.seeds.of(0, tf.constant(["a", "b", "c"]))) - codes) ** 2, axis=1)
    assert (error < start).all()  # twenty steps come nearer, on a linear generator
    rows, watched, passes = seen[-1]
    assert list(rows) == [0, 1, 2]
    assert watched.shape == (3, 3)
    assert (passes <= found.passes).all()


@pytest.mark.slow
def test_all_start_from_the_same_codes(eagerly):
    # Its gradient is zero everywhere, so that every search ends where it began.
    plateau = ti.load_generator(
        lambda codes: tf.stop_gradient(LINEAR.generator(codes)) + 0 * tf.reduce_sum(codes),
        prior=ti.normal(3),
        value_range=(0, 1),
    )
    ids = np.array(["a", "b", "c"])
    _, images = plateau.sample(3, seed=5)
    for seed in (0, 4):
        starts = plateau.space.sample(ti.seeds.of(seed, tf.constant(ids))).numpy()
        chosen = SAME_START if seed == 0 else ["disabled", "descent", "lbfgs"]
        for name in chosen:
            found = Method(name)(plateau, images.numpy(), ids, budget=1, seed=seed)
            np.testing.assert_allclose(found.codes, starts, atol=1e-6, err_msg=name)


def find(name, budget):
    """Two codes, and what the method finds for their images."""
    codes, images = LINEAR.generator.sample(2, seed=5)
    return codes, Method(name)(LINEAR.generator, images.numpy(), np.array(["a", "b"]), budget=budget)


@pytest.mark.parametrize("name", ["lbfgs", "levenberg_marquardt", "gauss_newton_cg", "disabled"])
def test_an_image_of_ones_own_is_found_by_those_that_should(name):
    codes, found = find(name, budget=400)
    np.testing.assert_allclose(found.codes, codes, atol=1e-2)


def test_recover_takes_what_it_needs_and_counts_the_samples_of_its_regression():
    codes, found = find("recover", budget=1)
    np.testing.assert_allclose(found.codes, codes, atol=1e-2)
    assert (found.passes > 1000).all()


def bounded(low, high):
    """The identity of codes, to images in [0, 1] that lie beyond what codes of the prior make."""
    return ti.load_generator(
        lambda codes: tf.reshape(0.5 + 0.1 * codes, [-1, 2, 2, 1]),
        prior=ti.uniform(4, low=low, high=high),
        value_range=(0, 1),
    )


@pytest.mark.first(4)
@pytest.mark.parametrize(("name", "free"), [("descent", True), ("disabled", True), ("clip", False)])
@pytest.mark.parametrize(("low", "high"), [(-2, 2), (0, 1), (-3, -1)])
def test_a_uniform_prior_bounds_those_that_clip_and_no_others(name, free, low, high):
    images = np.full((1, 2, 2, 1), 0.95, np.float32)  # of the code 4.5
    found = Method(name)(bounded(low, high), images, np.array(["a"]), budget=400)
    assert (found.codes.max() > high + 0.1) == free
    if not free:
        np.testing.assert_allclose(found.codes, high, atol=1e-5)
