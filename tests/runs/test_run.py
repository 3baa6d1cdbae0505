"""The loop over batches: what fails becomes a row that says why, and holds nothing that was not found."""

import dataclasses
import os
from pathlib import Path

import keras
import numpy as np
import problems
import pytest
import tensorflow as tf
from jobs import job_of
from PIL import Image

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.runs import Store, Summary, run, run_job
from tfinvert.runs.doing import run_jobs
from tfinvert.runs.job import ready
from tfinvert.settings import changed

LINEAR = problems.Linear()
IMAGES = np.random.default_rng(0).uniform(size=(3, 4, 4, 1)).astype(np.float32)
FOUND = ("code", "mse", "psnr", "ssim", "loss", "reconstruction")


def rows(folder, inverter, sources):
    store = Store(folder)
    run(inverter, sources, store, show=False)
    return store.read().to_pylist()


def inverter(generator=LINEAR.generator):
    return ti.Inverter(generator, solver=ti.GradientDescent(1.0, 3), restarts=1)


def test_an_image_that_is_none_leaves_no_code(tmp_path):
    images = IMAGES.copy()
    images[1, 0, 0, 0] = np.nan
    good, bad, _ = rows(tmp_path, inverter(), Sources(images, LINEAR.generator))
    assert all(good[name] is not None for name in FOUND)
    assert bad["status"] == "invalid_image"
    assert [bad[name] for name in FOUND] == [None] * len(FOUND)


def test_a_generator_without_finite_images_leaves_no_code(tmp_path):
    broken = lambda codes, labels: LINEAR.generator.function(codes, labels) * np.nan
    generator = dataclasses.replace(LINEAR.generator, function=broken)
    found = rows(tmp_path, inverter(generator), Sources(IMAGES, generator))
    assert {row["status"] for row in found} == {"not_finite"}
    assert all(row[name] is None for row in found for name in FOUND)


def test_two_steps_leave_no_delta_of_what_is_no_image(eagerly, tmp_path):
    generator = ti.load_generator()
    images = np.full((1, 32, 32, 1), np.nan, np.float32)
    two = ti.TwoStep(ti.Inverter(generator, None, ti.Adam(steps=1), restarts=1), solver=ti.Adam(steps=1))
    (row,) = rows(tmp_path, two, Sources(images, generator))
    assert [row[name] for name in ("code", "delta", "delta_zeros", "reconstruction_latent")] == [None] * 4


@pytest.mark.skipif(os.name != "posix", reason="names of files are Unicode here")
def test_names_of_files_may_be_no_unicode(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.new("L", (4, 4), 99).save(folder / "a.png")
    (folder / "a.png").rename(folder / os.fsdecode(b"caf\xe9.png"))
    sources = Sources(folder, LINEAR.generator)
    (row,) = rows(tmp_path / "run", inverter(), sources)
    assert row["id"] == f"{folder.as_posix()}/caf\\udce9.png"
    assert row["code"] is not None
    assert list(dict(sources.again([row["id"]]))) == [row["id"]]


def test_a_class_that_the_generator_has_not_is_told_and_the_others_go_on(eagerly, tmp_path):
    code, label = keras.Input((3,)), keras.Input((1,), dtype="int32", name="label")
    both = keras.layers.Concatenate()([code, keras.layers.Flatten()(keras.layers.Embedding(8, 2)(label))])
    model = keras.Model([code, label], keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(both)))
    model.save(tmp_path / "generator.keras")
    np.savez(tmp_path / "data.npz", images=np.zeros((4, 4, 4, 1), np.uint8), labels=[7, 9, 0, -1])
    job = job_of(
        str(tmp_path / "run"),
        str(tmp_path / "generator.keras"),
        str(tmp_path / "data.npz"),
        prior="normal",
        value_range=(0, 1),
        steps=2,
        restarts=1,
    )
    summary, store, _ = run_job(job, show=False)
    assert summary.counts == {"finished": 2, "unreadable": 2}
    messages = store.read()["message"].to_pylist()
    assert messages[1].endswith("label 9: expected class labels 0 to 7")
    assert messages[3].endswith("label -1: expected class labels 0 to 7")
    np.savez(tmp_path / "wrong.npz", images=np.zeros((2, 4, 4, 1), np.uint8), labels=[9, 8])
    wrong = changed(job, out=str(tmp_path / "wrong"), images=str(tmp_path / "wrong.npz"))
    with pytest.raises(ti.BadInput, match="label 9"):  # none is right: nothing is begun
        run_job(wrong, show=False)
    assert not (tmp_path / "wrong" / "run.json").exists()


