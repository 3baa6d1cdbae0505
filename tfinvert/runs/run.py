"""The loop over batches: what is done is skipped, what fails becomes a row, and every batch is written at once."""

from __future__ import annotations

import contextlib
import itertools
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from absl import logging
from tqdm import tqdm

from tfinvert.engines import Engine, Lost, Plain, Sign, Start, Task
from tfinvert.images import Sources
from tfinvert.images.reader import Waiting
from tfinvert.inversion import ClassSearch
from tfinvert.runs.inverting import Inverting, Inverts, Row
from tfinvert.runs.store import Store
from tfinvert.runs.stored import Stored
from tfinvert.solvers.status import Status

# As tqdm's own, but always in images per second.
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


class Summary(NamedTuple):
    """How a run ended, over all rows in its folder; that of a shard, over the rows of its own images."""

    counts: dict[str, int]  # images by status
    failed: int
    mse: float  # median over the images that did not fail, on the [0, 1] scale; NaN where there are none
    psnr: float  # median, decibels
    interrupted: bool
    missing: int = 0  # images that came and have no row
    double: int = 0  # rows that do not count, for their image has another one

    @property
    def exit_code(self) -> int:
        """0 all good, 1 nothing could be done, 3 some failed or have no row, 130 stopped by Ctrl-C."""
        if self.interrupted:
            return 130
        total = sum(self.counts.values())
        if self.failed == total:
            return 1
        return 3 if self.failed or self.missing else 0

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        text = f"{sum(self.counts.values())} images ({ends}), median mse {self.mse:.3g}, median psnr {self.psnr:.1f} dB"
        if self.missing:
            text += f", {self.missing} MISSING: the same command does them"
        return f"{text}, {self.double} double rows left out" if self.double else text


class Todo(NamedTuple):
    """The images of one run, and where their rows go."""

    sources: Sources
    store: Store
    size: int  # images that are worked on and written at once


def run(
    inverter: Inverts, sources: Sources, store: Store, show: bool = True, classes: ClassSearch | None = None
) -> Summary:
    """Inverts all images that the store does not hold yet, batch by batch, into the store.

    Args:
      inverter: whose `batch_size` says how many images are worked on and written at once.
      sources: the images, or those of a shard.
      store: where rows go; what it holds is not done again, but for images of which another try may find more.
      show: whether a progress bar is drawn on the error stream.
      classes: finds those of a class-conditional generator; default: the images bring them along.

    Returns:
      What all rows of the store say, or those of the shard's images. Ctrl-C ends the run early; the batch at hand is
      given up, and the same run does it again.

    Raises:
      BadInput: the memory does not hold one image, another writer is at work in the folder, a part in it is damaged,
        or it cannot be written any more.
    """
    todo = Todo(sources, store, inverter.batch_size)
    return run_all([todo], lambda: Inverting(inverter, sources.reader, classes), Plain(), show)[0]


def run_all(todos: Sequence[Todo], start: Start, engine: Engine, show: bool = True) -> list[Summary]:
    """The same for several runs, by an engine.

    Args:
      todos: the runs; a `Task` says by its number which one it belongs to.
      start: makes what does tasks of all of them, such as `Inverting`.
      engine: does them.
      show: whether a progress bar is drawn on the error stream.
    """
    with contextlib.ExitStack() as stack:
        for todo in todos:
            stack.enter_context(todo.store)
        progress = [_Progress(todo, engine.outlives) for todo in todos]
        interrupted = _all(progress, start, engine, show)
        for each in progress if not interrupted else []:
            each.todo.store.merge()
    return [each.summary(interrupted) for each in progress]


