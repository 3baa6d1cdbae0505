"""The loop over batches: what fails becomes a row that says why, and holds nothing that was not found."""

import dataclasses
import os

import keras
import numpy as np
import problems
import pytest
from PIL import Image

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.runs import Job, Store, run

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
    two = ti.TwoStep(generator, latent=ti.Adam(steps=1), beyond=ti.Adam(steps=1), restarts=1)
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
    job = Job(
        str(tmp_path / "run"), str(tmp_path / "generator.keras"), str(tmp_path / "data.npz"),
        prior="normal", value_range=(0, 1), steps=2, restarts=1,
    )  # fmt: skip
    summary, store, _ = job.run(show=False)
    assert summary.counts == {"finished": 2, "unreadable": 2}
    messages = store.read()["message"].to_pylist()
    assert messages[1].endswith("label 9: expected class labels 0 to 7")
    assert messages[3].endswith("label -1: expected class labels 0 to 7")
    np.savez(tmp_path / "wrong.npz", images=np.zeros((2, 4, 4, 1), np.uint8), labels=[9, 8])
    wrong = Job(**{**vars(job), "out": str(tmp_path / "wrong"), "images": str(tmp_path / "wrong.npz")})
    with pytest.raises(ti.BadInput, match="label 9"):  # none is right: nothing is begun
        wrong.run(show=False)
    assert not (tmp_path / "wrong" / "run.json").exists()
