"""Runs by Ray: two nodes of which one dies, images that end their worker, and what it costs.

    python benchmarks/cluster.py WHAT --generator=G.h5 --images=digits.idx.gz

WHAT is one of:
  faults     2,000 images on two nodes: a worker, a node and the driver are killed; rows against the plain engine's
  store      the same with all rows in an S3 server, which is away for half a minute besides
  poisoned   an image that crashes its worker, one that hangs, one that takes all memory
  overhead   the plain engine and one worker of Ray, on the same work
  workers    one worker of one thread and two of them
  growth     1,000 and 10,000 images: seconds an image, and the memory of all processes as they go on
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import cluster
import stores
from cluster import SAME


def told(text: str) -> None:
    print(text, flush=True)


class Bench:
    """Runs side by side.

    Args:
      folder: for what they print.
      flags: that all of them have.
      at: where the runs are; default: in the folder.
    """

    def __init__(self, folder: Path, flags: list[str], at: str | None = None) -> None:
        self.folder, self.flags, self.at = folder, flags, at or str(folder)

    def begin(self, name: str, *flags: str) -> cluster.Driver:
        return cluster.Driver(f"{self.at}/{name}", [*self.flags, *flags], self.folder / f"{name}.log")

    def seconds(self, name: str, *flags: str) -> tuple[float, float]:
        """How long a run takes as a whole process, and how much of that passes before it has rows."""
        import tfinvert.runs.stored  # noqa: F401  (takes seconds, which the run shall not share)

        began = time.perf_counter()
        driver = self.begin(name, *flags)
        driver.until(1)
        first = time.perf_counter() - began
        code = driver.end()
        if code:
            raise SystemExit(f"{name} ended with {code}: see {self.folder / name}.log")
        return time.perf_counter() - began, first

    def rows(self, name: str):
        from tfinvert.runs.stored import Stored

        stored = Stored(f"{self.at}/{name}")
        found = stored.read(SAME)
        return found, stored.double


def compared(bench: Bench, one: str, other: str) -> None:
    (first, _), (second, double) = bench.rows(one), bench.rows(other)
    distinct = len(set(second["id"].to_pylist()))
    told(f"{len(second)} rows, {distinct} distinct images, {double} double rows")
    same = {name: first[name].equals(second[name]) for name in SAME}
    told("the same to the bit as the plain engine's: " + ", ".join(name for name, equal in same.items() if equal))
    if not same["code"]:
        codes = [np.array(each["code"].to_pylist()) for each in (first, second)]
        far = np.abs(codes[0] - codes[1]).max(axis=1)
        told(f"codes: {np.sum(far > 1e-4)} of {len(far)} differ by more than 1e-4, the farthest by {far.max():.2g}")


def faults(bench: Bench, limit: int, besides: Callable[[], None] = lambda: None) -> None:
    flags = [f"--limit={limit}", "--steps=100"]
    bench.seconds("plain", *flags)
    told("the plain engine is done")
    with cluster.nodes() as nodes:
        flags += ["--engine=ray", f"--address={nodes.address}", "--workers=2"]
        driver = bench.begin("ray", *flags)
        driver.until(limit // 10)
        cluster.kill(cluster.workers()[0])
        told(f"a worker is killed at {driver.rows()} rows")
        driver.until(driver.rows() + limit // 10)
        cluster.kill(cluster.hands(cluster.workers())[0])
        told(f"the process in which a worker works is killed at {driver.rows()} rows")
        driver.until(driver.rows() + limit // 10)
        nodes.kill()
        told(f"a node is killed at {driver.rows()} rows")
        besides()
        driver.until(driver.rows() + limit // 10)
        nodes.add()
        driver.until(driver.rows() + limit // 10)
        driver.kill()
        told(f"the driver is killed at {driver.rows()} rows")
        driver = bench.begin("ray", *flags)
        told(f"begun again, it ends with {driver.end()}")
    compared(bench, "plain", "ray")


def store(bench: Bench, limit: int) -> None:
    from tfinvert.remote import path_of

    with stores.served() as door:
        found = stores.S3(door, "bench")
        os.environ.update(found.environment)
        path_of(found.url).fs.mkdir(found.url)

        def away() -> None:
            door.shut()
            time.sleep(30)
            door.open()
            told("the store was away for 30 seconds")

        faults(Bench(bench.folder, bench.flags, found.url), limit, away)


def poisoned(bench: Bench, limit: int) -> None:
    import poison

    flags = [f"--limit={limit}", "--steps=100"]
    bench.seconds("plain", *flags)
    bounds = ["--worker_gigabytes=4", "--max_seconds=5", "--tries=2", "--workers=2"]
    driver = bench.begin("ray", *flags, "--engine=ray", "--import=poison", *bounds)
    told(f"ends with {driver.end()}")
    (plain, _), (found, _) = bench.rows("plain"), bench.rows("ray")
    bad = {poison.CRASHING, poison.HANGING, poison.EATING}
    for row in found.to_pylist():
        if row["id"] in bad:
            told(f"  image {row['id']}: {row['status']}: {row['message']}")
    good = [image_id not in bad for image_id in plain["id"].to_pylist()]
    told(f"the other {sum(good)} rows are the same: {plain.filter(good).equals(found.filter(good))}")


def overhead(bench: Bench, limit: int) -> None:
    flags = [f"--limit={limit}", "--steps=200"]
    ray, ray_first = bench.seconds("ray", *flags, "--engine=ray", "--workers=1", "--worker_cpus=2")
    plain, first = bench.seconds("plain", *flags)
    told(
        f"{limit} images: plain {plain:.0f} s, {first:.0f} to the first rows; by one worker of Ray {ray:.0f}, "
        f"{ray_first:.0f}: {100 * (ray / plain - 1):+.1f}%, {100 * ((ray - ray_first) / (plain - first) - 1):+.1f}% "
        "from the first rows on"
    )


def workers(bench: Bench, limit: int) -> None:
    flags = [f"--limit={limit}", "--steps=200", "--engine=ray", "--worker_cpus=1"]
    two, two_first = bench.seconds("two", *flags, "--workers=2")
    one, first = bench.seconds("one", *flags, "--workers=1")
    told(
        f"{limit} images: one worker {one:.0f} s, {first:.0f} to the first rows, two {two:.0f} and {two_first:.0f}: "
        f"{one / two:.2f} times the work of one, {(one - first) / (two - two_first):.2f} from the first rows on"
    )


def growth(bench: Bench, limit: int) -> None:
    flags = ["--steps=20", "--restarts=1", "--engine=ray", "--workers=2"]
    few, _ = bench.seconds("few", *flags, f"--limit={limit}")
    seen: list[tuple[int, dict[str, float]]] = []
    over = threading.Event()

    def watch(driver: cluster.Driver) -> None:
        while not over.wait(5):
            seen.append((driver.rows(), memory(driver)))

    began = time.perf_counter()
    driver = bench.begin("many", *flags, f"--limit={10 * limit}")
    watcher = threading.Thread(target=watch, args=(driver,))
    watcher.start()
    code, many = driver.end(), time.perf_counter() - began
    over.set()
    watcher.join()
    told(
        f"{limit} images {few:.0f} s, {10 * limit} images {many:.0f} s (exit code {code}): "
        f"{many / few / 10:.3f} times ten times as much"
    )
    for rows, processes in [each for each in seen if each[0]][:: max(1, len(seen) // 12)]:
        told(f"  {rows:6d} rows: " + ", ".join(f"{name} {size:.0f} MiB" for name, size in processes.items()))


def memory(driver: cluster.Driver) -> dict[str, float]:
    """MiB of the largest of each kind of process."""
    taken = lambda many: max((each.memory_info().rss / 2**20 for each in many if each.is_running()), default=0.0)
    keepers = cluster.workers()
    ray = [each for each in psutil.process_iter() if each.name() in ("raylet", "gcs_server")]
    return {
        "driver": taken([psutil.Process(driver.process.pid)]),
        "worker": taken(keepers),
        "its process": taken(cluster.hands(keepers)),
        "Ray": taken(ray),
    }


WHAT = {
    "faults": (faults, 2000),
    "store": (store, 2000),
    "poisoned": (poisoned, 96),
    "overhead": (overhead, 2000),
    "workers": (workers, 2000),
    "growth": (growth, 1000),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--generator", required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--limit", type=int, help="how many images; the larger run of `growth` has ten times as many")
    parser.add_argument("--folder", help="where runs are made, and left; default: a temporary one")
    arguments, flags = parser.parse_known_args()  # those of `tfinvert invert` besides
    work, limit = WHAT[arguments.what]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        given = [f"--generator={arguments.generator}", f"--images={arguments.images}", *flags]
        work(Bench(folder, given), arguments.limit or limit)


if __name__ == "__main__":
    main()
