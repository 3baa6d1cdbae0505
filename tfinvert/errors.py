"""The one exception for input that cannot be used."""

from __future__ import annotations

_MOST = 1000  # letters of a message's half


class BadInput(ValueError):
    """Something given by the user cannot be used.

    The message is one line: what came, what was expected, and how to mend it. Scripts print it as it stands. What a
    stranger's file puts into it can neither steer a terminal nor fill it.
    """

    def __init__(self, came: str, expected: str) -> None:
        super().__init__(f"{_shown(came)}: {_shown(expected)}")
        self._parts = came, expected

    def about(self, name: str) -> BadInput:
        """The same, naming what it is about where it does not yet."""
        came, expected = self._parts
        return self if _shown(name) in str(self) else BadInput(f"{name}: {came}", expected)

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, str]]:
        return type(self), self._parts  # so that it passes from one process to another


def _shown(text: str) -> str:
    """A text as one line of letters that can be seen, its middle left out where it is long."""
    if len(text) > _MOST:
        text = f"{text[: _MOST // 2]} ... {text[-_MOST // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)
