"""What a generator is, and how one is made from any function of codes."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.condition import Beside, Condition
from tfinvert.generators.contents import short
from tfinvert.spaces import Space

if TYPE_CHECKING:  # they are made of generators
    from tfinvert.generators.cuts import Layer
    from tfinvert.generators.split import Split

_TRIALS = 8  # codes that a new generator is tried on
_DEFAULT_RANGE = (-1.0, 1.0)


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """A generator: `generator(codes [B, *shape], labels [B]) -> images [B, H, W, C]`.

    Attributes:
      function: (codes, labels or None) -> images; labels are in the form that the model takes.
      space: shape and prior of its codes.
      image_shape: (H, W, C), C being 1 or 3.
      value_range: (low, high) of its pixel values: what black and white are to it.
      condition: what class labels it takes; None where it takes none.
      constant: True where its image was found not to depend on the code by as much as half a grey level.
      assumed: what nobody stated and was taken by default, as "what: value" lines.
      name: for people.
      fingerprint: tells one generator from another; the file's SHA-256, or "" for objects in memory.
      dtype: what it computes in; see `tfinvert.generators.precise`.
      rough: the same generator in float32, whose derivatives are cheaper; None where this is the one in float32.
      layer: for the tail of a split generator, the Keras layer that it is; None for others.
    """

    function: Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]
    space: Space
    image_shape: tuple[int, int, int]
    value_range: tuple[float, float]
    condition: Condition | Beside | None = None
    constant: bool = False
    assumed: tuple[str, ...] = ()
    name: str = "generator"
    fingerprint: str = ""
    dtype: tf.DType = tf.float32
    rough: Generator | None = None
    layer: Any = None

    def __call__(self, codes: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """Images [B, H, W, C] in `value_range` of codes [B, *shape] and, for a conditional one, labels int [B].

        Raises:
          BadInput: labels are missing, not wanted or out of range, or the codes have another shape.
        """
        codes = tf.cast(codes, self.dtype)
        if codes.shape.rank is not None and not codes.shape[1:].is_compatible_with(self.space.shape):
            raise BadInput(f"codes {codes.shape.as_list()} for {self.name}", f"expected [B, *{self.space.shape}]")
        if self.condition is not None:
            labels = self.condition.check(labels)
            if not labels.shape[:1].is_compatible_with(codes.shape[:1]):
                raise BadInput(f"{labels.shape[0]} labels for {codes.shape[0]} codes", "expected one label per code")
            labels = self.condition.encode(labels)
        elif labels is not None:
            raise BadInput(f"labels for {self.name}", "it is not class-conditional: leave them out")
        return self.function(codes, labels)

    def sample(self, count: int, seed: int = 0, labels: Any = None) -> tuple[tf.Tensor, tf.Tensor]:
        """`count` codes [count, *shape] from the prior, and their images [count, H, W, C].

        Args:
          count: how many.
          seed: fixes the codes; the first n are the same whatever the count.
          labels: int [count], or one int for all, for a conditional generator.
        """
        codes = self.space.sample(seeds.of(seed, tf.range(count)))
        if labels is not None and np.ndim(labels) == 0:
            labels = tf.fill([count], labels)
        return codes, self(codes, labels)

    def split(self, at: str = "first_dense") -> Split:
        """This generator in two parts, head and tail: `tail(head(codes))` is the image.

        Behind its first dense layer a generator reaches images that it does not reach from its codes (Pividori et al.,
        "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images"). The layer is searched in
        the generator's graph, and cut behind its bias and before its activation.

        Args:
          at: "first_dense", or the name of a layer (see `layers`), of an operation or of a tensor: the cut is behind
            it.

        Raises:
          BadInput: there is no such place (the message lists those with a similar name), or the generator's graph
            cannot be frozen.
        """
        from tfinvert.generators.split import split

        return split(self, at)

    def layers(self) -> list[Layer]:
        """Where this generator can be cut: the layers between code and image, in their order.

        Raises:
          BadInput: its graph cannot be frozen.
        """
        from tfinvert.generators.split import layers

        return layers(self)

    def to_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Images from this generator's value range to [0, 1]."""
        low, high = self.value_range
        return (images - low) / (high - low)

    def from_unit(self, images: tf.Tensor) -> tf.Tensor:
        """Images from [0, 1] to this generator's value range."""
        low, high = self.value_range
        return low + (high - low) * images


