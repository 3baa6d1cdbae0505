"""What the watched process costs: loading a file here and in another checkout, in turn.

    git worktree add ../before b0e8b24
    python benchmarks/loading.py --against=../before FILE...

For each file a new process of either checkout, again and again: the seconds of `load_generator`, and those of the whole
process, which first imports TensorFlow. Prints the medians and the ratio of the medians.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

_LOAD = """
import json, sys, time
import tfinvert
from pathlib import Path
assert Path(tfinvert.__file__).is_relative_to(sys.argv[2]), tfinvert.__file__
began = time.perf_counter()
tfinvert.load_generator(sys.argv[1])
print(json.dumps(time.perf_counter() - began))
"""


def seconds(checkout: Path, file: str) -> tuple[float, float]:
    """Of `load_generator`, and of the whole process."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, file, str(checkout)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd="/",
    )
    return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--against", required=True, help="another checkout")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    here, there = Path(__file__).resolve().parent.parent, Path(given.against).resolve()
    print(f"{'file':<32} {'load, s':>8} {'before':>8} {'ratio':>6} {'process, s':>11} {'before':>8} {'ratio':>6}")
    for file in (str(Path(each).resolve()) for each in given.files):
        times: dict[Path, list[tuple[float, float]]] = {here: [], there: []}
        for turn in range(given.rounds):
            for checkout in (here, there) if turn % 2 else (there, here):
                times[checkout].append(seconds(checkout, file))
        now, before = ([statistics.median(each) for each in zip(*times[at], strict=True)] for at in (here, there))
        print(
            f"{Path(file).name:<32} {now[0]:8.2f} {before[0]:8.2f} {now[0] / before[0]:6.2f} "
            f"{now[1]:11.2f} {before[1]:8.2f} {now[1] / before[1]:6.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
