"""`tfinvert tune` and `tfinvert direction` through their `main`, and what `tfinvert edit` does with what they wrote."""

import csv

import keras
import numpy as np
import pytest
from jobs import do
from PIL import Image

import tfinvert as ti
from tfinvert.editing import Direction, along, place_of, points_of, read_direction
from tfinvert.runs import open_run


@pytest.fixture(scope="module")
def run(files, tmp_path_factory):
    """A run of images, half of them lighter."""
    out = tmp_path_factory.mktemp("tune") / "run"
    images = np.load(files / "images.npy")
    lighter = 0.3 + 0.7 * images[:, ::-1]
    np.save(out.parent / "images.npy", np.concatenate([images, lighter]).astype(np.float32))
    np.save(out.parent / "labels.npy", np.repeat([0, 1], len(images)))
    do(str(out), str(files / "many.keras"), str(out.parent / "images.npy"), steps=40, restarts=1)
    return out


@pytest.fixture
def scripts(loaded, called):
    """scripts("tune", run=...) runs a command."""

    def command(name, **values):
        with loaded(name) as script:
            return called(script)(**values)

    return command


def test_a_tuned_generator_edits_the_run_that_it_was_tuned_to(scripts, run, tmp_path):
    code, log = scripts("tune", run=str(run), ids=["16", "20", "25"], steps=40, learning_rate=0.01, samples=16)
    assert code == 0, log
    out = tmp_path / "out"
    assert sorted(file.name for file in out.iterdir()) == [
        ".lock",
        "generator.keras",
        "tuning.csv",
        "tuning.json",
        "tuning.png",
    ]
    with (out / "tuning.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["16", "20", "25"]
    assert all(float(row["psnr_after"]) > float(row["psnr_before"]) for row in rows)
    assert "other images are" in log
    assert Image.open(out / "tuning.png").width > 500
    tuned = str(out / "generator.keras")
    assert scripts("edit", run=str(run), generator=tuned, ids=["0", "3"], path=True, frames=2, films=["none"])[0] == 0
    assert ti.load_generator(tuned).image_shape == (8, 8, 1)
    before = (out / "generator.keras").read_bytes()
    usual = {"run": str(run), "ids": ["16", "20", "25"], "steps": 40, "learning_rate": 0.01}
    code, log = scripts("tune", **usual, samples=16)
    assert (code, "was tuned so before" in log) == (0, True)
    code, log = scripts("tune", **usual, samples=17)
    assert (code, "(samples was 16 and is 17): choose another folder" in log) == (1, True)
    (out / "tuning.json").unlink()
    code, log = scripts("tune", **usual, samples=16)
    assert (code, "out holds a generator already: choose another folder" in log) == (1, True)
    assert (out / "generator.keras").read_bytes() == before


@pytest.mark.slow
def test_what_train_made_is_inverted_and_tuned(scripts, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 28, 28), dtype=np.uint8)
    np.save(tmp_path / "pictures.npy", pixels)
    small = {"resolution": 28, "latent": 6, "epochs": 1, "widths": ["8", "8", "4"], "discriminator_widths": ["4"]}
    made, unseen = tmp_path / "gan" / "generator.keras", tmp_path / "gan" / "unseen.npz"
    code, log = scripts("train", dataset=str(tmp_path / "pictures.npy"), keep=8, out=str(made.parent), **small)
    assert code == 0, log
    assert f"8 pictures were not trained on: --images={unseen}" in log
    do(str(tmp_path / "run"), str(made), str(unseen), steps=2, restarts=1)
    code, log = scripts("tune", run=str(tmp_path / "run"), steps=30, learning_rate=0.01, samples=16)
    assert code == 0, log
    assert ti.load_generator(tmp_path / "out" / "generator.keras").about.tuned_from


@pytest.mark.slow
def test_what_a_run_found_behind_its_cut_is_not_of_a_tuned_generator(scripts, run, files, tmp_path):
    where = (str(tmp_path / "run"), str(files / "many.keras"), str(run.parent / "images.npy"))
    do(*where, limit=2, steps=5, restarts=1, split="first_dense", second_steps=5)
    assert scripts("tune", run=where[0], steps=5, samples=16)[0] == 0
    opened = open_run(where[0], generator=tmp_path / "out" / "generator.keras")
    place = place_of(opened, opened.load())
    assert place.split is None
    with pytest.raises(ti.BadInput, match=r"an edit behind the dense layer in .* tuned to .*--at=code"):
        place_of(opened, opened.load(), "dense")
    code, log = scripts("edit", run=where[0], generator=str(tmp_path / "out" / "generator.keras"), ids=["0"], gap=True)
    assert code == 1
    assert "or give the run's own generator" in log.splitlines()[-1]
    own = open_run(where[0])
    assert place_of(own, own.load()).split is not None


@pytest.mark.slow
def test_each_image_can_have_a_generator_of_its_own(scripts, run, tmp_path):
    assert scripts("tune", run=str(run), ids=["1", "2"], each=True, steps=5, samples=16)[0] == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["1", "2"]
    one, other = (ti.load_generator(tmp_path / "out" / name / "generator.keras") for name in ("1", "2"))
    assert np.abs(one.sample(2)[1] - other.sample(2)[1]).max() > 1e-5


