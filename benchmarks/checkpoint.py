"""Ray Data's own checkpoints against the run's folder: the same work, killed half-way and begun again.

    python benchmarks/checkpoint.py [--images=2000] [--work=0.05]

The work stands for an inversion: for each batch of 16 it takes its time, and gives 25 kB for each image. Ray's way is
Read -> map_batches -> write_parquet with `DataContext.checkpoint_config`, ours is `runs.run_all` by `OnRay` into a
`Store`. Both run on one machine by two workers; prints the seconds of a run that nothing disturbs, and of one whose
driver is killed when half of the rows are there and begun again: seconds, images that were worked on twice, rows that
are double.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _files  # noqa: F401  (finds the package)
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BATCH, BYTES = 16, 25_000
HERE = Path(__file__).resolve().parent


def noted(folder: Path, ids: list[str]) -> None:
    """Remembers what was worked on, whatever becomes of it."""
    with (folder / "worked.txt").open("a") as file:
        file.write("".join(f"{each}\n" for each in ids))


class Working:
    """A callable class for Ray."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds

    def __call__(self, batch):
        noted(self.folder, batch["id"].tolist())
        time.sleep(self.seconds)
        return {"id": batch["id"], "row": np.array([os.urandom(BYTES) for _ in batch["id"]], object)}


def rays(folder: Path, images: int, seconds: float) -> None:
    import logging

    import ray
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    # Two more than workers: Ray's reading and writing are tasks of their own, and would wait for ever.
    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.checkpoint_config = CheckpointConfig(
        id_column="id", checkpoint_path=str(folder / "checkpoint"), delete_checkpoint_on_success=False
    )
    read = ray.data.read_parquet(str(folder / "ids"), override_num_blocks=-(-images // BATCH))
    compute = ray.data.ActorPoolStrategy(size=2, max_tasks_in_flight_per_actor=2)
    done = read.map_batches(Working, fn_constructor_args=(folder, seconds), batch_size=BATCH, compute=compute)
    done.write_parquet(str(folder / "results"))


class Start:
    """The same for `OnRay`."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds

    def __call__(self):
        return self.work

    def work(self, task, tell):
        noted(self.folder, [waiting.entry.id for waiting in task.items])
        time.sleep(self.seconds)
        return [
            {"id": each.entry.id, "place": each.place, "status": "finished", "reconstruction": os.urandom(BYTES)}
            for each in task.items
        ]


def ours(folder: Path, images: int, seconds: float) -> None:
    from checkpoint import Start  # by a name that workers can import

    from tfinvert.engines import engine_of
    from tfinvert.images import Scale, Sources
    from tfinvert.runs import Store
    from tfinvert.runs.run import Todo, run_all
    from tfinvert.settings import EngineSettings

    sources = Sources(np.zeros((images, 4, 4, 1), np.uint8), Scale((4, 4, 1)))
    store = Store(folder)
    store.claim({}, {"image_shape": [4, 4, 1]})
    engine = engine_of(EngineSettings(name="ray", workers=2))
    run_all([Todo(sources, store, BATCH)], Start(folder, seconds), engine, show=False)


def rows(folder: Path) -> collections.Counter[str]:
    """Ids of the rows, as they lie there."""
    found: collections.Counter[str] = collections.Counter()
    for path in (folder / "results").rglob("[!.]*.parquet"):
        with contextlib.suppress(FileNotFoundError, pa.ArrowInvalid):  # it is merged, or still written
            found.update(map(str, pq.read_table(path, columns=["id"])["id"].to_pylist()))
    return found


def begun(kind: str, folder: Path, arguments: argparse.Namespace) -> subprocess.Popen:
    command = [sys.executable, __file__, f"--images={arguments.images}", f"--work={arguments.work}", f"--kind={kind}"]
    return subprocess.Popen(
        [*command, f"--folder={folder}"], start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)])},
    )  # fmt: skip


def ended(process: subprocess.Popen) -> None:
    if process.wait():
        raise SystemExit("a run failed")


def measured(kind: str, folder: Path, arguments: argparse.Namespace, kill: bool) -> None:
    (folder / "ids").mkdir(parents=True)
    pq.write_table(pa.table({"id": [str(each) for each in range(arguments.images)]}), folder / "ids" / "ids.parquet")
    began = time.perf_counter()
    process = begun(kind, folder, arguments)
    if kill:
        while len(rows(folder)) < arguments.images / 2 and process.poll() is None:
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process = begun(kind, folder, arguments)
    ended(process)
    taken, found = time.perf_counter() - began, rows(folder)
    worked = collections.Counter((folder / "worked.txt").read_text().split())
    print(
        f"{kind}, {'killed half-way' if kill else 'undisturbed'}: {taken:.1f} s; {len(found)} images, "
        f"{sum(found.values()) - len(found)} double rows, {sum(worked.values()) - len(worked)} worked on twice",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--work", type=float, default=0.05, help="seconds for each batch")
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.kind is not None:
        {"ray": rays, "ours": ours}[arguments.kind](arguments.folder, arguments.images, arguments.work)
        return
    with tempfile.TemporaryDirectory() as temporary:
        for kill in (False, True):
            for kind in ("ray", "ours"):
                folder = Path(temporary) / f"{kind}-{kill}"
                measured(kind, folder, arguments, kill)
                shutil.rmtree(folder)


if __name__ == "__main__":
    main()
