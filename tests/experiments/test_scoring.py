"""Epochs that are rated by their samples."""

import keras
import numpy as np
import pytest
from small_runs import IMAGES, SMALL, rows

import tfinvert as ti
from tfinvert.experiments import training
from tfinvert.experiments.datasets import Pictures
from tfinvert.experiments.scoring import Score
from tfinvert.experiments.training import train
from tfinvert.generators.readers.card import read_card
from tfinvert.losses import Features
from tfinvert.losses.kid import KID
from tfinvert.settings import ScoreSettings, TrainingSettings


def eye(seed=1):
    """A network of features."""
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(6, 5, 3), keras.layers.ReLU(name="mixed8")]
    return keras.Sequential(layers)


def test_rated_epochs_leave_the_best_generator_and_its_pictures(tmp_path):
    unseen = Pictures(IMAGES[:12], None)
    score = ScoreSettings(network=eye(), size=32, samples=16)
    made = train(TrainingSettings(**{**SMALL, "epochs": 4}), IMAGES[12:], tmp_path, unseen=unseen, score=score)
    kids = [float(row["kid"]) for row in rows(tmp_path)]
    assert len(kids) == 4
    card = read_card(made)
    assert card["trained"] == 1 + int(np.argmin(kids))
    assert card["kid"] == min(kids)
    samples = ti.load_generator(made)(training._drawn(TrainingSettings(**SMALL), np.zeros(16, np.int32), 2))
    again = KID(Features("mixed8", eye(), size=32), (IMAGES[:12] + 1) / 2)((np.asarray(samples) + 1) / 2)
    assert again.value == pytest.approx(min(kids), rel=1e-3)
    kept = ti.images.load(tmp_path / training.UNSEEN, ti.images.Scale((28, 28, 1), (-1, 1))).pixels
    np.testing.assert_allclose(kept, IMAGES[:12], atol=1 / 255)
    with pytest.raises(ti.BadInput, match="a score without unseen pictures"):
        train(TrainingSettings(**SMALL), IMAGES, tmp_path, score=score)
    with pytest.raises(ti.BadInput, match="a score by 3 kept pictures: expected at least 4"):
        train(TrainingSettings(**SMALL), IMAGES, tmp_path, unseen=Pictures(IMAGES[:3], None), score=score)


def test_samples_that_are_rated_are_of_classes_as_often_as_the_pictures():
    kept = Pictures(IMAGES[:12], np.repeat([0, 1, 2], [6, 3, 3]))
    for count in (4, 8, 12, 40):
        counts = np.bincount(Score(ScoreSettings(network=eye(), size=32, samples=count), kept).classes, minlength=3)
        np.testing.assert_allclose(counts / count, [0.5, 0.25, 0.25], atol=0.51 / count)


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("stop", "scores"), [(None, [3.0, 1.0, 2.0, 2.5]), (2, [3.0, 1.0, 2.0, 2.5]), (3, [np.nan, 1.0, np.nan, 2.5])]
)
def test_the_best_epoch_stays_the_best_whether_the_run_is_stopped_or_not(tmp_path, monkeypatch, stop, scores):
    rated = []

    def rate(score, settings, gan):
        epoch = int(gan.count) // 3
        rated.append(epoch)
        if stop == epoch and rated.count(epoch) == 1:
            raise KeyboardInterrupt
        return {"kid": scores[epoch - 1], "kid_error": 0.1}

    monkeypatch.setattr(training, "_rated", rate)
    settings = TrainingSettings(**{**SMALL, "epochs": 4})
    how = {"unseen": Pictures(IMAGES[:12], None), "score": ScoreSettings(network=eye(), size=32, samples=16)}
    if stop is not None:
        with pytest.raises(KeyboardInterrupt):
            train(settings, IMAGES[12:], tmp_path, **how)
    card = read_card(train(settings, IMAGES[12:], tmp_path, **how))
    assert (card["trained"], card["kid"]) == (2, 1.0)
    np.testing.assert_array_equal([float(row["kid"]) for row in rows(tmp_path)], scores)
    with pytest.raises(ti.BadInput, match=r"other settings \(score"):
        train(settings, IMAGES[12:], tmp_path, unseen=how["unseen"], score=ScoreSettings(network=eye(), size=28))
    with pytest.raises(ti.BadInput, match=r"other settings \(score"):  # rows of one table have the same columns
        train(settings, IMAGES[12:], tmp_path, unseen=how["unseen"])


def test_features_that_are_no_numbers_are_told():
    broken = eye()
    broken.layers[0].bias.assign([np.inf] * 6)
    with pytest.raises(ti.BadInput, match="features of pictures that are no numbers: take another network"):
        Score(ScoreSettings(network=broken, size=32, samples=16), Pictures(IMAGES[:12], None))


def test_another_network_of_the_same_name_is_another_score(tmp_path):
    settings, unseen = TrainingSettings(**{**SMALL, "epochs": 1}), Pictures(IMAGES[:12], None)
    for folder, seed in (("one", 1), ("other", 2)):
        (tmp_path / folder).mkdir()
        eye(seed).save(tmp_path / folder / "eye.keras")
    score = lambda folder: ScoreSettings(network=str(tmp_path / folder / "eye.keras"), size=32, samples=16)
    train(settings, IMAGES[12:], tmp_path / "out", unseen=unseen, score=score("one"))
    with pytest.raises(ti.BadInput, match=r"other settings \(score.files was"):
        train(settings, IMAGES[12:], tmp_path / "out", unseen=unseen, score=score("other"))
