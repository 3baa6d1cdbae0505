"""Work in a process of its own: ended and begun anew where it hangs, takes too much memory or crashes.

What is to blame is found by halves, and given up after some tries; the other items have their results. The process
that works is not the one that watches, so that the latter can tell how the former ended.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pickle
import platform
import shutil
import signal
import subprocess
import sys
import time
import traceback
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tfinvert.children import begun, end_with_parent
from tfinvert.engines.task import Lost, Task, Work
from tfinvert.errors import BadInput, short
from tfinvert.signed import temporary

_INTERVAL = 0.1  # seconds between two looks at the worker's memory
_HOPELESS = 3  # items that end workers before one is done: then it is none of the items' fault
_STARTS = 3  # of a worker that ends before it is ready


class Bounds(NamedTuple):
    """What a worker may take."""

    bytes: float  # of memory
    seconds: float  # without a sign
    tries: int  # of an item alone
    cpus: int  # threads
    gpus: bool = False  # whether it sees those of this process


class Home(NamedTuple):
    """What the work finds around it, as in the process that sent it."""

    folder: str  # the working folder; where there is none of that name, paths that are relative lead nowhere
    modules: list[str]  # where Python looks for modules

    @staticmethod
    def here() -> Home:
        # The working folder comes last, for the modules of --import: it shall hide no other's.
        return Home(os.getcwd(), [*_own_places(), os.getcwd()])


def _own_places() -> list[str]:
    """Where Python looks for modules here, but for its own places and those of installed packages."""
    places = [os.path.abspath(place) for place in sys.path]
    installed = tuple(os.path.join(prefix, "") for prefix in {sys.prefix, sys.base_prefix})
    return [place for place in places if os.path.basename(place) != "site-packages" and not place.startswith(installed)]


class _Ended(NamedTuple):
    """How a worker ended."""

    how: str
    item: int | None  # which item was at work alone
    too_much: bool = False  # whether it took more time or memory than it may, which fewer items at once may mend


class _Hired(NamedTuple):
    """A process that works."""

    process: subprocess.Popen
    connection: Connection  # our end of the pipe to it
    folder: Path  # its own, for temporary files

    def end(self) -> int:
        """Ends it, if it still runs, and clears up after it, which it may not have come to; its exit code."""
        self.process.kill()
        code = self.process.wait()
        self.connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Supervised:
    """A `Work` that a process of its own does, and that outlives it.

    Args:
      start: a pickled `Start`.
      home: where it is to be done.
      bounds: what the process may take.
    """

    def __init__(self, start: bytes, home: Home, bounds: Bounds) -> None:
        self._start, self._home, self._bounds = start, home, bounds
        # Linux ends a process with the thread that has started it, so that must be one that stays.
        self._hiring = ThreadPoolExecutor(1)
        self._hired: list[_Hired] = []  # one at most
        weakref.finalize(self, _end_all, self._hired)  # at the end of this process, too
        self._most: int | None = None  # items at once, once memory or time was short
        self._finished = False  # whether any item was
        self._unexplained = 0  # items that are lost, and were not seen to be at work alone

    def __call__(self, task: Task) -> list[Any | Lost]:
        """The results of the items.

        Args:
          task: its items are pickled, and unpickled where they are worked on.

        Raises:
          BadInput: what the work raises; no process comes to the point where it could begin; or all items end it.
        """
        items, size = task.items, max(1, len(task.items))
        size = size if task.whole else self._most or size
        results: list[Any] = []
        for first in range(0, len(items), size):
            results += self._done(task._replace(items=items[first : first + size]), [0] * size)
        lost = [each for each in results if isinstance(each, Lost)]
        self._finished = self._finished or len(lost) < len(results)
        if self._unexplained >= _HOPELESS and not self._finished:
            raise BadInput(
                f"the first {self._unexplained} images all ended a worker on {platform.node()}: it {lost[-1].why}",
                "give it more memory or time (--worker_gigabytes, --stall_seconds), or fewer --workers",
            )
        return results

    def close(self) -> None:
        """Ends the process."""
        _end_all(self._hired)

    def _end(self, hired: _Hired) -> int:
        self._hired.clear()
        return hired.end()

    def _done(self, task: Task, tried: list[int]) -> list[Any | Lost]:
        """The results; `tried` says how often each item has ended a worker alone."""
        results: list[Any] = [None] * len(task.items)
        left = list(range(len(task.items)))
        while left:
            found = self._once(task._replace(items=[task.items[place] for place in left]))
            if not isinstance(found, _Ended):
                _put(results, left, found)
                break
            if task.whole:
                tried[0] += 1
                if tried[0] >= self._bounds.tries:
                    return [_lost(found, tried[0])] * len(results)
                continue
            alone = 0 if len(left) == 1 else found.item
            if alone is None:
                half = len(left) // 2
                for part in (left[:half], left[half:]):
                    items = [task.items[place] for place in part]
                    _put(results, part, self._done(task._replace(items=items), [tried[place] for place in part]))
                if found.too_much and not any(isinstance(results[place], Lost) for place in left):
                    self._most = min(half, self._most or half)
                break
            place = left[alone]
            tried[place] += 1
            if tried[place] >= self._bounds.tries:
                self._unexplained += found.item is None
                results[place] = _lost(found, tried[place])
                left.remove(place)
        return results

    def _once(self, task: Task) -> list[Any] | _Ended:
        """The results, or how the worker ended over them."""
        hired = self._ready()
        try:
            hired.connection.send(task)
        except OSError:
            return _Ended(self._how(hired), None)
        return self._until_done(hired)

    def _until_done(self, hired: _Hired) -> Any:
        """What the process answers, or how it ended meanwhile."""
        item, allowed = None, self._bounds.seconds
        due = time.monotonic() + allowed
        watched, looked = psutil.Process(hired.process.pid), time.monotonic()
        while True:
            try:
                if time.monotonic() - looked > _INTERVAL:
                    looked = time.monotonic()
                    if watched.memory_info().rss > self._bounds.bytes:
                        self._end(hired)
                        return _Ended(
                            f"took more than {self._bounds.bytes / 1e9:.3g} GB of memory", item, too_much=True
                        )
                if hired.connection.poll(_INTERVAL):
                    kind, value = hired.connection.recv()
                    if kind == "sign":
                        item, allowed = value.item, value.seconds or self._bounds.seconds
                        due = time.monotonic() + allowed
                    elif kind == "done":
                        return value
                    else:
                        self._end(hired)
                        raise value
                elif time.monotonic() > due:
                    self._end(hired)
                    return _Ended(f"made no step for {allowed:g} seconds", item, too_much=True)
            except (EOFError, OSError, psutil.NoSuchProcess):
                return _Ended(self._how(hired), item)

    def _how(self, hired: _Hired) -> str:
        """How the process ended by itself."""
        hired.process.wait()
        code = self._end(hired)
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"crashed ({name})"

    def _ready(self) -> _Hired:
        """A process that can begin.

        Raises:
          BadInput: there is none.
        """
        if self._hired:
            return self._hired[0]
        for _ in range(_STARTS):
            hired = self._hiring.submit(_hire, self._home, self._bounds).result()
            self._hired[:] = [hired]
            with contextlib.suppress(OSError):  # then it has ended, and that is told below
                hired.connection.send((self._start, self._bounds.gpus))
            ended = self._until_done(hired)
            if not isinstance(ended, _Ended):
                return hired
        raise BadInput(
            f"a worker on {platform.node()} {ended.how} before it was ready, {_STARTS} times",
            "give it more memory or time (--worker_gigabytes, --stall_seconds), or fewer --workers",
        )


def _end_all(hired: list[_Hired]) -> None:
    while hired:
        hired.pop().end()


def _put(results: list[Any], places: Sequence[int], found: Sequence[Any]) -> None:
    for place, result in zip(places, found, strict=True):
        results[place] = result


def _lost(ended: _Ended, tried: int) -> Lost:
    return Lost(f"{ended.how}, {'once' if tried == 1 else f'{tried} times'}")


def _hire(home: Home, bounds: Bounds) -> _Hired:
    """A process that waits for a start, and then for tasks."""
    folder = temporary()
    ours, theirs = Pipe()
    environment = {
        **({} if bounds.gpus else {"CUDA_VISIBLE_DEVICES": "", "HIP_VISIBLE_DEVICES": ""}),
        "TMPDIR": str(folder),
        "TF_NUM_INTRAOP_THREADS": str(bounds.cpus),
        "TF_NUM_INTEROP_THREADS": str(bounds.cpus),
        "OMP_NUM_THREADS": str(bounds.cpus),
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",  # else the first of several on one GPU takes all its memory
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
    }
    where = home.folder if os.path.isdir(home.folder) else None
    places = [*home.modules, *_own_places()]
    try:
        process = begun(f"{__name__}.main({{end}})", theirs, places, environment, cwd=where)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    theirs.close()
    return _Hired(process, ours, folder)


def main(number: int) -> None:
    """The process that works, with its end of the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever gives it work
    end_with_parent()
    if sys.platform == "linux":
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # where memory ends, this process goes first
    connection = Connection(number)
    with contextlib.suppress(EOFError):
        start, gpus = connection.recv()
        work: list[Work] = []
        _answer(connection, lambda: work.append(_started(start, gpus)))
        while work:
            _answer(connection, functools.partial(_do, work[0], connection.recv(), connection))


def _started(start: bytes, gpus: bool) -> Work:
    work: Work = pickle.loads(start)()
    if gpus:
        import tensorflow as tf

        if not tf.config.list_physical_devices("GPU"):
            raise BadInput(
                "a worker was given GPUs, and TensorFlow sees none",
                "install tensorflow[and-cuda] there, or leave out --num_gpus",
            )
    return work


def _do(work: Work, task: Task, connection: Connection) -> list[Any]:
    items = [pickle.loads(item) for item in task.items]
    return work(task._replace(items=items), lambda sign: connection.send(("sign", sign)))


def _answer(connection: Connection, do: Callable[[], Any]) -> None:
    """Does something, and tells the other end what came of it."""
    try:
        connection.send(("done", do()))
    except BadInput as error:
        connection.send(("error", error))
    except Exception as error:  # of the work, which is not ours
        traceback.print_exc()
        connection.send(("error", BadInput(f"a worker fails ({short(error)})", "its whole story is in Ray's logs")))
