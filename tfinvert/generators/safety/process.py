"""Runs a job in a process of its own that is watched: ended when it takes too long or too much, and told when it dies.

Three processes: this one; a server; and the server's worker, forked where it is needed, which does the jobs one after
the other. A worker that is ended costs the others nothing but another fork. The server is forked while there is one
thread here and TensorFlow has not begun to work: a fork lacks the other threads, and in a notebook's kernel it shares
their sockets. Else it is started anew, which takes seconds.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

import psutil

from tfinvert.children import begun, end_with_parent
from tfinvert.errors import BadInput
from tfinvert.settings import Limits

_INTERVAL = 0.02  # seconds between two looks at the worker's memory
_BREATH = 2.0  # seconds after which a server that waits looks whether the user's process is still there
_IDLE = 60.0  # seconds after which a worker that waits is ended
_LARGE = 1.5e9  # bytes that a waiting worker may hold
_DONE = "done"

_lock = threading.Lock()
_server: tuple[int, Connection, Any] | None = None  # the process that started it, our end, and what it was started as


def available() -> bool:
    """Whether jobs can be watched here; Windows has no fork."""
    return hasattr(os, "fork")


@contextlib.contextmanager
def watched(job: Callable[..., Iterator[Any]], *given: Any, limits: Limits, what: str) -> Iterator[Iterator[Any]]:
    """Starts a job, and gives what it yields as it comes.

    Args:
      job: a generator function that can be imported by name.
      given: its arguments; they and what it yields are pickled.
      limits: of memory and time.
      what: is done with what, for messages: "loading dcgan.h5".

    Raises:
      BadInput: what the job raises; or that it was ended, or has crashed. Any other error of the job is a `BadInput`
        too.
    """
    with _lock:
        answers = _Answers(_connected(job), what)
        try:
            answers.connection.send((limits, what, pickle.dumps((job, given))))
            yield answers
            for _ in answers:  # so that the next job finds nothing of this one
                pass
        finally:
            if not answers.over:  # the caller has failed, or was interrupted
                close()


class _Answers:
    """What a job yields, as it comes."""

    def __init__(self, connection: Connection, what: str) -> None:
        self.connection, self.what, self.over = connection, what, False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.over:
            raise StopIteration
        try:
            kind, value = self.connection.recv()
        except (EOFError, OSError) as error:
            raise BadInput(f"{self.what} ended the process that watched it", "try it again") from error
        if kind == "value":
            return value
        self.over = True
        if kind == _DONE:
            raise StopIteration
        raise value if kind == "error" else BadInput(f"{self.what} fails ({value})", _DAMAGED)


def close() -> None:
    """Ends the server, and with it what it does; the next job starts another."""
    global _server
    if _server is None:
        return
    owner, connection, started = _server
    _server = None
    if owner != os.getpid():  # a fork of the user's process: the server is not ours to end
        connection.close()
        return
    with contextlib.suppress(OSError):
        connection.send(None)  # closing is not enough where a child of the user's process has the other end, too
    connection.close()
    if isinstance(started, int):
        os.waitpid(started, 0)
    else:
        started.wait()


def _forget() -> None:
    """In a fork of the user's process: the server, and the lock that a thread may hold there, are not its own."""
    global _server, _lock
    _lock = threading.Lock()
    if _server is not None:
        _server[1].close()
        _server = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def _connected(job: Callable) -> Connection:
    global _server
    if _server is not None and (_server[0] != os.getpid() or _server[1].poll(0)):  # it only speaks when it is spoken to
        close()
    if _server is None:
        ours, theirs = Pipe()
        _server = os.getpid(), ours, (_fork(ours, theirs) if _can_fork() else _start(theirs, job))
        theirs.close()
        atexit.register(close)
    return _server[1]


def _can_fork() -> bool:
    """Whether a fork of this process works as it does: there are no other threads, of Python or of TensorFlow."""
    from tensorflow.python.eager import context

    return threading.active_count() == 1 and not getattr(context.context(), "_initialized", True)


def _fork(ours: Connection, theirs: Connection) -> int:
    with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns of threads; libraries may have some that sleep
        number = os.fork()
    if number == 0:
        ours.close()
        _forked(serve, theirs)
    return number


