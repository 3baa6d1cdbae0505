"""What a step of inversion costs for BigGAN-128 with the perceptual loss, and whose share is whose.

    python benchmarks/biggan.py [--network=inceptionv3_to_mixed8.keras] [--batch=4] [--rounds=5] [--two_steps]

A BigGAN-128 of its real size, with random weights, is written as a TF-Hub module in TensorFlow 1's format with
DeepMind's names, and loaded from there. Then the seconds per step of the inversion loop (Adam, one start) are taken
in turns, with the pixel loss alone and with InceptionV3's mixed8 beside it, at the code and behind the first dense
layer. A step's time is the difference of a long and a short run, which leaves out the start and the end; the median of
the rounds is printed, the share of the features, and the most memory that the process held. Without --network
InceptionV3 has random weights, which costs the same. Seconds do not carry over to other machines, shares do.

With --two_steps instead: the default two steps, smoothed, of 10 steps each on the pixel loss; the most memory that the
process held; and slopes of the smoothed generator along 8 random ways against central differences, at the code and
behind the dense layer.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import _files  # noqa: F401  (finds the package)
import keras
import numpy as np
import tensorflow as tf

import tfinvert as ti
from tfinvert.experiments.memory import Peak
from tfinvert.gans.biggan import biggan_generator
from tfinvert.gans.hub_module import write_hub_module
from tfinvert.generators.derived.smoothed import SMOOTHING
from tfinvert.generators.derived.split import HIDDEN, around
from tfinvert.generators.held import Held

STEPS = (1, 4)


def module(folder: Path) -> None:
    """BigGAN-128 with random weights and the batch statistics that go with them."""
    keras.utils.set_random_seed(0)
    model = biggan_generator()
    for layer in model.layers:
        layer.momentum = 0.0
    random = np.random.default_rng(0)
    codes = random.normal(size=(8, 120)).astype(np.float32)
    model({"z": codes, "y": np.eye(1000, dtype=np.float32)[random.integers(0, 1000, 8)]}, training=True)
    write_hub_module(model, folder)


def single_steps(generator: ti.Generator, network: Any, batch: int, rounds: int) -> None:
    labels = np.arange(batch)
    codes, images = generator.sample(batch, seed=1, labels=labels)
    parts = ti.split(generator)
    hidden, held = parts.before(codes, labels)
    behind = {**held.tensors, HIDDEN: hidden}
    losses = {"pixels": ti.Pixel(), "pixels + mixed8": ti.Pixel() + ti.Features(network=network)}
    runs = {}
    for place, (each, given) in {"code": (generator, None), "dense": (around(parts.tail), behind)}.items():
        for name, loss in losses.items():
            runs[place, name] = (
                [
                    ti.Inverter(
                        each, loss, ti.Adam(steps=steps), restarts=1, batch_size=batch, stopping=ti.Stopping(-1.0)
                    )
                    for steps in STEPS
                ],
                given,
            )
    times: dict[tuple[str, str], list[float]] = {key: [] for key in runs}
    memory: dict[tuple[str, str], float] = {}
    for turn in range(rounds + 1):
        for key, (inverters, given) in runs.items():
            took = []
            with Peak() as peak:
                for inverter in inverters:
                    begun = time.perf_counter()
                    inverter(images, labels=labels, held=given)
                    took.append(time.perf_counter() - begun)
            memory[key] = peak.mebibytes
            if turn:  # the first builds graphs
                times[key].append((took[1] - took[0]) / (STEPS[1] - STEPS[0]))
    print(f"{'at':6} {'loss':16} {'seconds per step':>16} {'share of features':>18} {'MiB':>8}")
    for (place, name), seconds in times.items():
        step, plain = statistics.median(seconds), statistics.median(times[place, "pixels"])
        print(f"{place:6} {name:16} {step:16.2f} {1 - plain / step:18.0%} {memory[place, name]:8,.0f}")


def two_steps(generator: ti.Generator, batch: int) -> None:
    labels = np.arange(batch)
    _, images = generator.sample(batch, seed=1, labels=labels)
    two = ti.TwoStep(
        ti.Inverter(generator, solver=ti.LBFGS(10), restarts=1, batch_size=batch),
        ti.SecondStep("first_dense", steps=10),
    )
    begun = time.perf_counter()
    with Peak() as peak:
        found = two(images, labels=labels)
    errors = ti.metrics.mse(*map(generator.to_unit, (found.images, images)))
    print(
        f"two steps, {batch} images: mse {np.median(found.mse_latent):.2e}, then {np.median(errors):.2e}, "
        f"{np.median(found.passes):.0f} passes, "
        f"{time.perf_counter() - begun:.0f} s, {peak.mebibytes:,.0f} MiB"
    )
    codes = generator.sample(1, seed=2, labels=labels[:1])[0]
    parts = ti.split(generator)
    hidden, held = parts.before(codes, labels[:1])
    slopes("code", ti.smoothed(generator), codes, generator.check(codes, labels[:1], None)[1], images[:1])
    slopes("dense", ti.smoothed(parts.tail), hidden, held, images[:1])


def slopes(place: str, generator: ti.Generator, codes: tf.Tensor, held: Held, images: tf.Tensor) -> None:
    """Prints how far slopes are from central differences."""
    held = held._replace(tensors={**held.tensors, SMOOTHING: tf.constant([0.5])})
    error = tf.function(lambda codes: tf.reduce_mean(tf.square(generator(codes, *held) - images)))
    random, found, known = np.random.default_rng(3), [], []
    for _ in range(8):
        way = tf.constant(random.normal(size=codes.shape), codes.dtype) * generator.space.spread
        with tf.GradientTape() as tape:
            tape.watch(codes)
            value = error(codes)
        found.append(float(tf.reduce_sum(tape.gradient(value, codes) * way)))
        known.append(float(error(codes + 1e-2 * way) - error(codes - 1e-2 * way)) / 2e-2)
    off = np.linalg.norm(np.subtract(found, known)) / np.linalg.norm(known)
    print(f"{place:6} slopes and central differences differ by {off:.1e} of their size")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", help="file of the perceptual network; default: InceptionV3 with random weights")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--two_steps", action="store_true")
    arguments = parser.parse_args()
    network = arguments.network or keras.applications.InceptionV3(
        include_top=False, weights=None, input_shape=(299, 299, 3)
    )
    with tempfile.TemporaryDirectory() as folder:
        module(Path(folder) / "biggan-128")
        keras.backend.clear_session()
        with Peak() as loading:
            generator = ti.from_saved_model(Path(folder) / "biggan-128", truncation=0.5)
        print(f"{generator.name}: {generator.space}, loaded and written within {loading.mebibytes:,.0f} MiB")
        if arguments.two_steps:
            two_steps(generator, arguments.batch)
        else:
            single_steps(generator, network, arguments.batch, arguments.rounds)


if __name__ == "__main__":
    main()
