"""Inversion of generators whose best codes are known, and what an inverter refuses."""

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti
from tfinvert.solvers.first_order import schedule

LINEAR = problems.Linear()
# The best rate for a curvature of 1/2; from anywhere, forty steps reach the answer.
EXACT = ti.GradientDescent(2.0, steps=40)


def statuses(found):
    return [ti.Status(int(value)) for value in found.status]


def test_codes_of_generated_images_are_found_again():
    codes, images = LINEAR.generator.sample(7, seed=3)
    found = ti.Inverter(LINEAR.generator, solver=EXACT, batch_size=3)(images)
    np.testing.assert_allclose(found.codes, codes, atol=1e-5)
    np.testing.assert_allclose(found.images, images, atol=1e-5)
    assert statuses(found) == [ti.Status.CONVERGED] * 7
    assert found.messages[0] == ti.Status.CONVERGED.message


@pytest.mark.parametrize("restarts", [1, 3])
def test_images_out_of_range_get_the_least_squares_code(restarts):
    images = np.random.default_rng(1).normal(size=(5, 4, 4, 1)).astype(np.float32)
    found = ti.Inverter(LINEAR.generator, solver=EXACT, restarts=restarts)(images)
    np.testing.assert_allclose(found.codes, LINEAR.best(images), atol=1e-5)
    residual = np.mean((found.images - images) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(found.loss, residual, rtol=1e-5)


def test_the_prior_term_is_ridge_regression():
    # mean (A z + b - x)^2 + beta * mean z^2 / 2 has a closed form; constants of the prior do not move it.
    beta, latent = 0.3, 3
    images = np.random.default_rng(2).normal(size=(4, 4, 4, 1)).astype(np.float32)
    matrix, wanted = LINEAR.matrix, images.reshape(4, 16) - LINEAR.offset
    left = 2 * matrix.T @ matrix / 16 + beta / latent * np.eye(latent)
    expected = np.linalg.solve(left, 2 * matrix.T @ wanted.T / 16).T
    found = ti.Inverter(LINEAR.generator, ti.Pixel() + beta * ti.LogPrior(), ti.GradientDescent(1.5, steps=80))(images)
    # The loss is about 1 at the answer, where float32 cannot tell codes nearer than this apart.
    np.testing.assert_allclose(found.codes, expected, atol=1e-3)


def test_codes_stay_in_a_uniform_priors_support():
    generator = ti.load_generator(
        lambda z: tf.reshape(z, [-1, 2, 2, 1]), prior=ti.uniform(4, low=0, high=0.5), value_range=(0, 1)
    )
    images = np.array([[-1.0, 0.2, 0.5, 2.0]], np.float32).reshape(1, 2, 2, 1)
    found = ti.Inverter(generator, solver=ti.GradientDescent(2.0, steps=50))(images)
    np.testing.assert_allclose(found.codes[0], [0, 0.2, 0.5, 0.5], atol=1e-6)


def test_restarts_keep_the_best_basin():
    # (z^2 - 1)^2 + z: both basins hold a start, only the left one holds the smallest value.
    def double_well(codes):
        return tf.reshape((codes**2 - 1) ** 2 + 0.3 * codes, [-1, 1, 1, 1])

    generator = ti.load_generator(double_well, prior=ti.normal(1), value_range=(0, 1))
    target = np.full((12, 1, 1, 1), -1.0, np.float32)  # lower than the generator goes: the loss follows the well
    solver = ti.GradientDescent(0.02, steps=400)
    one, many = (ti.Inverter(generator, solver=solver, restarts=n)(target) for n in (1, 8))
    assert (one.codes.numpy() > 0).any()  # else restarts would have nothing to show
    assert (many.codes.numpy() < 0).all()
    assert (many.loss.numpy() <= one.loss.numpy() + 1e-7).all()


def test_first_start_is_the_same_with_more_of_them():
    solver = ti.GradientDescent(1e-9, steps=1)  # codes stay where they started
    _, images = LINEAR.generator.sample(3)
    own = LINEAR.generator.space.sample(ti.seeds.of(0, tf.range(3)))
    for spread in (1.0, 0.25):
        starts = ti.Inverter(LINEAR.generator, solver=solver, restarts=ti.Starts(1, spread))(images).codes
        np.testing.assert_allclose(starts, spread * own, atol=1e-6)


def test_starts_gather_about_the_middle_of_a_uniform_prior():
    generator = ti.load_generator(lambda z: tf.reshape(z, [-1, 2, 2, 1]), prior=ti.uniform(4, low=2, high=6))
    starts = ti.Inverter(generator, solver=ti.GradientDescent(1e-9, steps=1), restarts=ti.Starts(1, 0.5))(
        np.zeros((200, 2, 2, 1), np.float32)
    ).codes.numpy()
    assert starts.min() >= 3
    assert starts.max() <= 5
    assert starts.max() - starts.min() > 1.8


def test_seed_and_id_move_the_starts():
    solver = ti.GradientDescent(1e-9, steps=1)
    _, images = LINEAR.generator.sample(2)
    start = lambda seed, ids: ti.Inverter(LINEAR.generator, solver=solver, restarts=1, seed=seed)(images, ids=ids).codes
    same, other_seed, other_id = start(0, ["a", "b"]), start(1, ["a", "b"]), start(0, ["a", "c"])
    assert not np.allclose(same, other_seed)
    np.testing.assert_array_equal(same[0], other_id[0])
    assert not np.allclose(same[1], other_id[1])


def test_nan_images_have_their_own_end_and_harm_nobody():
    codes, images = LINEAR.generator.sample(3)
    images = images.numpy()
    images[1, 2, 2, 0] = np.nan
    found = ti.Inverter(LINEAR.generator, solver=EXACT)(images)
    assert statuses(found) == [ti.Status.CONVERGED, ti.Status.INVALID_IMAGE, ti.Status.CONVERGED]
    assert np.isfinite(found.codes).all()
    assert np.isfinite(found.images).all()
    np.testing.assert_allclose(found.codes[2], codes[2], atol=1e-5)


def test_a_diverging_solver_gives_finite_codes():
    _, images = LINEAR.generator.sample(3, seed=9)
    found = ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(1e6, steps=200))(images)
    assert statuses(found) == [ti.Status.DIVERGED] * 3
    assert np.isfinite(found.codes).all()
    assert np.isfinite(found.loss).all()


