"""One image that has not been read yet: what every source gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Entry(NamedTuple):
    """One image that has not been read yet."""

    id: str  # its path, or its index; valid Unicode, for it is stored
    label: int | None  # the class, where the source says it
    read: Callable[[], np.ndarray]  # -> float32 [H, W, C] in [0, 1]; raises what the file makes it raise
