"""Finds what would do more than compute in a graph, before TensorFlow sees it.

An operation may read and write files, or call Python. So only operations that are known to compute pass; what an
operation makes out of nothing must have a size that fits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import tensorflow as tf
from google.protobuf import message

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import node_of
from tfinvert.generators.safety.operations import graph_operation_computes
from tfinvert.settings import DEFAULT_LIMITS, Limits

# What holds a graph together, and the variables.
_ALLOWED = """
    Assert Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp Case CheckNumerics Enter
    Exit If IsVariableInitialized LoopCond Merge NextIteration NoOp PartitionedCall Placeholder PlaceholderWithDefault
    PreventGradient ReadVariableOp ResourceGather ResourceGatherNd StatefulPartitionedCall StatelessCase StatelessIf
    StatelessWhile Switch VarHandleOp VarIsInitializedOp Variable VariableShape VariableV2 While
"""
_FILLS = """
    Fill RandomStandardNormal RandomUniform RandomUniformInt StatelessRandomNormal StatelessRandomUniform
    TruncatedNormal
"""  # their first input is a shape
_RANK = 254  # the most axes that TensorFlow knows


def refuse_operations(nodes: Iterable[Any], functions: Iterable[str], name: str) -> None:
    """Raises `BadInput` where one of the nodes may do more than compute.

    Args:
      nodes: NodeDefs, those of functions and branches, too.
      functions: names of the graph's own, which an operation's type may be.
      name: of the model, for the message.
    """
    strange = sorted(_kinds(nodes) - set(functions) - set(_ALLOWED.split()))
    if strange:
        raise BadInput(
            f"{name} runs the TensorFlow operations {', '.join(strange[:5])}, which may do more than compute",
            "expected common operations only; if you trust its author, "
            "from_saved_model(..., allow_unsafe=True) (--allow_unsafe) loads it",
        )


def computing_graph(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> Any:
    """The GraphDef of a file, all of which may be run.

    Raises:
      BadInput: it is damaged, may do more than compute, or makes too much out of nothing.
    """
    try:
        definition = tf.compat.v1.GraphDef.FromString(content)
    except message.DecodeError as error:
        raise BadInput(f"{name} has a damaged graph of {len(content)} bytes", "expected a whole file") from error
    functions = list(definition.library.function)
    bodies = [definition.node, *(each.node_def for each in functions)]
    refuse_operations((node for each in bodies for node in each), [each.signature.name for each in functions], name)
    refuse_sizes(bodies, name, limits)
    return definition


def refuse_sizes(bodies: Iterable[Iterable[Any]], name: str, limits: Limits) -> None:
    """Raises `BadInput` where what a graph makes out of nothing would be too large together.

    That is constants, which may state one number for all entries, and what is filled in a shape that is constant.

    Args:
      bodies: NodeDefs of the graph, and of each function.
      name: of the model, for the message.
      limits: for the size.
    """
    total = 0
    for nodes in bodies:
        there = {node.name: node for node in nodes}
        for node in there.values():
            if node.op == "Const":
                value = node.attr["value"].tensor
                entries = math.prod(max(0, each.size) for each in value.tensor_shape.dim)
                total += entries * max(1, tf.as_dtype(value.dtype).size or 1)
            elif node.op in _FILLS.split() and node.input:
                total += _filled(there.get(node_of(node.input[0])))
            if total > limits.copied:
                raise BadInput(
                    f"{name} makes {total / 1e9:.3g} GB of constants ({node.name!r})",
                    f"expected at most {limits.copied / 1e9:g} GB; if it is meant to, raise --max_gigabytes",
                )


def _filled(shape: Any) -> int:
    """How many entries a tensor of this shape has; 0 where the shape is not known before the graph runs."""
    if shape is None or shape.op != "Const":
        return 0
    value = shape.attr["value"].tensor
    if math.prod(each.size for each in value.tensor_shape.dim) > _RANK or not tf.as_dtype(value.dtype).is_integer:
        return 0  # no shape at all, which TensorFlow refuses
    return math.prod(max(0, int(size)) for size in tf.make_ndarray(value).ravel())


def _kinds(nodes: Iterable[Any]) -> set[str]:
    return {kind for kind in {node.op for node in nodes} if not graph_operation_computes(kind)}