def test_a_constant_generator_is_told_as_such():
    generator = ti.load_generator(
        lambda z: tf.zeros([1, 4, 4, 1]) + 0 * tf.reshape(z[:, :1], [-1, 1, 1, 1]), prior=ti.normal(3)
    )
    assert generator.about.constant
    found = ti.Inverter(generator)(np.zeros((2, 4, 4, 1), np.float32))
    assert statuses(found) == [ti.Status.CONSTANT] * 2
    assert "does not depend on the code" in found.messages[0]


def test_loss_and_metrics_do_not_depend_on_the_value_range():
    wide = ti.load_generator(lambda z: 200 * LINEAR.generator(z) - 100, prior=ti.normal(3), value_range=(-100, 100))
    images = np.random.default_rng(4).normal(size=(3, 4, 4, 1)).astype(np.float32)
    narrow_found = ti.Inverter(LINEAR.generator, solver=EXACT)(images)
    wide_found = ti.Inverter(wide, solver=EXACT)(200 * images - 100)
    np.testing.assert_allclose(wide_found.loss, narrow_found.loss, rtol=1e-4)
    np.testing.assert_allclose(wide_found.codes, narrow_found.codes, atol=1e-4)


def test_a_conditional_generator_holds_its_label():
    shifts = tf.constant([0.0, 1.0, 2.0])
    generator = ti.load_generator(
        lambda z, labels: tf.reshape(z, [-1, 2, 2, 1]) + tf.reshape(tf.gather(shifts, labels), [-1, 1, 1, 1]),
        prior=ti.normal(4),
        value_range=(0, 1),
        classes=3,
    )
    labels = np.array([2, 0, 1, 2])
    codes, images = generator.sample(4, labels=labels)
    # Its matrix is the identity over 4 pixels: curvature 1/2 again.
    found = ti.Inverter(generator, solver=EXACT, batch_size=3)(images, labels=labels)
    np.testing.assert_allclose(found.codes, codes, atol=1e-4)
    with pytest.raises(ti.BadInput, match="no labels came"):
        ti.Inverter(generator)(images)
    with pytest.raises(ti.BadInput, match="label 3"):
        ti.Inverter(generator)(images, labels=[0, 1, 2, 3])
    one_for_all = ti.Inverter(generator, solver=EXACT)(generator.sample(2, labels=1)[1], labels=1)
    np.testing.assert_allclose(one_for_all.codes, codes[:2], atol=1e-4)


