"""Work by Ray Data's workers, on this machine or on a cluster.

Ray brings tasks to workers, and what a dead node had to another one, as often as it takes. What an image does to its
worker never becomes Ray's business: see `supervised.py`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import logging as python_logging
import os
import pickle
import platform
import socket
import sys
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
from absl import logging

from tfinvert.engines.supervised import Bounds, Home, Supervised
from tfinvert.engines.task import Start, Task, Tell
from tfinvert.errors import BadInput, short
from tfinvert.quiet import captured
from tfinvert.settings import EngineSettings
from tfinvert.signed import sweep

_ANSWERS = 10.0  # seconds within which somebody must answer at an address
_SHARE = 0.9  # of the memory that Ray gives to work on a machine
_LEAST = 1.5e9  # bytes that a worker with a small generator takes
_SILENT = 300.0  # seconds without a result, after which the log says so
_ROUND = 5e8  # bytes of tasks that are listed at once: those of millions of pictures in files
_DYING = 0.5  # seconds that Ray's workers take to end
_IN_FLIGHT = 2  # tasks of a worker: one at work, one that waits
_Found = TypeVar("_Found")


class OnRay:
    """An `Engine` of Ray Data's actors.

    Args:
      settings: how many workers, and what each may take.

    Raises:
      BadInput: Ray is not installed, or this is Windows.
    """

    outlives = True

    def __init__(self, settings: EngineSettings) -> None:
        if sys.platform == "win32":
            raise BadInput("engine=ray on Windows", "its workers need Linux or macOS: leave it out, or use WSL")
        if importlib.util.find_spec("ray") is None:
            raise BadInput("engine=ray, and Ray is not installed", "pip install 'tfinvert[ray]'")
        self._settings = settings

    def results(self, start: Start, tasks: Iterable[Task], tell: Tell) -> Generator[tuple[Task, list[Any]]]:
        """See `Engine.results`; many tasks are listed before the first is done, and `tell` hears nothing."""
        rounds = _rounds(tasks)
        first = next(rounds, None)
        if first is None:
            return
        import ray

        with _cluster(self._settings):
            for each in itertools.chain([first], rounds):
                try:
                    yield from self._round(each, start)
                except (ray.exceptions.RayError, ValueError) as error:
                    if isinstance(error, BadInput):
                        raise
                    logging.debug("Ray gives up", exc_info=True)
                    raise BadInput(
                        f"Ray gives up ({_cause(error)})",
                        "what is done is kept, and the same command goes on; Ray's logs on its machines say more "
                        "(/tmp/ray/session_latest/logs)",
                    ) from error

    def _round(self, tasks: list[pa.Table], start: Start) -> Iterator[tuple[Task, list[Any]]]:
        import ray

        sent = dict(enumerate(tasks))
        waiting = ray.data.from_arrow(list(tasks))
        tasks.clear()  # they may hold pixels, which shall go as they are done
        for number, found in _noted(_mapped(waiting, start, self._settings, len(sent))):
            if isinstance(found, BadInput):
                raise found
            if number in sent:  # it may have been done twice, where a machine was lost
                yield _unpacked(sent.pop(number)), found
        if sent:
            raise BadInput(f"{len(sent)} tasks did not come back from Ray", "the same command does them")


def _rounds(tasks: Iterable[Task]) -> Iterator[list[pa.Table]]:
    """Tasks as they are sent, with their numbers, as many at a time as there is room for: they may hold pixels."""
    sent: list[pa.Table] = []
    size = 0
    for task in tasks:
        sent.append(_packed(len(sent), task))
        size += sent[-1].nbytes
        if size >= _ROUND:
            yield sent
            sent, size = [], 0
    if sent:
        yield sent


def _packed(number: int, task: Task) -> pa.Table:
    """A task as a row; nobody on its way has to know what its items are, or to open what they hold open."""
    items = pa.array([[pickle.dumps(item) for item in task.items]], pa.large_list(pa.large_binary()))
    return pa.table({"number": [number], "run": [task.run], "items": items, "whole": [task.whole]})


def _unpacked(sent: pa.Table) -> Task:
    found = _of_row(sent)
    return found._replace(items=[pickle.loads(item) for item in found.items])


def _of_row(sent: pa.Table) -> Task:
    """The task, with its items pickled."""
    row = sent.to_pylist()[0]
    return Task(row["run"], row["items"], row["whole"])


def _noted(results: Iterator[_Found]) -> Iterator[_Found]:
    """The same; where none comes for long, the log says so: Ray itself waits without a word."""
    latest, over = time.monotonic(), threading.Event()

    def watch() -> None:
        while not over.wait(_SILENT):
            silence = time.monotonic() - latest
            if silence >= _SILENT:
                logging.warning("no worker has ended a batch for %d minutes: is there room for them?", silence / 60)

    threading.Thread(target=watch, daemon=True).start()
    try:
        for each in results:
            latest = time.monotonic()
            yield each
            latest = time.monotonic()
    finally:
        over.set()


def _mapped(tasks: Any, start: Start, settings: EngineSettings, most: int) -> Iterator[tuple[int, Any]]:
    """What becomes of tasks, as they are done."""
    import ray

    team = _team(settings, most)
    tasks.context.enable_progress_bars = False
    tasks.context.memory_usage_poll_interval_s = None  # the memory that matters is another process's
    found = tasks.map_batches(
        _Worker,
        fn_constructor_kwargs={"start": pickle.dumps(start), "home": Home.here(), "settings": settings, "team": team},
        batch_size=1,  # each block has one row; with GPUs Ray wants a number
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=team.workers, max_tasks_in_flight_per_actor=_IN_FLIGHT),
        num_cpus=settings.worker_cpus,
        num_gpus=settings.num_gpus or None,
        memory=_least(settings) / _SHARE if team.fits else None,
    )
    for table in found.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        for each in table["result"]:
            yield pickle.loads(each.as_py())


class _Worker:
    """What Ray makes one of for each worker: the work itself is done in a process besides."""

    def __init__(self, start: bytes, home: Home, settings: EngineSettings, team: _Team) -> None:
        self._given = start, home, settings, team
        self._supervised: Supervised | None = None

    def __call__(self, tasks: pa.Table) -> pa.Table:
        number = tasks["number"][0].as_py()
        try:
            found: Any = self._ready()(_of_row(tasks))
        except Exception as error:  # raised here it would be tried again, and told without the machine's name
            known = error if isinstance(error, BadInput) else BadInput(f"it fails ({short(error)})", "see Ray's logs")
            found = known.about(f"worker on {platform.node()}")
        return pa.table({"result": pa.array([pickle.dumps((number, found))], pa.large_binary())})

    def _ready(self) -> Supervised:
        if self._supervised is None:
            start, home, settings, team = self._given
            bytes_each, gpus = _share(settings, team), settings.num_gpus > 0
            bounds = Bounds(bytes_each, settings.stall_seconds, settings.tries, settings.worker_cpus, gpus)
            self._supervised = Supervised(start, home, bounds)
        return self._supervised


def _cause(error: Exception) -> str:
    """What an error of Ray says last: before stands where it was."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return short(RuntimeError(lines[-1])) if lines else short(error)


