"""Two devices of one machine: one batch mirrored over both, or a worker for each.

    python benchmarks/devices.py --generator=G.h5 [--batch=32] [--steps=200] [--rounds=4]

Devices are processors here, each of one thread: TensorFlow shows the machine as two logical ones for
`tf.distribute.MirroredStrategy`, which gives each half of every batch and waits for both; workers are two processes
with batches of their own, as `--engine=ray` has them. Prints images per second, and whether the codes are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

import _files
import numpy as np


def inverted(arguments: argparse.Namespace, only: int | None) -> None:
    """In a process of its own: several batches, timed; `only`: those of one of two workers."""
    import tensorflow as tf

    mirrored = arguments.kind == "mirrored"
    if mirrored:
        cpus = tf.config.list_physical_devices("CPU")
        tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
    import tfinvert as ti

    generator = _files.generator(arguments.generator)
    inverter = ti.Inverter(generator, solver=ti.LBFGS(steps=arguments.steps), batch_size=arguments.batch)
    images = generator.sample(arguments.batch * arguments.rounds, seed=1)[1]
    ids = tf.constant([f"image {number}" for number in range(len(images))])
    whole = tf.function(lambda batch, names: inverter(batch, ids=names).codes, autograph=False)
    if mirrored:
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

        @tf.function(autograph=False)
        def both(first, second, names_of_first, names_of_second):
            halves = lambda one, other: strategy.experimental_distribute_values_from_function(
                lambda context: (one, other)[context.replica_id_in_sync_group]
            )
            found = strategy.run(whole, (halves(first, second), halves(names_of_first, names_of_second)))
            return tf.concat(strategy.experimental_local_results(found), axis=0)

        half = arguments.batch // 2
        do = lambda batch, names: both(batch[:half], batch[half:], names[:half], names[half:])
    else:
        do = whole
    parts = [slice(first, first + arguments.batch) for first in range(0, len(images), arguments.batch)]
    do(images[parts[0]], ids[parts[0]])  # makes the graphs
    began = time.perf_counter()
    codes = [do(images[part], ids[part]).numpy() for number, part in enumerate(parts) if only in (None, number % 2)]
    taken = time.perf_counter() - began
    print(
        json.dumps({"seconds": taken, "images": sum(map(len, codes)), "sum": [float(np.sum(each)) for each in codes]})
    )


def begun(arguments: argparse.Namespace, kind: str, only: int | None = None) -> subprocess.Popen:
    command = [sys.executable, __file__, *sys.argv[1:], f"--kind={kind}"]
    between = "2" if kind == "mirrored" else "1"  # one thread for each device
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": between}
    return subprocess.Popen(
        [*command, *([] if only is None else [f"--only={only}"])], env=environment, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip


def outcome(process: subprocess.Popen) -> dict:
    text = process.communicate()[0]
    if process.returncode:
        raise SystemExit("a process failed")
    return json.loads(text.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True, help=_files.FILE_HELP)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind is not None:
        inverted(arguments, arguments.only)
        return
    one = outcome(begun(arguments, "one"))
    mirrored = outcome(begun(arguments, "mirrored"))
    both = [outcome(each) for each in [begun(arguments, "one", worker) for worker in (0, 1)]]
    rate = one["images"] / one["seconds"]
    print(f"one device: {rate:.2f} images a second")
    print(
        f"mirrored over two: {mirrored['images'] / mirrored['seconds'] / rate:.2f} times as many; "
        f"the same codes: {mirrored['sum'] == one['sum']}"
    )
    workers = sum(each["images"] for each in both) / max(each["seconds"] for each in both)
    in_turns = [both[number % 2]["sum"][number // 2] for number in range(arguments.rounds)]
    print(f"a worker for each: {workers / rate:.2f} times as many; the same codes: {in_turns == one['sum']}")


if __name__ == "__main__":
    main()