def make(
    model: Callable, space: Space, *,
    assumed: list[str], value_range: tuple[float, float] | None = None, condition: Condition | None = None,
    image_shape: tuple[int, int, int] | None = None, name: str = "generator", fingerprint: str = "",
) -> Generator:  # fmt: skip
    """A generator from a function of codes [B, *shape] (and labels), tried on a few codes of its prior.

    Args:
      model: (codes) -> images, or (codes, labels) -> images where there is a condition. Called with
        `training=False` if it takes that.
      space: with its shape set.
      assumed: defaults that were taken so far; the value range joins them if it is not given.
      value_range: (low, high) of the pixel values; default [-1, 1].
      condition: the class labels it takes.
      image_shape: (H, W, C) of outputs that are flat or lack the channel axis; default: as they come.
      name: for messages.
      fingerprint: see `Generator`.

    Raises:
      BadInput: the model cannot be called, its output is no image, or TensorFlow finds no gradient through it.
    """
    if value_range is None:
        value_range = _DEFAULT_RANGE
        assumed = [*assumed, f"value_range: {list(_DEFAULT_RANGE)}"]
    low, high = (float(bound) for bound in value_range)
    if not -np.inf < low < high < np.inf:
        raise BadInput(f"value_range {low},{high}", "expected two finite numbers, low before high, such as -1,1 or 0,1")
    quiet = _takes_training(model)

    def raw(codes: tf.Tensor, labels: tf.Tensor | None) -> Any:
        inputs = (codes,) if condition is None else (codes, labels)
        images = model(*inputs, training=False) if quiet else model(*inputs)
        return images[0] if isinstance(images, (list, tuple)) and len(images) == 1 else images

    shape = _image_shape(raw, space, condition, image_shape, name)

    def function(codes: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        return tf.reshape(tf.cast(raw(codes, labels), tf.float32), [-1, *shape])

    function = _for_graphs(function, space, condition, name)
    generator = Generator(
        function, space, shape, (low, high), condition, False, tuple(assumed), name, fingerprint,
    )  # fmt: skip
    constant = _look(generator)
    for line in assumed:
        logging.info("%s: nobody stated it, so the default is taken: %s", name, line)
    return dataclasses.replace(generator, constant=constant)


def _for_graphs(function: Callable, space: Space, condition: Condition | None, name: str) -> Callable:
    """The function as the compiled loop can call it.

    Python's own `if` and `while` on tensors work in eager mode only; where a function has them, AutoGraph
    translates it. Everything else is left as it is.
    """
    codes = tf.TensorSpec([None, *(space.shape or ())], tf.float32)
    labels = None
    if condition is not None:
        encoded = condition.encode(condition.example(1))
        labels = tf.TensorSpec([None, *encoded.shape[1:]], encoded.dtype)
    try:
        tf.function(function, autograph=False).get_concrete_function(codes, labels)
    except Exception:
        translated = tf.function(function, autograph=True, reduce_retracing=True)
        try:
            translated.get_concrete_function(codes, labels)
        except Exception as error:
            raise BadInput(
                f"{name} runs eagerly, but not in a graph",
                f"{short(error)}; use TensorFlow operations throughout",
            ) from error
        return translated
    return function


def _takes_training(model: Callable) -> bool:
    function = getattr(model, "call", model)
    try:
        return "training" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _trial(space: Space, condition: Condition | Beside | None) -> tuple[tf.Tensor, tf.Tensor | None]:
    codes = space.sample(seeds.of(0, tf.range(_TRIALS)))
    return codes, None if condition is None else condition.encode(condition.example(_TRIALS))


def _image_shape(raw, space: Space, condition: Condition | None, wanted, name: str) -> tuple[int, int, int]:
    """(H, W, C) of what the model gives for a few codes; an error that says what it gave where that is no image."""
    codes, labels = _trial(space, condition)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(codes)
        try:
            images = raw(codes, labels)
        except BadInput:
            raise
        except Exception as error:  # the model is the user's: anything can come out of it
            raise BadInput(
                f"{name} cannot be called with codes {list(codes.shape)}",
                f"{short(error)}; if its codes have another shape, say it with prior=normal(N)",
            ) from error
    if isinstance(images, (list, tuple, dict)):
        raise BadInput(f"{name} gives {len(images)} outputs", "expected one image tensor; wrap it to return the image")
    if not hasattr(images, "shape") or not hasattr(images, "dtype"):
        raise BadInput(f"{name} gives {type(images).__name__}", "expected an image tensor [B, H, W, C]")
    given = tuple(images.shape)
    if not tf.is_tensor(images) or not tf.as_dtype(images.dtype).is_floating or tape.gradient(images, codes) is None:
        raise BadInput(
            f"{name} gives {list(given)} without a TensorFlow gradient",
            "expected a differentiable function of the codes; use TensorFlow operations throughout",
        )
    if wanted is not None:
        shape = _wanted_shape(wanted)
        sides = [n for n in given[1:] if n != 1]  # a reshape must not scramble what has sides of its own
        if given[0] != _TRIALS or np.prod(given[1:]) != np.prod(shape) or (
            len(sides) > 1 and sides != [n for n in shape if n != 1]
        ):  # fmt: skip
            raise BadInput(f"{name} gives {list(given)} for {_TRIALS} codes", f"cannot be image_shape={shape}")
    else:
        shape = (*given[1:], 1) if len(given) == 3 else given[1:]
    if given[0] != _TRIALS or len(shape) != 3 or shape[-1] not in (1, 3):
        hint = "the output is no image [B, H, W, C] with 1 or 3 channels"
        if len(given) == 2:
            hint += "; if it is a flat one, give image_shape=(H, W, C)"
        elif len(given) == 4 and given[1] in (1, 3):
            hint += "; it looks channels first: transpose it in a wrapper"
        raise BadInput(f"{name} gives {list(given)} for {_TRIALS} codes", hint)
    return int(shape[0]), int(shape[1]), int(shape[2])


def _wanted_shape(wanted: Any) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in wanted)
    except (TypeError, ValueError):
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise BadInput(f"image_shape={wanted!r}", "expected (H, W, C), such as (28, 28, 1)")
    return shape


def _look(generator: Generator) -> bool:
    """Whether the image ignores the code; says so in the log, and also where the values leave the stated range."""
    images = generator.function(*_trial(generator.space, generator.condition)).numpy()
    low, high = generator.value_range
    spread = float(np.abs(images - images[:1]).max())
    if not np.isfinite(images).all():
        logging.warning("%s: some of its images hold NaN or infinite values", generator.name)
    least, most = float(images.min()), float(images.max())
    if least < low - 0.25 * (high - low) or most > high + 0.25 * (high - low):
        logging.warning(
            "%s: its images span [%.2f, %.2f], the stated value range is [%g, %g]",
            generator.name,
            least,
            most,
            low,
            high,
        )
    elif low < 0 <= least and spread > 0:
        logging.warning(
            "%s: its images span [%.2f, %.2f]; if black is 0, say value_range=(0, %g)",
            generator.name,
            least,
            most,
            high,
        )
    constant = spread < 0.5 * (high - low) / 255  # half a grey level: nobody can see it, whatever the code
    if constant:
        logging.warning("%s: its image does not depend on the code", generator.name)
    return constant
