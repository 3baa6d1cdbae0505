"""What fused batch normalisation saves of a GAN's step: the seconds with Keras's over those with TensorFlow's kernel.

    python benchmarks/training_step.py --resolution=64 --widths=256,128,64,32 --precision=mixed_bfloat16

Both kinds of step take turns, and what is printed is the median of the ratios, since machines are shared and drift.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import tensorflow as tf

from tfinvert.experiments import networks
from tfinvert.settings import TrainingSettings

ROUNDS, STEPS = 7, 4


def seconds(step) -> float:
    """Of one step."""
    begun = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - begun) / STEPS


def main() -> None:
    """Prints seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--widths", default="256,128,64,32")
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--objective", default="standard")
    asked = parser.parse_args()
    settings = TrainingSettings(
        resolution=asked.resolution,
        channels=3,
        widths=tuple(map(int, asked.widths.split(","))),
        precision=asked.precision,
        objective=asked.objective,
        augment=("colour", "translation"),
        flips=True,
    )
    shape = [settings.batch_size, settings.resolution, settings.resolution, 3]
    images = tf.random.stateless_uniform(shape, [0, 0], -1, 1)
    fused, plain = networks.build(settings, 1000), networks.build(settings, 1000)
    for player in ("generator", "discriminator"):
        model = getattr(plain, player)
        setattr(plain, player, keras.models.clone_model(model, clone_function=_plain))
    plain.compile(*(type(each).from_config(each.get_config()) for each in _optimizers(plain)))
    steps = [tf.function(lambda gan=gan: gan.train_step(images)) for gan in (plain, fused)]
    for step in steps:
        step()
    found = [[seconds(step) for step in steps] for _ in range(ROUNDS)]
    print(
        "seconds of a step: Keras's", *(f"{statistics.median(each):.3f}" for each in zip(*found, strict=True)), "fused"
    )
    print(f"ratio {statistics.median(one / other for one, other in found):.2f}, {ROUNDS} rounds")


def _optimizers(gan) -> tuple:
    return gan.generator_optimizer, gan.discriminator_optimizer


def _plain(layer):
    if isinstance(layer, keras.layers.BatchNormalization):
        return keras.layers.BatchNormalization.from_config(layer.get_config())
    return type(layer).from_config(layer.get_config())


if __name__ == "__main__":
    main()
