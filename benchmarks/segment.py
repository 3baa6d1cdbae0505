"""What segmentation takes: seconds, and the most memory that the process held.

    python benchmarks/segment.py [--biggan]

First maps of random softmax rows, each in a process of its own: 32x32 places; 64x64 with pooled keys, as in BigGAN-128
and 512, and without; 128x128, as in BigGAN-256, which are pooled to 64x64. 8, 20 and 40 clusters each. "before" is what
the process held with TensorFlow and the map in it, "most" what it held meanwhile. With --biggan then a BigGAN-128 of
its real size, with random weights, from a TF-Hub module: what it takes to find its map, to split it, and to compute the
map of one h. Seconds do not carry over to other machines.
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path

import _files  # noqa: F401  (finds the package)
import numpy as np
from biggan import module

import tfinvert as ti
from tfinvert.experiments.memory import Peak
from tfinvert.segmentation import find, segment

MAPS = [((32, 32), (16, 16)), ((64, 64), (32, 32)), ((64, 64), (64, 64)), ((128, 128), (64, 64))]
CLUSTERS = (8, 20, 40)


def one_map(grid: tuple[int, int], keys: tuple[int, int]) -> None:
    weights = np.random.default_rng(0).random((*grid, *keys), np.float32)
    weights **= 8
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    _told(f"{grid[0]}x{grid[1]} places, {keys[0]}x{keys[1]} keys", lambda: segment(weights, CLUSTERS))


def biggan() -> None:
    with tempfile.TemporaryDirectory() as folder:
        writing = multiprocessing.get_context("spawn").Process(target=module, args=(Path(folder) / "biggan-128",))
        writing.start()
        writing.join()
        generator = _told("loading", lambda: ti.from_saved_model(Path(folder) / "biggan-128", truncation=0.5))
    codes, _ = generator.sample(1, labels=0)
    attention = _told("finding the map", lambda: find(generator))
    print(f"{attention.name}: {attention.layout}")
    parts = _told("splitting", lambda: ti.split(generator))
    behind = attention.behind(parts)
    hidden, held = parts.before(codes, [0])
    weights = _told("the first map", lambda: behind(hidden, *held))
    weights = _told("another", lambda: behind(hidden, *held))
    _told("its clusters", lambda: segment(weights[0], CLUSTERS))


def _told(name, work):
    with Peak() as before:
        pass
    begun = time.perf_counter()
    with Peak() as most:
        found = work()
    seconds = time.perf_counter() - begun
    print(f"{name:32} {seconds:6.1f} s   before {before.mebibytes:6,.0f}   most {most.mebibytes:6,.0f} MiB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--biggan", action="store_true")
    arguments = parser.parse_args()
    for sizes in MAPS:
        process = multiprocessing.get_context("spawn").Process(target=one_map, args=sizes)
        process.start()
        process.join()
    if arguments.biggan:
        biggan()


if __name__ == "__main__":
    main()
