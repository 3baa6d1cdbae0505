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
    whole = array[..., np.newaxis] if channels == 1 and array.shape[-1:] == (length,) else array
    whole = whole[np.newaxis] if whole.ndim == 2 else whole
    if whole.shape[1:] == (length, channels):
        return whole
    mend = f"expected [N, {length}, {channels}] or one series [{length}, {channels}]"
    if array.shape[1:] == (channels, length):
        mend = "they have channels first: save np.transpose(series, (0, 2, 1))"
    elif array.shape[1:] == (length * channels,):
        mend = f"they are flat: save series.reshape(-1, {length}, {channels})"
    elif array.shape[-1] == channels or (channels == 1 and array.ndim == 2):
        mend += ": cut or resample them to that length"
    raise BadInput(f"series of shape {list(array.shape)}", mend)


def scale_of(kind: np.dtype, like: Like, scale: tuple[float, float] | None) -> tuple[float, float]:
    """(low, high) of the values of series of this type: as it was said, else of floats the value range.

    Raises:
      BadInput: they are no numbers, or whole ones, and nothing was said.
    """
    if kind.kind not in "buif":
        raise BadInput(f"series of {kind}", "expected numbers")
    if scale is None and kind.kind != "f":
        such = "0,1" if kind.kind == "b" else "{0.min},{0.max}".format(np.iinfo(kind))
        raise BadInput(f"series of {kind}", f"say the scale of their values with array_range (--array_range={such})")
    return like.value_range if scale is None else scale


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
    low, high = scale_of(array.dtype, like, scale)
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
