"""A generator's function and the weights that are in it, while they can still be moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from tfinvert import seeds
from tfinvert.errors import BadInput, short
from tfinvert.generators import Generator
from tfinvert.generators.held import Held


class Live(NamedTuple):
    """A generator whose weights can be moved, at its codes or behind one of its layers.

    Attributes:
      whole: the generator.
      images: (codes, or values of the layer [B, ...], `Held`) -> images [B, H, W, C] in [0, 1].
      weights: the variables that such images depend on.
      values: codes [B, *shape] of the whole -> what `images` takes.
    """

    whole: Generator
    images: Callable[[tf.Tensor, Held], tf.Tensor]
    weights: list[Any]
    values: Callable[[tf.Tensor], tf.Tensor]

    def drawn(self, count: int, seed: int) -> tuple[tf.Tensor, Held]:
        """What `images` takes, of `count` codes from the prior, and classes in turn."""
        codes = self.whole.space.sample(seeds.of(seed, tf.range(count)))
        condition, takes = self.whole.condition, self.whole.takes
        labels = None if condition is None else np.arange(count) % (condition.classes or 1)
        return self.values(codes), takes.encode(takes.check(self.whole.name, labels))


def live(generator: Generator, behind: str | None = None) -> Live:
    """The weights of a generator's Keras model.

    Args:
      generator: the whole.
      behind: the name of the layer whose values are taken for the code, if they are.

    Raises:
      BadInput: there are no weights to move, or the model does not know such a layer.
    """
    network = generator.network
    if network is None:
        raise BadInput(
            f"{generator.name} has no weights that can be moved",
            "expected a Keras model or its file; of SavedModels, modules and functions only what they compute is known",
        )
    if generator.holds:
        raise BadInput(f"{generator.name} holds {', '.join(generator.holds)}", "draw them once (drawn_inputs)")
    if behind is None:
        function = lambda codes, held: generator.to_unit(generator.function(codes, held))
        return Live(generator, function, _weights(network, generator.name), lambda codes: codes)
    before, after = _parts(network, behind, generator.name)
    shape = generator.image_shape

    def images(values: tf.Tensor, held: Held) -> tf.Tensor:
        made = tf.cast(after(values, training=False), tf.float32)
        return generator.to_unit(tf.reshape(made, [-1, *shape]))

    return Live(generator, images, _weights(after, generator.name), lambda codes: before(codes, training=False))


def _weights(network: Any, name: str) -> list[Any]:
    weights = list(network.trainable_variables)
    if not weights:
        raise BadInput(f"{name} has no trainable weights", "set trainable = True on its layers before it is saved")
    return weights


def _parts(network: Any, at: str, name: str) -> tuple[Any, Any]:
    """A model of one input before and behind one of its layers; they share its weights."""
    kind = keras.Model if isinstance(network, keras.Model) else tf_keras.Model
    try:
        values = network.get_layer(at).output
        return kind(network.inputs, values), kind(values, network.outputs)
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(
            f"{name} cannot be tuned behind {at} ({short(error)})",
            "expected one of the model's own layers that all of the code goes through; or tune at the code",
        ) from error


@contextlib.contextmanager
def restored(weights: list[Any]) -> Iterator[None]:
    """Puts the weights back at the end, as they were."""
    before = [tf.identity(weight) for weight in weights]
    try:
        yield
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)
