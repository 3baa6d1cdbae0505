"""What engines are given to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Task(NamedTuple):
    """Items that are worked on together, such as a batch of images; can be pickled."""

    run: int  # which of several runs they belong to
    items: list[Any]
    whole: bool = False  # whether its items must stay together, whatever becomes of them


class Sign(NamedTuple):
    """That work goes on."""

    item: int | None = None  # which of the task's items is at work, where it is one alone
    done: float = 0.0  # how many of the task's items are, and parts of them
    loss: float | None = None  # the mean of the items', where there is one
    seconds: float | None = None  # after which the next sign is due at the latest; default: the engine's setting


class Lost(NamedTuple):
    """In place of an item's result: it ended its worker again and again."""

    why: str


Tell = Callable[[Sign], object]
Work = Callable[[Task, Tell], list[Any]]  # one result for each item, in their order
Start = Callable[[], Work]  # done once by each worker; can be pickled where the worker is another process
