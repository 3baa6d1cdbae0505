"""Which channels of an image or a series are shown, where a picture has no more than three."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.like import is_series

_MOST = 3
_COLOURS = {1: "grey", 2: "red and green", 3: "red, green and blue"}


def seen(images: np.ndarray, shape: Sequence[int], channels: Sequence[int] | None = None) -> np.ndarray:
    """What is shown of images [..., H, W, C] in [0, 1]: [..., H, W, 1] or [..., H, W, 3]; of series [..., L, c].

    Pictures are cut to [0, 1], and NaN is black; two channels are red and green. Series stay as they are.

    Args:
      images: of this shape.
      shape: (H, W, C), or (L, C) of series.
      channels: from 1 on, at most three; default: all of up to three, else the first three.
    """
    chosen = _chosen(shape, channels)
    part = images if chosen == list(range(images.shape[-1])) else images[..., chosen]
    if is_series(shape):
        return part
    inside = np.clip(np.nan_to_num(part), 0, 1)
    return np.concatenate([inside, np.zeros_like(inside[..., :1])], axis=-1) if len(chosen) == 2 else inside


def told(shape: Sequence[int], channels: Sequence[int] | None = None) -> str:
    """Which channels are shown, in words; "" where it is what anybody expects."""
    chosen, count = _chosen(shape, channels), shape[-1]
    usual = count <= _MOST if is_series(shape) else count in (1, _MOST)
    if usual and chosen == list(range(count)):
        return ""
    names = ", ".join(str(channel + 1) for channel in chosen)
    how = "" if is_series(shape) else f" as {_COLOURS[len(chosen)]}"
    return f"{'channel' if len(chosen) == 1 else 'channels'} {names} of {count}{how}"


def check_shown(shape: Sequence[int], channels: Sequence[int] | None) -> None:
    """Raises `BadInput` where these channels cannot be shown."""
    if channels is not None and not (
        1 <= len(channels) <= _MOST and all(1 <= channel <= shape[-1] for channel in channels)
    ):
        raise BadInput(
            f"shown_channels={','.join(map(str, channels))}",
            f"expected at most three of the channels 1 to {shape[-1]}, such as --shown_channels=1",
        )


def _chosen(shape: Sequence[int], channels: Sequence[int] | None) -> list[int]:
    return list(range(min(shape[-1], _MOST))) if channels is None else [channel - 1 for channel in channels]
