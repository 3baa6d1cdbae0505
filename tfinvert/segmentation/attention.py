"""A generator's self-attention map: where in its graph it stands, and what it is for a code.

Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images", section 5. The
map says for each place of a layer how much it attends to every other place (Zhang et al. 2019, arXiv:1805.08318; Wang
et al. 2018, "Non-local Neural Networks").
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.derived.split import Split
from tfinvert.generators.generator import derive
from tfinvert.generators.graphs.cuts import between
from tfinvert.generators.graphs.cuts import find as cut_at
from tfinvert.generators.graphs.definition import by_name, node_of, only, upstream
from tfinvert.generators.graphs.frozen import Frozen, frozen_for, part, without_weights
from tfinvert.segmentation.layout import Layout, layout

_ENDS = ("Softmax", "Exp", "RealDiv", "Div", "DivNoNan")  # softmax as one operation, or the last of several
_KEEPING = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose")
_LOOKED_FOR = (
    "a softmax [B, N, M] or [B, heads, N, M] between code and image, over N and M <= N places with the image's "
    "proportions, by which something is averaged"
)
_MASKS = ("Mul", "Select", "SelectV2")
_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum")
_ERROR = 0.01  # that a sum may have which should be 1: half precision
_CALL = re.compile(r"^.*PartitionedCall(_\d+)?/")  # functions that were inlined leave their name


@dataclasses.dataclass(frozen=True, eq=False)
class Attention:
    """A self-attention map: `attention(codes [B, *shape], labels [B]) -> [B, h, w, h', w']`, see `find`.

    Entry [b, i, j, k, l] is how much the place (i, j) attends to the place (k, l): at least 0, and 1 over all (k, l).
    Several heads are averaged. h' and w' are smaller than h and w where the layer pools what is attended to.

    Attributes:
      name: of the tensor, for people.
      tensor: its name in the generator's frozen graph.
      layout: what its axes mean.
      maps: gives the tensor itself, of codes.
    """

    name: str
    tensor: str
    layout: Layout
    maps: Generator

    def __call__(self, codes: Any, labels: Any = None, held: Mapping[str, Any] | None = None) -> np.ndarray:
        """The map [B, h, w, h', w'], float32; for large maps give few codes.

        Raises:
          BadInput: as of `Generator`.
        """
        return self.layout.apply(self.maps(codes, labels, held).numpy())

    def behind(self, parts: Split) -> Attention | None:
        """The same map of values at the cut, called with h and what the tail of the split generator holds.

        None where the map stands before the cut.
        """
        maps = parts.up_to(self.tensor, self.layout.shape)
        return None if maps is None else dataclasses.replace(self, maps=maps)


def find(generator: Generator, name: str | None = None) -> Attention:
    """The self-attention map of a generator.

    Args:
      generator: whose graph is searched; what stands in its loops and branches is not.
      name: of a layer, an operation or a tensor; default: of all maps the largest, and of equals the last.

    Raises:
      BadInput: there is no such tensor, or it is no attention map.
    """
    graph = _graph(generator)
    found = _all(graph)
    if name is not None:
        best = _named(name, found, graph)
    elif found:
        best = max(reversed(found), key=lambda each: each.layout.size)
    else:
        raise BadInput(f"{generator.name} has no attention map", f"looked for {_LOOKED_FOR}")
    others = [each.name for each in found if each.tensor != best.tensor]
    why = f"; others are {', '.join(others)}" if others else ""
    logging.info("attention map %s: %s%s", best.name, best.layout, why)
    return best


class _Graph(NamedTuple):
    """A generator's graph, with its weights apart: they may take most of the memory."""

    generator: Generator
    frozen: Frozen
    weights: Mapping[str, tf.Tensor]

    def function(self, tensor: str) -> Callable[..., tf.Tensor]:
        """What gives this tensor of codes, and of what is held, in the order of `Held.rows`."""
        names = upstream(by_name(self.frozen.definition), [tensor, *self.frozen.inputs])
        weights = {name: value for name, value in self.weights.items() if node_of(name) in names}
        return part(only(self.frozen.definition, names), self.frozen.inputs, tensor, weights)

    def values(self, tensor: str) -> np.ndarray:
        """What this tensor is for one code of the prior."""
        codes, takes = self.generator.space.sample(seeds.of(0, tf.range(1))), self.generator.takes
        return self.function(tensor)(codes, *takes.encode(takes.example(1)).rows).numpy()

    def readable(self, tensor: str) -> str:
        """The name of a tensor's node, with layers called what they are called."""
        return _CALL.sub("", node_of(tensor))


