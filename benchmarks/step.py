"""What a step of inversion costs, as a share of what the machine can do.

    python benchmarks/step.py

For a DCGAN of 64x64x3 images, it prints the seconds per step of the inversion loop (Adam, pixel MSE, one start)
at batch 1, 16 and 64, and the floating point operations done in that time as a share of the machine's float32
matmul peak. The peak is measured right before and after each timing, since machines are shared and drift: only
the share means something, the seconds do not carry over.

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

ROUNDS = 5


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


def peak(size: int = 2048, times: int = 6) -> float:
    """Operations per second of a float32 matrix product, the best of a few."""
    matrix = tf.random.normal([size, size])
    best = 0.0
    for _ in range(times):
        begun = time.perf_counter()
        tf.matmul(matrix, matrix).numpy()
        best = max(best, 2.0 * size**3 / (time.perf_counter() - begun))
    return best


def seconds_per_step(generator: ti.Generator, batch: int) -> tuple[float, float]:
    """Median seconds per step, and the peak around them; compilation is left out by a difference of two runs."""
    _, images = generator.sample(batch, seed=1)
    short, long = (
        ti.Inverter(generator, solver=ti.Adam(steps=steps), restarts=1, batch_size=batch, tolerance=-1.0)
        for steps in (5, 25)
    )
    short(images), long(images)
    steps, peaks = [], []
    for _ in range(ROUNDS):
        peaks.append(peak())
        times = []
        for inverter in (short, long):
            begun = time.perf_counter()
            inverter(images)
            times.append(time.perf_counter() - begun)
        steps.append((times[1] - times[0]) / 20)
        peaks.append(peak())
    return statistics.median(steps), statistics.median(peaks)


def main() -> None:
    model, operations = dcgan()
    generator = ti.load_generator(model, prior=ti.normal(), value_range=(-1, 1))
    print(f"one forward pass: {operations / 1e9:.3f} GFLOP per image")
    print(f"{'batch':>6} {'s/step':>8} {'peak GFLOP/s':>13} {'share, images':>14} {'share, rows':>12}")
    for batch in (1, 16, 64):
        seconds, machine = seconds_per_step(generator, batch)
        share = 2 * operations * batch / seconds / machine
        rows = batch + -batch % 16
        print(f"{batch:>6} {seconds:>8.4f} {machine / 1e9:>13.0f} {share:>14.0%} {share * rows / batch:>12.0%}")


if __name__ == "__main__":
    main()
