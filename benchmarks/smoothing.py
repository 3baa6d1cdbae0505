"""What graduated smoothing gains: own samples found from one start, and images at the code and behind a cut.

    python benchmarks/smoothing.py [FILE[:low,high] ...] --images=SOURCE [--limit=16] [--smoothing=0]
        [--smoothing=default] [--smoothing=0.5,0.05] [--solvers=adam,lbfgs] [--steps=500] [--sparsity=0,default]
        [--split=first_dense] [--places=own,code,behind]

One line for each generator, place, solver, charge and smoothing:
own: 16 images of the generator's own, one start each: how many are matched (mean squared error below 1e-6).
code: the images, four starts each, at the code.
behind: the images behind the cut, all from the same codes (those of L-BFGS, 100 steps, four starts).
Classes are those of the images, else 0, 1, 2 and so on. Errors are medians on [0, 1]; passes are those of one image;
seconds include the building of graphs.
"""

import argparse
import time
from typing import Any

import _files
import numpy as np
import tensorflow as tf

import tfinvert as ti
from tfinvert.settings import SecondStep, SolverSettings

KNOWN = 1e-6  # mean squared error of an image whose code was found


def amounts(text: str) -> list[float] | None:
    return None if text == "default" else [float(each) for each in text.split(",")]


def classes(generator: ti.Generator, count: int, known: np.ndarray | None = None) -> np.ndarray | None:
    if generator.condition is None:
        return None
    return np.arange(count) % generator.condition.classes if known is None else known


def show(generator: ti.Generator, place: str, how: str, targets: Any, found: Any, begun: float, more: str = "") -> None:
    errors = ti.metrics.mse(generator.to_unit(found.images), generator.to_unit(targets)).numpy()
    middle = np.median(errors)
    print(
        f"{generator.name[:28]:28} {place:6} {how:34} mse {middle:8.2e} psnr {-10 * np.log10(middle):5.2f}"
        f" matched {np.mean(errors < KNOWN):4.0%} passes {np.median(found.passes):6.0f}"
        f" {time.perf_counter() - begun:5.0f} s {more}",
        flush=True,
    )


def at_codes(generator: ti.Generator, place: str, targets: Any, labels: Any, starts: int, arguments: Any) -> None:
    for solver in arguments.solvers.split(","):
        for smoothing in arguments.smoothing:
            begun = time.perf_counter()
            inverter = ti.Inverter(
                generator, solver=SolverSettings(solver, arguments.steps), restarts=starts, smoothing=amounts(smoothing)
            )
            show(generator, place, f"{solver} smoothing {smoothing}", targets, inverter(targets, labels=labels), begun)


def behind(generator: ti.Generator, targets: Any, labels: Any, arguments: Any) -> None:
    first = ti.Inverter(generator, solver=ti.LBFGS(100))
    kept = first(targets, labels=labels)
    for solver in arguments.solvers.split(","):
        for sparsity in arguments.sparsity.split(","):
            for smoothing in arguments.smoothing:
                begun = time.perf_counter()
                second = SecondStep(
                    arguments.split.split(","),
                    sparsity=None if sparsity == "default" else float(sparsity),
                    steps=arguments.steps,
                    solver=solver,
                    smoothing=amounts(smoothing),
                )
                two = ti.TwoStep(first, second)
                found = two(targets, labels=labels, codes=kept.codes)
                zeros = f"zeros {np.mean(found.delta_zeros):4.0%}"
                how = f"{solver} charge {sparsity} smoothing {smoothing}"
                show(generator, "behind", how, targets, found, begun, zeros)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generators", nargs="*", help=_files.FILE_HELP)
    parser.add_argument("--images", help="as of tfinvert invert; default: the built-in glyphs")
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--smoothing", action="append", help="may be given several times")
    parser.add_argument("--solvers", default="adam,lbfgs")
    parser.add_argument("--sparsity", default="0,default")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--split", default="first_dense")
    parser.add_argument("--places", default="own,code,behind")
    arguments = parser.parse_args()
    arguments.smoothing = arguments.smoothing or ["0", "default"]
    for text in arguments.generators or [None]:
        generator = _files.generator(text)
        given = ti.images.load(arguments.images, generator, limit=arguments.limit)
        images, labels = tf.constant(given.pixels), classes(generator, len(given.pixels), given.labels)
        if "own" in arguments.places:
            own = classes(generator, 16)
            at_codes(generator, "own", generator.sample(16, seed=3, labels=own)[1], own, 1, arguments)
        if "code" in arguments.places:
            at_codes(generator, "code", images, labels, 4, arguments)
        if "behind" in arguments.places:
            behind(generator, images, labels, arguments)


if __name__ == "__main__":
    main()