def test_what_does_not_fit_is_refused_in_one_line():
    inverter = ti.Inverter(LINEAR.generator, solver=EXACT)
    for images, word in (
        (np.zeros((2, 5, 4, 1), np.float32), "like=generator"),
        (np.zeros((4, 4, 1), np.float32), "like=generator"),
        (np.zeros((0, 4, 4, 1), np.float32), "no images"),
    ):
        with pytest.raises(ti.BadInput, match=word) as caught:
            inverter(images)
        assert "\n" not in str(caught.value)
    with pytest.raises(ti.BadInput, match="not class-conditional"):
        inverter(np.zeros((1, 4, 4, 1), np.float32), labels=[1])
    for wrong, word in (
        (lambda: ti.Inverter(LINEAR.generator, restarts=0), "restarts=0"),
        (lambda: ti.Inverter(LINEAR.generator, batch_size=0), "batch_size=0"),
        (lambda: ti.Starts(spread=1.5), "spread=1.5"),
        (lambda: ti.Stopping(patience=-1), "patience=-1"),
        (lambda: ti.Inverter(LINEAR.generator, "l3"), "loss 'l3': expected one of mse"),
        (lambda: ti.Inverter(LINEAR.generator, lambda a, b: a), "a loss of type function.*Pixel"),
        (lambda: ti.Inverter(LINEAR.generator, solver="newton"), "solver='newton': expected one of adam"),
        (lambda: ti.Inverter(LINEAR.generator, solver=3), "solver 3: expected one of adam"),
    ):
        with pytest.raises(ti.BadInput, match=word):
            wrong()


def test_losses_and_solvers_by_name_and_by_settings():
    _, images = LINEAR.generator.sample(3)
    plain = ti.Inverter(LINEAR.generator, ti.Pixel("l1") + 0.01 * ti.LogPrior(), ti.LBFGS(9), restarts=2)(images)
    settings = ti.settings
    loss, solver = settings.LossSettings("l1", prior_weight=0.01), settings.SolverSettings("lbfgs", 9)
    named = ti.Inverter(LINEAR.generator, loss, solver, restarts=ti.Starts(2))(images)
    np.testing.assert_array_equal(plain.codes, named.codes)
    assert isinstance(ti.Inverter(LINEAR.generator, solver="levenberg_marquardt").solver, ti.LevenbergMarquardt)


def test_watch_hears_of_the_whole_work():
    _, images = LINEAR.generator.sample(5)
    heard = []
    solver = ti.Adam(schedule("cosine", 0.1, 60), steps=60)
    ti.Inverter(LINEAR.generator, solver=solver, batch_size=2)(
        images, watch=lambda snapshot: heard.append((snapshot.share, snapshot.losses.mean()))
    )
    shares, losses = zip(*heard, strict=True)
    assert list(shares) == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert np.isfinite(losses).all()


def test_a_function_with_pythons_own_branches_is_inverted_too():
    def bent(codes):
        if tf.reduce_mean(codes) > 100:  # AutoGraph's work: a tensor has no truth in a graph
            codes = 0 * codes
        return tf.reshape(codes, [-1, 2, 2, 1])

    generator = ti.load_generator(bent, prior=ti.normal(4), value_range=(0, 1))
    codes, images = generator.sample(2)
    np.testing.assert_allclose(ti.Inverter(generator, solver=EXACT)(images).codes, codes, atol=1e-5)


def test_a_generator_without_a_gradient_is_inverted_without_one():
    arrays = lambda codes: (codes @ LINEAR.matrix.T + LINEAR.offset).reshape(-1, 4, 4, 1)
    generator = ti.load_generator(lambda codes: arrays(np.asarray(codes)), prior=ti.normal(3), value_range=(0, 1))
    images = np.random.default_rng(1).normal(size=(3, 4, 4, 1)).astype(np.float32)
    inverter = ti.Inverter(generator, solver=ti.CMA(150), restarts=2)
    found = inverter(images)
    np.testing.assert_allclose(found.codes, LINEAR.best(images), atol=1e-3)
    alone = inverter(images[2:], ids=[2])
    np.testing.assert_array_equal(alone.codes[0], found.codes[2])