def test_images_that_could_not_be_read_are_tried_again(tmp_path, caplog):
    (tmp_path / "photos").mkdir()
    for name, shade in (("a", 50), ("c", 150), ("d", 250)):
        Image.new("L", (4, 4), shade).save(tmp_path / "photos" / f"{name}.png")
    (tmp_path / "photos" / "b.png").write_bytes(b"a text")
    (tmp_path / "photos" / "e.png").write_bytes(b"another text")
    few = ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(1.0, 3), restarts=1, batch_size=2)
    store = Store(tmp_path / "run")

    def again():
        caplog.clear()
        summary = run(few, Sources(tmp_path / "photos", LINEAR.generator), store, show=False)
        found = {Path(row["id"]).stem: row for row in store.read().to_pylist()}
        return summary.counts, found, store.read(["place"])["place"].to_pylist()

    counts, first, places = again()
    assert counts == {"finished": 3, "unreadable": 2}
    before = store.parts()
    assert again() == (counts, first, places)
    assert "b.png: " in caplog.text  # it is told again why
    assert store.parts() == before  # and nothing is written twice
    Image.new("L", (4, 4), 100).save(tmp_path / "photos" / "b.png")
    counts, found, places = again()
    assert counts == {"finished": 4, "unreadable": 1}
    assert places == [0, 1, 2, 3, 4]
    assert store.double == 0
    assert found["b"]["code"] is not None
    assert {name: found[name] for name in "acde"} == {name: first[name] for name in "acde"}


def test_a_run_without_rows_may_begin_with_other_settings(tmp_path):
    store = Store(tmp_path)
    store.claim({"labels": 7}, {})
    store.claim({"labels": 3}, {})
    store.write([{"id": "a", "status": "finished", "place": 0}])
    with pytest.raises(ti.BadInput, match="labels was 3 and is 4"):
        store.claim({"labels": 4}, {})
    store.close()


def test_a_label_that_nobody_could_know_to_be_wrong_is_one_line(eagerly, tmp_path):
    table = tf.random.stateless_normal([5, 3], [0, 0])
    generator = ti.load_generator(
        lambda codes, labels: tf.reshape(tf.tile(codes + tf.gather(table, labels), [1, 16])[:, :16], [-1, 4, 4, 1]),
        prior=ti.normal(3),
        value_range=(0, 1),
        classes=9,
    )
    sources = Sources(IMAGES, generator, labels=7)
    with pytest.raises(ti.BadInput, match=r"fails on a batch .*7 is not in \[0, 5\).*--classes"):
        run(ti.Inverter(generator, solver=ti.Adam(steps=1), restarts=1), sources, Store(tmp_path), show=False)


def test_rows_that_are_gone_at_the_end_are_told_and_are_no_success(tmp_path, monkeypatch):
    few = ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(1.0, 3), restarts=1, batch_size=1)
    store, sources = Store(tmp_path), Sources(IMAGES, LINEAR.generator)
    monkeypatch.setattr(store, "merge", lambda: store.parts()[1].unlink())  # somebody does, just before the end
    summary = run(few, sources, store, show=False)
    assert (summary.missing, summary.exit_code) == (1, 3)
    assert "2 images (2 finished)" in str(summary)
    assert "1 MISSING: the same command does them" in str(summary)
    monkeypatch.undo()
    summary = run(few, sources, store, show=False)
    assert (summary.missing, summary.double, summary.exit_code) == (0, 0, 0)
    assert store.read(["id", "place"]).to_pydict() == {"id": ["0", "1", "2"], "place": [0, 1, 2]}


@pytest.mark.parametrize("limit", [None, 2, 9])
def test_of_a_stream_what_came_is_counted(tmp_path, limit):
    data = tf.data.Dataset.from_generator(lambda: iter(IMAGES), output_signature=tf.TensorSpec((4, 4, 1), tf.float32))
    sources, store = Sources(data, LINEAR.generator, limit=limit, array_range=(0, 1)), Store(tmp_path)
    for _ in range(2):
        summary = run(inverter(), sources, store, show=False)
        assert (sum(summary.counts.values()), summary.missing, summary.exit_code) == (sources.count, 0, 0)
    assert sources.count == min(limit or 3, 3)


@pytest.mark.parametrize(
    ("counts", "failed", "missing", "interrupted", "code"),
    [
        ({"finished": 2}, 0, 0, False, 0),
        ({"finished": 2}, 0, 1, False, 3),
        ({"finished": 2}, 0, 1, True, 130),
        ({"finished": 1, "diverged": 1}, 1, 0, False, 3),
        ({"diverged": 2}, 2, 0, False, 1),
        ({}, 0, 0, False, 1),
        ({}, 0, 2, False, 1),
    ],
)
def test_exit_codes(counts, failed, missing, interrupted, code):
    assert Summary(counts, failed, 0.1, 10.0, interrupted, missing).exit_code == code


def test_a_run_that_ended_lets_others_write_and_one_that_is_at_work_does_not(tmp_path):
    job = job_of(str(tmp_path), images=np.zeros((2, 32, 32, 1), np.uint8), steps=1, restarts=1)
    run_job(job, show=False)
    prepared = ready(job)
    with pytest.raises(ti.BadInput, match="being written by this process"):
        run_job(job, show=False)
    run_jobs([prepared], show=False)
    with pytest.raises(ti.BadInput, match="steps was 1 and is 2"):
        run_job(changed(job, steps=2), show=False)
    with pytest.raises(ti.BadInput, match="no such file"):
        run_job(changed(job, generator="nowhere.h5"), show=False)
    _, store, _ = run_job(job, show=False)
    assert store.read().num_rows == 2
