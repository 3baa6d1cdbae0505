"""Tries a generator on a few codes: what its images are, and whether they depend on the code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput, short
from tfinvert.generators.held import Held, Holds
from tfinvert.generators.shape import shape_of
from tfinvert.spaces import Space

_CODES = 8  # that a new generator is tried on
_USUAL = 2.0  # the width of most generators' value range
_VISIBLE = 1e-3  # of the value range: more than rounding makes
_LITTLE = 0.05  # of the stated value range: images that span less are hardly in it
Raw = Callable[[tf.Tensor, Held], Any]  # codes, and labels as the model takes them -> what it gives


class Facts(NamedTuple):
    """What a trial tells of a generator."""

    image_shape: tuple[int, ...]
    arrays: bool  # it computes with NumPy arrays, such as ONNX does, not with tensors
    translated: bool  # AutoGraph has to translate Python's own branches in it
    differentiable: bool  # TensorFlow has a gradient of it
    constant: bool  # its image does not depend on the code by as much as half a grey level
    warnings: tuple[str, ...]
    assumed: tuple[str, ...]  # what nobody stated, as "what: value" lines


def tried(
    raw: Raw, space: Space, takes: Holds, value_range: tuple[float, float], image_shape: Sequence[int] | None, name: str
) -> Facts:
    """Calls a generator, in eager mode and in a graph.

    Args:
      raw: (codes [B, *shape], `Held`) -> images.
      space: with its shape set.
      takes: what it is given beside codes.
      value_range: (low, high) of its pixel values.
      image_shape: (H, W, C) of outputs that are flat or lack the channel axis, (L, C) of series; None: as they come.
      name: for messages.

    Raises:
      BadInput: it cannot be called, or its output is no image.
    """
    codes, held = _trial(space, takes)
    arrays = False
    try:
        images, lacks = _called(raw, codes, held, name)
    except BadInput:
        arrays = _gives_arrays(raw, codes, held)
        if not arrays:
            raise
        raw = of_arrays(raw)
        images, lacks = _called(raw, codes, held, name)
    shape, assumed = shape_of(tuple(images.shape), _CODES, image_shape, name)
    if 0 in shape:
        raise BadInput(f"{name} gives images {list(shape)}", "expected at least one pixel of one channel")
    function = fitted(raw, shape)
    translated = _needs_translation(function, space, takes, name)
    made = function(codes, held).numpy()
    warnings, constant = _oddities(made, value_range)
    if takes.shapes:  # what was drawn for them may lead anywhere
        warnings, constant = [], False
    warnings += _unsteady(function, codes, held, made, value_range)
    if lacks is not None and not constant:
        warnings.append(f"it gives images without a TensorFlow gradient{lacks}: only CMA (--solver=cma) inverts it")
    return Facts(shape, arrays, translated, lacks is None, constant, tuple(warnings), tuple(assumed))


def fitted(raw: Raw, shape: tuple[int, ...]) -> Callable[[tf.Tensor, Held], tf.Tensor]:
    """The same with images as float32 [B, *shape]."""
    return lambda codes, held: tf.reshape(tf.cast(raw(codes, held), tf.float32), [-1, *shape])


def of_arrays(raw: Raw) -> Raw:
    """A function of NumPy arrays as one of tensors. It runs in Python, and has no gradient."""

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        call = lambda codes, *rows: np.asarray(raw(codes, tf.nest.pack_sequence_as(held, rows)), np.float32)
        return tf.numpy_function(call, [codes, *held.rows], tf.float32)

    return function


def translate(function: Callable) -> Any:
    """The function with Python's own `if` and `while` on tensors translated; they work in eager mode only."""
    return tf.function(function, autograph=True, reduce_retracing=True)


def _trial(space: Space, takes: Holds) -> tuple[tf.Tensor, Held]:
    return space.sample(seeds.of(0, tf.range(_CODES))), takes.encode(takes.example(_CODES))


def _gives_arrays(raw: Raw, codes: tf.Tensor, held: Held) -> bool:
    """Whether a function gives arrays of arrays."""
    try:
        return isinstance(raw(codes.numpy(), held.each(lambda rows: rows.numpy())), np.ndarray)
    except Exception:  # the model is the user's: anything can come out of it; what came of tensors is told
        return False


