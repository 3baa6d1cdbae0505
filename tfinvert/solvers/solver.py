"""What a solver is: frozen settings and two pure functions of tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from tfinvert.objective import Objective

Memory = Any  # whatever a solver carries from step to step: a nest of tensors with N rows each


class Turn(NamedTuple):
    """What else is known when a step is taken."""

    count: tf.Tensor  # int32 scalar: the steps that were taken before
    running: tf.Tensor  # bool [N]: where it is false a row has ended, and nobody looks at what becomes of it
    constrain: Callable[[tf.Tensor], tf.Tensor]  # codes [N, *shape] -> what will become of them after the step
    since: tf.Tensor  # int32 scalar: the steps since `init`, which is called again where the objective becomes another


class Step(NamedTuple):
    """What one step gives."""

    codes: tf.Tensor  # the next codes, [N, *shape]
    memory: Memory
    value: tf.Tensor  # of the codes before the step, [N]
    ended: tf.Tensor  # int32 [N]: a `Status` where the solver can take a row no further, RUNNING elsewhere
    passes: tf.Tensor  # what it cost each row, int32 [N]: a forward, backward or tangent pass of one image is one


class Solver(Protocol):
    """Rows are independent: what happens to one must not depend on its neighbours."""

    @property
    def steps(self) -> int:
        """How many steps the loop takes at most."""
        ...

    @property
    def needs_residuals(self) -> bool:
        """Whether it works on sums of squares only."""
        ...

    @property
    def needs_gradients(self) -> bool:
        """Whether it differentiates the objective."""
        ...

    def init(self, codes: tf.Tensor, objective: Objective, seeds: tf.Tensor) -> Memory:
        """The memory before the first step from these codes [N, *shape].

        All that is drawn for a row follows from its seed (int64 [N, 2], see `tfinvert.seeds`), so that a row's path
        depends on no neighbour.
        """
        ...

    def step(self, objective: Objective, codes: tf.Tensor, memory: Memory, turn: Turn) -> Step:
        """One step from `codes`."""
        ...