def _forked(work: Callable[[Connection], None], connection: Connection) -> None:
    """Does work in a process just forked, which never comes back from here."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the user's process, which ends this one
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (whatever the user's process had in their place)
        gc.freeze()  # nothing of the user's process is finalized here
        work(connection)
    finally:
        os._exit(0)


def _start(theirs: Connection, job: Callable) -> subprocess.Popen:
    call = f"{__name__}.main({{end}}, {job.__module__!r})"
    places = [place or os.getcwd() for place in sys.path]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return begun(call, theirs, places, {"CUDA_VISIBLE_DEVICES": ""}, **silent)


def main(number: int, module: str) -> None:
    """The server, started anew, with its end of the pipe and the module of the first job: workers need it, too."""
    importlib.import_module(module)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(Connection(number))


def serve(connection: Connection) -> None:
    """Hands jobs to workers until the user's process says that it is enough, or is gone."""
    worker: tuple[int, Connection] | None = None
    master, since = os.getppid(), time.monotonic()
    try:
        while os.getppid() == master:
            if not connection.poll(_BREATH):
                if worker is not None and time.monotonic() - since > _IDLE:
                    _ended(worker)
                    worker = None
                continue
            job = connection.recv()
            if job is None:
                return
            limits, what, payload = job
            worker = worker or _hire(connection)
            worker[1].send_bytes(payload)
            refusal = _watch(worker, connection, limits, what)
            if refusal is not None:
                _ended(worker)
                worker = None
                connection.send(("error", refusal))
            elif psutil.Process(worker[0]).memory_info().rss > _LARGE:
                _ended(worker)
                worker = None
            since = time.monotonic()
    except (EOFError, OSError):  # nobody listens any more
        return
    finally:
        _ended(worker)


def _hire(connection: Connection) -> tuple[int, Connection]:
    ours, theirs = Pipe()
    with warnings.catch_warnings(action="ignore"):
        number = os.fork()
    if number == 0:
        ours.close()
        connection.close()
        end_with_parent()
        _forked(_work, theirs)
    theirs.close()
    return number, ours


def _ended(worker: tuple[int, Connection] | None) -> None:
    """Ends a worker, whatever it does; what is left is none."""
    if worker is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker[0], signal.SIGKILL)
        os.waitpid(worker[0], 0)
        worker[1].close()


def _watch(worker: tuple[int, Connection], connection: Connection, limits: Limits, what: str) -> BadInput | None:
    """Hands on what a worker says until it has done its job; else why it has not."""
    number, answers = worker
    process = psutil.Process(number)
    before, end, master = process.memory_info().rss, time.monotonic() + limits.seconds, os.getppid()
    while time.monotonic() < end:
        if answers.poll(_INTERVAL):
            try:
                kind, value = answers.recv()
            except (EOFError, OSError):
                return BadInput(f"{what} crashes TensorFlow or a library below it", _DAMAGED)
            connection.send((kind, value))
            if kind in (_DONE, "error", "failure"):
                return None
        if process.memory_info().rss - before > limits.bytes:
            return BadInput(
                f"{what} takes more than {limits.gigabytes:g} GB of memory",
                "if it is meant to, say more with --max_gigabytes, or limits=Limits(gigabytes=...)",
            )
        if connection.poll(0) or os.getppid() != master:  # another job, or none any more: this one is not wanted
            return BadInput(f"{what} was given up", "try it again")
    return BadInput(
        f"{what} takes more than {limits.seconds:g} seconds",
        "if it is meant to, say more with --max_seconds, or limits=Limits(seconds=...)",
    )


_DAMAGED = "the file is damaged, or made to do so; save it again"


def _work(connection: Connection) -> None:
    """Does jobs until the other end closes."""
    import tensorflow as tf
    from absl import logging

    logging.set_verbosity(logging.FATAL)
    tf.config.set_visible_devices([], "GPU")
    while True:
        try:
            job, given = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            for value in job(*given):
                connection.send(("value", value))
        except BadInput as error:
            connection.send(("error", error))
        except Exception as error:
            connection.send(("failure", f"{type(error).__name__}: {error}"[:300]))
        else:
            connection.send((_DONE, None))
