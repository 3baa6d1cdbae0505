"""Runs of training: what they leave, how they go on, and what they refuse."""

import json
import shutil

import keras
import numpy as np
import pytest
from small_runs import IMAGES, LABELS, SMALL, rows

import tfinvert as ti
from tfinvert.experiments import epochs, training
from tfinvert.experiments.datasets import Pictures
from tfinvert.experiments.networks import OBJECTIVES, build
from tfinvert.experiments.training import train
from tfinvert.generators.readers.card import read_card
from tfinvert.settings import TrainingSettings

LONGER = {**SMALL, "epochs": 3, "objective": "noise"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The weights of a run that nothing stopped."""
    made = train(TrainingSettings(**LONGER), IMAGES, tmp_path_factory.mktemp("whole"))
    return keras.models.load_model(made).get_weights()


@pytest.mark.first(2)
@pytest.mark.parametrize(
    ("architecture", "objective", "classes"),
    [("dcgan", objective, None) for objective in OBJECTIVES]
    + [(architecture, "standard", None) for architecture in ("pixel_shuffle", "style")]
    + [("dcgan", "standard", 3), ("attention", "standard", 3)]
    + [pytest.param("attention", *each, marks=pytest.mark.slow) for each in (("standard", None), ("wgan_gp", 3))],
)
def test_every_kind_of_run_leaves_a_generator_that_is_loaded_by_itself(architecture, objective, classes, tmp_path):
    settings = TrainingSettings(
        architecture=architecture, objective=objective, prior="uniform", **SMALL, classes=classes
    )
    made = train(settings, IMAGES, tmp_path, {"data": "noise"}, labels=LABELS)
    generator = ti.load_generator(made)
    assert generator.about.assumed == ()
    assert (None if generator.condition is None else generator.condition.classes) == classes
    assert str(generator.space) == str(ti.uniform(6))
    assert generator.value_range == (-1, 1)
    assert generator.image_shape == (28, 28, 1)
    card = read_card(made)
    assert (card["data"], card["objective"], card["architecture"], card["trained"]) == (
        "noise",
        objective,
        architecture,
        2,
    )
    assert [row["epoch"] for row in rows(tmp_path)] == ["1", "2"]
    assert all(np.isfinite([float(row["generator"]), float(row["discriminator"])]).all() for row in rows(tmp_path))


@pytest.mark.parametrize(
    ("epoch", "stage"),
    [
        (1, "state"),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in ((2, "grid"), (3, "write_card"), (1, "write_table"), (3, "state"))
        ),
    ],
)
def test_a_stopped_run_ends_as_if_nothing_had_happened_and_a_finished_one_stays(
    epoch, stage, tmp_path, monkeypatch, whole
):
    settings, out = TrainingSettings(**LONGER), tmp_path / "stopped"
    owner, name = (keras.Model, "save_weights") if stage == "state" else (epochs, stage)
    save, begun = getattr(owner, name), []

    def stop(*args, **more):
        begun.append(1)
        if len(begun) == epoch:
            raise KeyboardInterrupt
        return save(*args, **more)

    monkeypatch.setattr(owner, name, stop)
    with pytest.raises(KeyboardInterrupt):
        train(settings, IMAGES, out)
    made = train(settings, IMAGES, out)
    assert read_card(made)["trained"] == 3
    assert [row["epoch"] for row in rows(out)] == ["1", "2", "3"]
    assert not [file for file in out.iterdir() if file.name.startswith(".partial-")]
    count = len(begun)
    train(settings, IMAGES, out)
    assert len(begun) == count
    for one, other in zip(whole, keras.models.load_model(made).get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_every_epoch_has_an_order_of_its_own(tmp_path):
    settings = TrainingSettings(**SMALL)
    gan = build(settings, 10)
    numbered = np.arange(40, dtype=np.float32).reshape(40, 1, 1, 1)
    epochs = []
    for epoch in (0, 1, 0):
        gan.count.assign(5 * epoch)
        epochs.append(np.concatenate(list(training.batches(settings, gan, numbered))).ravel())
    assert all(sorted(order) == list(range(40)) for order in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    np.testing.assert_array_equal(epochs[0], epochs[2])


def test_another_run_in_the_folder_is_left_alone(tmp_path):
    train(TrainingSettings(**SMALL), IMAGES, tmp_path)
    before = (tmp_path / "generator.keras").read_bytes()
    with pytest.raises(ti.BadInput, match="images was 40 and is 32, latent was 6 and is 7, pictures was"):
        train(TrainingSettings(**{**SMALL, "latent": 7}), IMAGES[:32], tmp_path)
    with pytest.raises(ti.BadInput, match=r"other settings \(pictures was '.{16}' and is '.{16}'\)"):
        train(TrainingSettings(**SMALL), -IMAGES, tmp_path)
    assert (tmp_path / "generator.keras").read_bytes() == before
    assert json.loads((tmp_path / "training.json").read_text())["latent"] == 6


def test_a_loss_that_is_no_number_ends_the_run_and_the_epoch_before_is_kept(tmp_path, monkeypatch):
    settings, save = TrainingSettings(**{**SMALL, "epochs": 3}), epochs.grid

    def spoil(images, columns):
        built[0].discriminator.layers[-1].bias.assign([np.nan])
        return save(images, columns)

    built = []
    monkeypatch.setattr(training, "build", lambda *given: built.append(build(*given)) or built[0])
    monkeypatch.setattr(epochs, "grid", spoil)
    with pytest.raises(ti.BadInput, match=r"epoch 2: losses .*nan.*is of an epoch before; try another seed"):
        train(settings, IMAGES, tmp_path)
    assert read_card(tmp_path / "generator.keras")["trained"] == 1
    assert all(
        np.isfinite(weight).all() for weight in keras.models.load_model(tmp_path / "generator.keras").get_weights()
    )


@pytest.mark.slow
def test_the_same_pictures_in_other_classes_are_another_run(tmp_path):
    settings = TrainingSettings(architecture="dcgan", **SMALL, classes=3)
    train(settings, IMAGES, tmp_path, labels=LABELS)
    with pytest.raises(ti.BadInput, match="pictures was"):
        train(settings, IMAGES, tmp_path, labels=2 - LABELS)


@pytest.mark.slow
def test_a_folder_in_which_no_epoch_was_finished_takes_another_run(tmp_path, monkeypatch):
    def spoilt(settings, steps):
        gan = build(settings, steps)
        if settings.seed == 0:
            gan.discriminator.layers[-1].bias.assign([np.nan])
        return gan

    monkeypatch.setattr(training, "build", spoilt)
    with pytest.raises(ti.BadInput, match=r"epoch 1: losses .*nan.*: try another seed"):
        train(TrainingSettings(**SMALL), IMAGES, tmp_path)
    made = train(TrainingSettings(**SMALL, seed=1), IMAGES, tmp_path)
    assert read_card(made)["seed"] == 1


@pytest.mark.slow
def test_settings_that_are_damaged_are_told_of(tmp_path):
    train(TrainingSettings(**SMALL), IMAGES, tmp_path)
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(ti.BadInput, match=r"training\.json is damaged"):
        train(TrainingSettings(**SMALL), IMAGES, tmp_path)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"architecture": "stylegan"}, "architecture='stylegan': expected one of dcgan"),
        ({"objective": "hinge"}, "objective='hinge'"),
        ({"resolution": 48}, "resolution=48: expected one of 28, 32"),
        ({"channels": 2}, "channels=2"),
        ({"epochs": 0}, "epochs=0"),
        ({"precision": "float8"}, "precision='float8'"),
        ({"classes": 0}, "classes=0"),
        ({"augment": ["colour", "blur"]}, "augment='blur': expected one of colour, translation, cutout"),
        ({"augment": "colour"}, "augment='colour': expected several"),
        ({"widths": [64, 0]}, "widths=0"),
    ],
)
def test_settings_that_there_are_not(settings, word):
    with pytest.raises(ti.BadInput, match=word):
        TrainingSettings(**settings)


def test_images_that_do_not_fit(tmp_path):
    with pytest.raises(ti.BadInput, match="7 pictures: expected at least 8"):
        train(TrainingSettings(**SMALL), IMAGES[:7], tmp_path)
    with pytest.raises(ti.BadInput, match=r"expected \[32, 32, 1\]"):
        train(TrainingSettings(), IMAGES, tmp_path)
    assert not list(tmp_path.iterdir())


def test_half_of_the_pictures_are_mirrored_and_others_in_every_epoch():
    settings = TrainingSettings(**SMALL, flips=True)
    gan = build(settings, 10)
    sides = np.arange(40, dtype=np.float32).reshape(40, 1, 1, 1) + np.array([0, 0.5], np.float32).reshape(1, 1, 2, 1)
    seen = []
    for epoch in (0, 1, 0):
        gan.count.assign(5 * epoch)
        pixels = np.concatenate(list(training.batches(settings, gan, sides)))[:, 0, :, 0]
        seen.append({int(row.min()): bool(row[0] > row[1]) for row in pixels})
    assert all(sorted(each) == list(range(40)) for each in seen)
    assert all(10 < sum(each.values()) < 30 for each in seen)
    assert seen[0] != seen[1]
    assert seen[0] == seen[2]


@pytest.mark.slow
def test_another_runs_unseen_pictures_are_left_alone(tmp_path):
    train(TrainingSettings(**SMALL), IMAGES[12:], tmp_path, unseen=Pictures(IMAGES[:12], None))
    before = (tmp_path / training.UNSEEN).read_bytes()
    with pytest.raises(ti.BadInput, match="pictures was"):
        train(TrainingSettings(**SMALL), IMAGES[:28], tmp_path, unseen=Pictures(IMAGES[28:], None))
    assert (tmp_path / training.UNSEEN).read_bytes() == before


@pytest.mark.parametrize("labels", [None, LABELS[:7], LABELS + 1, LABELS - 1])
def test_labels_that_do_not_fit(labels, tmp_path):
    with pytest.raises(ti.BadInput, match="expected 40 whole numbers from 0 to 2"):
        train(TrainingSettings(architecture="dcgan", **SMALL, classes=3), IMAGES, tmp_path, labels=labels)
    assert not list(tmp_path.iterdir())


def test_labels_stay_with_their_images():
    settings = TrainingSettings(architecture="dcgan", **SMALL, classes=40)
    numbered = np.arange(40, dtype=np.float32).reshape(40, 1, 1, 1)
    for images, labels in training.batches(settings, build(settings, 10), numbered, np.arange(40)):
        np.testing.assert_array_equal(np.ravel(images), labels)


def test_mixed_precision_is_the_runs_own(tmp_path):
    made = train(TrainingSettings(**SMALL, precision="mixed_bfloat16"), IMAGES, tmp_path)
    assert keras.config.dtype_policy().name == "float32"
    assert ti.load_generator(made).sample(2)[1].dtype == np.float32
    assert {layer.compute_dtype for layer in keras.models.load_model(made).layers} == {"float32"}


@pytest.mark.parametrize(
    ("file", "content", "word"),
    [
        ("state.weights.h5", b"no weights", r"state\.weights\.h5 is damaged, or of other .*: delete it to begin"),
        ("losses.csv", b"\xff\xfe\x00", r"losses\.csv is damaged .*: delete it, and the table begins"),
        ("losses.csv", b"generator,discriminator\n1,2\n", r"losses\.csv is damaged .*'epoch'"),
        ("losses.csv", b"epoch,generator\n1,2\n", r"losses\.csv has the columns epoch, generator: expected epoch, "),
        ("training.json", None, r"state\.weights\.h5 without its training\.json: delete it to begin anew"),
        ("generator.keras", None, r"state\.weights\.h5 without its generator\.keras: delete it to begin anew"),
    ],
)
def test_what_is_damaged_or_gone_is_told_and_nothing_goes_on(half_done, tmp_path, file, content, word):
    out = shutil.copytree(half_done, tmp_path / "out")
    (out / file).unlink()
    if content is not None:
        (out / file).write_bytes(content)
    before = (out / "state.weights.h5").read_bytes()
    with pytest.raises(ti.BadInput, match=word):
        train(TrainingSettings(**SMALL), IMAGES, out)
    assert (out / "state.weights.h5").read_bytes() == before


@pytest.fixture(scope="module")
def half_done(tmp_path_factory):
    """A run of two epochs that was stopped after the first."""
    out = tmp_path_factory.mktemp("half")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(epochs.Epochs, "on_epoch_begin", _stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            train(TrainingSettings(**SMALL), IMAGES, out)
    return out


def _stop_at_the_second(self, epoch, logs=None):
    if epoch:
        raise KeyboardInterrupt
