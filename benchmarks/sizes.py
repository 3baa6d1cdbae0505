"""A graph for each size of a batch, or one for all: seconds, and whether the codes are the same.

    python benchmarks/sizes.py FILE...

Inverts the same 16 images by 60 steps of L-BFGS from four starts, first as the `Inverter` does, whose graphs have one
size each, then through graphs of any size. Prints the seconds of each, the least of three in turns; and whether 16, 15,
12, 8 and 1 of the images have the codes to the bit that they have among 16, whatever sizes came before.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import _files
import numpy as np
import tensorflow as tf

import tfinvert as ti

COUNTS, STEPS, ROUNDS = (16, 15, 12, 8, 1, 16), 60, 3


class OfAnySize:
    """A function's graph for whatever number of rows."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, *given: Any) -> Any:
        spec = lambda each: tf.TensorSpec([None, *each.shape[1:]] if each.shape.rank else [], each.dtype)
        specs = tf.nest.map_structure(lambda each: spec(each) if tf.is_tensor(each) else each, given)
        return self._function.get_concrete_function(*specs)(*given)


def measured(text: str) -> None:
    generator = _files.generator(text)
    labels = None if generator.condition is None else np.zeros(16, np.int32)
    images = tf.constant(generator.sample(16, seed=3, labels=labels)[1])
    ids = [f"image {number}" for number in range(16)]

    def codes(inverter: ti.Inverter, count: int) -> np.ndarray:
        known = None if labels is None else labels[:count]
        return inverter(images[:count], ids=ids[:count], labels=known).codes.numpy()

    each, any_size = (ti.Inverter(generator, solver=ti.LBFGS(steps=STEPS)) for _ in range(2))
    any_size._compiled = {name: OfAnySize(function) for name, function in any_size._compiled.items()}
    expected = codes(each, 16)
    same = all(np.array_equal(codes(each, count), expected[:count]) for count in COUNTS)
    other = codes(any_size, 16)
    taken: dict[str, list[float]] = {"each": [], "any": []}
    for _ in range(ROUNDS):
        for name, inverter in (("each", each), ("any", any_size)):
            began = time.perf_counter()
            codes(inverter, 16)
            taken[name].append(time.perf_counter() - began)
    fastest = {name: min(seconds) for name, seconds in taken.items()}
    print(
        f"{generator.name}: each size {fastest['each']:.2f} s, any size {fastest['any']:.2f} s, "
        f"{fastest['any'] / fastest['each']:.2f} times; the same codes in both: {np.array_equal(expected, other)}; "
        f"in all orders of sizes: {same}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help=_files.FILE_HELP)
    for text in parser.parse_args().files:
        measured(text)


if __name__ == "__main__":
    main()
