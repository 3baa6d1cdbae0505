"""A generator in two parts: before and after a layer, most of all its first dense one."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Beside
from tfinvert.generators.derived.piece import Piece
from tfinvert.generators.generator import Generator
from tfinvert.generators.graphs.cuts import FIRST_DENSE, Layer, find, goes_round
from tfinvert.generators.graphs.cuts import layers as layers_of
from tfinvert.generators.graphs.definition import by_name, node_of, only, upstream, with_placeholder
from tfinvert.generators.graphs.frozen import Frozen, frozen_for, part
from tfinvert.spaces import normal, unconstrained

_CUT = "tfinvert_cut"  # the placeholder that the tail begins with
_LOOKS = 64  # codes that tell how large the values at the cut are


class Split(NamedTuple):
    """`tail(h, held)` is the image, with h = `head(codes)` or `head([codes, labels])`.

    Labels are given to the head as the generator's function takes them. `held` is what the tail is given besides: the
    labels of a class-conditional generator, or `tail.condition.join(codes, labels=labels)` where the codes also go
    round the cut; None elsewhere. `tail.layer` is the tail as a Keras layer.
    """

    head: Piece
    tail: Generator

    def before(self, codes: Any, labels: Any = None) -> tuple[tf.Tensor, Any]:
        """h and `held` of codes [B, *shape] and, for a conditional generator, labels int [B].

        Raises:
          BadInput: as of `Generator`.
        """
        beside = self.tail.condition if isinstance(self.tail.condition, Beside) else None
        condition = self.tail.condition if beside is None else beside.condition
        encoded = [] if condition is None else [condition.encode(condition.check(labels))]
        hidden = self.head([tf.cast(codes, tf.float32), *encoded])
        return hidden, labels if beside is None else beside.join(codes, labels=labels)


def split(generator: Generator, at: str = FIRST_DENSE) -> Split:
    """A generator in two parts, head and tail: `tail(head(codes))` is the image.

    Behind its first dense layer a generator reaches images that it does not reach from its codes (Pividori et al.,
    "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images"). The layer is searched in
    the generator's graph, and cut behind its bias and before its activation.

    Args:
      generator: the whole.
      at: "first_dense", or the name of a layer (see `layers`), of an operation or of a tensor: the cut is behind it.

    Raises:
      BadInput: there is no such place (the message lists those with a similar name), or the generator's graph cannot be
        frozen.
    """
    frozen = frozen_for(generator, "be split")
    tensor = find(frozen, at, generator.name)
    round_it = goes_round(frozen, tensor)
    if round_it and isinstance(generator.condition, Beside):
        raise BadInput(f"{generator.name} cannot be split at {at}", "split the whole generator there instead")
    before, kind = upstream(by_name(frozen.definition), [tensor]), _kind(frozen, tensor)
    definition = only(frozen.definition, before | {node_of(each) for each in frozen.inputs})
    shape = _shape(definition, frozen, tensor, generator)
    name = re.sub(r"\W+", "_", Path(generator.name).stem).strip("_") or "generator"
    head = Piece(frozen.inputs, tensor, shape, definition, name=f"{name}_head")

    opened = with_placeholder(frozen.definition, tensor, _CUT, kind)
    held = [each for each in frozen.inputs if round_it or each != frozen.codes]
    after = upstream(by_name(opened), [frozen.images])
    opened = only(opened, after | {_CUT, *map(node_of, held)})
    layer = Piece([f"{_CUT}:0", *held], frozen.images, generator.image_shape, opened, name=f"{name}_tail")
    return Split(head, _tail(generator, layer, head, shape, round_it))


def layers(generator: Generator) -> list[Layer]:
    """Where a generator can be cut: the layers between code and image, in their order.

    Raises:
      BadInput: its graph cannot be frozen.
    """
    return layers_of(frozen_for(generator, "be split"))


def _kind(frozen: Frozen, tensor: str) -> int:
    """The data type of a tensor."""
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(frozen.definition, name="")
        return graph.as_graph_element(tensor).dtype.as_datatype_enum


def _shape(definition: Any, frozen: Frozen, tensor: str, generator: Generator) -> tuple[int, ...]:
    """The shape of a tensor for one code."""
    codes = tf.zeros([2, *(generator.space.shape or ())])
    condition = generator.condition
    given = [codes] if condition is None else [codes, condition.encode(condition.example(2))]
    found = tuple(part(definition, frozen.inputs, tensor)(*given).shape)
    if not found or found[0] != 2:
        raise BadInput(f"{generator.name} cannot be split at {tensor}", "it has no batch axis there")
    return tuple(int(size) for size in found[1:])


def _tail(generator: Generator, layer: Piece, head: Piece, shape: tuple[int, ...], round_it: bool) -> Generator:
    """The generator whose codes are the values at the cut."""
    codes = generator.space.sample(tf.constant([[0, number] for number in range(_LOOKS)], tf.int64))
    condition = generator.condition
    beside = None
    if round_it and not isinstance(condition, Beside):
        beside = Beside((generator.space.shape or (),), condition)
    labels = [] if condition is None else [condition.encode(condition.example(_LOOKS))]
    spread = float(np.sqrt(np.mean(np.square(head([codes, *labels]).numpy())))) or 1.0

    condition = condition if beside is None else beside
    return dataclasses.replace(
        generator,
        function=_calling(layer, condition),
        space=normal(*shape, stddev=spread, constraint=unconstrained()),
        condition=condition,
        constant=False,
        layer=layer,
        name=f"{generator.name} behind {node_of(head.output_name)} ({math.prod(shape)} values)",
    )


def _calling(layer: Piece, condition: Any) -> Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]:
    """The function of a tail, with what is held taken apart where the layer takes it so."""

    def function(values: tf.Tensor, held: tf.Tensor | None) -> tf.Tensor:
        if held is None:
            return layer([values])
        if isinstance(condition, Beside) and len(layer.names) == 1 + condition.parts:
            return layer([values, *condition.apart(held)])
        return layer([values, held])

    return function


def up_to(tail: Generator, tensor: str, shape: Sequence[int]) -> Generator | None:
    """The tail of a split generator, ending at another tensor [B, *shape] of the whole generator's graph.

    None where that stands before the cut, and does not depend on the values there.
    """
    piece = tail.layer.ending_at(tensor, shape)
    return None if piece is None else dataclasses.replace(tail, function=_calling(piece, tail.condition), layer=piece)


def around(tail: Generator) -> tuple[Generator, Beside]:
    """The tail of a split generator with the distance from values that are held as its codes; and its condition.

    It is given `condition.join(values, ..., labels=...)`, with what the tail itself is given behind the values.
    """
    inner, shape = tail.condition, tail.space.shape or ()
    more = inner.shapes if isinstance(inner, Beside) else ()
    beside = Beside((shape, *more), inner.condition if isinstance(inner, Beside) else inner)
    entries = tail.space.entries

    def function(distance: tf.Tensor, held: Any) -> tf.Tensor:
        if isinstance(inner, Beside):
            values, rest = tf.reshape(held[:, :entries], [-1, *shape]), held[:, entries:]
        else:
            values, *labels = beside.apart(held)
            rest = labels[0] if labels else None
        return tail.function(tf.cast(values, distance.dtype) + distance, rest)

    return dataclasses.replace(tail, function=function, condition=beside, layer=None), beside
