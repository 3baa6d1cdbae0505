"""Variables of a saved graph made plain values that are given to it, in branches and loops, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import become, make_placeholder, node_of, upstream
from tfinvert.generators.readers.saved.cut import Cut

ASSIGNMENTS = ("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
_HANDLE = "VarHandleOp"
_READS = ("ReadVariableOp", "VarIsInitializedOp", "VariableShape", "ResourceGather", "ResourceGatherNd")
_PASS = ("Identity", "Enter", "Switch")  # give on a handle that they are given
_BRANCHES = ("If", "StatelessIf", "While", "StatelessWhile", "Case", "StatelessCase")
_RESOURCE = tf.resource.as_datatype_enum
_REFERENCES = 100  # the types above it are references to those below
_FOREIGN = (tf.string.as_datatype_enum, tf.variant.as_datatype_enum, _RESOURCE)


class Variable(NamedTuple):
    """What a graph declares of a variable."""

    kind: int  # its DataType
    shape: Any  # TensorShapeProto
    shared: str  # its name, where it has one of its own


def variables(part: Cut) -> dict[str, Variable]:
    """The variables of a graph, by their nodes."""
    return {
        node.name: Variable(node.attr["dtype"].type, node.attr["shape"].shape, node.attr["shared_name"].s.decode())
        for node in part.nodes
        if node.op == _HANDLE
    }


def assigns(part: Cut) -> bool:
    """Whether a graph changes its variables."""
    return any(node.op in ASSIGNMENTS for node in part.all_nodes)


def with_values(part: Cut, roots: Sequence[str], known: Mapping[str, Variable]) -> Any:
    """A GraphDef in which placeholders of the variables' names stand for what is read of them.

    Nothing is assigned and nothing waits any more: what is left only computes.

    Args:
      part: without calls; its nodes are changed.
      roots: tensors that are wanted, and inputs.
      known: from `variables`.

    Raises:
      BadInput: something else is done with a variable, or the graph computes with strings or other resources.
    """
    made: dict[str, Any] = {}
    nodes, _ = _computing(part.nodes, roots, dict(known), part.functions, made, inside=False)
    return Cut(nodes, made, part.versions).definition


def _computing(
    nodes: Sequence[Any],
    roots: Iterable[str],
    handles: dict[str, Variable],
    functions: Mapping[str, Any],
    made: dict[str, Any],
    inside: bool,
) -> tuple[list[Any], dict[str, str]]:
    """The nodes that compute these tensors; and, inside of a function, the new names of some tensors there.

    Args:
      nodes: each behind those that it needs.
      roots: tensors.
      handles: nodes or arguments that give one; those that pass one on join them.
      functions: of the graph.
      made: functions as they become; more are put in.
      inside: whether it is a function's body.
    """
    for node in nodes:
        data = [each for each in node.input if not each.startswith("^")]
        del node.input[:]
        node.input.extend(data)
    wanted = upstream({node.name: node for node in nodes}, roots)
    kept: list[Any] = []
    renamed: dict[str, str] = {}
    for node in (each for each in nodes if each.name in wanted):
        given = [handles.get(node_of(each)) for each in node.input]
        data = [renamed.get(each, each) for each in node.input]
        del node.input[:]
        node.input.extend(data)
        if node.op == _HANDLE and node.name in handles:
            make_placeholder(node, handles[node.name].kind, handles[node.name].shape)
        elif node.op in _BRANCHES:
            _specialise(node, given, functions, made)
        elif node.op in _PASS and given and given[0] is not None:
            node.attr["T"].type = given[0].kind
            handles[node.name] = given[0]
        elif any(given) or node.op in (*_READS, _HANDLE):
            kept += _read(node, given[0] if given else None, inside)
            renamed |= {f"{node.name}:{name}:0": f"{node.name}:output:0" for name in ("value", "is_initialized")}
        _refuse_foreign(node)
        kept.append(node)
    return kept, renamed


def _read(node: Any, held: Variable | None, inside: bool) -> list[Any]:
    """Changes a node that takes a handle to one that takes the value; what else it needs is returned."""
    kind, more = node.op, []
    if held is None or kind not in _READS:
        raise BadInput(f"{node.name!r} of type {kind} uses a variable", "expected variables of the graph that are read")
    integer = tf.int32.as_datatype_enum
    indices, out = node.attr["Tindices"].type, node.attr["out_type"].type or integer
    batch = node.attr["batch_dims"].i
    if kind == "ReadVariableOp":
        become(node, "Identity", T=held.kind)
    elif kind == "VariableShape":
        become(node, "Shape", T=held.kind, out_type=out)
    elif kind == "ResourceGatherNd":
        become(node, "GatherNd", Tparams=held.kind, Tindices=indices)
    elif kind == "ResourceGather":
        become(node, "GatherV2", Tparams=held.kind, Tindices=indices, Taxis=integer)
        node.attr["batch_dims"].i = batch
        more.append(_constant(type(node)(name=f"{node.name}/axis"), batch, integer))
        node.input.append(f"{node.name}/axis:output:0" if inside else f"{node.name}/axis")
    else:
        _constant(node, True, tf.bool.as_datatype_enum)
    return more


def _constant(node: Any, value: Any, kind: int) -> Any:
    del node.input[:]
    become(node, "Const", dtype=kind)
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, kind))
    return node


def _specialise(node: Any, held: Sequence[Variable | None], functions: Mapping[str, Any], made: dict[str, Any]) -> None:
    """Changes a branch or a loop, and what it calls, where it is given variables."""
    loop = node.op.endswith("While")
    given = held if loop else held[1:]
    function: Any = None
    for value in node.attr.values():
        for each in [*([value.func] if value.HasField("func") else []), *value.list.func]:
            function = _function(functions[each.name], given, functions, made)
            each.Clear()
            each.name = function.signature.name
    if function is None:
        raise BadInput(f"{node.name!r} of type {node.op} has no branch", "expected a whole graph")
    taken = "T" if loop else "Tin"
    for place, variable in enumerate(given):
        if variable is not None:
            node.attr[taken].list.type[place] = variable.kind
            if loop and node.attr["output_shapes"].list.shape:
                node.attr["output_shapes"].list.shape[place].CopyFrom(variable.shape)


def _function(source: Any, held: Sequence[Variable | None], functions: Mapping[str, Any], made: dict[str, Any]) -> Any:
    """A function that is given values where it was given variables."""
    function = type(source)()
    function.CopyFrom(source)
    arguments = function.signature.input_arg
    if len(arguments) != len(held):
        raise BadInput(f"{source.signature.name!r} is given {len(held)} values", "expected as many as it takes")
    handles = {each.name: variable for each, variable in zip(arguments, held, strict=True) if variable is not None}
    for each in arguments:
        each.type = handles[each.name].kind if each.name in handles else each.type
    nodes, renamed = _computing(list(function.node_def), list(function.ret.values()), handles, functions, made, True)
    del function.node_def[:]
    function.node_def.extend(nodes)
    function.control_ret.clear()
    function.signature.ClearField("control_output")
    for each in function.signature.output_arg:
        result = function.ret[each.name]
        function.ret[each.name] = renamed.get(result, result)
        each.type = handles[node_of(result)].kind if node_of(result) in handles else each.type
    if any(each.type in _FOREIGN for each in (*arguments, *function.signature.output_arg)):
        raise BadInput(f"{source.signature.name!r} computes with strings or resources", "expected numbers only")
    function.signature.name += f"_{len(made)}"  # it may be called again with other variables
    made[function.signature.name] = function
    return function


def _refuse_foreign(node: Any) -> None:
    """A name of a file is a string; an iterator over one, a table or a list are resources or variants."""
    for value in node.attr.values():
        if any(kind in _FOREIGN or kind > _REFERENCES for kind in (value.type, *value.list.type)):
            raise BadInput(
                f"{node.name!r} of type {node.op} computes with strings or resources", "expected numbers only"
            )
