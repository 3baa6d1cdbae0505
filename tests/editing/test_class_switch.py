"""A class switch changes the class: real glyphs, a generator and a classifier that are trained here."""

import keras
import numpy as np
import pytest
from jobs import job_of
from keras import layers

from tfinvert.editing import scenes
from tfinvert.experiments.training import train
from tfinvert.images import glyphs
from tfinvert.runs import open_run, run_job
from tfinvert.settings import EditSettings, TrainingSettings

LETTERS = "AOT"


def drawn(fonts, count, seed):
    """Jittered letters in [-1, 1], and which they are."""
    random = np.random.default_rng(seed)
    labels = random.integers(len(LETTERS), size=count).astype(np.int32)
    images = [
        glyphs.draw(
            fonts[random.integers(len(fonts))],
            LETTERS[label],
            glyphs.Jitter(random.uniform(0.85, 1.15), random.uniform(-8, 8), random.uniform(-0.15, 0.15)),
        )
        for label in labels
    ]
    return np.stack(images)[..., np.newaxis].astype(np.float32) / 127.5 - 1, labels


def classifier(images, labels):
    network = keras.Sequential(
        [
            layers.Input(images.shape[1:]),
            layers.Conv2D(16, 5, 2, activation="relu"),
            layers.Conv2D(32, 5, 2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(len(LETTERS)),
        ]
    )
    network.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(images, labels, batch_size=64, epochs=5, verbose=0)
    return lambda images: network.predict(images, verbose=0).argmax(-1)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["dcgan", "attention"])
def test_a_switched_letter_is_another_letter(tmp_path, architecture):
    keras.utils.set_random_seed(0)
    images, labels = drawn(glyphs.TRAINING, 6_400, 0)
    unseen, truth = drawn(glyphs.HELD_OUT, 48, 1)
    classify = classifier(images, labels)
    assert np.mean(classify(unseen) == truth) > 0.95
    settings = TrainingSettings(architecture=architecture, latent=32, epochs=6, classes=len(LETTERS))
    made = train(settings, images, tmp_path / "gan", {"class_names": list(LETTERS)}, labels=labels)
    np.save(tmp_path / "unseen.npy", unseen)
    np.save(tmp_path / "labels.npy", truth)
    job = job_of(
        str(tmp_path / "run"),
        str(made),
        str(tmp_path / "unseen.npy"),
        labels=str(tmp_path / "labels.npy"),
        array_range=(-1, 1),
        batch_size=48,
        steps=150,
    )
    print(run_job(job, show=False)[0])
    run = open_run(tmp_path / "run")
    place, (scene,) = scenes(run, EditSettings.of(ids=run.ids(), switch=list(range(len(LETTERS)))))
    assert scene.captions == ["its class", "class 0 (A)", "class 1 (O)", "class 2 (T)"]
    found = np.stack([place.images(row) for row in scene.rows]) * 2 - 1  # [images, its class and each class, H, W, C]
    own = classify(found[:, 0])
    switched = classify(found[:, 1:].reshape(-1, *unseen.shape[1:])).reshape(-1, len(LETTERS))
    print(f"{architecture}: own class {np.mean(own == truth):.2f}, other {np.mean(switched == np.arange(3)):.2f}")
    assert np.mean(own == truth) > 0.9
    assert np.mean(switched == np.arange(len(LETTERS))) > 0.9
