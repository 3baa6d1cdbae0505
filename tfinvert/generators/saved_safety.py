"""Finds what would do more than compute in a SavedModel, before TensorFlow runs any of it.

Loading a SavedModel runs its initialisers, and calling it runs its graph: an operation in there may read and write
files, or call Python. So only operations that are known to compute pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.generators.graphs import by_name, upstream
from tfinvert.generators.operations import graph_operation_computes

# What holds a graph together, and the variables; those after RestoreV2 read the folder's own checkpoint.
_ALLOWED = """
    Assert Assign AssignVariableOp CheckNumerics Enter Exit If IsVariableInitialized LookupTableImportV2 LoopCond Merge
    NextIteration NoOp PartitionedCall Placeholder PlaceholderWithDefault PreventGradient ReadVariableOp
    StatefulPartitionedCall StatelessIf StatelessWhile Switch VarHandleOp VarIsInitializedOp Variable VariableV2 While
    RestoreV2 ShardedFilename StaticRegexFullMatch StringJoin
"""
_INITIALISERS = ("saved_model_main_op", "legacy_init_op")  # collections of TensorFlow 1


def refuse_operations(graph: Any, name: str) -> None:
    """Raises `BadInput` where loading or calling a saved graph would run an operation that may do more than compute.

    Args:
      graph: MetaGraphDef.
      name: of the folder, for the message.

    Raises:
      BadInput: the message says which operation.
    """
    functions = {each.signature.name: each for each in graph.graph_def.library.function}
    _refuse({node.op for node in _run(graph, functions)} - set(functions), name)


def refuse_graph(definition: Any, name: str) -> None:
    """The same for a GraphDef, all of which may be run."""
    functions = {each.signature.name: each for each in definition.library.function}
    nodes = [*definition.node, *(node for each in functions.values() for node in each.node_def)]
    _refuse({node.op for node in nodes} - set(functions), name)


def _refuse(kinds: set[str], name: str) -> None:
    strange = sorted(kind for kind in kinds if not graph_operation_computes(kind) and kind not in _ALLOWED.split())
    if strange:
        raise BadInput(
            f"{name} runs the TensorFlow operations {', '.join(strange[:5])}, which may do more than compute",
            "expected common operations only; if you trust its author, allow_unsafe=True (--allow_unsafe) loads it",
        )


def _run(graph: Any, functions: dict[str, Any]) -> Iterator[Any]:
    """All nodes that loading the graph, or calling one of its signatures, can run."""
    nodes = by_name(graph.graph_def)
    roots = [graph.saver_def.restore_op_name] if not graph.HasField("object_graph_def") else []  # TensorFlow 1 only
    for signature in graph.signature_def.values():
        roots += [tensor.name for tensor in signature.outputs.values()]
    for collection in _INITIALISERS:
        roots += graph.collection_def[collection].node_list.value if collection in graph.collection_def else []
    reached = [nodes[name] for name in upstream(nodes, roots)]
    yield from reached
    ahead = [*_called(reached, functions), *graph.object_graph_def.concrete_functions]
    seen: set[str] = set()
    while ahead:
        function = functions.get(ahead.pop())
        if function is not None and function.signature.name not in seen:
            seen.add(function.signature.name)
            yield from function.node_def
            ahead += _called(function.node_def, functions)


def _called(nodes: Iterable[Any], functions: dict[str, Any]) -> Iterator[str]:
    """The names of the functions that nodes call, by an attribute or by their type."""
    for node in nodes:
        if node.op in functions:
            yield node.op
        for value in node.attr.values():
            if value.HasField("func"):
                yield value.func.name
            yield from (each.name for each in value.list.func)
