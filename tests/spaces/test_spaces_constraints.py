"""Criteria against their formulas, how often entries are drawn anew, what they become, and the texts."""

import math

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from tfinvert import seeds, spaces
from tfinvert.errors import BadInput
from tfinvert.spaces import (
    clip,
    constraints,
    hard,
    logistic,
    resample,
    stochastic_clip,
    truncated_normal,
    unconstrained,
)

DISTANCES = np.array([0.0, 0.5, 1.0, 1.9, 2.2, 2.49, 2.5, 2.51, 3.0, 4.0, 7.2], np.float32)
# log(1 - P) in float64, from the paper's formulas.
LOG_KEEP = [
    (hard(2.5), lambda z: np.where(z > 2.5, -np.inf, 0)),
    (logistic(2, 2), lambda z: special.log_expit(-2 * (z - 2))),
    (logistic(4, 2.5), lambda z: special.log_expit(-4 * (z - 2.5))),
    (truncated_normal(2.5), lambda z: np.log(-np.expm1(np.minimum(z**2 - 2.5**2, 0) / 2))),
    (truncated_normal(3.75), lambda z: np.log(-np.expm1(np.minimum(z**2 - 3.75**2, 0) / 2))),
]
RANDOM = [stochastic_clip(1), resample(hard(1)), resample(logistic(2, 1)), resample(truncated_normal(1.5))]
ALL = [clip(1), *RANDOM]


def constrain(space, codes, run_seed=0, count=0, steps=1, ids=None):
    ids = tf.range(len(codes)) if ids is None else ids
    return space.constrain(tf.constant(codes), space.offsets(seeds.of(run_seed, ids)), count, steps).numpy()


@pytest.mark.parametrize(("criterion", "log_keep"), LOG_KEEP, ids=[str(criterion) for criterion, _ in LOG_KEEP])
@pytest.mark.parametrize("steps", [1, 50, 20_000])
@np.errstate(divide="ignore")
def test_the_probability_of_a_step(criterion, log_keep, steps):
    found = resample(criterion).probability(tf.constant(DISTANCES), steps)
    assert found.dtype == tf.float32
    np.testing.assert_allclose(found, -np.expm1(log_keep(DISTANCES.astype(float)) / steps), rtol=2e-6)


@pytest.mark.parametrize(
    ("criterion", "distance", "expected"),
    [
        (hard(2.5), 2.5, 0),
        (hard(2.5), np.nextafter(np.float32(2.5), np.float32(3)), 1),
        (logistic(3, 2), 2, 0.5),
        (logistic(2, 2), 3, 1 / (1 + math.exp(-2))),
        (logistic(2, 2), 1e30, 1),
        (truncated_normal(2), 0, stats.norm.pdf(2) / stats.norm.pdf(0)),
        (truncated_normal(2), 1.5, stats.norm.pdf(2) / stats.norm.pdf(1.5)),
        (truncated_normal(2), 2, 1),
        (truncated_normal(2), 1e30, 1),
    ],
)
def test_the_probability_of_a_run(criterion, distance, expected):
    np.testing.assert_allclose(resample(criterion).probability(tf.constant([distance], tf.float32), 1), [expected])


@pytest.mark.parametrize(("criterion", "log_keep"), LOG_KEEP, ids=[str(criterion) for criterion, _ in LOG_KEEP])
@pytest.mark.parametrize("steps", [1, 2, 7, 500, 20_000])
@np.errstate(divide="ignore")
def test_all_steps_make_up_the_probability_of_the_run(criterion, log_keep, steps):
    distances = np.random.default_rng(0).uniform(0, 5, 300).astype(np.float32)
    step = resample(criterion).probability(tf.constant(distances), steps).numpy().astype(float)
    whole = -np.expm1(steps * np.log1p(-step))
    np.testing.assert_allclose(whole, -np.expm1(log_keep(distances.astype(float))), rtol=1e-5)


