"""How a page shows the images of a run: which channels, as pictures or as lines, and in how many bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.encode import eight_bit, unpacked
from tfinvert.images.like import Like, is_series
from tfinvert.images.shown import seen, told
from tfinvert.report.charts import Chart
from tfinvert.report.series import POINTS, Lines, charts, thinned
from tfinvert.report.thumbnails import Room, Thumbnail

BYTES = 18_000_000  # of all pictures, before base64 makes a third more of them
_POINT = 12  # bytes of a point of a line


class View:
    """Images as a page shows them.

    Args:
      like: shape and range of the run's generator.
      channels: that are shown; default: see `images.shown`.
      images: how many there are, which share the bytes.
    """

    def __init__(self, like: Like, channels: Sequence[int] | None, images: int) -> None:
        self._like, self._channels = like, channels
        self._room = Room(BYTES, images)
        count = like.image_shape[-1]
        self._names = [f"channel {number}" if count > 1 else "" for number in channels or range(1, 1 + min(3, count))]
        self._points = min(POINTS, BYTES // (_POINT * max(1, images) * len(self._names)))

    @property
    def note(self) -> str:
        """Which channels are shown, where that is to be said."""
        return told(self._like.image_shape, self._channels)

    def shown(self, image: np.ndarray) -> Thumbnail | Lines:
        """An image [H, W, C] in [0, 1] as a picture; a series [L, C] as lines in the generator's units."""
        channels = seen(image, self._like.image_shape, self._channels)
        if not is_series(self._like.image_shape):
            return self._room.fit(eight_bit(channels))
        low, high = self._like.value_range
        return thinned(low + (high - low) * channels, self._points)

    def unpacked(self, data: bytes) -> Thumbnail | Lines | str:
        """A reconstruction as it is shown, or why it is not."""
        try:
            return self.shown(unpacked(data, self._like))
        except BadInput as error:
            return str(error)

    def charts(self, lines: Mapping[str, Lines]) -> list[tuple[Chart, str]]:
        """A chart of each channel, with its name; none of nothing."""
        return charts(lines, self._names) if lines else []
