"""The function that computes one output of a saved graph, and runs nothing else of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import make_placeholder, node_of
from tfinvert.generators.graphs.frozen import part, without_weights
from tfinvert.generators.readers.saved.cut import cut
from tfinvert.generators.readers.saved.inlining import without_calls
from tfinvert.generators.readers.saved.references import with_handles
from tfinvert.generators.readers.saved.values import assigns, variables, with_values
from tfinvert.generators.readers.saved.variables import values
from tfinvert.generators.safety.graphs import refuse_operations, refuse_sizes
from tfinvert.settings import Limits

Call = Callable[..., tf.Tensor]


def computing(
    graph: Any, inputs: Mapping[str, Any], output: str, example: Mapping[str, tf.Tensor], folder: Path, limits: Limits
) -> Call:
    """The function that computes an output, called as `function(name=value, ...)`. Nothing else of the graph is run.

    Args:
      graph: MetaGraphDef.
      inputs: TensorInfo of each, by the names that it is called with.
      output: a tensor of the graph.
      example: a value for each input, for what the graph keeps of some (BigGAN its truncation): it is computed once
        with these, and variables stay as they then are.
      folder: of the SavedModel, for the values of its variables.
      limits: for its size.

    Raises:
      BadInput: the graph may do more than compute, is damaged or too large, or lacks values.
    """
    if any(":" in each.name.removesuffix(":0") for each in inputs.values()):
        raise BadInput(f"{folder.name} takes the second output of an operation", "expected placeholders as inputs")
    fed = {node_of(each.name): (each.dtype, each.tensor_shape) for each in inputs.values()}
    needed = cut(graph.graph_def, [output], fed)
    refuse_operations(needed.all_nodes, needed.functions, folder.name)
    flat, result = with_handles(*without_calls(needed, output))
    refuse_sizes([flat.nodes, *(each.node_def for each in flat.functions.values())], folder.name, limits)
    known = variables(flat)
    found = {name: tf.constant(value) for name, value in values(graph, known, folder, limits).items()}
    names = {name: f"{node_of(each.name)}:0" for name, each in inputs.items()}
    changing = flat.definition if assigns(flat) else None
    definition, weights = without_weights(with_values(flat, [result, *names.values()], known))
    result = result if ":" in result else f"{result}:0"
    if changing is not None:
        found = _kept(changing, names, result, found, example)
    there = {node.name for node in definition.node}
    weights |= {f"{name}:0": value for name, value in found.items() if name in there}
    function = part(definition, list(names.values()), result, weights)
    return lambda **given: function(*(given[name] for name in names))


def _kept(
    definition: Any,
    names: Mapping[str, str],
    result: str,
    found: Mapping[str, tf.Tensor],
    example: Mapping[str, tf.Tensor],
) -> dict[str, tf.Tensor]:
    """The variables' values after a graph that changes them was computed once."""
    real = {name: tf.Variable(value, trainable=False) for name, value in found.items()}
    for node in definition.node:
        if node.name in real:
            make_placeholder(node, tf.resource.as_datatype_enum)
    handles = {f"{name}:0": variable.handle for name, variable in real.items()}
    part(definition, list(names.values()), result, handles)(*(example[name] for name in names))
    return {name: variable.read_value() for name, variable in real.items()}