@pytest.mark.parametrize("criterion", [hard(2), hard(2.5), logistic(2, 2), truncated_normal(2.5)], ids=str)
def test_how_many_entries_are_drawn_anew_in_a_run(criterion):
    space = spaces.normal(2000, constraint=resample(criterion))
    codes = np.full([1, 2000], 2.2, np.float32)
    offsets = space.offsets(seeds.of(0, [0]))
    runs = [space.constrain(tf.constant(codes), offsets, count, 50) for count in range(50)]
    redrawn = np.any(np.stack(runs) != codes, axis=(0, 1))
    p = float(resample(criterion).probability(tf.constant(2.2), 1))
    assert abs(redrawn.mean() - p) <= 4 * math.sqrt(p * (1 - p) / 2000)


@pytest.mark.parametrize("constraint", RANDOM, ids=str)
@pytest.mark.parametrize(("prior", "law"), [(spaces.normal, stats.norm()), (spaces.uniform, stats.uniform(-1, 2))])
def test_redrawn_entries_follow_the_prior(constraint, prior, law):
    """Across entries, across images and from step to step; an entry's chance tells nothing of what it becomes."""
    space = prior(40, constraint=constraint)
    codes = np.full([50, 40], 100.0, np.float32)
    offsets = space.offsets(seeds.of(0, tf.range(50)))
    drawn = np.stack([space.constrain(tf.constant(codes), offsets, count, 3) for count in range(20)])
    assert (drawn != 100).all()
    for numbers in (drawn[0, 0], drawn[0, :, 0], drawn[:, 0, 0], drawn[3], drawn[:, 7]):
        assert stats.kstest(numbers.ravel(), law.cdf).pvalue > 1e-3
    assert len(np.unique(drawn)) > 0.99 * drawn.size  # an entry of its own for each, not one for all
    steps = np.corrcoef(drawn[:, 0])
    assert np.abs(steps - np.eye(20)).max() < 4.5 / math.sqrt(40)


def test_what_an_entry_becomes_does_not_depend_on_its_chance():
    space = spaces.normal(5000, constraint=resample(logistic(1, 1)))
    codes = np.ones([1, 5000], np.float32)
    after = constrain(space, codes)
    assert stats.kstest(after[after != 1], stats.norm.cdf).pvalue > 1e-3


def test_the_prior_is_the_spaces_own():
    codes = np.full([200, 10], 50.0, np.float32)
    for space, law in [
        (spaces.normal(10, stddev=3, constraint=stochastic_clip(9)), stats.norm(scale=3)),
        (spaces.uniform(10, low=2, high=6, constraint=resample(hard(2))), stats.uniform(2, 4)),
    ]:
        assert stats.kstest(constrain(space, codes)[:, 0], law.cdf).pvalue > 1e-3


@pytest.mark.parametrize("constraint", RANDOM, ids=str)
def test_draws_belong_to_the_image(constraint):
    space = spaces.normal(4, 5, constraint=constraint)
    codes = np.random.default_rng(0).normal(0, 3, [6, 4, 5]).astype(np.float32)
    ids = tf.constant(list("abcdef"))
    together = constrain(space, codes, count=3, ids=ids)
    assert (together != codes).any(axis=(1, 2)).all()
    for row in range(6):
        np.testing.assert_array_equal(
            constrain(space, codes[row : row + 1], count=3, ids=ids[row : row + 1])[0], together[row]
        )
    np.testing.assert_array_equal(constrain(space, codes[::-1], count=3, ids=ids[::-1]), together[::-1])
    np.testing.assert_array_equal(constrain(space, codes, count=3, ids=ids), together)


@pytest.mark.parametrize("constraint", RANDOM, ids=str)
def test_other_images_seeds_and_steps_draw_others(constraint):
    space = spaces.normal(5, constraint=constraint)
    codes = np.full([1, 5], 100.0, np.float32)
    drawn = [constrain(space, codes, seed, count, ids=[i]) for seed in (0, 1) for count in (0, 1) for i in (0, 1)]
    assert len(np.unique(drawn)) == 40


