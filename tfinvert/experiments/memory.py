"""How much memory a piece of work takes."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil


class Peak:
    """`with Peak() as peak: ...` notes the most memory that the process held meanwhile, in `peak.mebibytes`."""

    def __init__(self, interval: float = 0.05) -> None:
        self._interval, self._done = interval, threading.Event()
        self._process = psutil.Process()
        self.mebibytes = 0.0

    def __enter__(self) -> Peak:
        self._look()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(self._interval):
            self._look()

    def _look(self) -> None:
        self.mebibytes = max(self.mebibytes, self._process.memory_info().rss / 2**20)
