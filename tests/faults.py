"""Runs that are disturbed at random, and then started again as their messages advise.

Every run is a process that a server forks: TensorFlow is imported once, and started in each.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

IMAGES, BATCH = 40, 3
COMPARED = (
    "id",
    "place",
    "code",
    "loss",
    "mse",
    "psnr",
    "ssim",
    "status",
    "message",
    "steps",
    "start_losses",
    "losses",
    "reconstruction",
)
_TRIES = 6  # of the same command, until it ends well
_NAMED = re.compile(r"^(\S+\.(?:parquet|json)) .*(delete it|delete this one|move it out)")


class Outcome(NamedTuple):
    """How a process ended."""

    code: int  # of the run; below zero: it was killed
    message: str  # the one line that it ended with, where it did


class Analytic:
    """Stands for an inverter: least squares of each image by itself, with nothing to trace."""

    batch_size, restarts = BATCH, 1

    def __init__(self, linear: Any) -> None:
        self._linear, self.generator = linear, linear.generator

    def __call__(self, images: np.ndarray, **_: Any) -> Any:
        import tensorflow as tf

        from tfinvert.inversion import Inversion

        codes = np.concatenate([self._linear.best(image[np.newaxis]) for image in images]).astype(np.float32)
        made = np.stack([(self._linear.matrix @ code + self._linear.offset).reshape(4, 4, 1) for code in codes])
        loss = np.mean((made - images) ** 2, axis=(1, 2, 3))
        count, full = len(images), lambda value: tf.fill([len(images)], value)
        return Inversion(
            tf.constant(codes),
            tf.constant(made),
            tf.constant(loss),
            full(2),
            full(1),
            full(count),
            tf.constant(loss[:, np.newaxis]),
        )


def work(folder: str, pipe: Any, seed: int, many: int, fault: str, quick: bool, part: str | None) -> None:
    """The process: a run of 40 images or a shard of it, as `Job.run` does it, with a generator that is a matrix."""
    import problems

    import tfinvert as ti
    from tfinvert.images import Sources
    from tfinvert.runs import Store, merging, run
    from tfinvert.settings import Shard

    tqdm.set_lock(threading.RLock())  # its own is a semaphore that a kill would leave behind
    merging.MANY = many  # so that there is something to merge
    linear = problems.Linear()
    images = np.random.default_rng(seed).uniform(size=(IMAGES, 4, 4, 1)).astype(np.float32)
    solver = ti.GradientDescent(1.0, 5)
    inverter: Any = Analytic(linear)
    if not quick:
        inverter = ti.Inverter(linear.generator, solver=solver, restarts=2, batch_size=BATCH)
    _disturb(fault)
    pipe.send("begun")
    shard = Shard.of(part)
    try:
        store = Store(folder, shard)
        store.claim({"seed": seed, "steps": 5}, {"image_shape": [4, 4, 1]})
        summary = run(inverter, Sources(images, linear.generator, shard=shard), store, show=False)
        outcome = Outcome(summary.exit_code, str(summary) if summary.missing else "")
    except ti.BadInput as error:
        outcome = Outcome(1, str(error))
    pipe.send(outcome)


def _disturb(fault: str) -> None:
    """Lets the n-th thing that is done to a file end the process, or find the disk full."""
    kind, _, rest = fault.partition(":")
    if kind == "size":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(rest), int(rest)))
    if kind not in ("before", "after", "full"):
        return
    left = int(rest)

    def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and kind == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if kind == "full" and left <= 0 and original is not unlink:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            found = original(*given, **named)
            if left == 0 and kind == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return call

    unlink = os.unlink
    for name in ("link", "replace", "fsync", "unlink", "open", "write"):
        setattr(os, name, wrapped(getattr(os, name)))
    pq.ParquetWriter.write_table = wrapped(pq.ParquetWriter.write_table)


class Runs:
    """Starts processes.

    Args:
      seed: of the images, and of all faults.
      quick: with an inverter that is not ours, and takes no time.
    """

    def __init__(self, seed: int, quick: bool = False) -> None:
        self.seed, self.quick, self.random = seed, quick, random.Random(seed)
        self.ends: Counter[str] = Counter()  # how the processes ended
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tfinvert"])

    def start(self, folder: Path, fault: str = "", shard: str | None = None) -> tuple[Any, Any]:
        """A run that has begun, or a shard of it."""
        ours, theirs = self._context.Pipe(duplex=False)
        many = self.random.choice([2, 3, 5, 64])
        process = self._context.Process(
            target=work, args=(str(folder), theirs, self.seed, many, fault, self.quick, shard), daemon=True
        )
        process.start()
        theirs.close()
        with contextlib.suppress(EOFError):
            ours.recv()
        return process, ours

    def end(self, process: Any, pipe: Any) -> Outcome:
        """Waits for it."""
        try:
            outcome = pipe.recv()
        except EOFError:
            outcome = Outcome(-signal.SIGKILL, "")
        process.join()
        if "\n" in outcome.message:
            raise AssertionError(f"more than a line: {outcome.message}")
        if process.exitcode not in (0, -signal.SIGKILL):
            raise AssertionError(f"a traceback: exit code {process.exitcode}")
        self.ends["killed" if outcome.code < 0 else "done" if not outcome.code else "told"] += 1
        return outcome

    def once(self, folder: Path, fault: str = "") -> Outcome:
        return self.end(*self.start(folder, fault))

    def finish(self, folder: Path) -> int:
        """The same command until it ends well, and what its messages advise; how often it was started."""
        for tries in range(1, _TRIES + 1):
            outcome = self.once(folder)
            message = outcome.message or (_unread(folder) if outcome.code == 0 else "")
            if outcome.code == 0 and not message:
                return tries
            advised = _NAMED.match(message)
            if advised:
                Path(advised[1]).unlink()
        raise AssertionError(f"{folder} is not done after {_TRIES} runs: {outcome}")

    def moment(self) -> None:
        time.sleep(self.random.uniform(0, 0.3 if self.quick else 1.5))


def rows(folder: Path) -> pa.Table:
    """What a user sees of the run, without how long it took."""
    from tfinvert.runs.stored import Stored

    return Stored(folder).read(COMPARED)


def _unread(folder: Path) -> str:
    from tfinvert.errors import BadInput

    try:
        rows(folder)
    except BadInput as error:
        return str(error)
    return ""


def _part(runs: Runs, folder: Path) -> Path | None:
    """Some part of the run, done or killed half-way."""
    runs.once(folder, runs.random.choice(["", f"before:{runs.random.randrange(30, 200)}"]))
    found = sorted((folder / "results").glob("part-*.parquet"))
    return runs.random.choice(found) if found else None


def killed_at_a_moment(runs: Runs, folder: Path) -> None:
    process, pipe = runs.start(folder)
    runs.moment()
    process.kill()
    runs.end(process, pipe)


def killed_at_a_call(runs: Runs, folder: Path) -> None:
    runs.once(folder, f"{runs.random.choice(['before', 'after'])}:{runs.random.randrange(1, 200)}")


def killed_again_and_again(runs: Runs, folder: Path) -> None:
    for _ in range(3):
        killed_at_a_call(runs, folder)


def part_deleted(runs: Runs, folder: Path) -> None:
    if part := _part(runs, folder):
        part.unlink()


def part_truncated(runs: Runs, folder: Path) -> None:
    if part := _part(runs, folder):
        os.truncate(part, runs.random.randrange(part.stat().st_size))


def byte_changed(runs: Runs, folder: Path) -> None:
    if part := _part(runs, folder):
        data = bytearray(part.read_bytes())
        end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")  # the footer has no checksum
        data[runs.random.randrange(end)] ^= 1 << runs.random.randrange(8)
        part.write_bytes(data)


def foreign_part(runs: Runs, folder: Path) -> None:
    part = _part(runs, folder)
    results, kind = folder / "results", runs.random.choice(["settings", "schema", "none"])
    results.mkdir(parents=True, exist_ok=True)
    path = results / runs.random.choice(["part-00000000.parquet", "part-00000005-ab.parquet", "part-x.parquet"])
    if kind == "settings" and part:
        table = pq.read_table(part)
        stated = {**table.schema.metadata, b"tfinvert:run": b'{"settings": {"seed": -1, "steps": 5}}'}
        pq.write_table(table.replace_schema_metadata(stated), path)
    elif kind == "schema":
        pq.write_table(pa.table({"id": [1, 2], "name": ["a", "b"]}), path)
    else:
        path.write_bytes(b"no parquet")


def part_copied(runs: Runs, folder: Path) -> None:
    if part := _part(runs, folder):
        shutil.copy(part, part.with_name(f"part-{runs.random.randrange(IMAGES):08d}-copied.parquet"))


def second_writer(runs: Runs, folder: Path) -> None:
    first = runs.start(folder)
    if runs.random.random() < 0.5:
        runs.moment()
    outcomes = [runs.once(folder), runs.end(*first)]
    refused = [outcome for outcome in outcomes if "is being written by process" in outcome.message]
    if any(outcome.code for outcome in outcomes if outcome not in refused):
        raise AssertionError(f"two writers: {outcomes}")


def second_writer_and_kill(runs: Runs, folder: Path) -> None:
    first = runs.start(folder)
    second = runs.start(folder)
    runs.moment()
    first[0].kill()
    runs.end(*first)
    runs.end(*second)


def shards(runs: Runs, folder: Path) -> None:
    """Three at once, of which one is killed, and perhaps started again beside the others."""
    started = [runs.start(folder, shard=f"{number}/3") for number in (1, 2)]
    started.append(
        runs.start(folder, f"{runs.random.choice(['before', 'after'])}:{runs.random.randrange(1, 200)}", "3/3")
    )
    if runs.random.random() < 0.5:
        runs.end(*started.pop())
        started.append(runs.start(folder, shard="3/3"))
        runs.moment()
        started[-1][0].kill()
    *others, killed = [runs.end(*each) for each in started]
    if any(outcome.code for outcome in others) or killed.message:
        raise AssertionError(f"shards are in each other's way: {others}, {killed}")


def shards_and_the_whole(runs: Runs, folder: Path) -> None:
    """Whoever comes second is told so."""
    started = [runs.start(folder, shard=shard) for shard in (None, "1/2", "2/2")]
    outcomes = [runs.end(*each) for each in started]
    refused = [outcome for outcome in outcomes if "is being written by process" in outcome.message]
    if any(outcome.code for outcome in outcomes if outcome not in refused) or len(refused) == len(outcomes):
        raise AssertionError(f"shards beside the whole run: {outcomes}")


def disk_full(runs: Runs, folder: Path) -> None:
    fault = runs.random.choice([f"full:{runs.random.randrange(1, 200)}", f"size:{runs.random.randrange(1, 20_000)}"])
    outcome = runs.once(folder, fault)
    if outcome.code != 0 and ("cannot be written" not in outcome.message or str(folder) not in outcome.message):
        raise AssertionError(f"a full disk: {outcome}")
    left = list(folder.rglob(".partial-*"))
    if left:
        raise AssertionError(f"half files stay: {left}")


def folder_removed(runs: Runs, folder: Path) -> None:
    gone = runs.random.choice([folder, folder / "results"])
    process, pipe = runs.start(folder)
    runs.moment()
    shutil.rmtree(gone, ignore_errors=True)
    outcome = runs.end(process, pipe)
    if outcome.code and not outcome.message:
        raise AssertionError(f"nothing is said: {outcome}")


def settings_damaged(runs: Runs, folder: Path) -> None:
    _part(runs, folder)
    path = folder / "run.json"
    if not path.exists():
        return
    kind = runs.random.choice(["deleted", "truncated", "other"])
    if kind == "deleted":
        path.unlink()
    elif kind == "truncated":
        os.truncate(path, runs.random.randrange(path.stat().st_size))
    else:
        path.write_text("[]")


FAULTS: list[Callable[[Runs, Path], None]] = [
    killed_at_a_moment,
    killed_at_a_call,
    killed_again_and_again,
    part_deleted,
    part_truncated,
    byte_changed,
    foreign_part,
    part_copied,
    second_writer,
    second_writer_and_kill,
    shards,
    shards_and_the_whole,
    disk_full,
    folder_removed,
    settings_damaged,
]


def disturbed(runs: Runs, folder: Path, fault: Callable[[Runs, Path], None], undisturbed: pa.Table) -> int:
    """One run with a fault, and what brings it to its end; how often it was started after the fault.

    Raises:
      AssertionError: then an image has no row, or two, or another one than without the fault.
    """
    from tfinvert.runs.stored import Stored

    fault(runs, folder)
    tries = runs.finish(folder)
    stored = Stored(folder)
    if not stored.read(COMPARED).equals(undisturbed):
        raise AssertionError(f"{folder}: other rows than undisturbed: {stored.ids()}")
    if stored.double and fault is not part_copied:
        raise AssertionError(f"{folder}: {stored.double} rows are double")
    return tries
