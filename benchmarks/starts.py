"""From where should a search start? How well single starts end, by how near the prior's centre they were drawn.

    python benchmarks/starts.py FILE [FILE ...]

For each generator file: 48 images of its own (codes from the normal prior, seed 11), inverted from one start each
with the default solver (Adam, 500 steps), for three values of `spread`. Read a row as: with this spread, this share
of starts ended below a mean squared error of 1e-2 and of 1e-3 (on the [0, 1] scale), and this was the median.
Results are numbers of images, not times: they do not depend on the machine's load.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

import tfinvert as ti


def main(files: list[str]) -> None:
    print(f"{'generator':35} {'spread':>6} {'< 1e-2':>7} {'< 1e-3':>7} {'median':>9}")
    for file in files or [None]:
        generator = ti.load_generator(file)
        labels = np.arange(48) % (generator.condition.classes or 1) if generator.condition else None
        _, images = generator.sample(48, seed=11, labels=labels)
        for spread in (1.0, 0.3, 0.03):
            found = ti.Inverter(generator, restarts=ti.Starts(1, spread), batch_size=48)(images, labels=labels)
            errors = ti.metrics.mse(generator.to_unit(found.images), generator.to_unit(images)).numpy()
            shares = [f"{np.mean(errors < bound):>7.0%}" for bound in (1e-2, 1e-3)]
            print(f"{generator.name:35} {spread:>6} {' '.join(shares)} {np.median(errors):>9.2e}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
