"""What opening a stranger's file may take: beyond it, the file is refused in one line."""

from __future__ import annotations

import dataclasses
import math

from tfinvert.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits for one file.

    Attributes:
      megapixels: of a picture, in millions of pixels; 64 is 8000 x 8000.
      gigabytes: of memory that loading a generator may take, and that an array or an archive's member may unfold to,
        in 10^9 bytes.
      seconds: that loading a generator may take, with the trial on a few codes, and reading one picture.

    Raises:
      BadInput: one of them is no number above 0.
    """

    megapixels: float = 64.0
    gigabytes: float = 4.0
    seconds: float = 45.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise BadInput(f"max_{field.name}={value!r}", "expected a number above 0")

    @property
    def pixels(self) -> int:
        return int(1e6 * self.megapixels)

    @property
    def bytes(self) -> int:
        return int(1e9 * self.gigabytes)

    @property
    def copied(self) -> int:
        """Bytes of what may be in memory four times at once: twice here, and twice in the process that is watched."""
        return self.bytes // 4


DEFAULT = Limits()
