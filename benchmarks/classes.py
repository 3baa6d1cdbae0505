"""Is the class of an image found again, by trying classes and by optimising the class embedding?

    python benchmarks/classes.py FILE[:low,high] [--samples=30]

FILE is a class-conditional generator. Images are made from codes of its prior, its classes taking turns, and inverted
with the class known, after `ClassSearch`, and with the class a part of the code (`mixture`; its class is then the one
of most weight). One row for each: the share of classes that were right, the median error of the reconstructions on
[0, 1], and the time as a multiple of the first row's, each with the building of graphs.
"""

import argparse
import time

import numpy as np
from _files import FILE_HELP, generator

import tfinvert as ti


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="FILE", help=FILE_HELP)
    parser.add_argument("--samples", type=int, default=30)
    arguments = parser.parse_args()
    made = generator(arguments.file)
    if made.condition is None:
        raise SystemExit(f"{made.name} is not class-conditional: expected a generator that takes classes")
    labels = made.condition.turns(np.arange(arguments.samples)).numpy()
    _, images = made.sample(arguments.samples, seed=7, labels=labels)
    mixed, unit = ti.mixture(made), made.to_unit(images)

    def searched() -> tuple[np.ndarray, ti.Inversion]:
        found = ti.ClassSearch(made)(images)
        return found, ti.Inverter(made)(images, labels=found)

    def embedded() -> tuple[np.ndarray, ti.Inversion]:
        found = ti.Inverter(mixed)(images)
        return np.argmax(found.codes.numpy()[:, made.space.entries :], axis=1), found

    ways = {"known": lambda: (labels, ti.Inverter(made)(images, labels=labels)), "searched": searched}
    seconds = []
    print(f"{made.name}, {arguments.samples} images\n{'class':9} {'right':>6} {'error':>8} {'times':>6}")
    for name, way in (ways | {"embedding": embedded}).items():
        began = time.perf_counter()
        found, result = way()
        seconds.append(time.perf_counter() - began)
        error = np.median(ti.metrics.mse(made.to_unit(result.images), unit))
        print(f"{name:9} {np.mean(found == labels):>6.0%} {error:>8.1e} {seconds[-1] / seconds[0]:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