def test_offsets_are_not_the_starts_nor_a_restarts():
    space = spaces.uniform(30, low=0, high=1, constraint=stochastic_clip(1))
    own = seeds.of(0, tf.range(4))
    offsets = space.offsets(own)
    assert offsets.shape == (4, 2, 30)
    assert offsets.dtype == tf.float32
    assert stats.kstest(offsets.numpy().ravel(), stats.uniform.cdf).pvalue > 1e-3
    others = [space.sample(stream) for stream in (own, *(seeds.fold_in(own, number) for number in range(1, 9)))]
    assert not np.isin(offsets, np.stack(others)).any()


@pytest.mark.parametrize(
    "space",
    [
        spaces.normal(3),
        spaces.uniform(3),
        spaces.normal(3, constraint=clip(2)),
        spaces.uniform(3, constraint=unconstrained()),
    ],
    ids=str,
)
def test_no_offsets_where_nothing_is_drawn(space):
    offsets = space.offsets(seeds.of(0, tf.range(4)))
    assert offsets.shape == (4, 0)
    codes = tf.constant([[-5.0, 0.0, 5.0]] * 4)
    np.testing.assert_array_equal(space.constrain(codes, offsets, 0, 1), space.constrain(codes))


@pytest.mark.parametrize("constraint", RANDOM, ids=str)
def test_draws_want_offsets(constraint):
    with pytest.raises(BadInput, match="without offsets: give those of"):
        spaces.normal(3, constraint=constraint).constrain(tf.zeros([1, 3]))


@pytest.mark.parametrize("bound", [0.5, 1, 2.5, 100])
@pytest.mark.parametrize("prior", [spaces.normal(7), spaces.uniform(7), spaces.uniform(7, low=0, high=5)], ids=str)
def test_clip(prior, bound):
    codes = np.random.default_rng(0).normal(0, 3, [5, 7]).astype(np.float32)
    found = constrain(prior.constrained(clip(bound)), codes)
    np.testing.assert_array_equal(found, np.clip(codes, prior.centre - bound, prior.centre + bound, dtype=np.float32))


@pytest.mark.parametrize("prior", [spaces.normal(3), spaces.uniform(3)], ids=str)
def test_unconstrained(prior):
    codes = np.array([[-9.0, 0.5, math.nan]], np.float32)
    np.testing.assert_array_equal(constrain(prior.constrained(unconstrained()), codes), codes)


def test_stochastic_clip_leaves_the_inside_alone():
    codes = np.array([[-1.0, 1.0, 0.3, -1.001, 1.001, 8.0]], np.float32)
    after = constrain(spaces.uniform(6, constraint=stochastic_clip(1)), codes)
    np.testing.assert_array_equal(after[:, :3], codes[:, :3])
    assert (np.abs(after) <= 1).all()
    assert len(np.unique(after[:, 3:])) == 3


def test_only_the_constraint_is_applied():
    codes = np.array([[-1.5, 1.5, 2.5]], np.float32)
    np.testing.assert_array_equal(constrain(spaces.uniform(3, constraint=clip(2)), codes), [[-1.5, 1.5, 2]])
    after = constrain(spaces.uniform(3, constraint=resample(hard(2))), codes)
    np.testing.assert_array_equal(after[:, :2], codes[:, :2])
    assert abs(after[0, 2]) < 1


@pytest.mark.parametrize("constraint", ALL, ids=str)
def test_what_is_not_finite_stays(constraint):
    codes = np.array([[math.nan, math.inf, -math.inf, 50.0]], np.float32)
    after = constrain(spaces.normal(4, constraint=constraint), codes)
    np.testing.assert_array_equal(after[:, :3], codes[:, :3])
    assert abs(after[0, 3]) < 6


