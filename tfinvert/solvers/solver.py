"""What a solver is: frozen settings and two pure functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

Objective = Callable[[tf.Tensor], tf.Tensor]  # codes [N, *shape] -> values [N]
Memory = Any  # whatever a solver carries from step to step: a nest of tensors with N rows each


class Step(NamedTuple):
    """What one step gives."""

    codes: tf.Tensor  # the next codes, [N, *shape]
    memory: Memory
    value: tf.Tensor  # of the codes before the step, [N]
    gradient: tf.Tensor  # of the codes before the step, [N, *shape]


class Solver(Protocol):
    """Rows are independent: what happens to one must not depend on its neighbours."""

    @property
    def steps(self) -> int:
        """How many steps the loop takes at most."""
        ...

    def init(self, codes: tf.Tensor) -> Memory:
        """The memory before the first step from these codes [N, *shape]."""
        ...

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, count: tf.Tensor) -> Step:
        """One step from `codes`; `count` (int32, scalar) steps were taken before."""
        ...
