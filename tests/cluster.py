"""A Ray cluster of several nodes on this machine, the runs that it does, and what becomes of both."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

SAME = ("id", "place", "code", "loss", "mse", "status", "message", "losses", "reconstruction")
_FIRST = 300.0  # seconds until the first rows are there at the latest


class Nodes:
    """Two nodes, each with one processor: the head, where drivers are, and another, which may die."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        self.address = self._cluster.address
        self.other = self._cluster.add_node(num_cpus=1)

    def kill(self) -> None:
        """Ends the other node at once, as a power cut does."""
        self._cluster.remove_node(self.other, allow_graceful=False)

    def add(self) -> None:
        """Another in its place."""
        self.other = self._cluster.add_node(num_cpus=1)

    def close(self) -> None:
        self._cluster.shutdown()


@contextlib.contextmanager
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    try:
        yield made
    finally:
        made.close()


class Driver:
    """`tfinvert invert` in a process of its own.

    Args:
      out: the run's folder.
      flags: of the command besides.
      log: what it prints is added to this file.
    """

    def __init__(self, out: str | Path, flags: list[str], log: Path) -> None:
        self.out = out
        places = [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]  # `poison.py` is here
        with log.open("a") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tfinvert", "invert", f"--out={out}", "--nopage", *flags],
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, places))},
                start_new_session=True,
            )

    def until(self, rows: int, count: Callable[[], int] | None = None) -> None:
        """Waits until so many rows are there."""
        end = time.monotonic() + _FIRST
        while (count or self.rows)() < rows:
            if self.process.poll() is not None:
                raise AssertionError(f"the run ended with {self.process.returncode} before it had {rows} rows")
            if time.monotonic() > end:
                raise AssertionError(f"no {rows} rows after {_FIRST:g} seconds")
            time.sleep(0.2)

    def rows(self) -> int:
        from tfinvert.runs.stored import Stored

        return len(Stored(self.out).ids())

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Its exit code."""
        return self.process.wait()


def workers() -> list[psutil.Process]:
    """The processes that Ray keeps for tfinvert, on whatever node."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if "MapWorker" in process.name() or any("MapWorker" in each for each in process.cmdline()[:1]):
                found.append(process)
    return found


def hands(of: list[psutil.Process]) -> list[psutil.Process]:
    """The processes in which these have the work done."""
    return [child for each in of for child in each.children()]


def kill(one: psutil.Process) -> Any:
    with contextlib.suppress(psutil.NoSuchProcess):
        one.send_signal(signal.SIGKILL)
