"""One writer at a time in a folder, or of each shard of a run there, whatever becomes of the writer."""

from __future__ import annotations

import contextlib
import os
import platform
import time
from pathlib import Path

from tfinvert.errors import BadInput
from tfinvert.runs import locked
from tfinvert.runs.locked import Claim, Taken, guard
from tfinvert.settings import Shard


class Lock:
    """The right to write into a folder, or one shard of its run, which one object of one process has at a time.

    It lies in FOLDER/.lock, which stays there and says who holds it. Shards hold that file together, and each another
    one alone, FOLDER/.lock-K-of-N, which says who; the next writer of the whole run deletes those.

    Args:
      folder: that is there.
      shard: which is written; default: the whole run.
    """

    def __init__(self, folder: Path, shard: Shard | None = None) -> None:
        self._claims: list[tuple[Claim, int | None]] = []
        self.folder, self.path, self.shard = folder, folder / ".lock", shard

    def acquire(self) -> None:
        """Takes it; does nothing where this object has it already.

        Raises:
          BadInput: another has it, or there can be no lock in the folder.
        """
        with guard:
            if self._has():
                return
            self._claims = []
            try:
                self._take()
            except Taken as taken:
                self.release()
                raise self._refusal(str(taken)) from taken
            except BaseException:
                self.release()
                raise

    def check(self) -> None:
        """Makes sure that what is written now is written under the lock.

        Raises:
          BadInput: it is not held, or the folder is not the one any more that it was taken in.
        """
        if not self._has():
            raise BadInput(f"{self.folder} is not open for writing", "a process that was forked opens it anew")
        if not all(claim.stands() for claim, _ in self._claims):
            raise BadInput(
                f"{self.folder} was removed or replaced while its run was at work", "start the same command again"
            )

    def release(self) -> None:
        """Gives it back, where this object has it."""
        with guard:
            while self._claims:
                locked.leave(*self._claims.pop())

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        if self._claims:
            self.release()

    def _has(self) -> bool:
        return bool(self._claims) and self._claims[0][0].descriptor is not None

    def _take(self) -> None:
        if self.shard is None:
            try:
                self._claims.append((locked.claim(self.path, _own_name()), None))
            except Taken as taken:  # shards leave no name in the file that they share
                raise Taken(self._other_shard() or str(taken)) from taken
            for path in self.folder.glob(_named("*", "*")):  # whoever holds one holds the first file, too
                with contextlib.suppress(OSError):  # Windows deletes nothing that somebody looks at
                    path.unlink()
            return
        number, name = self.shard.number, f"{_own_name()}, shard {self.shard}"
        self._claims.append((locked.claim(self.path, name, number), number))
        self._claims.append((locked.claim(self.folder / _named(*self.shard), name), None))
        other = self._other_shard()
        if other:  # of another number of shards: both would do the same images
            raise Taken(other)

    def _other_shard(self) -> str:
        """Who writes some shard of as many others; "" where nobody does."""
        paths = set(self.folder.glob(_named("*", "*")))
        if self.shard is not None:
            paths -= set(self.folder.glob(_named("*", self.shard.total)))
        return next(filter(None, map(locked.holder, sorted(paths))), "")

    def _refusal(self, holder: str) -> BadInput:
        only = "" if self.shard is None else f" for each of {self.shard.total} shards, and no other beside"
        return BadInput(
            f"{self.folder} is being written by {holder}",
            f"one writer at a time{only}; wait until it has ended, or choose another folder with --out",
        )


def _named(number: int | str, count: int | str) -> str:
    return f".lock-{number}-of-{count}"


def _own_name() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} on {platform.node()[:64]} since {since}"
