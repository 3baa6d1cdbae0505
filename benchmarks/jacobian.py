"""Which way of computing the Jacobian of a generator is the fastest?

    python benchmarks/jacobian.py FILE[:low,high] [FILE[:low,high] ...]

For each generator file, the Jacobian [rows, d, M] of a batch of its images, M pixels by d entries of the code, is
computed in several ways, in a `tf.function` and with as many rows at once as Levenberg-Marquardt takes:

- backward pass: `tfinvert.solvers.jacobian.jacobian`, which differentiates the backward pass, vectorised over the
  d unit tangents;
- forward mode: `tf.autodiff.ForwardAccumulator`, vectorised over the same tangents;
- tiled batch: `ForwardAccumulator` on each code repeated d times, one tangent each;
- batch_jacobian: `tf.GradientTape.batch_jacobian`, M backward passes; left out where it would not fit.

The ways are timed one after the other, round by round, in turning order. "times" is how many times as long as the
backward pass a way took, the median of the rounds' ratios with their quartiles; "first call" is the same for the
first call of each, which traces and is timed once. "passes" is the time in forward passes of the same batch.
"difference" is the largest one to the backward pass's Jacobian, as a share of its largest entry. What is
else at work on the machine moves single rounds a lot, and the medians less.

The last line is about a fused batch normalisation of tf_keras in a `tf.function`: the largest entry that each way
finds in its Jacobian, which is not zero.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
import tf_keras
from _files import FILE_HELP, generator

import tfinvert as ti
from tfinvert.solvers.jacobian import jacobian, rows_at_once

_MOST = 2**25  # pixels that batch_jacobian may push back at once; a generator's activations take tens of times more

Function = Callable[[tf.Tensor], tf.Tensor]  # codes [N, *shape] -> [N, M]


def forward_mode(function: Function, codes: tf.Tensor) -> tf.Tensor:
    entries = int(np.prod(codes.shape[1:]))

    def along(unit: tf.Tensor) -> tf.Tensor:
        with tf.autodiff.ForwardAccumulator(codes, tf.broadcast_to(unit, tf.shape(codes))) as accumulator:
            values = function(codes)
        return accumulator.jvp(values, unconnected_gradients="zero")

    units = tf.reshape(tf.eye(entries), [entries, 1, *codes.shape[1:]])
    return tf.transpose(tf.vectorized_map(along, units), [1, 0, 2])


def tiled(function: Function, codes: tf.Tensor) -> tf.Tensor:
    entries, count = int(np.prod(codes.shape[1:])), tf.shape(codes)[0]
    units = tf.reshape(tf.eye(entries), [entries, *codes.shape[1:]])
    many = tf.repeat(codes, entries, axis=0)
    tangents = tf.tile(units, [count, *[1] * (codes.shape.rank - 1)])
    with tf.autodiff.ForwardAccumulator(many, tangents) as accumulator:
        values = function(many)
    return tf.reshape(accumulator.jvp(values, unconnected_gradients="zero"), [count, entries, values.shape[1]])


def batch_jacobian(function: Function, codes: tf.Tensor) -> tf.Tensor:
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(codes)
        values = function(codes)
    slopes = tape.batch_jacobian(values, codes)  # [N, M, *shape]
    flat = tf.reshape(slopes, [tf.shape(codes)[0], values.shape[1], int(np.prod(codes.shape[1:]))])
    return tf.transpose(flat, [0, 2, 1])


WAYS = {"backward pass": jacobian, "forward mode": forward_mode, "tiled batch": tiled, "batch_jacobian": batch_jacobian}


def timed(function: Callable, codes: tf.Tensor) -> tuple[float, np.ndarray]:
    begun = time.perf_counter()
    result = function(codes).numpy()
    return time.perf_counter() - begun, result


def measure(made: ti.Generator, rows: int | None, rounds: int) -> None:
    space, pixels = made.space, int(np.prod(made.image_shape))
    rows = rows_at_once(space.entries)[0] if rows is None else rows
    labels = 0 if made.condition else None
    codes, _ = made.sample(rows, seed=1, labels=labels)

    def images(codes: tf.Tensor) -> tf.Tensor:
        classes = tf.zeros(tf.shape(codes)[:1], tf.int32) if made.condition else None
        return tf.reshape(made.to_unit(made(codes, classes)), [-1, pixels])

    print(f"\n{made.name}: d = {space.entries}, M = {pixels}, {rows} rows at once, {rounds} rounds")
    ways = dict(WAYS)
    if rows * pixels * pixels > _MOST:
        del ways["batch_jacobian"]
        print(f"batch_jacobian left out: it would push {rows} x {pixels} images of {pixels} pixels back at once")
    signature = [tf.TensorSpec([None, *codes.shape[1:]])]
    compiled = {
        name: tf.function(lambda codes, way=way: way(images, codes), autograph=False, input_signature=signature)
        for name, way in (("forward pass", lambda function, codes: function(codes)), *ways.items())
    }
    first, found = {}, {}
    for name, function in compiled.items():
        first[name], found[name] = timed(function, codes)
    names = list(compiled)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            seconds[name].append(timed(compiled[name], codes)[0])
    own = seconds["backward pass"]
    largest = np.abs(found["backward pass"]).max()
    print(f"{'':15} {'times':>6} {'25%':>6} {'75%':>6} {'first call':>11} {'passes':>7} {'difference':>11}")
    for name in ways:
        ratios = [one / base for one, base in zip(seconds[name], own, strict=True)]
        low, middle, high = np.percentile(ratios, [25, 50, 75])
        passes = statistics.median(a / b for a, b in zip(seconds[name], seconds["forward pass"], strict=True))
        difference = np.abs(found[name] - found["backward pass"]).max() / largest
        print(
            f"{name:15} {middle:>6.2f} {low:>6.2f} {high:>6.2f} "
            f"{first[name] / first['backward pass']:>11.1f} {passes:>7.0f} {difference:>11.1e}",
            flush=True,
        )


def batch_normalisation() -> None:
    layers = tf_keras.layers
    model = tf_keras.Sequential([layers.Input((4,)), layers.Reshape((2, 2, 1)), layers.BatchNormalization(fused=True)])
    function = tf.function(lambda codes: tf.reshape(model(codes, training=False), [-1, 4]), autograph=False)
    codes = tf.reshape(tf.range(8, dtype=tf.float32), [2, 4])
    largest = ", ".join(f"{name} {np.abs(way(function, codes)).max():.3f}" for name, way in WAYS.items())
    print(f"\nfused batch normalisation in a tf.function: {largest}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"{FILE_HELP}; default: the built-in generator")
    parser.add_argument("--rows", type=int, help="codes at once; default: as many as Levenberg-Marquardt takes")
    parser.add_argument("--rounds", type=int, default=15)
    values = parser.parse_args()
    tf.get_logger().setLevel("ERROR")  # it takes the ways for one function that is traced again and again
    for file in values.files or [None]:
        measure(generator(file), values.rows, values.rounds)
    batch_normalisation()


if __name__ == "__main__":
    main()
