"""Walks through TensorFlow's graphs, and changes copies of them."""

from __future__ import annotations

import copy as copies
import itertools
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

_NUMBERED = re.compile(r"_graph\d+$")
_NUMBERS = itertools.count(1)
_SHAPES = ("Shape", "ShapeN", "Size", "Rank")  # what they give says nothing of the values
_PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def node_of(tensor: str) -> str:
    """The name of the node that gives this tensor, or of the node itself: "dense/MatMul" of "dense/MatMul:0"."""
    return tensor.removeprefix("^").split(":")[0]


def tensor_of(name: str) -> str:
    """The whole name of a tensor that a graph calls "dense/MatMul" for short: "dense/MatMul:0"."""
    return name if ":" in name else f"{name}:0"


def by_name(definition: Any) -> dict[str, Any]:
    """The nodes of a GraphDef."""
    return {node.name: node for node in definition.node}


def unused(definition: Any, name: str) -> str:
    """This name, with a number behind it where a node or a scope of a GraphDef is called so already."""
    taken = {node.name for node in definition.node} | _scopes(definition)
    numbered = (f"{name}_{number}" for number in itertools.count(1))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _scopes(definition: Any) -> set[str]:
    """The scopes that nodes stand in: "a" and "a/b" for a node "a/b/c"."""
    return {node.name[:place] for node in definition.node for place, letter in enumerate(node.name) if letter == "/"}


def bodies(definition: Any) -> list[Any]:
    """The lists of nodes in a GraphDef: its own, and those of its functions."""
    return [definition.node, *(each.node_def for each in definition.library.function)]


def python_in(definition: Any) -> bool:
    """Whether a GraphDef calls functions of this Python process, which no other knows."""
    return any(node.op in _PYTHON for nodes in bodies(definition) for node in nodes)


def upstream(nodes: dict[str, Any], roots: Iterable[str], stop: str | None = None) -> set[str]:
    """The names of the nodes that these tensors or nodes need, control inputs included.

    What is needed only through the tensor `stop` is left out. Other outputs of the same node are not that tensor.
    """
    ahead, seen = list(roots), set()
    while ahead:
        tensor = ahead.pop()
        name = node_of(tensor)
        if name in nodes and name not in seen and tensor_of(tensor) != stop:
            seen.add(name)
            ahead += nodes[name].input
    return seen


def without_shapes(definition: Any) -> dict[str, Any]:
    """The nodes of a GraphDef, but those that only look at the shape of something."""
    return {name: node for name, node in by_name(definition).items() if node.op not in _SHAPES}


def reaches(definition: Any, source: str, result: str, but: str | None = None) -> bool:
    """Whether the values of one tensor depend on those of another, and that not only through a third one."""
    return node_of(source) in upstream(without_shapes(definition), [result], None if but is None else tensor_of(but))


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


class Body(NamedTuple):
    """A graph that stands for a node of another."""

    definition: Any
    inputs: Mapping[str, str]  # its placeholders' tensors, and those of the other graph that they stand for
    output: str  # its tensor that stands for the node's


def with_bodies(definition: Any, stand_ins: Mapping[str, Body]) -> Any:
    """A copy of a GraphDef in which graphs stand for some of its nodes, which give one tensor each."""
    copy, scopes = type(definition)(), _scopes(definition)
    copy.CopyFrom(definition)
    for node in copy.node:
        if node.name in stand_ins:
            body, kind = stand_ins[node.name], node.attr["dtype" if node.op == "Placeholder" else "T"].type
            place = unused(copy, node.name) if node.name in scopes else node.name
            copy.node.extend(_within(place, body))
            del node.input[:]
            node.input.append(_renamed(place, body, body.output))
            become(node, "Identity", T=kind)
    return copy


def _within(place: str, body: Body) -> Iterator[Any]:
    """The nodes of a body, in a scope of this name."""
    outer = {node_of(each) for each in body.inputs}
    for node in body.definition.node:
        if node.name not in outer:
            copy = copies.deepcopy(node)
            copy.name = f"{place}/{node.name}"
            del copy.input[:]
            copy.input.extend(_renamed(place, body, each) for each in node.input)
            yield copy


def _renamed(place: str, body: Body, tensor: str) -> str:
    """What a tensor of a body is called in the other graph."""
    given = body.inputs.get(tensor_of(tensor))
    if given is not None:
        return given
    return f"^{place}/{tensor[1:]}" if tensor.startswith("^") else f"{place}/{tensor}"


def called(nodes: Iterable[Any], functions: Container[str] = ()) -> Iterator[str]:
    """The names of the functions that nodes call, by an attribute or, of those that are given, by their type."""
    for node in nodes:
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            yield from (each.name for each in _named(value))


def with_new_functions(definition: Any) -> Any:
    """The same GraphDef, where its functions have names that no other graph's have.

    TensorFlow wants one function for one name in a process, those too that it makes of a loop to differentiate it.
    """
    functions = {each.signature.name for each in definition.library.function}
    if not functions:
        return definition
    copy, number = copies.deepcopy(definition), next(_NUMBERS)
    names = {name: f"{_NUMBERED.sub('', name)}_graph{number}" for name in functions}
    for function in copy.library.function:
        function.signature.name = names[function.signature.name]
    for node in (node for nodes in bodies(copy) for node in nodes):
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            for each in _named(value):
                each.name = names.get(each.name, each.name)
    return copy


def _named(value: Any) -> list[Any]:
    return [*([value.func] if value.HasField("func") else []), *value.list.func]
