"""What is seen of a training between its epochs: samples, bar and TensorBoard."""

import numpy as np
import tensorflow as tf
from small_runs import IMAGES, SMALL
from tqdm import tqdm

from tfinvert.experiments import epochs, training
from tfinvert.experiments.training import train
from tfinvert.settings import TrainingSettings


def test_every_column_of_the_samples_is_of_one_class():
    codes, labels = training.samples(TrainingSettings(architecture="dcgan", **SMALL, classes=3))
    rows = np.reshape(labels, (epochs.ROWS, epochs.COLUMNS))
    assert codes.shape == (rows.size, 6)
    assert (rows == rows[0]).all()
    assert list(rows[0, :4]) == [0, 1, 2, 0]


def test_tensorboard_gets_losses_and_samples(tmp_path):
    train(TrainingSettings(**SMALL), IMAGES, tmp_path, tensorboard=True)
    tags = set()
    for file in (tmp_path / "tensorboard").rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            tags |= {(value.tag, event.step) for value in event.summary.value}
    assert {("samples", 0), ("samples", 1), ("epoch_generator", 1), ("epoch_discriminator", 0)} <= tags


def test_the_bar_counts_steps_from_where_a_run_goes_on(monkeypatch):
    made = []
    monkeypatch.setattr(epochs, "tqdm", lambda **given: made.append(tqdm(**{**given, "disable": False})) or made[0])
    bar = epochs.Bar()
    bar.set_params({"steps": 5, "epochs": 4})
    bar.on_epoch_begin(2)
    for batch in range(5):
        bar.on_train_batch_end(batch, {"generator": 1.0})
    bar.on_epoch_begin(3)
    bar.on_train_batch_end(0)
    bar.on_train_end()
    assert (made[0].n, made[0].total, len(made)) == (16, 20, 1)


def test_samples_stand_side_by_side():
    images = np.linspace(-1, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((6, 2, 3, 3), np.float32)
    picture = np.asarray(epochs.grid(images, 3))
    assert picture.shape == (4, 9, 3)
    np.testing.assert_array_equal(picture[0, ::3, 0], [0, 51, 102])
    np.testing.assert_array_equal(picture[2, ::3, 0], [153, 204, 255])