def test_a_function_that_no_graph_can_hold_is_refused():
    def eager_only(codes):
        if codes.numpy().sum() > 1e9:
            codes = -codes
        return tf.reshape(codes, [-1, 2, 2, 1])

    with pytest.raises(ti.BadInput, match="not in a graph"):
        ti.load_generator(eager_only, prior=ti.normal(4))


def test_starts_at_the_true_codes_are_done_at_once():
    codes, images = LINEAR.generator.sample(5)
    inverter = ti.Inverter(LINEAR.generator, solver=ti.Adam(0.1, steps=30), restarts=2, batch_size=2)
    found = inverter(images, starts=np.stack([codes, codes], axis=1))
    assert statuses(found) == [ti.Status.CONVERGED] * 5
    np.testing.assert_allclose(found.loss, 0, atol=1e-10)
    np.testing.assert_array_equal(found.codes, codes)
    assert found.steps.numpy().tolist() == [0] * 5
    assert found.passes.numpy().tolist() == [4] * 5  # both starts were looked at once


def test_each_image_has_its_own_starts():
    codes, images = LINEAR.generator.sample(6)
    starts = np.random.default_rng(5).normal(size=(6, 3, 3)).astype(np.float32)
    for image, place in enumerate((2, 0, 1, 1, 2, 0)):
        starts[image, place] = codes[image]  # the best start of each image, somewhere among the three
    still = ti.GradientDescent(1e-9, steps=1)
    found = ti.Inverter(LINEAR.generator, solver=still, restarts=3, batch_size=4)(images, starts=starts)
    np.testing.assert_allclose(found.codes, codes, atol=1e-6)
    starts[0, 2] += 0.1
    found = ti.Inverter(LINEAR.generator, solver=still, restarts=3)(images, starts=starts)
    np.testing.assert_allclose(found.codes[0], codes[0] + 0.1, atol=1e-6)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 3), (3, 1, 3), (3, 2, 4), (3, 2, 3, 1), (2, 3, 3)])
def test_starts_of_another_shape_are_refused(shape):
    _, images = LINEAR.generator.sample(3)
    with pytest.raises(ti.BadInput, match=r"starts .*expected \[3, 2, 3\]"):
        ti.Inverter(LINEAR.generator, restarts=2)(images, starts=np.zeros(shape, np.float32))


@pytest.mark.parametrize(("restarts", "steps"), [(1, 7), (3, 30)])
def test_passes_of_all_starts_are_counted(restarts, steps):
    images = np.random.default_rng(6).normal(size=(3, 4, 4, 1)).astype(np.float32)  # nothing is found before the end
    solver = ti.Adam(0.01, steps=steps)
    heard = []
    found = ti.Inverter(LINEAR.generator, solver=solver, restarts=restarts, batch_size=2)(
        images, watch=lambda snapshot: heard.append(snapshot.passes.tolist())
    )
    assert found.passes.numpy().tolist() == [restarts * (2 * steps + 1)] * 3
    assert heard[0] == [restarts * 2 * min(steps, 25)] * 2


def test_a_solver_of_squares_refuses_other_losses():
    for loss in (ti.Pixel("l1"), ti.Pixel() + ti.Pixel("l1")):
        with pytest.raises(ti.BadInput, match=r"LevenbergMarquardt.*l1") as caught:
            ti.Inverter(LINEAR.generator, loss, ti.LevenbergMarquardt())
        assert "\n" not in str(caught.value)
    uniform = ti.load_generator(lambda z: tf.reshape(z, [-1, 2, 2, 1]), prior=ti.uniform(4), value_range=(0, 1))
    with pytest.raises(ti.BadInput, match=r"LevenbergMarquardt.*LogPrior"):
        ti.Inverter(uniform, ti.Pixel() + ti.LogPrior(), ti.LevenbergMarquardt())
    ti.Inverter(uniform, ti.Pixel(), ti.LevenbergMarquardt())


