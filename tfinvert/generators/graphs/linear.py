"""Linear maps in a graph: products with a constant matrix, and convolutions of maps of one pixel."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.generators.graphs.definition import by_name, node_of, tensor_of

_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
_CONVOLUTIONS = {"Conv2D": 0, "Conv2DBackpropInput": 2}  # the place of what is convolved among the inputs
_SUMS = ("BiasAdd", "Add", "AddV2")
_KEEPING = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose")  # what may stand before a weight


class Map(NamedTuple):
    """A linear map of one row."""

    width: int  # entries of what it gives
    biases: frozenset[int]  # how many entries a bias behind it may have


class Maps:
    """The linear maps of a GraphDef."""

    def __init__(self, definition: Any) -> None:
        self._definition, self._nodes = definition, by_name(definition)

    def of(self, node: Any) -> Map | None:
        """The map that a node is; None where it is none.

        PyTorch's DCGAN begins with a transposed convolution of a 1x1 map, which is a dense layer by another name.
        """
        if node.op in _CONVOLUTIONS:
            return self._convolution(node)
        width = self._einsum(node) if node.op == "Einsum" else self._product(node)
        return None if width is None else Map(width, frozenset({width}))

    def with_bias(self, name: str, linear: Map) -> str:
        """The node behind that of a map that adds its bias, or that node itself."""
        after = [node for node in self._definition.node if name in map(node_of, node.input)]
        if len(after) == 1 and after[0].op in _SUMS:
            others = [self._constant(node_of(each)) for each in after[0].input if node_of(each) != name]
            if len(others) == 1 and others[0] is not None and math.prod(others[0]) in linear.biases:
                return after[0].name
        return name

    def _product(self, node: Any) -> int | None:
        if node.op not in _PRODUCTS:
            return None
        known = [shape for shape in self._weights(node) if len(shape) == 2]
        if len(known) != 1:
            return None
        turned = any(key in node.attr and node.attr[key].b for key in ("transpose_b", "adj_y"))
        return known[0][0] if turned else known[0][1]

    def _einsum(self, node: Any) -> int | None:
        """The width of "ab,bc->ac", as Keras writes some dense layers."""
        known = list(self._weights(node))
        given, _, result = node.attr["equation"].s.decode().partition("->")
        terms = given.split(",")
        if len(known) != 1 or len(terms) != 2:
            return None
        term = next((each for each in terms[::-1] if len(each) == len(known[0])), "")
        return math.prod(size for axis, size in zip(term, known[0], strict=False) if axis in result)

    def _convolution(self, node: Any) -> Map | None:
        """A convolution, plain or transposed, of a map of one pixel with a constant kernel."""
        if self._constant(node_of(node.input[1])) is None:
            return None
        given = self._shapes.get(tensor_of(node.input[_CONVOLUTIONS[node.op]]))
        made = self._shapes.get(tensor_of(node.name))
        channels = 0 if node.attr["data_format"].s == b"NCHW" else 2
        if given is None or made is None or math.prod(given) != given[channels]:
            return None
        return Map(math.prod(made), frozenset({made[channels]}))

    @functools.cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """The shapes [H, W, C] or [C, H, W] of the maps whose shapes are known, by their tensors."""
        with tf.Graph().as_default() as graph:
            tf.graph_util.import_graph_def(self._definition, name="")
        every = (tensor for operation in graph.get_operations() for tensor in operation.outputs)
        return {
            tensor.name: tuple(tensor.shape[1:].as_list())
            for tensor in every
            if tensor.shape.rank == 4 and tensor.shape[1:].is_fully_defined()
        }

    def _weights(self, node: Any) -> Iterator[tuple[int, ...]]:
        """The shapes of those of a node's first two inputs that are constant."""
        for each in node.input[:2]:
            shape = self._constant(node_of(each))
            if shape is not None:
                yield shape

    def _constant(self, name: str) -> tuple[int, ...] | None:
        """The shape of a constant, also behind operations that keep its values; None for what is no constant."""
        node = self._nodes[name]
        while node.op in _KEEPING:
            node = self._nodes[node_of(node.input[0])]
        if node.op != "Const":
            return None
        return tuple(size.size for size in node.attr["value"].tensor.tensor_shape.dim)
