"""What finds a code again: the start, the way of looking at pixels, or the solver?

    python benchmarks/recovery_starts.py FILE[:low,high] [FILE[:low,high] ...] [--codes=16]

For each generator file: codes are drawn from the prior, and Levenberg-Marquardt looks for them from their images,
one start each, with the settings of an attempt of `tfinvert.Recovery`. First a line with the R^2 of the regression's
guesses on samples it has not seen, for each way of looking at pixels: as they are, and through `Logit(floor)`. Then
one row for each of these:

- start: drawn from the prior; of 64 such the one of the least loss, for a pass each; or the regression's guess, which
  sees pixels as they are or through `Logit(floor)`;
- loss: plain pixels, or `Logit(floor)` and then a polish on plain pixels. The floor is the one that R^2 chooses;
  where it chooses pixels there is none;
- worth: 0.9 updates Jacobians by secants while that goes well (the polish: 0.3), 0 computes one after every step.

Read a row as: this share of codes came near (||z - z'||^2 / d below 0.1, before the polish), this share was found
(below 1e-6, after it), for so many generator passes per code, and so many more for the polish; the regression's
samples are not among them. Rows that differ in one column tell what that column is worth. Results are numbers of
codes, not times; with 16 of them, a share near one half has a standard error of 12%.
"""

import argparse
import dataclasses
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from _files import FILE_HELP, generator

import tfinvert as ti
from tfinvert import seeds
from tfinvert.inversion.regression import FLOORS, Regression
from tfinvert.inversion.stages import loss
from tfinvert.spaces import unconstrained


class Trial(NamedTuple):
    """One row of the table; `guess` and `floor` are floors, or None for plain pixels."""

    drawn: int  # starts from the prior that are looked at; 0 for the guess
    guess: float | None
    floor: float | None
    secant: bool


def look(floor: float | None) -> str:
    return "pixels" if floor is None else f"Logit({floor:g})"


def trials(best: float | None) -> list[Trial]:
    """One after the other: a start, a loss or the secant updates is changed."""
    plain = [Trial(1, None, None, True), Trial(64, None, None, True), Trial(0, None, None, True)]
    plain.append(Trial(0, None, None, False))
    if best is None:
        return plain
    return [
        *plain,
        Trial(0, best, None, True),
        Trial(1, None, best, True),
        Trial(64, None, best, True),
        Trial(0, best, best, True),
        Trial(0, best, best, False),
    ]


def inverter(free: ti.Generator, floor: float | None, solver: ti.LevenbergMarquardt) -> ti.Inverter:
    # Float32 images near black and white are not known better than a loss of 3e-16.
    tolerance = 1e-14 if floor is None else max(1e-9 * floor**2, 3e-16)
    return ti.Inverter(free, loss(floor), solver, restarts=ti.Starts(1, 1.0), stopping=ti.Stopping(tolerance, 15))


def best_of(drawn: int, free: ti.Generator, floor: float | None, unit: tf.Tensor, labels) -> np.ndarray:
    """For each image the start from the prior with the least loss [B, 1, *shape]; other ones than the codes."""
    count = len(unit)
    bound = loss(floor).bind(unit, free.space)
    pool = [free.space.sample(seeds.of(5, tf.range(k * count, (k + 1) * count))) for k in range(drawn)]
    losses = [bound.values(codes, free.to_unit(free(codes, labels))) for codes in pool]
    return np.stack(pool)[np.argmin(losses, axis=0), np.arange(count)][:, None]


def measure(made: ti.Generator, count: int) -> None:
    free = dataclasses.replace(made, space=made.space.constrained(unconstrained()))
    labels = np.arange(count) % (made.condition.classes or 1) if made.condition else None
    codes, images = free.sample(count, seed=1, labels=labels)  # not the seed of the starts
    unit = free.to_unit(images)
    regression = Regression(free)

    def below(found: ti.Inversion, bound: float) -> float:
        away = np.square(found.codes.numpy() - codes.numpy()).reshape(count, -1)
        return float(np.mean(np.mean(away, axis=1) < bound))

    scores = ", ".join(f"{look(floor)} {regression.score(floor):.2f}" for floor in FLOORS)
    print(f"\n{made.name}, {count} codes; R^2 of the regression: {scores}")
    print(f"{'start':24} {'loss':12} {'worth':>5} {'< 0.1':>6} {'< 1e-6':>6} {'passes':>7} {'polish':>7}", flush=True)
    for trial in trials(regression.best_floor()):
        if trial.drawn:
            starts = best_of(trial.drawn, free, trial.floor, unit, labels)
        else:
            starts = regression.codes(unit, trial.guess)[:, None]
        worth = 0.9 if trial.secant else 0.0
        solver = ti.LevenbergMarquardt(90, 0.1, worth)
        found = inverter(free, trial.floor, solver)(images, labels=labels, starts=starts)
        near, passes = below(found, 0.1), [np.mean(found.passes) + (trial.drawn if trial.drawn > 1 else 0)]
        if trial.floor is not None:
            solver = ti.LevenbergMarquardt(60, 1e-6, 0.3 if trial.secant else 0.0)
            found = inverter(free, None, solver)(images, labels=labels, starts=found.codes[:, None])
            passes.append(np.mean(found.passes))
        start = f"prior, best of {trial.drawn}" if trial.drawn > 1 else "prior"
        start = start if trial.drawn else f"regression, {look(trial.guess)}"
        print(
            f"{start:24} {look(trial.floor):12} {worth:>5} {near:>6.0%} {below(found, 1e-6):>6.0%} "
            + " ".join(f"{number:>7.0f}" for number in passes),
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"{FILE_HELP}; default: the built-in generator")
    parser.add_argument("--codes", type=int, default=16)
    values = parser.parse_args()
    tf.get_logger().setLevel("ERROR")  # every row has graphs of its own, which is none of its business
    for file in values.files or [None]:
        measure(generator(file), values.codes)


if __name__ == "__main__":
    main()
