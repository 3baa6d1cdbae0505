"""What `Recovery` says of each image."""

from __future__ import annotations

import enum
from typing import NamedTuple

import numpy as np


class Verdict(enum.IntEnum):
    """What became of the search for an image's code; `message` says it in words."""

    RECOVERED = 0
    NOT_UNIQUE = 1
    NOT_IN_RANGE = 2
    OUT_OF_BUDGET = 3
    CONSTANT = 4
    INVALID_IMAGE = 5
    IMPROBABLE = 6

    @property
    def message(self) -> str:
        """One line for people."""
        return _MESSAGES[self]


_MESSAGES = {
    Verdict.RECOVERED: "the image is matched and determines its code",
    Verdict.NOT_UNIQUE: "the image is matched, but other codes make it too: see rank and directions",
    Verdict.NOT_IN_RANGE: "every start ended in a minimum whose error the noise does not explain",
    Verdict.OUT_OF_BUDGET: "not matched yet, and the search was still moving; more attempts may match it",
    Verdict.CONSTANT: "the generator's image does not depend on the code, so there is nothing to find",
    Verdict.IMPROBABLE: "matched within the noise, but only by a code that the prior hardly gives",
    Verdict.INVALID_IMAGE: "the image holds NaN or infinite values; mend the image",
}


class Recovered(NamedTuple):
    """What was found for B images, as arrays."""

    codes: np.ndarray  # [B, *shape] float32
    images: np.ndarray  # [B, H, W, C] float32, made from the codes, in the generator's value range
    error: np.ndarray  # [B]: mean squared error on the [0, 1] scale
    verdict: np.ndarray  # [B] int, see `Verdict`
    noise: np.ndarray  # [B]: the noise's standard deviation, on the [0, 1] scale, by which the image was judged
    rank: np.ndarray  # [B] int: how many of the code's d directions the image determines; -1 where not matched
    deviation: np.ndarray  # [B, *shape]: standard error of each entry; NaN where not matched
    directions: tuple[np.ndarray, ...]  # for each image [d - rank, *shape]: along these the code may move
    attempts: np.ndarray  # [B] int
    passes: np.ndarray  # [B] int: generator passes; those of the regression's samples are not among them

    @property
    def messages(self) -> list[str]:
        """What `verdict` says, in words."""
        return [Verdict(int(value)).message for value in self.verdict]
