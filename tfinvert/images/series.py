"""Series [L, C] in arrays: which of the axes is which, and how their values become the generator's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.like import FAR, Like


def batch_of(array: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """An array of series [N, L, C], or of one [L, C], as [N, L, C]. Where C is 1 it need not stand there.

    Raises:
      BadInput: they are other series; where it looks so, that their channels are first.
    """
    length, channels = shape
    if channels == 1 and array.shape[-1:] == (length,):
        array = array[..., np.newaxis]
    if array.ndim == 2:
        array = array[np.newaxis]
    if array.shape[1:] == (length, channels):
        return array
    mend = f"expected [N, {length}, {channels}] or one series [{length}, {channels}]"
    if array.shape[1:] == (channels, length):
        mend = "they have channels first: save np.transpose(series, (0, 2, 1))"
    elif array.ndim == 3 and array.shape[2] == channels:
        mend += ": cut or resample them to that length"
    raise BadInput(f"series of shape {list(array.shape)}", mend)


def decode_series(array: np.ndarray, like: Like, scale: tuple[float, float] | None = None) -> np.ndarray:
    """A series [L, C] as float32 of the same shape on the [0, 1] scale, beyond which it may go.

    Args:
      array: of numbers; NaN stays.
      like: of the same shape. Floats are in its value range, where `scale` is not given.
      scale: (low, high) of the values.

    Raises:
      BadInput: it has another shape, or is of whole numbers without a scale, or holds infinite or far values.
    """
    array = batch_of(np.asarray(array), like.image_shape)
    if len(array) != 1:
        raise BadInput(f"{len(array)} series", "expected one")
    if array.dtype.kind not in "buif":
        raise BadInput(f"a series of {array.dtype}", "expected numbers")
    if scale is None and array.dtype.kind != "f":
        known = np.iinfo(array.dtype) if array.dtype.kind in "ui" else None
        such = "0,1" if known is None else f"{known.min},{known.max}"
        raise BadInput(
            f"a series of {array.dtype}", f"say the scale of its values with array_range, such as --array_range={such}"
        )
    low, high = like.value_range if scale is None else scale
    with np.errstate(all="ignore"):  # values beyond float32 become infinite
        values = ((array[0].astype(np.float64) - low) / (high - low)).astype(np.float32)
    known_values = values[~np.isnan(values)]
    if known_values.size and not -FAR <= known_values.min() <= known_values.max() <= 1 + FAR:
        given = array[0][~np.isnan(array[0])]
        raise BadInput(
            f"a series that spans [{given.min():.4g}, {given.max():.4g}]",
            f"that is far beyond [{low:g}, {high:g}]: say the scale of its values with array_range (--array_range)",
        )
    return values
