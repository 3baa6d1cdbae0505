"""Walks through TensorFlow's graphs, and changes copies of them."""

from __future__ import annotations

import copy as copies
from collections.abc import Iterable
from typing import Any


def node_of(tensor: str) -> str:
    """The name of the node that gives this tensor, or of the node itself: "dense/MatMul" of "dense/MatMul:0"."""
    return tensor.removeprefix("^").split(":")[0]


def by_name(definition: Any) -> dict[str, Any]:
    """The nodes of a GraphDef."""
    return {node.name: node for node in definition.node}


def upstream(nodes: dict[str, Any], roots: Iterable[str], stop: str | None = None) -> set[str]:
    """The names of the nodes that these tensors or nodes need, control inputs included.

    What is needed only through `stop` is left out, and so is that.
    """
    ahead, seen = [node_of(root) for root in roots], set()
    while ahead:
        name = ahead.pop()
        if name in nodes and name not in seen and name != stop:
            seen.add(name)
            ahead += map(node_of, nodes[name].input)
    return seen


def only(definition: Any, names: Iterable[str]) -> Any:
    """A copy of a GraphDef with these nodes only, and all its functions."""
    wanted, copy = set(names), type(definition)()
    copy.versions.CopyFrom(definition.versions)
    copy.library.CopyFrom(definition.library)
    copy.node.extend(node for node in definition.node if node.name in wanted)
    return copy


def become(node: Any, kind: str, **types: int) -> None:
    """Turns a node of a GraphDef into another operation with the same inputs, and these data types as attributes."""
    node.op = kind
    node.attr.clear()
    for name, each in types.items():
        node.attr[name].type = each


def make_placeholder(node: Any, kind: int, shape: Any = None) -> None:
    """Turns a node of a GraphDef into a placeholder of this data type and, if stated, this TensorShapeProto."""
    shape = copies.deepcopy(shape)  # it may be the node's own
    del node.input[:]
    become(node, "Placeholder", dtype=kind)
    if shape is not None:
        node.attr["shape"].shape.CopyFrom(shape)


def with_placeholder(definition: Any, tensor: str, name: str, kind: int) -> Any:
    """A copy of a GraphDef in which a new placeholder stands wherever this tensor was used."""
    copy = type(definition)()
    copy.CopyFrom(definition)
    same = {tensor, tensor.removesuffix(":0")}
    for node in copy.node:
        for place, given in enumerate(node.input):
            if given in same:
                node.input[place] = name
    make_placeholder(copy.node.add(name=name), kind)
    return copy
