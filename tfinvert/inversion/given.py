"""What inverters are given: images as arrays or as `Images`, and whether they can be a generator's."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.images import Images
from tfinvert.images.like import FAR


def given(generator: Generator, images: Any, ids: Any = None, labels: Any = None) -> tuple[Any, Any, Any]:
    """Images [B, *shape], ids and labels; of `Images` those that they bring along; one label becomes one for each.

    Raises:
      BadInput: the images have another shape or type than the generator's, or values far outside its range.
    """
    bare = ids is None and not isinstance(images, Images)
    if isinstance(images, Images):
        ids = images.ids if ids is None else ids
        labels = images.labels if labels is None and generator.condition is not None else labels
        images = images.pixels
    low, high = generator.value_range
    mend = f"expected values in [{low:g}, {high:g}]; tfinvert.images.load(..., like=generator) scales them"
    if isinstance(images, str):
        raise BadInput(f"images {images!r}", "expected an array; tfinvert.images.load(..., like=generator) reads files")
    try:
        images = images if tf.is_tensor(images) else np.asarray(images)
    except ValueError as error:
        raise BadInput(f"images of several shapes for {generator.name}", mend) from error
    kind, shape = tf.as_dtype(images.dtype), tf.TensorShape(images.shape)
    if not kind.is_floating:
        raise BadInput(f"images of {kind.name} for {generator.name}", mend)
    if not shape.is_compatible_with([None, *generator.image_shape]):
        raise BadInput(f"images {_text(shape)} for {generator.name}", _other_shape(shape, generator.image_shape))
    known = images.numpy() if hasattr(images, "numpy") else images
    if isinstance(known, np.ndarray) and known.size:
        _check_span(known[np.isfinite(known)], generator, mend, bare)
    if isinstance(labels, numbers.Integral) or getattr(labels, "shape", None) == ():
        labels = tf.fill(tf.shape(images)[:1], labels)
    return images, ids, labels


def _check_span(values: np.ndarray, generator: Generator, mend: str, bare: bool) -> None:
    """Refuses finite values that were made for another range; tells of a user's bare arrays that look so."""
    if not values.size:
        return
    (low, high), least, most = generator.value_range, values.min(), values.max()
    if least < low - FAR * (high - low) or most > high + FAR * (high - low):
        raise BadInput(f"images that span [{least:.4g}, {most:.4g}] for {generator.name}", mend)
    if bare and (low, high) == (-1, 1) and 0 <= least < most <= 1:
        logging.warning("images that span [%.4g, %.4g] for %s: %s", least, most, generator.name, mend)


def _other_shape(shape: tf.TensorShape, wanted: tuple[int, ...]) -> str:
    others = tuple(range(2, len(wanted) + 1))
    if shape.rank == len(wanted) + 1 and shape[1:] == (wanted[-1], *wanted[:-1]):
        return f"they have channels first: give np.transpose(images, {(0, *others, 1)})"
    if shape.rank == len(wanted) and wanted[-1] == 1 and shape[1:] == wanted[:-1]:
        return "they have no channels: give images[..., np.newaxis]"
    flat = shape.rank == 2 and shape[1] == int(np.prod(wanted))
    if flat:
        return f"they are flat: give images.reshape(-1, {', '.join(map(str, wanted))})"
    expected = ["B", *wanted]
    return f"expected {expected}; tfinvert.images.load(..., like=generator) fits them"


def _text(shape: tf.TensorShape) -> str:
    return str(shape) if shape.rank is None else str(shape.as_list())
