"""A run that is opened again: rows, images and generator, whatever has become of the files since."""

import numpy as np
import pytest
from jobs import do
from made_up_run import made_up_run, row

import tfinvert as ti
from tfinvert.runs import Store, open_run
from tfinvert.settings import Job, Limits, by_flags

SHAPE = (8, 8, 3)
FAST = {"steps": 2, "restarts": 1}
IMAGES = np.random.default_rng(0).uniform(size=(4, *SHAPE)).astype(np.float32)


@pytest.fixture
def saved(tmp_path):
    """Images in a file, and a run of the first three, in two steps."""
    np.save(tmp_path / "images.npy", IMAGES)
    found = {"code": [1.0, 2.0], "delta": [0.0, 3.0, 4.0], "label": 5}
    rows = [row(str(number), IMAGES[number], 0.1, IMAGES[number] / 2, **found) for number in range(3)]
    made_up_run(tmp_path / "run", tmp_path / "images.npy", SHAPE, rows)
    return tmp_path


def test_rows_hold_what_was_found(saved):
    first, *_ = open_run(saved / "run").rows()
    assert (first.id, first.label, first.message) == ("0", 5, "all steps were taken")
    assert first.code.tolist() == [1, 2]
    assert first.delta.tolist() == [0, 3, 4]
    assert first.code.dtype == first.delta.dtype == np.float32
    np.testing.assert_allclose(first.reconstruction, IMAGES[0], atol=0.6 / 255)
    np.testing.assert_allclose(first.reconstruction_latent, IMAGES[0] / 2, atol=0.6 / 255)


def test_only_the_fields_that_are_asked_for_are_read(saved, monkeypatch):
    monkeypatch.setattr("tfinvert.runs.finished.unpacked", lambda data, like: pytest.fail("a picture is read"))
    (second,) = open_run(saved / "run").rows(["1"], ("code",))
    assert second.code.tolist() == [1, 2]
    assert (second.id, second.label, second.delta, second.reconstruction) == ("1", None, None, None)


@pytest.mark.parametrize("status", ["not_finite", "constant", "invalid_image"])
def test_where_nothing_was_found_older_runs_stored_the_start(tmp_path, status):
    old = row("a", IMAGES[0], 0.1, IMAGES[0], status=status, code=[1.0], delta=[2.0])
    made_up_run(tmp_path, "somewhere", SHAPE, [old, row("b", IMAGES[0], 0.1, status="diverged", code=[1.0])])
    none, bad = open_run(tmp_path).rows()
    assert (none.code, none.delta, none.reconstruction, none.reconstruction_latent) == (None,) * 4
    assert bad.code.tolist() == [1]


def test_targets_are_read_whatever_the_limit_and_the_order_were(tmp_path):
    """A run may go on with a larger limit, and a picture may come that stands before the others."""
    made_up_run(tmp_path / "run", tmp_path / "images.npy", SHAPE, [row("3"), row("1")], shuffle=True)
    about = (tmp_path / "run" / "run.json").read_text()
    (tmp_path / "run" / "run.json").write_text(about.replace('"settings"', '"limit": 1, "settings"', 1))
    np.save(tmp_path / "images.npy", IMAGES)
    found = open_run(tmp_path / "run").targets()
    assert set(found) == {"1", "3"}
    np.testing.assert_allclose(found["3"], IMAGES[3], atol=1e-6)
    assert list(open_run(tmp_path / "run").targets(["1"])) == ["1"]


def test_targets_need_no_labels(saved):
    made_up_run(saved / "labelled", saved / "images.npy", SHAPE, [row("0", label=1)], labels="deleted.npy")
    assert list(open_run(saved / "labelled").targets()) == ["0"]


def test_targets_that_were_in_memory_are_told(tmp_path):
    made_up_run(tmp_path, "<ndarray>", SHAPE, [row("0")])
    with pytest.raises(ti.BadInput, match=r"the images of .* were in memory: save them"):
        open_run(tmp_path).targets()


def test_a_generator_that_has_moved_can_be_given(saved):
    made_up_run(saved / "moved", saved / "images.npy", SHAPE, [row("0")], generator="gone/dcgan.h5")
    with pytest.raises(ti.BadInput, match=r"moved, gone/dcgan.h5: no such file: say where it is now \(--generator\)"):
        open_run(saved / "moved").load()


def test_a_run_without_the_size_of_its_images_is_refused(tmp_path):
    Store(tmp_path).claim({"images": {"source": "a.png"}}, {})
    with pytest.raises(ti.BadInput, match="does not say how large its images are"):
        open_run(tmp_path)


def test_what_a_stranger_has_allowed_does_not_count(saved):
    """A run's folder says what its maker trusted and waited for; who opens it says so anew."""
    made_up_run(saved / "theirs", saved / "images.npy", SHAPE, [row("0")], allow_unsafe=True, max_megapixels=1e9)
    job = open_run(saved / "theirs").job
    assert not job.generator.allow_unsafe
    assert job.limits == Limits()
    job = open_run(saved / "theirs", allow_unsafe=True, limits=Limits(megapixels=100, seconds=9)).job
    assert job.generator.allow_unsafe
    assert job.limits == Limits(megapixels=100, seconds=9)
    Store(saved / "theirs").close()


def test_settings_are_the_same_as_paths_and_numpys_numbers_or_as_text(eagerly, tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((2, 32, 32), np.uint8))
    given = {"images": [tmp_path / "images.npy"], "seed": np.int64(1), "spread": np.float64(0.1), **FAST}
    do(tmp_path / "run", limit=np.int64(1), batch_size=np.int32(4), **given)
    plain = {"images": [str(tmp_path / "images.npy")], "seed": 1, "spread": 0.1}
    settings = by_flags(Store(tmp_path / "run").about()["settings"], Job)
    assert {name: settings[name] for name in plain} == plain
    do(str(tmp_path / "run"), **{**given, **plain})
    assert set(open_run(tmp_path / "run").targets()) == {f"{tmp_path}/images.npy[0]", f"{tmp_path}/images.npy[1]"}
    np.save(tmp_path / "others.npy", np.zeros((2, 32, 32), np.uint8))
    with pytest.raises(ti.BadInput, match=r"images was .*images.npy.* and is .*others.npy"):
        do(str(tmp_path / "run"), **{**given, "images": tmp_path / "others.npy"})
