"""A class switch changes the class: real glyphs and photographs, a generator and a classifier that are trained here."""

import keras
import numpy as np
import pytest
from jobs import job_of
from keras import layers

from tfinvert.editing import scenes
from tfinvert.experiments.datasets import pictures
from tfinvert.experiments.training import train
from tfinvert.images import glyphs
from tfinvert.runs import open_run, run_job
from tfinvert.settings import EditSettings, TrainingSettings

LETTERS = "AOT"
KINDS = ("airplane", "frog", "ship")


def letters(fonts, count, seed):
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


def photographs(archive, count):
    """Of some kinds, in [-1, 1], and which they are."""
    found = pictures(",".join(f"{archive}:{kind}" for kind in KINDS), (32, 32, 3), by_class=True, limit=count)
    assert found.classes == KINDS
    return found.pixels, found.labels


def classifier(images, labels):
    """Trained here: images [N, H, W, C] -> classes [N]."""
    network = keras.Sequential(
        [
            layers.Input(images.shape[1:]),
            layers.Conv2D(16, 5, 2, activation="relu"),
            layers.Conv2D(32, 5, 2, activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(int(labels.max()) + 1),
        ]
    )
    network.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(images, labels, batch_size=64, epochs=5, verbose=0)
    return lambda images: network.predict(images, verbose=0).argmax(-1)


def switched(folder, settings, names, training, unseen, **flags):
    """Images [N, 1 + classes, H, W, C] in [-1, 1] of unseen ones, as they were found and in each class."""
    made = train(settings, training[0], folder / "gan", {"class_names": list(names)}, labels=training[1])
    np.save(folder / "unseen.npy", unseen[0])
    np.save(folder / "labels.npy", unseen[1])
    job = job_of(
        str(folder / "run"),
        str(made),
        str(folder / "unseen.npy"),
        labels=str(folder / "labels.npy"),
        array_range=(-1, 1),
        **flags,
    )
    print(run_job(job, show=False)[0])
    run = open_run(folder / "run")
    place, (scene,) = scenes(run, EditSettings.of(ids=run.ids(), switch=list(range(len(names)))))
    assert scene.captions == ["its class", *(f"class {number} ({name})" for number, name in enumerate(names))]
    return np.stack([place.images(row) for row in scene.rows]) * 2 - 1


def judged(classify, found, truth):
    """The shares of images that are seen in their own class, and in the one that they were switched to."""
    classes = found.shape[1] - 1
    told = classify(found[:, 1:].reshape(-1, *found.shape[2:])).reshape(-1, classes)
    own, other = np.mean(classify(found[:, 0]) == truth), np.mean(told == np.arange(classes))
    print(f"own class {own:.2f}, other {other:.2f}")
    return own, other


@pytest.mark.slow
def test_a_switched_letter_is_another_letter(tmp_path):
    keras.utils.set_random_seed(0)
    training, unseen = letters(glyphs.TRAINING, 6_400, 0), letters(glyphs.HELD_OUT, 48, 1)
    classify = classifier(*training)
    assert np.mean(classify(unseen[0]) == unseen[1]) > 0.95
    settings = TrainingSettings(
        architecture="attention", latent=32, widths=(64, 48, 32, 16), epochs=6, classes=len(LETTERS)
    )
    found = switched(tmp_path, settings, LETTERS, training, unseen, batch_size=48, steps=150)
    own, other = judged(classify, found, unseen[1])
    assert own > 0.9
    assert other > 0.9


@pytest.mark.slow
def test_a_switched_photograph_is_of_another_kind(shared, tmp_path):
    keras.utils.set_random_seed(0)
    training = photographs(shared / "data/cifar10/train.zip", 6_400)
    unseen = photographs(shared / "data/cifar10/test.zip", 32)
    classify = classifier(*training)
    accuracy = np.mean(classify(unseen[0]) == unseen[1])
    print(f"photographs {accuracy:.2f}")
    assert accuracy > 0.7
    settings = TrainingSettings(latent=64, channels=3, epochs=6, classes=len(KINDS), flips=True)
    found = switched(tmp_path, settings, KINDS, training, unseen, batch_size=32, steps=60, restarts=1)
    own, other = judged(classify, found, unseen[1])
    assert own > 0.7
    assert other > 0.6
