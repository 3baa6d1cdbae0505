"""How the work on one image can end."""

from __future__ import annotations

import enum


class Status(enum.IntEnum):
    """The end of one image's inversion; `message` says it in words."""

    RUNNING = 0
    CONVERGED = 1
    FINISHED = 2
    STALLED = 3
    FLAT = 4
    STOPPED = 5
    DIVERGED = 6
    NOT_FINITE = 7
    CONSTANT = 8
    INVALID_IMAGE = 9
    UNREADABLE = 10
    LOST = 11

    @property
    def failed(self) -> bool:
        """True where no usable code was found."""
        return self >= Status.DIVERGED

    @property
    def empty(self) -> bool:
        """True where nothing was found, not even a bad code: there are only the starts that were drawn."""
        return self >= Status.NOT_FINITE

    @property
    def again(self) -> bool:
        """True where another try may find something: the file may be mended, or the worker given more."""
        return self >= Status.UNREADABLE

    @property
    def message(self) -> str:
        """One line for people."""
        return _MESSAGES[self]


_MESSAGES = {
    Status.RUNNING: "still running",
    Status.CONVERGED: "the loss is below the tolerance",
    Status.FINISHED: "all steps were taken; the best code seen is kept",
    Status.STALLED: "no progress for as many steps as the patience allows, or none that is left; the best code is kept",
    Status.FLAT: "the gradient is zero, so no gradient method can move on; the best code seen is kept",
    Status.STOPPED: "stopped by the caller; the best code seen is kept",
    Status.DIVERGED: "the loss stopped being finite; the best code seen is kept; try a lower learning rate",
    Status.NOT_FINITE: "the loss was not finite at the first code; check the generator and its prior",
    Status.CONSTANT: "the generator's image does not depend on the code, so there is nothing to find",
    Status.INVALID_IMAGE: "the image holds NaN or infinite values; mend the image",
    Status.UNREADABLE: "the image was left out",
    Status.LOST: "the image ended its worker",
}
