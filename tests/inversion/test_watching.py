"""Who watches an inversion hears of it, and can end it: what was found so far is kept."""

import numpy as np
import problems
import pytest
import tensorflow as tf

import tfinvert as ti

LINEAR = problems.Linear()
IMAGES = LINEAR.generator.sample(40, seed=5)[1]


def after(calls):
    """What ends the work at this call."""
    heard = []

    def watch(*seen):
        heard.append(seen)
        if len(heard) == calls:
            raise StopIteration

    return watch, heard


def test_what_was_found_is_kept():
    watch, heard = after(2)
    inverter = ti.Inverter(LINEAR.generator, solver=ti.Adam(steps=400), restarts=2, stopping=ti.Stopping(0.0))
    found = inverter(IMAGES[:16], watch=watch)
    assert len(heard) == 2
    assert (found.status == int(ti.Status.STOPPED)).numpy().all()
    assert found.messages[0].startswith("stopped by the caller")
    np.testing.assert_array_equal(found.steps, 50)
    same = ti.Inverter(LINEAR.generator, solver=ti.Adam(steps=400), restarts=2)
    assert (found.loss >= same(IMAGES[:16]).loss).numpy().all()
    np.testing.assert_allclose(
        found.loss, np.mean((LINEAR.generator(found.codes) - IMAGES[:16]) ** 2, axis=(1, 2, 3)), rtol=1e-4
    )


def test_images_that_were_never_begun_keep_their_best_start():
    watch, heard = after(1)
    found = ti.Inverter(LINEAR.generator, solver="lbfgs", restarts=2, stopping=ti.Stopping(0.0))(IMAGES, watch=watch)
    assert len(heard) == 1
    assert (found.steps.numpy()[16:] == 0).all()
    assert np.isfinite(found.loss).all()
    assert np.median(found.loss[:16]) < np.median(found.loss[16:])
    assert not ti.Status.STOPPED.failed


def test_any_other_error_is_the_watchers_own():
    def watch(snapshot):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ti.Inverter(LINEAR.generator)(IMAGES, watch=watch)


@pytest.mark.parametrize("calls", [1, 3])
def test_two_steps(calls):
    """Each has 20 calls for 500 steps: the third ends the first step, and there is no second."""
    watch, heard = after(calls)
    first = ti.Inverter(LINEAR.generator, solver=ti.Adam(), restarts=1, stopping=ti.Stopping(0.0))
    inverter = ti.TwoStep(first, "matmul", solver=ti.Adam())
    found = inverter(IMAGES[:4], watch=watch)
    assert len(heard) == calls
    assert (found.status == int(ti.Status.STOPPED)).numpy().all()
    assert not np.any(found.delta)
    np.testing.assert_allclose(found.images, found.images_latent, atol=1e-5)


def test_recovery():
    watch, heard = after(1)
    recovery = ti.Recovery(problems.Linear(seed=1).generator, samples=300)
    found = recovery(problems.Linear(seed=1).generator.sample(3, seed=2)[1], watch=watch)
    assert len(heard) <= 2
    assert found.codes.shape == (3, 3)


@pytest.mark.slow
def test_two_steps_in_a_pipeline():
    """A batch of unknown size, inside a graph."""
    inverter = ti.TwoStep(ti.Inverter(LINEAR.generator, solver=ti.Adam(steps=5), restarts=1), "matmul")
    data = tf.data.Dataset.from_tensor_slices(IMAGES[:6]).batch(4).map(inverter)
    hidden = np.concatenate([found.hidden for found in data])
    np.testing.assert_allclose(hidden[:4], inverter(IMAGES[:4]).hidden, atol=1e-4)
    assert hidden.shape[0] == 6
