"""Damaged files: are they read, or refused in our own words, each in time?

    python benchmarks/fuzz.py --subject=pictures --cases=100000 --seed=0

Takes whole files, changes bits, sizes, order and length, and has them read in a child process, so that a crash or a
hang is caught, counted and named by its case; --first=CASE --cases=1 does one again. Prints how many were read, how
many were refused, and whatever else happened; exit code 1 if anything did. A subject is a function of (seed, case,
folder) that makes its file in the folder, reads it, and says in a word how that went; what it raises is a failure.
"""

import argparse
import collections
import itertools
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def pictures(seed: int, case: int, folder: Path) -> str:
    """A picture of any format that Pillow writes."""
    import _mutated

    from tfinvert.errors import BadInput
    from tfinvert.images.decode import decode_file
    from tfinvert.settings import Limits

    path = folder / "picture"
    path.write_bytes(_mutated.mutated(_mutated.pictures(), seed, case))
    try:
        decode_file(path, limits=Limits(megapixels=4))
    except BadInput as error:
        return _refused(error)
    return "read"


def sources(seed: int, case: int, folder: Path) -> str:
    """A file of many images, or of labels: `.npy`, `.npz`, idx, a zip archive, lines of text."""
    import _mutated

    from tfinvert.errors import BadInput
    from tfinvert.images.entry import Reading
    from tfinvert.images.labels import Labels
    from tfinvert.images.sources import open_source
    from tfinvert.settings import Limits

    name, wholes = _mutated.sources(case)
    path, limits = folder / name, Limits(megapixels=4, gigabytes=0.25)
    path.write_bytes(_mutated.mutated(wholes, seed, case))
    try:
        if name.startswith("labels"):
            Labels(path, limits)
        else:
            for entry in list(open_source(path, Reading(limits=limits)))[:4]:
                entry.read()
    except BadInput as error:
        return _refused(error)
    return "read"


def generators(seed: int, case: int, folder: Path) -> str:
    """A Keras file or a SavedModel: bytes, config, arrays or graph are changed."""
    import _mutated_models

    from tfinvert import load_generator
    from tfinvert.errors import BadInput
    from tfinvert.settings import Limits

    path = _mutated_models.written(seed, case, folder)
    try:
        load_generator(path, limits=Limits(gigabytes=1, seconds=20))
    except BadInput as error:
        return _refused(error)
    return "read"


SUBJECTS: dict[str, Callable[[int, int, Path], str]] = {
    "pictures": pictures,
    "sources": sources,
    "generators": generators,
}


def _refused(error: Exception) -> str:
    if "\n" in str(error):
        raise ValueError("a message of several lines") from error
    return "refused"


def child(subject: str, seed: int, first: int, end: int) -> None:
    """Says each case before it begins, and how it went."""
    with tempfile.TemporaryDirectory() as folder:
        for case in range(first, end):
            print("case", case, flush=True)
            try:
                outcome = SUBJECTS[subject](seed, case, Path(folder))
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                where = traceback.extract_tb(error.__traceback__)[-1]
                outcome = f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
            print("went", outcome, flush=True)
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


class Run:
    """Runs cases in children, and counts how they went."""

    def __init__(self, subject: str, seed: int, seconds: float) -> None:
        self.subject, self.seed, self.seconds = subject, seed, seconds
        self.counts: collections.Counter[str] = collections.Counter()
        self.failed: dict[str, list[int]] = {}
        self.peak, self.slowest = 0, (0.0, -1)

    def note(self, case: int, outcome: str, seconds: float) -> None:
        self.counts[outcome] += 1
        self.slowest = max(self.slowest, (seconds, case))
        if outcome not in ("read", "refused"):
            self.failed.setdefault(outcome, []).append(case)
            print(f"case {case}: {outcome}", flush=True)

    def cases(self, first: int, end: int) -> int:
        """Goes on until the end or the child's; gives the next case."""
        command = [sys.executable, __file__, "--child", f"--subject={self.subject}", f"--seed={self.seed}"]
        process = subprocess.Popen(
            [*command, f"--first={first}", f"--cases={end - first}"],
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(
            target=lambda: [lines.put(line) for line in itertools.chain(process.stdout, [""])], daemon=True
        ).start()
        case, began = first, None
        while True:
            try:  # the first case waits for imports
                line = lines.get(timeout=self.seconds if began else 300)
            except queue.Empty:
                process.kill()
                self.note(case, f"more than {self.seconds:g} s", self.seconds)
                return case + 1
            word, _, rest = line.strip().partition(" ")
            if word == "case":
                case, began = int(rest), time.perf_counter() if int(rest) > first else None
            elif word == "went":
                self.note(case, rest, time.perf_counter() - began if began else 0.0)
            elif word == "peak":
                self.peak = max(self.peak, int(rest))
                process.wait()
                return end
            else:
                self.note(case, f"crash, exit code {process.wait()}", 0.0)
                return case + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subject", choices=SUBJECTS, default="pictures")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0, help="for one case")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    end = given.first + given.cases
    if given.child:
        child(given.subject, given.seed, given.first, end)
        return 0
    run, case, began = Run(given.subject, given.seed, given.seconds), given.first, time.perf_counter()
    while case < end:
        case = run.cases(case, min(end, case + 10_000))  # a new process now and then: leaks would show in none
        print(f"{case - given.first} cases, {time.perf_counter() - began:.0f} s", flush=True)
    print(f"{given.subject}, seed {given.seed}, {given.cases} cases from {given.first}:")
    for outcome, count in run.counts.most_common():
        print(f"{count:>8}  {outcome}  {run.failed.get(outcome, [])[:5] or ''}")
    print(f"slowest {run.slowest[0]:.1f} s (case {run.slowest[1]}), peak memory {run.peak / 1e6:.2f} GB")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
