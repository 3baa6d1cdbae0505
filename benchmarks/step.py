"""What a step of inversion costs, as a share of what the machine can do.

    python benchmarks/step.py

For a DCGAN of 64x64x3 images, it prints the seconds per step of the inversion loop (Adam, pixel MSE, one start)
at batch 1, 16 and 64, and the floating point operations done in that time as a share of the machine's float32
matmul peak. The peak is measured right before and after each timing and for about as long, since machines are
shared and drift; the share is the median of nine such rounds. The seconds do not carry over, only the share does.

A step counts as two forward passes: one forward, one backward to the code. Batches below 16 are filled up to 16
rows, so that an image's result does not depend on its batch (docs/design.md); the last column counts those rows.
"""

import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import tensorflow as tf
from keras import layers

import tfinvert as ti

ROUNDS = 9


def dcgan() -> tuple[keras.Model, float]:
    """A DCGAN generator 100 -> 64x64x3 with 4x4 kernels, and the operations of one image's forward pass."""
    code = keras.Input((100,))
    x = layers.Reshape((4, 4, 512))(layers.Dense(4 * 4 * 512)(code))
    operations = 2.0 * 100 * 4 * 4 * 512
    side, channels = 4, 512
    for width in (256, 128, 64, 3):
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.Conv2DTranspose(width, 4, strides=2, padding="same")(x)
        operations += 2.0 * side * side * channels * 16 * width
        side, channels = 2 * side, width
    return keras.Model(code, layers.Activation("tanh")(x)), operations


def peak(size: int = 2048, seconds: float = 0.8) -> float:
    """Operations per second of float32 matrix products, sustained for as long as a timing takes."""
    matrix = tf.random.normal([size, size])
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        tf.matmul(matrix, matrix).numpy()
        count += 1
    return count * 2.0 * size**3 / (time.perf_counter() - begun)


def measure(generator: ti.Generator, batch: int, operations: float) -> tuple[float, float, float]:
    """Medians over the rounds: seconds per step, the peak around it, and the share of the one in the other.

    A step's time is the difference of a long and a short run, which leaves out the start and the end.
    """
    _, images = generator.sample(batch, seed=1)
    more = max(8, 320 // batch)
    short, long = (
        ti.Inverter(generator, solver=ti.Adam(steps=steps), restarts=1, batch_size=batch, stopping=ti.Stopping(-1.0))
        for steps in (2, 2 + more)
    )
    short(images), long(images)
    rounds = []
    before = peak()
    for _ in range(ROUNDS):
        times = []
        for inverter in (short, long):
            begun = time.perf_counter()
            inverter(images)
            times.append(time.perf_counter() - begun)
        after = peak()
        step, machine = (times[1] - times[0]) / more, (before + after) / 2
        rounds.append((step, machine, 2 * operations * batch / step / machine))
        before = after
    seconds, machine, share = (statistics.median(column) for column in zip(*rounds, strict=True))
    return seconds, machine, share


def main() -> None:
    model, operations = dcgan()
    generator = ti.load_generator(model, prior=ti.normal(), value_range=(-1, 1))
    print(f"one forward pass: {operations / 1e9:.3f} GFLOP per image")
    print(f"{'batch':>6} {'s/step':>8} {'peak GFLOP/s':>13} {'share, images':>14} {'share, rows':>12}")
    for batch in (1, 16, 64):
        seconds, machine, share = measure(generator, batch, operations)
        rows = batch + -batch % 16
        print(f"{batch:>6} {seconds:>8.4f} {machine / 1e9:>13.0f} {share:>14.0%} {share * rows / batch:>12.0%}")


if __name__ == "__main__":
    main()
