"""One writer at a time in a folder of a store: it has no locks, so a writer says again and again that it is at work."""

from __future__ import annotations

import contextlib
import json
import math
import os
import platform
import secrets
import threading
import time
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.remote.patience import asked
from tfinvert.settings import Shard
from tfinvert.signed import this_machine

EVERY = 30.0  # seconds between two signs of life
MISSED = 3  # signs of life, after which a writer is taken for dead
SETTLED = 1.1  # seconds after which no time of a file can be the same any more: S3 tells whole ones
_FOLDER = ".writers"
_SELDOM = 3600.0  # seconds between signs of life at most, of whatever version
_SLACK = 5.0  # seconds that a sign of life may be late
_ANOTHER = 60.0  # seconds between the beginnings of two processes of one number; the clock may be set meanwhile


class _Writer(NamedTuple):
    """What a file in the folder says of a writer. All times are of the store's clock, which is one for all writers."""

    path: Any
    since: float
    heard: float  # when it last gave a sign of life
    said: dict[str, Any]

    @property
    def rank(self) -> tuple[float, str]:
        """Of two writers the one with the smaller rank goes on."""
        return self.since, self.path.name

    @property
    def who(self) -> str:
        """In words."""
        return "".join(filter(str.isprintable, str(self.said.get("who", "another process"))))[:200]

    @property
    def patience(self) -> float:
        """Seconds without a sign of life, after which it is taken for dead."""
        return MISSED * self.said.get("every", EVERY)

    def dead(self) -> bool:
        """Whether it was a process of this machine that is known to be gone."""
        if self.said.get("machine") != this_machine():
            return False
        try:
            return abs(psutil.Process(self.said["process"]).create_time() - self.said["begun"]) > _ANOTHER
        except psutil.NoSuchProcess:
            return True

    def excludes(self, shard: Shard | None) -> bool:
        """Whether it may not write beside a writer of this shard."""
        own = self.said.get("shard")
        return own is None or shard is None or own[0] == shard[0] or own[1] != shard[1]


