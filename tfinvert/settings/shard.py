"""The share of a run's images that one of several machines does."""

from __future__ import annotations

import re
from typing import NamedTuple

from tfinvert.errors import BadInput

_MOST = 10**6


class Shard(NamedTuple):
    """The K-th of N shards: of all images in their order, every N-th from the K-th on."""

    number: int  # K, from 1
    total: int  # N

    @classmethod
    def of(cls, text: str | None) -> Shard | None:
        """The shard that a text such as "3/64" means; None of None.

        Raises:
          BadInput: it is none.
        """
        if text is None:
            return None
        match = re.fullmatch(r"([0-9]{1,7})/([0-9]{1,7})", str(text))
        number, total = map(int, match.groups()) if match else (0, 0)
        if not 1 <= number <= total <= _MOST:
            shown = str(text)[:40] if re.fullmatch(r"[\w/.-]+", str(text)) else repr(text)[:40]
            raise BadInput(f"--shard={shown}", "expected K/N with K from 1 to N, such as 3/64 for the third of 64")
        return cls(number, total)

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def has(self, place: int) -> bool:
        """Whether the image at this place, from 0, belongs to it."""
        return place % self.total == self.number - 1

    def size(self, images: int) -> int:
        """How many of so many images belong to it."""
        return len(range(self.number - 1, images, self.total))
