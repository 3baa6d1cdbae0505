"""Random faults over all of it, for an hour: every run must end with the rows of an undisturbed one.

    python benchmarks/soak.py --generator=G.h5 --images=digits.idx.gz [--minutes=60] [--seed=0]

Each round is a run of 96 images: by one process, by Ray on two nodes, or in three shards; its folder on this disk or in
an S3 server. Meanwhile it is disturbed from one to three times: a worker, the process in which it works, a node, the
run itself or one of its shards is killed, the store does not answer for a while, a file of rows goes. Then the same
command is given until it ends well. Prints how often what was done, and ends with 1 at the first row that is missing,
double or another.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import cluster
import stores
from cluster import SAME

LIMIT, TRIES, SHARDS = 96, 6, 3


class Soak:
    """Rounds, with what all of them share.

    Args:
      folder: for runs.
      flags: of `tfinvert invert`: a generator, images.
      seed: of what is done and when.
      nodes: of a cluster.
      store: an S3 server.
    """

    def __init__(self, folder: Path, flags: list[str], seed: int, nodes: cluster.Nodes, store: stores.S3) -> None:
        self.folder, self.nodes, self.store = folder, nodes, store
        self.flags = [*flags, f"--limit={LIMIT}", "--steps=60", "--batch_size=8"]
        self.random, self.counts = random.Random(seed), collections.Counter[str]()
        plain = self.begin(folder / "undisturbed")
        if plain.end():
            raise SystemExit(f"the undisturbed run fails: see {folder / 'log'}")
        self.wanted = self.rows(plain.out)

    def begin(self, out: Any, *more: str) -> cluster.Driver:
        return cluster.Driver(out, [*self.flags, *more], self.folder / "log")

    def rows(self, out: Any) -> Any:
        from tfinvert.runs.stored import Stored

        stored = Stored(out)
        found = stored.read(SAME)
        if stored.double:
            raise SystemExit(f"{out}: {stored.double} double rows")
        return found

    def round(self, number: int) -> None:
        """One run, disturbed and brought to its end."""
        engine, place = self.random.choice(["plain", "ray", "shards"]), self.random.choice(["disk", "store"])
        out = f"{self.store.url}/round-{number}" if place == "store" else self.folder / f"round-{number}"
        more = ["--engine=ray", f"--address={self.nodes.address}"] if engine == "ray" else []
        parts = [[f"--shard={part + 1}/{SHARDS}"] for part in range(SHARDS)] if engine == "shards" else [[]]
        self.counts[f"{engine} on {place}"] += 1
        drivers = [self.begin(out, *more, *part) for part in parts]
        for _ in range(self.random.randint(1, 3)):
            time.sleep(self.random.uniform(0, 25))
            self.disturb(engine, place, drivers)
        for driver in drivers:
            driver.end()
        for tries in range(TRIES):
            if self.begin(out, *more).end() == 0:
                self.counts[f"ended well at start {tries + 1} after"] += 1
                break
        else:
            raise SystemExit(f"{out} is not done after {TRIES} starts: see {self.folder / 'log'}")
        found = self.rows(out)
        if not found.equals(self.wanted):
            raise SystemExit(f"{out}: other rows than undisturbed")

    def disturb(self, engine: str, place: str, drivers: list[cluster.Driver]) -> None:
        faults = ["run"] + (["store away"] * 2 if place == "store" else ["rows gone"])
        faults += ["worker", "its process", "node"] if engine == "ray" else []
        fault = self.random.choice(faults)
        self.counts[f"  {fault}"] += 1
        if fault == "run":
            driver = self.random.choice(drivers)
            driver.kill()
        elif fault == "store away":
            self.store.door.shut()
            time.sleep(self.random.uniform(1, 20))
            self.store.door.open()
        elif fault == "rows gone":
            parts = list((Path(drivers[0].out) / "results").glob("part-*.parquet"))
            if parts:
                self.random.choice(parts).unlink(missing_ok=True)
        elif fault == "node":
            self.nodes.kill()
            self.nodes.add()
        else:
            found = cluster.workers()
            found = found if fault == "worker" else cluster.hands(found)
            if found:
                cluster.kill(self.random.choice(found))

    def told(self) -> str:
        return ", ".join(f"{name.strip()} {count}" for name, count in sorted(self.counts.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    flags = [f"--generator={arguments.generator}", f"--images={arguments.images}"]
    with contextlib.ExitStack() as stack:
        from tfinvert.remote import path_of

        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stores.S3(stack.enter_context(stores.served()), "soak")
        os.environ.update(store.environment)
        path_of(store.url).fs.mkdir(store.url)
        soak = Soak(folder, flags, arguments.seed, stack.enter_context(cluster.nodes()), store)
        number = 0
        while time.monotonic() < end:
            soak.round(number)
            number += 1
            print(f"{number} rounds: {soak.told()}", flush=True)


if __name__ == "__main__":
    main()
