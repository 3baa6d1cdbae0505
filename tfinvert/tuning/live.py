"""A generator's function and the weights that are in it, while they can still be moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf
import tf_keras

from tfinvert import seeds
from tfinvert.errors import BadInput, short
from tfinvert.generators import Generator
from tfinvert.generators.derived.split import split
from tfinvert.generators.generator import Network
from tfinvert.generators.held import Held
from tfinvert.generators.readers.keras_model import layers


class Live(NamedTuple):
    """A generator whose weights can be moved, at its codes or behind one of its layers.

    Attributes:
      whole: the generator.
      model: the Keras model; behind a layer it is a copy of it whose weights are moved, see `saved`.
      images: (codes, or values of the layer [B, ...], `Held`) -> images [B, H, W, C] in [0, 1].
      weights: the variables that such images depend on.
      shape: of one row of what `images` takes.
      before: (codes, `Held`) -> values of the layer; None at the codes.
    """

    whole: Generator
    model: Any
    images: Callable[[tf.Tensor, Held], tf.Tensor]
    weights: list[Any]
    shape: tuple[int, ...]
    before: Callable[[tf.Tensor, Held], tf.Tensor] | None = None

    def drawn(self, count: int, seed: int) -> tuple[tf.Tensor, Held]:
        """What `images` takes, of `count` codes from the prior, and classes in turn."""
        numbers, takes = tf.range(count), self.whole.takes
        codes, held = self.whole.space.sample(seeds.of(seed, numbers)), takes.encode(takes.turns(numbers))
        return (codes, held) if self.before is None else (self.before(codes, held), Held())


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
    if behind is not None:
        return _behind(generator, network, behind)
    function = lambda codes, held: generator.to_unit(generator.function(codes, held))
    weights = _weights(network.model, generator.name)
    return Live(generator, network.model, function, weights, generator.space.shape or ())


def _behind(generator: Generator, network: Network, at: str) -> Live:
    """Behind a layer: weights before it are not moved, so that what stands there may come from a frozen graph.

    The layers are those of a copy: Keras adds to the graph of a model that is cut, which could not be saved any more.
    """
    copy, after = _cut(network, at, generator.name)
    parts, drawn = split(generator, at), network.drawn()

    def images(values: tf.Tensor, held: Held) -> tf.Tensor:
        others = [tf.repeat(drawn[name], tf.shape(values)[0], axis=0) for name in network.inputs if name in drawn]
        made = tf.cast(after([values, *others] if others else values, training=False), tf.float32)
        return generator.to_unit(tf.reshape(made, [-1, *generator.image_shape]))

    before = lambda codes, held: parts.head([codes, *held.rows])
    weights = _weights(after, generator.name)
    return Live(generator, copy, images, weights, parts.tail.space.shape or (), before)


def _cut(network: Network, at: str, name: str) -> tuple[Any, Any]:
    """A copy of the model, and what is behind one of its layers, with what is drawn as further inputs."""
    library = keras if isinstance(network.model, keras.Model) else tf_keras
    try:
        network.model.get_layer(at)
        copy = library.models.clone_model(network.model)
        copy.set_weights(network.model.get_weights())
        values = copy.get_layer(at).output
        others = [each for each, known in zip(copy.inputs, network.inputs, strict=True) if known in network.drawn()]
        return copy, library.Model([values, *others] if others else values, copy.outputs)
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(
            f"{name} cannot be tuned behind {at} ({short(error)})",
            "expected one of the model's own layers that all of the code, and a class, go through",
        ) from error


def _weights(model: Any, name: str) -> list[Any]:
    """The trainable ones; where none is, because the model was saved so, those that would be."""
    weights = list(model.trainable_variables)
    if not weights:
        flags = [(part, part.trainable) for part in (model, *layers(model))]
        for part, _ in flags:
            part.trainable = True
        weights = list(model.trainable_variables)
        for part, trainable in flags:  # the whole first: it says the same to all its parts
            part.trainable = trainable
    if not weights:
        raise BadInput(f"{name} has no weights that can be moved", "expected layers that learn")
    return weights


def saved(moving: Live, path: Path) -> None:
    """Writes the generator's model with the weights as they are now."""
    own = moving.whole.network
    if own is None or own.model is moving.model:
        moving.model.save(path)
        return
    before = own.model.get_weights()
    try:
        own.model.set_weights(moving.model.get_weights())
        own.model.save(path)
    finally:
        own.model.set_weights(before)


@contextlib.contextmanager
def restored(weights: list[Any]) -> Iterator[None]:
    """Puts the weights back at the end, as they were."""
    before = [tf.identity(weight) for weight in weights]
    try:
        yield
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)
