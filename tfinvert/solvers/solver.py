"""What a solver is: frozen settings and two pure functions of tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

Memory = Any  # whatever a solver carries from step to step: a nest of tensors with N rows each


@dataclasses.dataclass(frozen=True)
class Objective:
    """What codes are moved down: `objective(codes [N, *shape]) -> values [N]`.

    Args:
      values: codes [N, *shape] -> values [N].
      residuals: codes [N, *shape] -> [N, M], whose squares add up to the values; None where there are none.
      part: indices [n] of rows -> the objective of those rows alone; None where all rows have the same one.
      rough: the residuals once more, of float32 codes and only roughly, for derivatives that are cheaper than those of
        `residuals`; None where there is no cheaper way.
      smooth: the values without the part that `sparsity` says; None where there is none.
      sparsity: c of a part c * sum(|codes|) of each row's values. Gradient methods take proximal steps for it, which
        end at zero exactly.
    """

    values: Callable[[tf.Tensor], tf.Tensor]
    residuals: Callable[[tf.Tensor], tf.Tensor] | None = None
    part: Callable[[tf.Tensor], Objective] | None = None
    rough: Callable[[tf.Tensor], tf.Tensor] | None = None
    smooth: Callable[[tf.Tensor], tf.Tensor] | None = None
    sparsity: float = 0.0

    def __call__(self, codes: tf.Tensor) -> tf.Tensor:
        return self.values(codes)

    def of(self, rows: tf.Tensor) -> Objective:
        """The objective of these rows [n] alone."""
        return self if self.part is None else self.part(rows)


class Step(NamedTuple):
    """What one step gives."""

    codes: tf.Tensor  # the next codes, [N, *shape]
    memory: Memory
    value: tf.Tensor  # of the codes before the step, [N]
    gradient: tf.Tensor  # of the codes before the step, [N, *shape]
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

    def init(self, codes: tf.Tensor, objective: Objective) -> Memory:
        """The memory before the first step from these codes [N, *shape]."""
        ...

    def step(
        self, objective: Objective, codes: tf.Tensor, memory: Memory, count: tf.Tensor, running: tf.Tensor
    ) -> Step:
        """One step from `codes`; `count` (int32, scalar) steps were taken before.

        Where `running` (bool [N]) is false a row has ended: nobody looks at what becomes of it.
        """
        ...
