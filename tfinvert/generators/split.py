"""A generator in two parts: before and after its first dense layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.contents import short
from tfinvert.generators.frozen import Frozen, freeze, part
from tfinvert.generators.generator import Generator

_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
_SUMS = ("BiasAdd", "Add", "AddV2")
_KEEPING = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose")  # what may stand before a weight


class Split(NamedTuple):
    """`tail(head(codes, labels), labels)` is the image; labels are as the generator's function takes them, or None."""

    head: Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]  # codes [B, *shape] -> [B, n], before the activation
    tail: Callable[[tf.Tensor, tf.Tensor | None], tf.Tensor]  # [B, n] -> images [B, H, W, C]
    width: int  # n


def split(generator: Generator) -> Split:
    """Cuts a generator behind its first dense layer, its bias included and its activation not.

    The layer is searched in the generator's graph: of the products of something that comes from the codes with a
    constant matrix, and with no other such product before it, the widest. (Class-conditional generators also have
    narrower ones there, which scale their later layers.)

    Raises:
      BadInput: there is none, or the codes also reach the image round it.
    """
    try:
        frozen = freeze(generator)
    except (tf.errors.OpError, ValueError, TypeError, NotImplementedError) as error:
        raise BadInput(f"{generator.name} cannot be split", f"its graph cannot be frozen: {short(error)}") from error
    cut, width = _first_dense(frozen, generator.name)
    nodes = {node.name: node for node in frozen.definition.node}
    if _name(frozen.codes) in _before(nodes, _name(frozen.images), stop=cut):
        raise BadInput(
            f"{generator.name} cannot be split at {cut}", "its codes also go round that layer, to later ones"
        )
    head = part(frozen.definition, frozen.inputs, f"{cut}:0")
    tail = part(_opened(frozen.definition, cut), [f"{cut}:0", *frozen.inputs[1:]], frozen.images)

    def call(function: Callable[..., tf.Tensor], values: tf.Tensor, labels: tf.Tensor | None) -> tf.Tensor:
        return function(values) if labels is None else function(values, labels)

    return Split(
        lambda codes, labels: tf.reshape(call(head, codes, labels), [-1, width]),
        lambda hidden, labels: tf.reshape(call(tail, hidden, labels), [-1, *generator.image_shape]),
        width,
    )


def _opened(definition: Any, name: str) -> Any:
    """The graph with a placeholder in the place of this node."""
    opened = type(definition)()
    opened.CopyFrom(definition)
    node = next(node for node in opened.node if node.name == name)
    kind = node.attr["T"].type
    node.op = "Placeholder"
    del node.input[:]
    node.attr.clear()
    node.attr["dtype"].type = kind
    return opened


def _first_dense(frozen: Frozen, name: str) -> tuple[str, int]:
    """The node at which the first dense layer ends, and how many values it gives."""
    nodes = {node.name: node for node in frozen.definition.node}
    from_codes: set[str] = {_name(frozen.codes)}
    dense: dict[str, int] = {}
    behind: set[str] = set()  # what depends on a product already found
    for node in frozen.definition.node:  # inputs come before what uses them
        inputs = [_name(each) for each in node.input]
        if not from_codes.intersection(inputs):
            continue
        from_codes.add(node.name)
        if behind.intersection(inputs):
            behind.add(node.name)
        elif node.op in _PRODUCTS:
            weights = [_constant(nodes, each) for each in inputs[:2]]
            known = [weight for weight in weights if weight is not None and len(weight) == 2]
            if len(known) == 1:
                turned = any(key in node.attr and node.attr[key].b for key in ("transpose_b", "adj_y"))
                dense[node.name] = known[0][0] if turned else known[0][1]
                behind.add(node.name)
    if not dense:
        raise BadInput(f"{name} cannot be split", "it has no dense layer that its codes go through")
    first = max(dense, key=lambda each: dense[each])
    after = [node for node in frozen.definition.node if first in map(_name, node.input)]
    if len(after) == 1 and after[0].op in _SUMS:
        others = [_constant(nodes, _name(each)) for each in after[0].input if _name(each) != first]
        if len(others) == 1 and others[0] is not None and math.prod(others[0]) == dense[first]:
            return after[0].name, dense[first]
    return first, dense[first]


def _constant(nodes: dict[str, Any], name: str) -> tuple[int, ...] | None:
    """The shape of a constant, also behind operations that keep its values; None for what is no constant."""
    node = nodes[name]
    while node.op in _KEEPING:
        node = nodes[_name(node.input[0])]
    if node.op != "Const":
        return None
    return tuple(size.size for size in node.attr["value"].tensor.tensor_shape.dim)


def _before(nodes: dict[str, Any], name: str, stop: str | None = None) -> set[str]:
    """The names of all that goes into a node; what goes into `stop` only through it is left out."""
    seen: set[str] = set()
    ahead = [name]
    while ahead:
        each = ahead.pop()
        if each not in seen and each != stop:
            seen.add(each)
            ahead += map(_name, nodes[each].input)
    return seen


def _name(tensor: str) -> str:
    """The node of a tensor's name."""
    return tensor.removeprefix("^").split(":")[0]
