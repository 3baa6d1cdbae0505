"""Priors against scipy; what they draw, what they allow, and their texts."""

import doctest
import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfinvert import seeds, spaces
from tfinvert.errors import BadInput
from tfinvert.spaces import calls, constraints, space

CODES = np.random.default_rng(0).normal(size=(4, 2, 3)).astype(np.float32)
LAWS = [
    (spaces.normal(2, 3), stats.norm()),
    (spaces.normal(2, 3, stddev=0.5), stats.norm(scale=0.5)),
    (spaces.normal(2, 3, stddev=0.5, bound=2), stats.truncnorm(-2, 2, scale=0.5)),
    (spaces.normal(2, 3, mean=1.5, stddev=2), stats.norm(1.5, 2)),
    (spaces.normal(2, 3, mean=-1, stddev=0.5, bound=2), stats.truncnorm(-2, 2, -1, 0.5)),
    (spaces.uniform(2, 3), stats.uniform(-1, 2)),
    (spaces.uniform(2, 3, low=0, high=5), stats.uniform(0, 5)),
]


@pytest.mark.parametrize(("space", "law"), LAWS, ids=[str(space) for space, _ in LAWS])
def test_log_prob(space, law):
    inside = CODES if np.isinf(law.support()).any() else law.ppf(stats.norm.cdf(CODES)).astype(np.float32)
    found = space.log_prob(tf.constant(inside))
    assert found.shape == (4,)
    np.testing.assert_allclose(found, law.logpdf(inside).sum(axis=(1, 2)), rtol=1e-5)


@pytest.mark.parametrize(("space", "law"), LAWS, ids=[str(space) for space, _ in LAWS])
def test_spread(space, law):
    assert space.spread == pytest.approx(law.std())


def test_a_mean_for_each_entry():
    means = np.arange(6, dtype=np.float32).reshape(2, 3)
    space = spaces.normal(2, 3, mean=means, stddev=0.5)
    np.testing.assert_array_equal(space.centre, means)
    drawn = space.sample(seeds.of(0, tf.range(400))).numpy()
    np.testing.assert_allclose(drawn.mean(axis=0), means, atol=0.1)
    np.testing.assert_allclose(
        space.log_prob(drawn[:4]), stats.norm(means, 0.5).logpdf(drawn[:4]).sum(axis=(1, 2)), 1e-4
    )
    assert space.with_shape((6,)).centre.shape == (6,)
    many = spaces.normal(100, mean=np.linspace(-1, 1, 100))
    assert spaces.parse(str(many)) == many  # runs and cards keep priors as texts
    with pytest.raises(BadInput, match="means"):
        spaces.normal(2, 3, mean=means.T)
    for wrong in ({"mean": [1.0, 2.0]}, {"mean": math.nan}, {"mean": "two"}):
        with pytest.raises(BadInput, match="mean"):
            spaces.normal(3, **wrong)
    with pytest.raises(BadInput, match="6 means"):
        space.with_shape((5,))


def test_log_prob_outside_the_support():
    codes = tf.constant([[0.0, 1.0], [0.0, 1.001], [-2.0, 0.0], [math.nan, 0.0]])
    np.testing.assert_allclose(spaces.uniform(2).log_prob(codes), [-2 * math.log(2), -math.inf, -math.inf, -math.inf])
    found = spaces.normal(2, stddev=0.5, bound=2).log_prob(codes)
    assert list(np.isfinite(found)) == [True, False, False, False]


@pytest.mark.parametrize(("space", "law"), LAWS, ids=[str(space) for space, _ in LAWS])
def test_samples_follow_the_prior(space, law):
    own = seeds.of(0, tf.range(500))
    codes = space.sample(own)
    assert codes.shape == (500, 2, 3)
    assert stats.kstest(codes.numpy().ravel(), law.cdf).pvalue > 1e-3
    np.testing.assert_array_equal(space.constrain(codes), codes)
    np.testing.assert_array_equal(space.sample(own[3:4])[0], codes[3])  # whatever is drawn beside it


@pytest.mark.parametrize(("space", "law"), LAWS, ids=[str(space) for space, _ in LAWS])
@pytest.mark.parametrize(("dtype", "rtol"), [(tf.float32, 1e-5), (tf.float64, 1e-9)])
def test_quantile(space, law, dtype, rtol):
    probabilities = np.array([[1e-6, 0.01, 0.3], [0.5, 0.8, 0.99]])
    found = space.quantile(tf.constant(probabilities, dtype))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, law.ppf(probabilities), rtol=rtol, atol=1e-6)


