"""A generator in two parts: before and after a layer, most of all its first dense one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.condition import Condition
from tfinvert.generators.derived.piece import Piece
from tfinvert.generators.generator import Function, Generator, derive
from tfinvert.generators.graphs.cuts import FIRST_DENSE, Layer, find, goes_round
from tfinvert.generators.graphs.cuts import layers as layers_of
from tfinvert.generators.graphs.definition import (
    Body,
    by_name,
    node_of,
    only,
    unused,
    upstream,
    with_bodies,
    with_placeholder,
)
from tfinvert.generators.graphs.frozen import Frozen, examples, frozen_for, part
from tfinvert.generators.held import Held
from tfinvert.spaces import Space, normal, unconstrained

_CUT = "tfinvert_cut"  # the placeholder that the tail begins with
_SAMPLES = 64  # codes that tell where the values at the cut lie


CODES, HIDDEN = "codes", "hidden"  # what tails hold: codes that also go round the cut, values that are moved from


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """A generator in two parts, see `split`; it unpacks into head and tail.

    Attributes:
      head: `head([codes, labels, ...])` is what stands at the cut, h; labels as the generator's function takes them.
      tail: `tail(h, labels, held)` is the image; it holds what the whole does and, where they also go round the cut,
        the codes. Its prior is normal, with the mean that codes of the whole give each entry and one spread.
      layer: the tail as a Keras layer.
      whole: the generator.
    """

    head: Piece
    tail: Generator
    layer: Piece
    whole: Generator

    @property
    def rounds(self) -> bool:
        """Whether codes also go round the cut."""
        return CODES in self.tail.holds and CODES not in self.whole.holds

    def __iter__(self) -> Iterator[Any]:
        return iter((self.head, self.tail))

    def before(self, codes: Any, labels: Any = None, held: Mapping[str, Any] | None = None) -> tuple[tf.Tensor, Held]:
        """h of codes [B, *shape], and what the tail holds: the image is `tail(h, *held)`.

        Args:
          codes: of the whole, as are the others.
          labels: int [B], where it is class-conditional.
          held: as of `Generator`.

        Raises:
          BadInput: as of `Generator`.
        """
        codes, beside = self.whole.check(codes, labels, held)
        hidden = tf.cast(self.head([codes, *self.whole.takes.encode(beside).rows]), self.tail.dtype)
        if not self.rounds:
            return hidden, beside
        return hidden, Held(beside.labels, {**beside.tensors, CODES: codes})

    def goes_round(self, tensor: str) -> bool:
        """Whether values at the cut also reach the images other than through another tensor of the whole's graph."""
        return self.layer.uses(self.layer.names[0], but=tensor)

    def up_to(self, tensor: str, shape: Sequence[int]) -> Generator | None:
        """The tail ending at another tensor [B, *shape] of the whole generator's graph.

        None where that does not depend on the values at the cut.
        """
        piece = self.layer.ending_at(tensor, shape)
        name = f"{self.tail.name} up to {node_of(tensor)}"
        return None if piece is None else derive(self.tail, name, _calling(piece, self.rounds))


def split(generator: Generator, at: str = FIRST_DENSE) -> Split:
    """A generator in two parts, head and tail: `tail(head(codes))` is the image.

    Behind its first dense layer a generator reaches images that it does not reach from its codes (Pividori et al.,
    "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images"). The layer is searched in
    the generator's graph, and cut behind its bias and before its activation.

    Args:
      generator: the whole.
      at: "first_dense", the first linear map of the code, be it a dense layer or a convolution of one pixel; or the
        name of a layer (see `layers`), of an operation or of a tensor ("halves:1"): the cut is behind it. Other outputs
        of the same operation go round it.

    Raises:
      BadInput: there is no such place (the message lists those with a similar name), or the generator's graph cannot be
        frozen.
    """
    if not isinstance(generator, Generator) or not isinstance(at, str):
        raise BadInput(
            f"split({type(generator).__name__}, {at!r})", "expected what load_generator gives, and a layer's name"
        )
    frozen = frozen_for(generator, "be split")
    tensor = find(frozen, at, generator.name)
    rounds = goes_round(frozen, tensor)
    if rounds and CODES in generator.holds:
        raise BadInput(f"{generator.name} cannot be split at {at}", "split the whole generator there instead")
    before, kind = upstream(by_name(frozen.definition), [tensor]), _kind(frozen, tensor)
    if not tf.as_dtype(kind).is_floating:
        raise BadInput(
            f"{generator.name} cannot be split at {at}",
            f"its values are {tf.as_dtype(kind).name}: expected floating point",
        )
    definition = only(frozen.definition, before | {node_of(each) for each in frozen.inputs})
    shape = _shape(definition, frozen, tensor, generator)
    name = re.sub(r"\W+", "_", Path(generator.name).stem).strip("_") or "generator"
    head = Piece(frozen.inputs, tensor, shape, definition, name=f"{name}_head")

    cut = unused(frozen.definition, _CUT)
    opened = with_placeholder(frozen.definition, tensor, cut, kind)
    if not rounds:
        opened = with_bodies(opened, {node_of(frozen.codes): _as_many_codes(generator, shape, kind, f"{cut}:0")})
    held = [*([frozen.codes] if rounds else []), *frozen.held]
    after = upstream(by_name(opened), [frozen.images])
    opened = only(opened, after | {cut, *map(node_of, held)})
    layer = Piece([f"{cut}:0", *held], frozen.images, generator.image_shape, opened, name=f"{name}_tail")
    values = head(examples(generator, _SAMPLES)).numpy()
    mean, spread = values.mean(axis=0), float(np.sqrt(np.mean(values.var(axis=0)))) or 1.0
    space = normal(*shape, mean=mean, stddev=spread, constraint=unconstrained())
    return Split(head, _tail(generator, layer, head, space, rounds), layer, generator)


