"""Calls of functions in a graph replaced by what they call, because imported calls have no gradient of their own.

In a graph the second output of a node is called "node:1", in a function "node:output:1", where "output" is an argument
of the operation. Branches and bodies of loops stay functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tensorflow.python.framework import op_def_registry

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import called, node_of
from tfinvert.generators.readers.saved.cut import Cut, sorted_nodes

_BEGIN = "begin"  # waits for what a call waits for
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")


def without_calls(part: Cut, output: str) -> tuple[Cut, str]:
    """The same graph without calls, and the name that its output then has.

    Raises:
      BadInput: a call does not fit the function.
    """
    functions: dict[str, Any] = {}
    for name, function in part.functions.items():  # those that are called come first
        nodes, renamed = _inlined(function.node_def, functions, _in_function, _nested)
        copy = type(function)()
        copy.CopyFrom(function)
        del copy.node_def[:]
        copy.node_def.extend(nodes)
        for key, value in function.ret.items():
            copy.ret[key] = renamed(value)
        functions[name] = copy
    nodes, renamed = _inlined(part.nodes, functions, _in_graph, _Flat)
    left, ahead = set(), list(called(nodes, functions))
    while ahead:
        name = ahead.pop()
        if name not in left:
            left.add(name)
            ahead += called(functions[name].node_def, functions)
    kept = {name: each for name, each in functions.items() if name in left}
    return Cut(sorted_nodes(nodes), kept, part.versions), renamed(output)


def _in_graph(call: Any, results: list[str]) -> dict[str, int]:
    """What each result of a call is called in a graph."""
    names = {f"{call.name}:{place}": place for place in range(len(results))}
    return names | ({call.name: 0} if results else {})


def _in_function(call: Any, results: list[str]) -> dict[str, int]:
    if call.op in _CALLS:
        return {f"{call.name}:output:{place}": place for place in range(len(results))}
    return {f"{call.name}:{result}:0": place for place, result in enumerate(results)}


def _nested(nodes: Iterable[Any]) -> Callable[[str], str]:
    """A function's names are those of the function that calls it."""
    return lambda tensor: tensor


class _Flat:
    """Translates a function's names to a graph's: given its nodes, called with one name after the other."""

    def __init__(self, nodes: Iterable[Any]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._starts: dict[str, dict[str, int]] = {}

    def __call__(self, tensor: str) -> str:
        parts = tensor.split(":")
        if tensor.startswith("^") or parts[0] not in self._nodes:
            return tensor
        if parts[0] not in self._starts:
            self._starts[parts[0]] = _starts(self._nodes[parts[0]])
        start = self._starts[parts[0]].get(parts[1]) if len(parts) > 1 else 0
        if start is None:
            raise BadInput(f"the graph needs {tensor!r}, which that operation does not give", "expected a whole one")
        place = start + (int(parts[2]) if len(parts) > 2 else 0)
        return f"{parts[0]}:{place}" if place else parts[0]


def _starts(node: Any) -> dict[str, int]:
    """At which output of a node each of its output arguments begins."""
    known = op_def_registry.get(node.op)
    if known is None:
        raise BadInput(f"the operation {node.op!r}", "TensorFlow does not know it")
    found, place = {}, 0
    for each in known.output_arg:
        found[each.name] = place
        if each.number_attr:
            place += node.attr[each.number_attr].i
        elif each.type_list_attr:
            place += len(node.attr[each.type_list_attr].list.type)
        else:
            place += 1
    return found


def _inlined(
    nodes: Iterable[Any],
    functions: Mapping[str, Any],
    outputs: Callable[[Any, list[str]], dict[str, int]],
    names: Callable[[Any], Any],
) -> tuple[list[Any], Callable[[str], str]]:
    """The nodes without calls, and what gives the new name of a tensor.

    Args:
      nodes: of a graph or a function.
      functions: without calls themselves.
      outputs: the names of a call's results there.
      names: given a function's nodes, what translates its names to those of the place.
    """
    taken = {node.name for node in nodes}
    made: list[Any] = []
    stands: dict[str, str] = {}  # names of what calls give

    def renamed(tensor: str) -> str:
        seen: set[str] = set()
        while (known := tensor if tensor in stands else tensor.removesuffix(":0")) in stands:
            if known in seen:
                raise BadInput("the graph goes round in a circle", "expected one without cycles")
            seen.add(known)
            tensor = stands[known]
        return tensor

    for node in nodes:
        function = functions.get(node.attr["f"].func.name if node.op in _CALLS else node.op)
        if function is None:
            made.append(node)
            continue
        made += _body(node, function, taken, stands, outputs, names)
    for node in made:
        given = [each if each.startswith("^") else renamed(each) for each in node.input]
        del node.input[:]
        node.input.extend(given)
    return made, renamed


def _body(
    call: Any,
    function: Any,
    taken: set[str],
    stands: dict[str, str],
    outputs: Callable[[Any, list[str]], dict[str, int]],
    names: Callable[[Any], Any],
) -> list[Any]:
    """The nodes that stand for a call; a last one of the call's name waits for all that would have run."""
    data = [each for each in call.input if not each.startswith("^")]
    first = [each for each in call.input if each.startswith("^")]
    signature, flat = function.signature, names(function.node_def)
    arguments = {each.name: given for each, given in zip(signature.input_arg, data, strict=False)}
    if len(signature.input_arg) != len(data):
        raise BadInput(
            f"{call.name!r} calls {signature.name!r} with {len(data)} values", "expected as many as it takes"
        )
    number, prefix = 0, call.name
    while any(f"{prefix}/{name}" in taken for name in (_BEGIN, *(node.name for node in function.node_def))):
        number += 1
        prefix = f"{call.name}_{number}"

    def inside(tensor: str) -> str:
        """What an input of the function's nodes is in the caller."""
        name = node_of(tensor)
        if name in arguments:
            return f"^{node_of(arguments[name])}" if tensor.startswith("^") else arguments[name]
        return f"^{prefix}/{name}" if tensor.startswith("^") else f"{prefix}/{flat(tensor)}"

    made = [type(call)(name=f"{prefix}/{_BEGIN}", op="NoOp", input=first)] if first else []
    waits = [f"^{each.name}" for each in made]
    for node in function.node_def:
        copy = type(node)()
        copy.CopyFrom(node)
        copy.name = f"{prefix}/{node.name}"
        del copy.input[:]
        copy.input.extend([*map(inside, node.input), *waits])
        made.append(copy)
    taken.update(each.name for each in made)
    results = [each.name for each in signature.output_arg]
    for name, place in outputs(call, results).items():
        stands[name] = inside(function.ret[results[place]])
    end = type(call)(name=call.name, op="NoOp")
    ends = [*function.control_ret.values(), *function.ret.values()]
    end.input.extend(dict.fromkeys([*(f"^{node_of(inside(each))}" for each in ends), *first]))
    return [*made, end]