class Lease:
    """The right to write into a folder of a store, which one object of one process has at a time.

    It is a file FOLDER/.writers/NAME that says who, and is written anew every `EVERY` seconds by a thread. Who comes
    writes one first and then looks at the others. All see the same times, those of the store, so that of two at the
    same moment one goes on. Two can both be at work only where one was not heard of for long, and then goes on all the
    same: it is told before it writes the next time. What both wrote until then is the same, and counts once.

    Args:
      folder: in a store.
      shard: which is written, beside those of other writers; default: the whole run.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self.folder, self.shard = folder, shard
        self._path: Any = None
        self._process = 0
        self._give_back: Any = None

    def acquire(self) -> None:
        """Takes it; does nothing where this object has it already.

        Raises:
          BadInput: another has it, or the store refuses.
        """
        if self._path is not None and self._process == os.getpid():
            return
        path: Any = self.folder / _FOLDER / secrets.token_hex(8)
        said = {
            "who": f"process {os.getpid()} on {platform.node()[:64]}" + (f", shard {self.shard}" if self.shard else ""),
            "machine": this_machine(),
            "process": os.getpid(),
            "begun": psutil.Process().create_time(),
            "every": EVERY,
            "shard": self.shard,
        }
        path.write_bytes(json.dumps(said).encode())
        try:
            own = _read(path)
            if own is None:
                raise BadInput(f"{path} is gone", "somebody deletes what is written there; choose another folder")
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._path, self._process = path, os.getpid()
        stop = threading.Event()
        thread = threading.Thread(
            target=_renew, args=(path, json.dumps({**said, "since": own.since}).encode(), stop), daemon=True
        )
        thread.start()
        self._give_back = weakref.finalize(self, _leave, path, thread, stop, os.getpid())
        try:
            began = time.monotonic()
            time.sleep(SETTLED)
            self._look(own, began)
            if time.monotonic() - began > EVERY:
                self.check()  # who waited so long may have been taken for dead
        except BaseException:
            self.release()
            raise

    def check(self) -> None:
        """Makes sure that what is written now is written under the lease.

        Raises:
          BadInput: it is not held, or not any more.
        """
        if self._path is None or self._process != os.getpid():
            raise BadInput(f"{self.folder} is not open for writing", "a process that was forked opens it anew")
        if not self._path.exists():
            raise BadInput(
                f"{self.folder} was removed while its run was at work, or its writer was not heard of for "
                f"{MISSED * EVERY:g} s and another one took it over",
                "see who writes there; then start the same command again",
            )

    def release(self) -> None:
        """Gives it back, where this object has it."""
        if self._path is not None:
            self._path = None
            self._give_back()

    def __enter__(self) -> Lease:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _look(self, own: _Writer, began: float) -> None:
        """Raises `BadInput` where another is at work; what dead ones left is deleted. Own came at the time `began`."""
        for path in own.path.parent.iterdir():
            other = None if path.name == own.path.name else _read(path)
            if other is None:
                continue
            ago = own.heard + time.monotonic() - began - other.heard
            if other.dead() or ago > other.patience:
                logging.info("%s: %s is dead", self.folder, other.who)
                path.unlink(missing_ok=True)
            elif other.excludes(self.shard) and other.rank < own.rank:
                if not self._silent(other, max(0.0, ago)):
                    raise self._refusal(other, max(0.0, ago))
                path.unlink(missing_ok=True)

    def _silent(self, other: _Writer, ago: float) -> bool:
        """Waits for a sign of one who may be dead: schedulers begin what was killed anew on another machine at once."""
        due = other.said.get("every", EVERY) + _SLACK
        if other.said.get("machine") == this_machine() or (ago < due and self.shard is None):
            return False  # it is alive; or a person waits, who shall be told soon
        for until in sorted({max(ago, due), other.patience}):
            if until > ago:
                logging.info("%s: waiting %.0f s for a sign of %s", self.folder, until - ago, other.who)
                time.sleep(until - ago)
                ago = until
            now = _read(other.path)
            if now is None:
                return True
            if now.heard != other.heard:
                return False
        return True

    def _refusal(self, other: _Writer, ago: float) -> BadInput:
        own = (other.said.get("machine"), other.said.get("process")) == (this_machine(), os.getpid())
        who = "this process" if own else other.who
        shards = "" if self.shard is None else f" for each of {self.shard[1]} shards, and no other beside"
        return BadInput(
            f"{self.folder} is being written by {who}, last heard of {ago:.0f} s ago",
            f"one writer at a time{shards}; wait until it has ended (if it was killed, {other.patience - ago:.0f} s), "
            "or choose another folder with --out",
        )


def _read(path: Any) -> _Writer | None:
    """What a file says of a writer; None where it has just gone."""
    try:
        # The time first: what has no "since" in it was written once only, and then that is it.
        heard = path.modified()
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        said = _checked(json.loads(content))
    except (ValueError, OverflowError, TypeError, KeyError, AttributeError, RecursionError):
        said = {}
    return _Writer(path, said.get("since", heard), heard, said)


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    """What a writer says, with numbers where numbers are wanted; else raises what Python does."""
    shard = said["shard"]
    found = {
        **said,
        "process": int(said["process"]),
        "begun": float(said["begun"]),
        "every": float(said["every"]),
        "shard": None if shard is None else (int(shard[0]), int(shard[1])),
        "since": float(said["since"]) if "since" in said else None,
    }
    numbers = [found["begun"], found["every"], found["since"] or 0.0]
    if not all(map(math.isfinite, numbers)) or not 0 < found["every"] <= _SELDOM or found["process"] < 0:
        raise ValueError("no writer of ours")
    return {name: value for name, value in found.items() if value is not None}


def _renew(path: Any, content: bytes, stop: threading.Event) -> None:
    """Gives signs of life until it is told to stop, or the lease was taken away."""
    while not stop.wait(EVERY):
        try:
            # What others took away must not be there again. Who writes next waits for a store that is away; not here.
            asked(str(path), lambda: path.fs.info(path.path), seconds=0)
            asked(str(path), lambda: path.fs.pipe_file(path.path, content), seconds=0)
        except FileNotFoundError:
            return
        except (BadInput, OSError) as error:
            logging.debug("no sign of life: %s", error)


def _leave(path: Any, thread: threading.Thread, stop: threading.Event, process: int) -> None:
    if os.getpid() != process:  # it is the parent's
        return
    stop.set()
    if thread is not threading.current_thread():
        thread.join(timeout=MISSED * EVERY)
    with contextlib.suppress(BadInput, OSError):  # then it ends by itself
        asked(str(path), lambda: path.fs.rm_file(path.path), seconds=0)