@pytest.mark.parametrize("constraint", ALL, ids=str)
@pytest.mark.parametrize("shape", [(3,), (1,), (1, 3), (2, 1, 3)], ids=str)
def test_in_graphs_and_loops(constraint, shape):
    """The same there, with a batch of any size; codes keep their static shape, even where the offsets lost theirs."""
    space = spaces.normal(*shape, constraint=constraint)
    draw = tf.function(space.offsets, [tf.TensorSpec([None, 2], tf.int64)], autograph=False)

    def whole(codes, offsets):
        body = lambda count, codes: (count + 1, space.constrain(1.5 * codes, offsets, count, 9))
        return tf.while_loop(lambda count, codes: count < 9, body, (tf.constant(0), codes))[1]

    rank = draw(seeds.of(0, [0])).shape.rank
    compiled = tf.function(whole, [tf.TensorSpec([None, *shape]), tf.TensorSpec([None] * rank)], autograph=False)
    for rows in (4, 1, 0):
        codes, own = tf.random.stateless_normal([rows, *shape], [1, 2]), seeds.of(0, tf.range(rows))
        offsets = draw(own)
        np.testing.assert_array_equal(offsets, space.offsets(own))
        found = compiled(codes, offsets)
        assert found.shape == (rows, *shape)
        np.testing.assert_allclose(found, whole(codes, offsets), rtol=1e-5)
        assert rows == 0 or np.any(found != codes * 1.5**9)


def test_a_constraint_stays_with_the_space():
    space = spaces.normal(stddev=2).constrained(clip(3))
    assert space == spaces.normal(stddev=2, constraint=clip(3))
    assert space.with_shape([4]) == spaces.normal(4, stddev=2, constraint=clip(3))
    assert space.constrained(None) == spaces.normal(stddev=2)


@pytest.mark.parametrize("constraint", [3, "clip(3)", hard(2), clip], ids=["number", "text", "criterion", "class"])
def test_a_constraint_is_wanted(constraint):
    for make in (spaces.normal().constrained, lambda it: spaces.uniform(3, constraint=it)):
        with pytest.raises(BadInput, match="expected one of tfinvert"):
            make(constraint)


@pytest.mark.parametrize("number", [0, -1, math.nan, math.inf, -math.inf, "3", None])
def test_numbers_are_positive(number):
    for make in (
        clip,
        stochastic_clip,
        hard,
        truncated_normal,
        lambda number: logistic(number, 2),
        lambda number: logistic(2, number),
    ):
        with pytest.raises(BadInput, match=r" with [abc]=.*: give a positive number"):
            make(number)


@pytest.mark.parametrize(
    "criterion", [2.5, clip(3), "hard(3)", None, hard], ids=["number", "constraint", "text", "nothing", "class"]
)
def test_resampling_wants_a_criterion(criterion):
    with pytest.raises(BadInput, match=r": give hard\(2.5\), "):
        resample(criterion)


@pytest.mark.parametrize(
    "constraint", [*ALL, unconstrained(), resample(logistic(2.5, 1e-3)), clip(np.float32(0.1))], ids=str
)
def test_a_constraint_can_be_read_from_its_text(constraint):
    assert constraints.parse(str(constraint)) == constraint


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        (" clip( 3 )", clip(3)),
        ("unconstrained", unconstrained()),
        ("stochastic_clip(b=1)", stochastic_clip(1)),
        ("resample(hard(2.5))", resample(hard(2.5))),
        ("resample(logistic(2, b=3))", resample(logistic(2, 3))),
        ("resample(criterion=truncated_normal(2.5))", resample(truncated_normal(2.5))),
    ],
)
def test_texts(text, constraint):
    assert constraints.parse(text) == constraint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "clip",
        "clip(",
        "clip()",
        "clip(0)",
        "clip(-1)",
        "clip('a')",
        "clip(1, 2)",
        "clip(c=1)",
        "clip(1e999)",
        f"clip({10**400})",
        "clip(b)",
        "clip(*[3])",
        "clip(3).bound",
        "clip(3)(4)",
        "clip(3); clip(4)",
        "3",
        "hard(2)",
        "resample(2)",
        "resample(hard)",
        "resample(clip(3))",
        "resample(logistic(2))",
        "normal(3)",
        "resample(resample(hard(3)))",
        "resample(__import__('os').getpid())",
        "clip(\0)",
        "nan",
        "clip(3",
        "unconstrained(1)",
    ],
)
def test_texts_that_are_no_constraint(text):
    with pytest.raises(BadInput) as caught:
        constraints.parse(text)
    assert "\n" not in str(caught.value)
