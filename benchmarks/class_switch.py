"""Does a class switch change the class? A classifier that is trained here says what it sees.

    python benchmarks/class_switch.py --run=runs/cifar --training=cifar10/train.zip

The run is of a class-conditional generator and of pictures with labels, which nothing was trained on; --training are
pictures in a folder for each class. Told are the shares that a small network sees in the right class: of the run's
pictures themselves, of their reconstructions, of each in every other class at the code, and the same with delta, where
the run has one. Beside them: the share of samples that it sees in their class.
"""

import argparse

import keras
import numpy as np
from keras import layers

from tfinvert.editing import scenes
from tfinvert.experiments.datasets import pictures
from tfinvert.runs import open_run
from tfinvert.settings import EditSettings


def classifier(images: np.ndarray, labels: np.ndarray, epochs: int) -> keras.Model:
    """Images [N, H, W, C] in [-1, 1] -> logits [N, classes]."""
    network = keras.Sequential([layers.Input(images.shape[1:]), layers.RandomFlip("horizontal")])
    for width in (32, 64, 128):
        for _ in range(2):
            network.add(layers.Conv2D(width, 3, padding="same", use_bias=False))
            network.add(layers.BatchNormalization())
            network.add(layers.ReLU())
        network.add(layers.MaxPooling2D())
        network.add(layers.Dropout(0.2))
    network.add(layers.GlobalAveragePooling2D())
    network.add(layers.Dense(int(labels.max()) + 1))
    rate = keras.optimizers.schedules.CosineDecay(2e-3, epochs * len(images) // 128)
    network.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(images, labels, batch_size=128, epochs=epochs, verbose=2)
    return network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--training", required=True)
    parser.add_argument("--epochs", type=int, default=6, help="of the classifier")
    given = parser.parse_args()
    keras.utils.set_random_seed(0)
    run = open_run(given.run)
    generator = run.load()
    data = pictures(given.training, generator.image_shape, by_class=True)
    network, classes = classifier(data.pixels, data.labels, given.epochs), len(data.classes)
    seen = lambda unit: network.predict(2 * np.asarray(unit) - 1, verbose=0).argmax(-1)
    truth = np.array([row.label for row in run.rows()])
    labels = np.arange(500) % classes
    _, made = generator.sample(len(labels), seed=1, labels=labels)
    told = {"samples": np.mean(seen(generator.to_unit(made)) == labels)}
    targets = run.targets()
    told["pictures"] = np.mean(seen(np.stack([targets[row.id] for row in run.rows()])) == truth)
    for at in ("code", "dense") if run.rows()[0].delta is not None else ("code",):
        place, (scene,) = scenes(run, EditSettings.of(ids=run.ids(), switch=list(range(classes)), at=at))
        found = np.stack([seen(place.images(row)) for row in scene.rows])  # [N, 1 + classes]
        others = np.arange(classes) != truth[:, None]
        told[f"own class, {at}"] = np.mean(found[:, 0] == truth)
        told[f"switched, {at}"] = np.mean((found[:, 1:] == np.arange(classes))[others])
    for name, share in told.items():
        print(f"{name:20} {share:.3f}")


if __name__ == "__main__":
    main()