def test_images_without_a_label_are_left_out(scripts, run, tmp_path):
    (tmp_path / "labels.csv").write_text("".join(f"{number},{number // 14}\n" for number in range(27)))
    labels = {"labels": str(tmp_path / "labels.csv"), "attribute": 1}
    code, log = scripts("direction", run=str(run), out=str(tmp_path / "lighter.npz"), **labels)
    assert code == 0, log
    assert "1 of 28 images have no label, and are left out" in log
    assert "lighter: 13 examples with it, 14 without" in log
    opened = open_run(run)
    place = place_of(opened, opened.load())
    with pytest.raises(ti.BadInput, match="2 images to move: expected one"):
        along(place, points_of(opened, place, ["0", "1"]), read_direction(tmp_path / "lighter.npz"), [-1, 1])


def test_labels_of_a_run_become_a_direction_along_which_images_move(scripts, run, tmp_path):
    out = str(tmp_path / "lighter.npz")
    labels = str(run.parent / "labels.npy")
    code, log = scripts("direction", run=str(run), labels=labels, attribute=1, out=out)
    assert code == 0, log
    assert "lighter: 14 examples with it, 14 without" in log
    code, log = scripts("edit", run=str(run), ids=["2"], direction=[out, "sefa:1"], strength=["-3", "3"], frames=4)
    assert code == 0, log
    assert Image.open(tmp_path / "out" / "direction.gif").n_frames == 5


def test_a_classifier_of_samples_becomes_a_direction(scripts, files, run, tmp_path):
    """It says how light the upper half is."""
    image = keras.Input((16, 16, 3))
    upper = keras.layers.GlobalAveragePooling2D()(keras.layers.Cropping2D(((0, 8), (0, 0)))(image))
    classifier = str(tmp_path / "light.keras")
    keras.Model(image, keras.layers.Dense(1, kernel_initializer="ones")(upper)).save(classifier)
    out, generator = str(tmp_path / "light.npz"), ti.load_generator(files / "many.keras", prior=ti.normal())
    code, log = scripts("direction", generator=str(files / "many.keras"), classifier=classifier, attribute=0, out=out)
    assert code == 0, log
    found = read_direction(out)
    assert found.accuracy > 0.9
    codes = generator.sample(100)[0].numpy()
    light = [generator(codes + step * found.vector)[:, :4].numpy().mean() for step in (-1, 1)]
    assert light[1] > light[0] + 0.05
    assert scripts("edit", run=str(run), ids=["2"], direction=[out], films=["none"], frames=4)[0] == 0


@pytest.mark.parametrize(
    ("name", "values", "why"),
    [
        ("direction", {"classifier": "BROKEN"}, "a classifier whose outputs are no numbers for 3000 of 3000 samples"),
        ("tune", {"run": None}, "no --run"),
        ("tune", {"ids": ["99"]}, "no image '99'"),
        ("tune", {"steps": 5, "score_size": 64}, "--score_size without --score"),
        ("direction", {"run": None}, "neither --run nor --classifier"),
        ("direction", {"attribute": 1}, "has no classes: give labels"),
        ("direction", {"labels": "LABELS", "classifier": "c.keras"}, "--labels: expected them with --run, and without"),
        ("direction", {"labels": "LABELS", "behind": "w"}, "--behind with --run"),
        ("direction", {"labels": "LABELS", "out": "smile.npy"}, "--out=smile.npy: expected a name that ends in .npz"),
        ("direction", {"labels": "LABELS", "attribute": 7}, "0 examples with it and 28 without"),
        ("direction", {"classifier": "none.keras"}, "classifier none.keras: no such file"),
        ("edit", {"ids": ["0"], "direction": ["none.npz"]}, "direction none.npz"),
        ("edit", {"ids": ["0"], "direction": ["sefa:x"]}, "expected a number, such as sefa:1"),
        ("edit", {"ids": ["0"], "direction": ["sefa:99"]}, "expected 1 to 12"),
        ("edit", {"ids": ["0"], "direction": ["sefa:1"], "strength": ["2"]}, "strength=2"),
    ],
)
def test_wrong_input_is_told_in_one_line_and_nothing_is_written(scripts, run, tmp_path, name, values, why):
    broken = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Rescaling(np.nan)])
    broken.save(tmp_path / "broken.keras")
    known = {"LABELS": str(run.parent / "labels.npy"), "BROKEN": str(tmp_path / "broken.keras")}
    values = {key: known.get(value, value) if isinstance(value, str) else value for key, value in values.items()}
    out = str(tmp_path / ("out.npz" if name == "direction" else "out"))
    code, log = scripts(name, **{"run": str(run), "out": out, **values})
    assert code == 1
    assert why in log.splitlines()[-1]
    assert "Traceback" not in log
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.npz").exists()


def test_a_direction_of_another_generator_is_refused(scripts, run, tmp_path):
    other = Direction(np.ones(12, np.float32), 1.0, "smile", fingerprint="abc").write(tmp_path / "other.npz")
    code, log = scripts("edit", run=str(run), ids=["0"], direction=[str(other)])
    assert code == 1
    assert "is of another generator" in log


def test_a_generator_without_weights_says_so(scripts, tmp_path):
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    network.export(str(tmp_path / "exported"), verbose=False)
    np.save(tmp_path / "images.npy", np.random.default_rng(0).uniform(size=(2, 8, 8, 1)).astype(np.float32))
    where = (str(tmp_path / "run"), str(tmp_path / "exported"), str(tmp_path / "images.npy"))
    do(*where, steps=2, restarts=1, prior="normal(4)")
    code, log = scripts("tune", run=str(tmp_path / "run"))
    assert code == 1
    assert "has no weights that can be moved" in log