@contextlib.contextmanager
def _cluster(settings: EngineSettings) -> Iterator[None]:
    """Ray, as it is where it was begun before, else until the end of the block.

    Raises:
      BadInput: there is no cluster at the address.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else it warns of how Ray Data itself makes its workers
    os.environ.setdefault("RAY_DATA_LOG_LEVEL", "CRITICAL")  # what it tells of errors is told in one line here
    # Behind all else that runs, which is Ray's usual way, threads that wait for each other lose more to Ray itself.
    os.environ.setdefault("RAY_worker_niceness", "0")
    python_logging.getLogger("ray").setLevel(python_logging.ERROR)
    quiet: dict[str, Any] = {"logging_level": python_logging.ERROR, "log_to_driver": False}
    try:
        with captured():
            if settings.address is None:
                ray.init("local", num_cpus=_processors(settings), include_dashboard=False, **quiet)
            else:
                _ask(settings.address)
                ray.init(settings.address, **quiet)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        if isinstance(error, BadInput):
            raise
        if settings.address is None:
            raise BadInput(
                f"Ray cannot begin here ({short(error)})", "put that right, or leave out --engine"
            ) from error
        raise BadInput(
            f"address={settings.address} ({short(error)})",
            "expected HOST:PORT of a cluster that this machine has joined (ray start), with the same versions of Ray "
            "and Python, and the cluster's token (RAY_AUTH_MODE=token, RAY_AUTH_TOKEN)",
        ) from error
    try:
        if settings.address is not None:
            _tell(settings)
        yield
    except BaseException:
        ray.shutdown()
        time.sleep(_DYING)
        with contextlib.suppress(OSError):
            sweep()  # what workers had no time to clear away, here at least
        raise
    finally:
        ray.shutdown()


def _tell(settings: EngineSettings) -> None:
    """Says which cluster this is, and whether there is room on it."""
    import ray

    try:
        has, free = ray.cluster_resources(), ray.available_resources()
        where = ray.get_runtime_context().gcs_address
    except ray.exceptions.RayError as error:
        logging.debug("nothing is known of the cluster: %s", error)
        return
    logging.info("joined Ray at %s: %g CPUs, %g GPUs", where, has.get("CPU", 0), has.get("GPU", 0))
    if free.get("CPU", 0) < settings.worker_cpus <= has.get("CPU", 0):
        logging.warning("others hold the CPUs of this cluster: waiting for them (`ray status` tells more)")


def _processors(settings: EngineSettings) -> int | None:
    """How many processors Ray may use here; None leaves it to Ray, which knows the limits of containers."""
    if settings.workers is not None:
        return settings.workers * settings.worker_cpus
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return None if allowed == os.cpu_count() else allowed


def _ask(address: str) -> None:
    """Raises `BadInput` where nobody answers; Ray itself would wait for minutes."""
    if "://" in address:
        raise BadInput(
            f"address={address}", "expected auto or HOST:PORT; start the command on a machine of the cluster"
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), _ANSWERS).close()
    except (OSError, OverflowError) as error:
        raise BadInput(
            f"address={address} ({getattr(error, 'strerror', None) or error})",
            "nobody answers there: start a cluster (ray start --head), or leave it out for one of this machine",
        ) from error


class _Team(NamedTuple):
    """The workers of a run."""

    workers: int
    fits: bool  # whether the memory of the machines is known to hold them


def _team(settings: EngineSettings, most: int) -> _Team:
    """How many workers there shall be.

    Raises:
      BadInput: no machine has what one worker needs.
    """
    import ray

    nodes = [node for node in ray.nodes() if node["Alive"]]
    fitting = sum(min(_room(node, settings), _fitting(node, settings)) for node in nodes)
    if not any(_room(node, settings) for node in nodes):
        wanted = f"workers of {settings.worker_cpus} CPUs and {settings.num_gpus:g} GPUs"
        if settings.address is None or settings.workers is None:
            raise BadInput(wanted, "no machine has so many: lower --worker_cpus, or leave out --num_gpus")
        logging.warning("%s: no machine has room for one yet; waiting until the cluster grows", wanted)
    workers = min(settings.workers or max(1, fitting), most)
    return _Team(workers, workers <= fitting)


def _room(node: dict[str, Any], settings: EngineSettings) -> int:
    """How many workers a machine has room for."""
    has = node["Resources"]
    room = has.get("CPU", 0) / settings.worker_cpus
    return int(min(room, has.get("GPU", 0) / settings.num_gpus) if settings.num_gpus else room)


def _fitting(node: dict[str, Any], settings: EngineSettings) -> int:
    """How many workers fit into a machine's memory."""
    return int(_SHARE * node["Resources"].get("memory", 0) / _least(settings))


def _least(settings: EngineSettings) -> float:
    """The bytes of memory that a worker has for certain."""
    return _LEAST if settings.worker_gigabytes is None else 1e9 * settings.worker_gigabytes


def _share(settings: EngineSettings, team: _Team) -> float:
    """The bytes of memory that a worker on this machine may take."""
    import ray

    if settings.worker_gigabytes is not None:
        return 1e9 * settings.worker_gigabytes
    here = ray.get_runtime_context().get_node_id()
    node = next(node for node in ray.nodes() if node["NodeID"] == here)
    beside = min(_room(node, settings), team.workers)
    if team.fits:  # Ray puts no more of them here
        beside = min(beside, _fitting(node, settings))
    return _SHARE * node["Resources"]["memory"] / max(1, beside)
