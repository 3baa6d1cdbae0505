"""TensorFlow 1's reference variables made resource variables, so that a saved graph has one kind of them.

A reference is read whenever an operation takes it, so each of these gets a read of its own, which waits for what the
operation waits for.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import become, node_of
from tfinvert.generators.readers.saved.cut import Cut, sorted_nodes

_VARIABLES = ("Variable", "VariableV2")
_ASSIGNMENTS = {"Assign": "AssignVariableOp", "AssignAdd": "AssignAddVariableOp", "AssignSub": "AssignSubVariableOp"}


def with_handles(part: Cut, output: str) -> tuple[Cut, str]:
    """The same graph with handles under the variables' names, and the name that its output then has.

    Raises:
      BadInput: what is assigned to is no variable.
    """
    references: dict[str, str] = {}  # nodes that give one, and the variable
    for node in part.nodes:
        if node.op in _VARIABLES:
            references[node.name] = node.name
        elif node.op in _ASSIGNMENTS and node.input:
            references[node.name] = references.get(node_of(node.input[0]), "")
            if not references[node.name]:
                raise BadInput(f"{node.name!r} assigns to what is no variable", "expected one of the graph")
    if not references:
        return part, output
    kinds = {node.name: node.attr["dtype"].type for node in part.nodes if node.op in _VARIABLES}
    taken: set[str] = {node.name for node in part.nodes}
    made: list[Any] = []

    def read(source: str, name: str, waits: list[str]) -> str:
        """A new node that reads what `source` refers to."""
        while name in taken:
            name += "_"
        taken.add(name)
        node = type(part.nodes[0])(name=name, input=[references[source], *waits])
        if source != references[source]:
            node.input.append(f"^{source}")
        become(node, "ReadVariableOp", dtype=kinds[references[source]])
        made.append(node)
        return name

    for node in part.nodes:
        made.append(node)
        data = [each for each in node.input if not each.startswith("^")]
        waits = [each for each in node.input if each.startswith("^")]
        start = 1 if node.op in _ASSIGNMENTS or node.op == "IsVariableInitialized" else 0
        for place in range(start, len(data)):
            if node_of(data[place]) in references:
                data[place] = read(node_of(data[place]), f"{node.name}/read_{place}", waits)
        _rewrite(node, references, kinds)
        if start:
            data[0] = references.get(node_of(data[0]), data[0])
        del node.input[:]
        node.input.extend([*data, *waits])
    if node_of(output) in references:
        output = read(node_of(output), f"{node_of(output)}/read", [])
    return Cut(sorted_nodes(made), part.functions, part.versions), output


def _rewrite(node: Any, references: Mapping[str, str], kinds: Mapping[str, int]) -> None:
    """Changes the type of a node that gives or takes a reference."""
    if node.op in _VARIABLES:
        shape = copy.deepcopy(node.attr["shape"].shape)
        become(node, "VarHandleOp", dtype=kinds[node.name])
        node.attr["shape"].shape.CopyFrom(shape)
    elif node.op in _ASSIGNMENTS:
        become(node, _ASSIGNMENTS[node.op], dtype=kinds[references[node.name]])
    elif node.op == "IsVariableInitialized":
        become(node, "VarIsInitializedOp")