def test_quantiles_at_the_ends():
    ends = tf.constant([0.0, 1.0])
    np.testing.assert_allclose(spaces.normal(stddev=2).quantile(ends), 2 * stats.norm.ppf([1e-7, 1 - 1e-7]), rtol=0.01)
    np.testing.assert_array_equal(spaces.uniform(low=-3, high=5).quantile(ends), [-3, 5])


def test_only_a_normal_prior_has_a_stddev():
    assert spaces.normal(3, stddev=2).stddev == 2
    assert spaces.uniform(3).stddev is None
    assert spaces.Space((3,)).stddev is None


def test_constrain():
    codes = tf.constant([[-3.0, -1.0, 0.5, 1.0, 7.0]])
    np.testing.assert_array_equal(spaces.normal(5).constrain(codes), codes)
    np.testing.assert_array_equal(spaces.normal(5, stddev=2, bound=1.5).constrain(codes), [[-3, -1, 0.5, 1, 3]])
    np.testing.assert_array_equal(spaces.uniform(5).constrain(codes), [[-1, -1, 0.5, 1, 1]])
    np.testing.assert_array_equal(spaces.uniform(5, low=0, high=5).constrain(codes), [[0, 0, 0.5, 1, 5]])


def test_a_shape_may_come_later():
    space = spaces.uniform(low=0, high=2)
    assert space.shape is None
    shaped = space.with_shape([np.int64(4), 5])
    assert shaped == spaces.uniform(4, 5, low=0, high=2)
    assert shaped.entries == 20
    assert shaped.with_shape([7]).shape == (7,)


@pytest.mark.parametrize(
    "space",
    [
        spaces.normal(),
        spaces.normal(100),
        spaces.normal(4, 4, 8, stddev=0.5),
        spaces.normal(120, bound=2),
        spaces.normal(mean=0.5),
        spaces.normal(2, mean=(0.5, -1.0), stddev=2),
        spaces.uniform(),
        spaces.uniform(100, low=0, high=1),
        spaces.uniform(low=-0.5, high=0.5),
        spaces.normal(constraint=spaces.clip(3)),
        spaces.normal(100, stddev=0.5, constraint=spaces.resample(spaces.logistic(2, 2.5))),
        spaces.uniform(8, constraint=spaces.stochastic_clip(1)),
    ],
    ids=str,
)
def test_a_space_can_be_read_from_its_text(space):
    assert spaces.parse(str(space)) == space


@pytest.mark.parametrize(
    ("text", "space"),
    [
        ("normal", spaces.normal()),
        (" uniform ", spaces.uniform()),
        ("normal(stddev=2)", spaces.normal(stddev=2)),
        ("uniform(64, low=0)", spaces.uniform(64, low=0)),
    ],
)
def test_short_texts(text, space):
    assert spaces.parse(text) == space


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gauss",
        "normal(",
        "normal(0)",
        "normal(-1)",
        "normal(2.5)",
        "normal(high=1)",
        "normal(stddev='a')",
        "normal(stddev=0)",
        "normal(stddev=-1)",
        "normal(True)",
        "uniform(low=1, high=0)",
        "uniform(low=1, high=1)",
        "uniform(high=1e999)",
        "normal(n)",
        "normal(*[3])",
        "normal(**{})",
        "normal().shape",
        "normal; uniform",
        "__import__('os').getcwd()",
        "normal(stddev=__import__('os').getpid())",
        "3",
        "clip(3)",
        "constraint=clip(3)",
        "normal(constraint=3)",
        "normal(constraint=hard(3))",
        "normal(constraint=clip(0))",
        "normal(clip(3))",
        "normal(constraint=normal(3))",
        f"normal(stddev={10**400})",
        "normal(\0)",
        "-" * 20_000 + "1",
        "normal(bound=0)",
        "normal(constraint=" + "resample(" * 99 + "3" + ")" * 100,
    ],
)
def test_texts_that_are_no_prior(text):
    with pytest.raises(BadInput) as caught:
        spaces.parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stddev", [0, -1, math.inf, math.nan])
def test_a_normal_prior_wants_a_width(stddev):
    with pytest.raises(BadInput, match=r"stddev=.*: give a positive number"):
        spaces.normal(3, stddev=stddev)


@pytest.mark.parametrize(("low", "high"), [(1, 1), (1, 0), (-math.inf, 1), (0, math.nan)])
def test_a_uniform_prior_wants_bounds(low, high):
    with pytest.raises(BadInput, match="give finite bounds with low < high"):
        spaces.uniform(3, low=low, high=high)


@pytest.mark.parametrize(("module", "examples"), [(space, 1), (constraints, 1), (calls, 0)])
def test_the_examples(module, examples):
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE) == (0, examples)