@pytest.mark.first(2)
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("batch_size", [4, 64])
def test_levenberg_marquardt_finds_the_least_squares_code(batch_size, compiled):
    images = np.random.default_rng(7).normal(size=(9, 4, 4, 1)).astype(np.float32)
    inverter = ti.Inverter(LINEAR.generator, solver=ti.LevenbergMarquardt(25), restarts=2, batch_size=batch_size)
    found = (tf.function(inverter) if compiled else inverter)(tf.constant(images))
    residual = np.mean((found.images - images) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(found.codes, LINEAR.best(images), atol=1e-4)
    np.testing.assert_allclose(found.loss, residual, rtol=1e-5)


@pytest.mark.slow
def test_levenberg_marquardt_gives_the_same_in_any_batch():
    generator = ti.load_generator(
        lambda z: tf.reshape(tf.sigmoid(2 * (z @ LINEAR.matrix.T)), [-1, 4, 4, 1]),
        prior=ti.normal(3),
        value_range=(0, 1),
    )
    codes, images = generator.sample(9)
    small, large = (
        ti.Inverter(generator, ti.Logit(), ti.LevenbergMarquardt(40), stopping=ti.Stopping(1e-15), batch_size=size)(
            images
        )
        for size in (4, 64)
    )
    np.testing.assert_allclose(small.codes, large.codes, atol=1e-4)
    np.testing.assert_allclose(small.codes, codes, atol=1e-3)


@pytest.mark.first(1)
@pytest.mark.parametrize("solver", [ti.Adam(0.05, steps=100), ti.LevenbergMarquardt(20)], ids=["adam", "lm"])
def test_images_that_are_solved_early_do_not_change_others(solver):
    codes, images = LINEAR.generator.sample(48)
    noise = np.random.default_rng(8).normal(size=images.shape).astype(np.float32)
    hard = np.arange(48) % 5 == 0  # nothing is found in noise before the end
    starts = np.random.default_rng(9).normal(size=(48, 1, 3)).astype(np.float32)
    starts[~hard, 0] = codes.numpy()[~hard]

    def invert(images):
        inverter = ti.Inverter(LINEAR.generator, solver=solver, restarts=1, batch_size=48)
        advance, rows = inverter._compiled["_advance"], []

        def spy(progress, *others):
            rows.append(len(progress.status))
            return advance(progress, *others)

        inverter._compiled["_advance"] = spy
        return inverter(images, starts=starts), rows

    among, rows = invert(tf.where(hard[:, None, None, None], images + noise, images))
    alone, all_rows = invert(images + noise)
    assert rows[0] == 48
    assert rows[-1] == 16  # those that are done have left
    assert set(all_rows) == {48}
    np.testing.assert_allclose(among.codes.numpy()[hard], alone.codes.numpy()[hard], atol=1e-6)
    np.testing.assert_array_equal(among.codes.numpy()[~hard], codes.numpy()[~hard])
    assert (among.steps.numpy()[~hard] == 0).all()
    assert (among.steps.numpy()[hard] == solver.steps).all()


@pytest.mark.parametrize("ids", [["a"], list("abcd"), "abc", [[1], [2], [3]], ["a", 1, None]])
def test_ids_that_are_not_one_for_each_are_told(ids):
    with pytest.raises(ti.BadInput, match="one for each image") as caught:
        ti.Inverter(LINEAR.generator)(LINEAR.generator.sample(3)[1], ids)
    assert "\n" not in str(caught.value)


class NoSteps:
    def init(self, codes, objective, seeds):
        return ()

    def step(self, objective, codes, memory, turn):
        return codes


class NoObjective(ti.losses.Term):
    def bind(self, targets, prior, prepared=None):
        return lambda codes, images: codes[:, 0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"solver": ti.Adam}, r"the class Adam as a solver: expected an object: Adam\(\)"),
        ({"solver": NoSteps()}, "without steps, needs_gradients, needs_residuals"),
        ({"loss": NoObjective()}, "bind gives a function: expected an Objective"),
        ({"batch_size": "1"}, "batch_size='1'"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": None}, "seed=None"),
        ({"stopping": 3}, "stopping=3"),
    ],
)
def test_what_an_inverter_cannot_use_is_told(given, said):
    with pytest.raises(ti.BadInput, match=said):
        ti.Inverter(LINEAR.generator, **given)
