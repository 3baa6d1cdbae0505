"""Does a run lose or double a row, whatever happens to it?

    python benchmarks/faults.py [--runs=100] [--seed=0]

Each run of 40 images meets a fault at random: a kill at any moment or at any call that touches a file, a part that is
deleted, truncated, changed by one bit, copied or of another run, a second writer, a full disk, a folder that is
removed, a damaged run.json. Then the same command is started again, following what its message advises, until it ends
well. Every image must have one row, equal to the bit to that of an undisturbed run.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import _files  # noqa: F401  (finds the package)

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import faults


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="without an inverter: least squares in its place")
    arguments = parser.parse_args()
    began, runs = time.perf_counter(), faults.Runs(arguments.seed, arguments.quick)
    counts, ends, wrong = Counter(), {}, []
    with tempfile.TemporaryDirectory() as folder:
        runs.finish(Path(folder, "undisturbed"))
        undisturbed = faults.rows(Path(folder, "undisturbed"))
        for number in range(arguments.runs):
            fault = faults.FAULTS[number % len(faults.FAULTS)]
            counts[fault.__name__] += 1
            runs.ends = ends.setdefault(fault.__name__, Counter())
            try:
                faults.disturbed(runs, Path(folder, str(number)), fault, undisturbed)
            except AssertionError as error:
                wrong.append(f"run {number}, {fault.__name__}: {error}")
                print(wrong[-1], flush=True)
    print(f"{'fault':>24} {'runs':>5}   of their processes: killed  told in one line  done")
    for name, count in counts.items():
        print(f"{name:>24} {count:5d} {ends[name]['killed']:27d} {ends[name]['told']:17d} {ends[name]['done']:5d}")
    print(
        f"seed {arguments.seed}: {arguments.runs} runs of {faults.IMAGES} images, "
        f"{arguments.runs - len(wrong)} as undisturbed, {time.perf_counter() - began:.0f} s"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
