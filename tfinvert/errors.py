"""The one exception for input that cannot be used, and other errors in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator

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


def short(error: BaseException) -> str:
    """An error in one line: its kind and, where Keras wrapped one error in others, the innermost."""
    text = re.split("Exception encountered: |Error encountered:", re.sub(r"\x1b\[[0-9;]*m", "", str(error)))[-1]
    text = re.sub(r"Exception encountered when calling [^\n]*\n", "", text)
    if "in user code:" in text:  # AutoGraph's own trace; what was wrong stands at its end
        text = text.strip().splitlines()[-1]
    text = " ".join(re.split("Arguments received by|Call arguments received", text)[0].split()) or "no message"
    return f"{type(error).__name__}: {text[:157]}..." if len(text) > 160 else f"{type(error).__name__}: {text}"


def _shown(text: str) -> str:
    """A text as one line of letters that can be seen, its middle left out where it is long."""
    if len(text) > _MOST:
        text = f"{text[: _MOST // 2]} ... {text[-_MOST // 2 :]}"
    line = " ".join(text.splitlines())
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in line)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from, back to the first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__