class _Progress:
    """What of a run is done.

    Args:
      todo: the run.
      retry_lost: whether images are tried again that ended their worker.
    """

    def __init__(self, todo: Todo, retry_lost: bool) -> None:
        self.todo = todo
        self.again, done = todo.store.again(), todo.store.done()
        lost = frozenset() if retry_lost else todo.store.lost()
        if lost:
            logging.warning("%d images ended their worker, and are left out; --engine=ray tries them again", len(lost))
            self.again -= lost
        self.done = done - self.again if self.again else done  # no copy of a million ids for nothing
        self.own: list[str] | None = None if todo.sources.shard is None else []  # of the shard's images, those done
        self.written: list[str] = []
        todo.store.tidy()

    @property
    def count(self) -> int:
        """How many images are done, as far as is known."""
        return len(self.done if self.own is None else self.own) + len(self.written)

    def tasks(self, number: int) -> Iterator[Task]:
        """What is not done, in batches."""
        left = self.todo.sources.left(self.done, self.own)
        while batch := list(itertools.islice(left, self.todo.size)):
            yield Task(number, batch)

    def write(self, task: Task, found: Sequence[Row | Lost]) -> None:
        """Adds the rows of a task; where another try has found no more than the first, that one's stay."""
        rows = [
            _lost(waiting, row) if isinstance(row, Lost) else row
            for waiting, row in zip(task.items, found, strict=True)
        ]
        for row in rows:
            if Status[row["status"].upper()].again:
                logging.warning("%s: %s", row["id"], row["message"])
        self.todo.store.write(
            [row for row in rows if row["id"] not in self.again or not Status[row["status"].upper()].again]
        )
        self.written += [row["id"] for row in rows]

    def summary(self, interrupted: bool) -> Summary:
        """How the run has ended; that of a shard, for its own images."""
        ids = None if self.own is None else [*self.own, *self.written]
        missing = len(self.todo.store.lacking([*self.done, *self.written] if ids is None else ids))
        return summarise(self.todo.store, interrupted, missing, ids)


def _lost(waiting: Waiting, lost: Lost) -> Row:
    return {
        "id": waiting.entry.id,
        "place": waiting.place,
        "label": waiting.entry.label,
        "status": Status.LOST.name.lower(),
        "message": f"{Status.LOST.message}: it {lost.why}",
    }


def _all(runs: Sequence[_Progress], start: Start, engine: Engine, show: bool) -> bool:
    """Does what is not done; whether Ctrl-C came before the end."""
    tasks = itertools.chain.from_iterable(each.tasks(number) for number, each in enumerate(runs))
    with _ctrl_c() as pressed, _bar(runs, show) as bar:

        def moved(more: float = 0) -> None:
            bar.n = round(sum(each.count for each in runs) + more, 1)

        def tell(sign: Sign) -> None:
            moved(sign.done)
            if sign.loss is not None:
                bar.set_postfix(loss=f"{sign.loss:.3g}")

        try:
            with contextlib.closing(
                engine.results(start, tasks, tell)
            ) as results:  # workers end here, whatever happens
                for task, found in results:
                    runs[task.run].write(task, found)
                    moved()
                    bar.refresh()
                    if pressed:
                        raise KeyboardInterrupt
            moved()  # what of a shard was done before is known now
            bar.refresh()
        except KeyboardInterrupt:
            return True
    return False


def _bar(runs: Sequence[_Progress], show: bool) -> tqdm:
    counts = [each.todo.sources.count for each in runs]
    known = [count for count in counts if count is not None]
    total = sum(known) if len(known) == len(counts) else None
    done = sum(each.count for each in runs)
    return tqdm(total=total, initial=done, unit=" images", disable=not show, smoothing=0.1, bar_format=_BAR)


@contextlib.contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """What it gives is no longer empty once Ctrl-C was pressed.

    Python raises KeyboardInterrupt wherever it is just then, and drops it where that is a callback or a destructor.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # others are not told of signals
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:  # a shell has begun it in the background
        yield pressed
        return

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def summarise(store: Stored, interrupted: bool = False, missing: int = 0, ids: Sequence[str] | None = None) -> Summary:
    """What the rows of a store say; of these images only, where they are given."""
    table = store.read(["status", "mse", "psnr"], ids)
    counts = {each["values"]: each["counts"] for each in pc.value_counts(table["status"]).to_pylist()}
    bad = pa.array([name for name in counts if Status[name.upper()].failed], pa.string())
    good = table.filter(pc.invert(pc.is_in(table["status"], value_set=bad)))

    def median(column: str) -> float:
        values = good[column].drop_null().cast(pa.float64()).to_numpy()
        return float(np.median(values)) if len(values) else float("nan")

    failed = len(table) - len(good)
    return Summary(
        counts, failed, median("mse"), median("psnr"), interrupted, missing, 0 if ids is not None else store.double
    )
