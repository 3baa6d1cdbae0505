"""A generator's function and the weights that are in it, while they can still be moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
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
      shape: of one row of that.
    """

    whole: Generator
    images: Callable[[tf.Tensor, Held], tf.Tensor]
    weights: list[Any]
    values: Callable[[tf.Tensor], tf.Tensor]
    shape: tuple[int, ...]

    def drawn(self, count: int, seed: int) -> tuple[tf.Tensor, Held]:
        """What `images` takes, of `count` codes from the prior, and classes in turn."""
        numbers, takes = tf.range(count), self.whole.takes
        return self.values(self.whole.space.sample(seeds.of(seed, numbers))), takes.encode(takes.turns(numbers))


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
        return Live(
            generator, function, _weights(network, generator.name), lambda codes: codes, generator.space.shape or ()
        )
    before, after = _parts(network, behind, generator.name)
    shape = generator.image_shape

    def images(values: tf.Tensor, held: Held) -> tf.Tensor:
        made = tf.cast(after(values, training=False), tf.float32)
        return generator.to_unit(tf.reshape(made, [-1, *shape]))

    values = lambda codes: before(codes, training=False)
    return Live(generator, images, _weights(after, generator.name), values, tuple(after.input_shape[1:]))


def _weights(network: Any, name: str) -> list[Any]:
    """The trainable ones; where the model as a whole was saved as not trainable, those that would be."""
    weights = list(network.trainable_variables)
    if not weights:
        network.trainable = True
        weights = list(network.trainable_variables)
        network.trainable = False
    if not weights:
        raise BadInput(f"{name} has no weights that can be moved", "expected layers that learn")
    return weights


def _parts(network: Any, at: str, name: str) -> tuple[Any, Any]:
    """A model of one input before and behind one of its layers; they share its weights."""
    if len(network.inputs or ()) != 1:
        raise BadInput(
            f"{name} takes {len(network.inputs or ())} inputs, and cannot be tuned behind {at}",
            "expected a model of the code alone; or invert at the code, and tune there",
        )
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
