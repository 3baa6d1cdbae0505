"""What all engines have, and which one settings mean."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any, Protocol

from tfinvert.engines.plain import Plain
from tfinvert.engines.task import Lost, Start, Task, Tell
from tfinvert.settings import EngineSettings


class Engine(Protocol):
    """Does tasks, in whatever order.

    Attributes:
      outlives: whether it goes on where an item ends whoever works on it.
    """

    outlives: bool

    def results(self, start: Start, tasks: Iterable[Task], tell: Tell) -> Generator[tuple[Task, list[Any | Lost]]]:
        """Each task with the results of its items, as they come.

        Args:
          start: makes what does the tasks, once in each worker.
          tasks: to be done.
          tell: is called as a task goes on, where it is done in this process.

        Raises:
          BadInput: what `start` or the work raises; or there are no workers.
        """


def engine_of(settings: EngineSettings) -> Engine:
    """The engine of some settings.

    Raises:
      BadInput: what it needs is not installed.
    """
    if settings.name == "plain":
        return Plain()
    from tfinvert.engines.on_ray import OnRay

    return OnRay(settings)
