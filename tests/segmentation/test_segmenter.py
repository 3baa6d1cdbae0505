"""Images of a run are segmented by the map at their own codes."""

import numpy as np
import pytest
from eager import eager
from jobs import job_of
from planted import planted, regions
from small_biggan import small_biggan

from tfinvert.errors import BadInput
from tfinvert.gans.hub_module import write_hub_module
from tfinvert.generators import split
from tfinvert.runs import open_run, run_job
from tfinvert.segmentation import Segmenter, enlarged, segment

FAST = {"steps": 3, "restarts": 1, "prior": "normal", "value_range": (-1, 1)}


def done(job):
    with eager():
        run_job(job, show=False)
    return open_run(job.out)


@pytest.fixture(scope="module")
def biggan(tmp_path_factory):
    """Two images, two steps: a run of a class-conditional TF-Hub module whose codes also go round the cut."""
    root = tmp_path_factory.mktemp("biggan")
    write_hub_module(small_biggan(), root / "1", attention=8)
    np.save(root / "images.npy", np.random.default_rng(0).uniform(size=(2, 16, 16, 3)))
    job = job_of(
        str(root / "run"),
        str(root / "1"),
        str(root / "images.npy"),
        labels=3,
        split="first_dense",
        second_steps=10,
        second_solver="adam",
        second_learning_rate=0.1,
        sparsity=0.0,
        **FAST,
    )
    return done(job)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A planted generator, and images for it."""
    root = tmp_path_factory.mktemp("planted")
    planted("pooled", extra=True).export(root / "generator", verbose=False)
    np.save(root / "images.npy", np.random.default_rng(0).uniform(size=(2, 16, 16, 3)))
    return {"generator": str(root / "generator"), "images": str(root / "images.npy")}


@pytest.fixture(scope="module")
def one_step(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one-step")
    return done(job_of(str(folder), **files, **FAST))


def test_two_steps_are_segmented_behind_the_cut(biggan):
    generator = biggan.load()
    segmenter = Segmenter(biggan, generator, (3, 9), grouping="mutual")
    attention, parts = segmenter.attention, split(generator)
    behind = attention.behind(parts)
    for row in biggan.rows():
        codes = row.code[np.newaxis]
        hidden, held = parts.before(codes, [3])
        hidden += row.delta
        beyond, latent = behind(hidden, *held)[0], attention(codes, [3])[0]
        np.testing.assert_allclose(behind(hidden - row.delta, *held)[0], latent, atol=1e-5)
        assert np.abs(beyond - latent).max() > 1e-2
        expected = segment(beyond, (3, 9), grouping="mutual")
        for count, labels in segmenter(row).items():
            assert labels.shape == (16, 16)
            assert labels.max() + 1 == count
            np.testing.assert_array_equal(labels, enlarged(expected[count], (16, 16)))


def test_one_step_is_segmented_at_the_code(one_step):
    generator = one_step.load()
    segmenter = Segmenter(one_step, generator, (4,), grouping="mutual")
    for row in one_step.rows():
        np.testing.assert_array_equal(segmenter(row)[4], regions().repeat(2, axis=0).repeat(2, axis=1))
    row = one_step.rows()[0]
    with pytest.raises(BadInput, match="has no code: no picture"):
        segmenter(row._replace(code=None, message="no picture"))
    with pytest.raises(BadInput, match="NaN or infinite values: expected finite ones: invert the image again"):
        segmenter(row._replace(code=np.full_like(row.code, np.nan)))
    with pytest.raises(BadInput, match="17 clusters: expected 1 to 16"):
        Segmenter(one_step, generator, (2, 17), "small_1", grouping="mutual")


@pytest.mark.slow
def test_a_map_before_the_cut_is_that_of_the_code(files, tmp_path, caplog):
    run = done(job_of(str(tmp_path), **files, split="behind_1", second_steps=3, **FAST))
    caplog.set_level("INFO", "absl")
    segmenter = Segmenter(run, run.load(), (4,), grouping="mutual")
    assert "the map stands before the cut" in caplog.text
    np.testing.assert_array_equal(segmenter(run.rows()[0])[4], regions().repeat(2, axis=0).repeat(2, axis=1))


def test_large_maps_are_pooled_and_the_log_says_so(one_step, caplog):
    generator = one_step.load()
    caplog.set_level("INFO", "absl")
    segmenter = Segmenter(one_step, generator, (4,), most=16, grouping="mutual")
    assert "the map of 8x8 places is pooled to 4x4" in caplog.text
    np.testing.assert_array_equal(segmenter(one_step.rows()[0])[4], regions().repeat(2, axis=0).repeat(2, axis=1))
    with pytest.raises(BadInput, match="17 clusters: expected 1 to 16"):
        Segmenter(one_step, generator, (17,), most=16, grouping="mutual")
