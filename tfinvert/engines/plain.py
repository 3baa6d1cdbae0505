"""Work in this process, one task after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from tfinvert.engines.task import Start, Task, Tell


class Plain:
    """An `Engine` that is no other process: what ends it ends the run."""

    outlives = False

    def results(self, start: Start, tasks: Iterable[Task], tell: Tell) -> Generator[tuple[Task, list[Any]]]:
        """See `Engine.results`."""
        work = start()
        for task in tasks:
            yield task, work(task, tell)
