"""A SavedModel by TensorFlow's own loader, which runs what the file says: for files whose author is trusted.

TensorFlow 1's reference variables, which no function can be traced or frozen around, are made plain values here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfinvert.generators.graphs.definition import by_name, make_placeholder
from tfinvert.generators.graphs.frozen import part

Call = Callable[..., tf.Tensor]
_VARIABLES = ("Variable", "VariableV2")
_ASSIGNMENTS = ("Assign", "AssignAdd", "AssignSub")


def trusted(path: Path, graph: Any, signature: str, output: str, example: Mapping[str, tf.Tensor]) -> Call:
    """The function of a signature that gives this output, called as `function(name=value, ...)`.

    Args:
      path: the folder.
      graph: its MetaGraphDef.
      signature: in it.
      output: the signature's name for it.
      example: a value for each input, for what the graph keeps of some (BigGAN its truncation).
    """
    model = tf.saved_model.load(str(path), tags=list(graph.meta_info_def.tags))
    ends = graph.signature_def[signature]

    def call(**given: tf.Tensor) -> tf.Tensor:
        return model.signatures[signature](**given)[output]  # the model's variables live as long as it does

    if not any(node.op in _VARIABLES for node in model.signatures[signature].graph.as_graph_def().node):
        return call
    call(**example)
    places = {name: tensor.name for name, tensor in ends.inputs.items()}
    return _settled(model.signatures[signature], places, ends.outputs[output].name)


def _settled(call: Any, inputs: Mapping[str, str], output: str) -> Call:
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
