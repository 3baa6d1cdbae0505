"""The one exception for input that cannot be used."""

from __future__ import annotations


class BadInput(ValueError):
    """Something given by the user cannot be used.

    The message is one line: what came, what was expected, and how to mend it. Scripts print it as it stands.
    """

    def __init__(self, came: str, expected: str) -> None:
        super().__init__(" ".join(f"{came}: {expected}".splitlines()))
        self._parts = came, expected

    def about(self, name: str) -> BadInput:
        """The same, naming what it is about where it does not yet."""
        came, expected = self._parts
        return self if name in str(self) else BadInput(f"{name}: {came}", expected)

    def __reduce__(self) -> tuple[type[BadInput], tuple[str, str]]:
        return type(self), self._parts  # so that it passes from one process to another