def _graph(generator: Generator) -> _Graph:
    frozen = frozen_for(generator, "be searched for attention")
    definition, weights = without_weights(frozen.definition)
    return _Graph(generator, frozen._replace(definition=definition), weights)


def _all(graph: _Graph) -> list[Attention]:
    """All maps, in the order of the graph."""
    way, found = between(graph.frozen), []
    with tf.Graph().as_default() as shapes:
        tf.graph_util.import_graph_def(graph.frozen.definition, name="")
    for node in way.values():
        if node.op in _ENDS and _weighs(node.name, way):
            for form in _forms(node.name, way):
                shape = shapes.as_graph_element(f"{form}:0").shape
                if _may_be(shape, graph.generator) and (attention := _tried(f"{form}:0", graph)):
                    found.append(attention)
                    break
    return found


def _weighs(name: str, way: Mapping[str, Any]) -> bool:
    """Whether this node's values go into a product of matrices, masked at most; what only scales a map does not."""
    same = {name}
    for each, node in way.items():  # inputs come first
        moving = {given for given in map(node_of, node.input) if given in way}
        if moving & same:
            if node.op in _PRODUCTS:
                return True
            if node.op in _KEEPING or (node.op in _MASKS and moving <= same):
                same.add(each)
    return False


def _forms(name: str, way: Mapping[str, Any]) -> Iterator[str]:
    """A node, and those that have its values in another shape: older graphs reckon softmax of [B N, M]."""
    while True:
        yield name
        users = [each for each, node in way.items() if name in map(node_of, node.input)]
        if len(users) != 1 or way[users[0]].op not in _KEEPING:
            return
        name = users[0]


def _may_be(shape: tf.TensorShape, generator: Generator) -> bool:
    """Whether a tensor may be a map, as far as the graph tells its shape."""
    if shape.rank is None or not shape[1:].is_fully_defined():
        return True
    return shape[:1].is_compatible_with([1]) and layout(shape[1:].as_list(), generator.image_shape) is not None


def _tried(tensor: str, graph: _Graph) -> Attention | None:
    """The map that this tensor is; None where it is none, as its values for one code show."""
    values = graph.values(tensor)
    if values.ndim < 3 or len(values) != 1 or values.dtype.kind != "f":
        return None
    found = layout(values.shape[1:], graph.generator.image_shape)
    if found is None:
        return None
    weights = found.apply(values)
    if not (weights.min() >= 0 and np.abs(weights.sum(axis=(3, 4)) - 1).max() <= _ERROR):
        return None
    function = graph.function(tensor)
    name = graph.readable(tensor)
    calling = lambda codes, held: function(codes, *held.rows)
    return Attention(name, tensor, found, derive(graph.generator, f"{name} of {graph.generator.name}", calling))


def _named(name: str, found: Sequence[Attention], graph: _Graph) -> Attention:
    """The map that a name means: of a tensor, or of a scope that it stands in."""
    generator = graph.generator.name
    wanted = f"/{node_of(name).strip('/')}/"
    fits = [each for each in found if any(wanted in f"/{path}/" for path in (each.name, node_of(each.tensor)))]
    whole = [each for each in fits if wanted in (f"/{each.name}/", f"/{node_of(each.tensor)}/")]
    if len(fits) == 1 or len(whole) == 1:
        return (whole or fits)[0]
    maps = [each.name for each in found]
    if fits:
        raise BadInput(f"{len(fits)} attention maps in {name!r}", f"name one whole: {', '.join(maps)}")
    known = f"its attention maps are {', '.join(maps)}" if found else f"it has none; looked for {_LOOKED_FOR}"
    try:
        tensor = cut_at(graph.frozen, name, generator)
    except BadInput as error:
        raise BadInput(f"{generator} has no attention map {name!r}", f"{error}; {known}") from error
    attention = _tried(tensor, graph)
    if attention is None:
        shape = list(graph.values(tensor).shape[1:])
        raise BadInput(f"{name!r} of {generator} is no attention map but gives {shape} for a code", known)
    return attention