def _called(raw: Raw, codes: tf.Tensor, held: Held, name: str) -> tuple[tf.Tensor, str | None]:
    """The images of the codes, and why there is no gradient: None where there is one. Raises where there are none."""
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(codes)
        try:
            images = raw(codes, held)
        except BadInput:
            raise
        except tf.errors.ResourceExhaustedError as error:
            raise BadInput(
                f"{name} takes more memory than there is for codes {list(codes.shape)}", short(error)
            ) from error
        except Exception as error:  # the model is the user's: anything can come out of it
            raise BadInput(
                f"{name} cannot be called with codes {list(codes.shape)}",
                f"{short(error)}; if its codes have another shape, say it with prior=normal(N)",
            ) from error
    if isinstance(images, (list, tuple, dict)):
        raise BadInput(f"{name} gives {len(images)} outputs", "expected one image tensor; wrap it to return the image")
    if not tf.is_tensor(images):
        raise BadInput(f"{name} gives {type(images).__name__}", "expected an image tensor [B, H, W, C]")
    if not images.dtype.is_floating:
        raise BadInput(
            f"{name} gives {images.dtype.name} {list(images.shape)}", "expected images of floating point numbers"
        )
    try:
        gradient = tape.gradient(images, codes)
    except Exception as error:  # TensorFlow has no gradient of an operation, or no room for it
        return images, f" ({short(error)})"
    return images, "" if gradient is None else None


def _needs_translation(function: Callable, space: Space, takes: Holds, name: str) -> bool:
    """Whether the compiled loop can call the function only with its Python branches translated."""
    codes = tf.TensorSpec([None, *(space.shape or ())], tf.float32)
    held = tf.nest.pack_sequence_as(takes.example(1), takes.specs)
    try:
        tf.function(function, autograph=False).get_concrete_function(codes, held)
    except Exception:
        try:
            translate(function).get_concrete_function(codes, held)
        except Exception as error:
            raise BadInput(
                f"{name} runs eagerly, but not in a graph", f"{short(error)}; use TensorFlow operations throughout"
            ) from error
        return True
    return False


def _unsteady(
    function: Callable, codes: tf.Tensor, held: Held, images: np.ndarray, value_range: tuple[float, float]
) -> list[str]:
    """What an image depends on beside its code: chance, or its neighbours in the batch."""
    some = slice(0, _CODES // 2)
    far = _VISIBLE * (value_range[1] - value_range[0])
    differ = lambda one, other: bool(np.abs(one - other).max() > far)
    if differ(function(codes, held).numpy(), images):
        return ["the same code gives another image each time: it draws random numbers, and no code will be exact"]
    if differ(function(codes[some], held.each(lambda rows: rows[some])).numpy(), images[some]):
        return [
            "an image depends on its neighbours in the batch, as with batch normalisation that trains: "
            "save the model for inference, or call it with training=False"
        ]
    return []


def _oddities(images: np.ndarray, value_range: tuple[float, float]) -> tuple[list[str], bool]:
    """What is odd about the images, and whether they ignore the code."""
    warnings = []
    low, high = value_range
    spread = float(np.abs(images - images[:1]).max())
    if not np.isfinite(images).all():
        warnings.append("some of its images hold NaN or infinite values")
    least, most = float(images.min()), float(images.max())
    spans = f"its images span [{least:.2f}, {most:.2f}]"
    width, own = high - low, most - least
    if least < low - 0.25 * width or most > high + 0.25 * width or 0 < own < _LITTLE * width:
        warnings.append(
            f"{spans}, the stated value range is [{low:g}, {high:g}]: say it with value_range (--value_range)"
        )
    elif low < 0 <= least and spread > 0:
        warnings.append(f"{spans}; if black is 0, say value_range=(0, {high:g})")
    # Half a grey level: nobody can see it, whatever the code. A stated range that is far too wide says nothing of that.
    constant = spread < 0.5 * (width if own > _LITTLE * width else min(width, max(own, _USUAL))) / 255
    if constant:
        warnings.append("its image does not depend on the code")
    return warnings, constant