def _as_many_codes(generator: Generator, shape: tuple[int, ...], kind: int, cut: str) -> Body:
    """What stands for codes of which a tail only asks how many there are: as many zeros as values at the cut."""
    zeros = tf.function(lambda values: tf.zeros([tf.shape(values)[0], *(generator.space.shape or ())]), autograph=False)
    traced = zeros.get_concrete_function(tf.TensorSpec([None, *shape], tf.as_dtype(kind)))
    return Body(traced.graph.as_graph_def(), {traced.inputs[0].name: cut}, traced.outputs[0].name)


def behind(generator: Generator, at: str) -> Generator:
    """The tail of a generator split where all of a code goes through, such as a mapping's end: w is its code.

    It keeps the fingerprint of the whole one's file. Labels that only matter before the cut are left out.

    Raises:
      BadInput: as of `split`, or codes also go round the cut.
    """
    parts = split(generator, at)
    if parts.rounds:
        raise BadInput(
            f"codes of {generator.name} also go round {at}",
            f"expected a layer that all of the code goes through; or take a second step from there (--split={at})",
        )
    condition = generator.condition
    unused = condition is not None and not parts.layer.uses(parts.layer.names[1])
    tail = _without_labels(parts.tail, condition) if condition is not None and unused else parts.tail
    return dataclasses.replace(tail, about=dataclasses.replace(tail.about, fingerprint=generator.about.fingerprint))


def _without_labels(tail: Generator, condition: Condition) -> Generator:
    """A tail that is given labels and does not use them, without."""

    def function(values: tf.Tensor, held: Held) -> tf.Tensor:
        any_class = condition.encode(tf.zeros(tf.shape(values)[:1], tf.int32))
        return tail.function(values, held._replace(labels=any_class))

    return derive(tail, tail.name, function, condition=None)


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
    found = tuple(part(definition, frozen.inputs, tensor)(*examples(generator, 2)).shape)
    if not found or found[0] != 2:
        raise BadInput(f"{generator.name} cannot be split at {tensor}", "it has no batch axis there")
    return tuple(int(size) for size in found[1:])


def _tail(generator: Generator, layer: Piece, head: Piece, space: Space, rounds: bool) -> Generator:
    """The generator whose codes are the values at the cut."""
    holds = {**generator.holds, CODES: generator.space.shape or ()} if rounds else generator.holds
    return derive(
        generator,
        f"{generator.name} behind {node_of(head.output_name)} ({space.entries} values)",
        _calling(layer, rounds),
        space=space,
        holds=holds,
    )


def _calling(layer: Piece, rounds: bool) -> Function:
    """The function of a tail, whose layer takes codes that go round the cut before what the whole holds."""

    def function(values: tf.Tensor, held: Held) -> tf.Tensor:
        if not rounds:
            return layer([values, *held.rows])
        codes, others = held.without(CODES)
        return layer([values, codes, *others.rows])

    return function


def around(tail: Generator) -> Generator:
    """The tail of a split generator, with distances from values that it holds as `hidden` for its codes."""
    shape = tail.space.shape or ()

    def function(distance: tf.Tensor, held: Held) -> tf.Tensor:
        values, others = held.without(HIDDEN)
        return tail.function(tf.cast(values, distance.dtype) + distance, others)

    return derive(
        tail,
        f"{tail.name}, from given ones",
        function,
        space=normal(*shape, stddev=tail.space.spread, constraint=unconstrained()),
        holds={**tail.holds, HIDDEN: shape},
    )
