"""TensorFlow 1's reference variables, which no function can be traced or frozen around, made plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from tfinvert.generators.frozen import part
from tfinvert.generators.graphs import by_name, make_placeholder

_VARIABLES = ("Variable", "VariableV2")
_ASSIGNMENTS = ("Assign", "AssignAdd", "AssignSub")


def has_references(call: Any) -> bool:
    """Whether a signature's function uses reference variables."""
    return any(node.op in _VARIABLES for node in call.graph.as_graph_def().node)


def settled(call: Any, inputs: Mapping[str, str], output: str) -> Callable[..., tf.Tensor]:
    """The function of a signature, called as `function(name=value, ...)`, with variables as they are now.

    Whatever it assigns to them is left out: a module that keeps state of its truncation must have been called with it
    before.

    Args:
      call: the signature, a `WrappedFunction`.
      inputs: of the signature, the tensor of each.
      output: the tensor that is wanted.
    """
    definition = call.graph.as_graph_def()
    nodes = by_name(definition)
    names = [name for name, node in nodes.items() if node.op in _VARIABLES]
    # A reference cannot leave a function; what reads it already may wait for an assignment.
    with call.graph.as_default(), tf.control_dependencies(None):
        readers = [tf.identity(call.graph.as_graph_element(f"{name}:0")) for name in names]
    values = call.prune([], readers)()
    for node in definition.node:
        kept = [each for each in node.input if not each.startswith("^")]  # what remains only computes, in any order
        del node.input[:]
        node.input.extend(kept)
        if node.op in _ASSIGNMENTS:
            node.op, value = "Identity", node.input[1]
            del node.input[:]
            node.input.append(value)
            kind = node.attr["T"].type
            node.attr.clear()
            node.attr["T"].type = kind
    for name in names:
        make_placeholder(nodes[name], nodes[name].attr["dtype"].type)
    function = part(
        definition, list(inputs.values()), output, dict(zip((f"{n}:0" for n in names), values, strict=True))
    )
    return lambda **given: function(*(given[name] for name in inputs))
