"""What one tensor of a saved graph needs, and nothing else of that graph."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import called, make_placeholder, node_of, upstream

# Attributes that begin with "_" say how to run or differentiate an operation. Of these two, loops need the second to
# be differentiated; others choose a compiler or a device, or name gradients and places that are not there.
_KEPT = ("_lower_using_switch_merge", "_num_original_outputs")
_DEEPEST = 100  # calls and branches within one another
_MOST = 1_000_000  # nodes, once every call is replaced by what it calls


class Cut(NamedTuple):
    """Part of a graph."""

    nodes: list[Any]  # NodeDefs
    functions: dict[str, Any]  # FunctionDefs by name; those that are called come before those that call them
    versions: Any

    @property
    def definition(self) -> Any:
        """As a GraphDef."""
        made = tf.compat.v1.GraphDef(versions=self.versions)
        made.node.extend(self.nodes)
        made.library.function.extend(self.functions.values())
        return made

    @property
    def all_nodes(self) -> Iterator[Any]:
        yield from self.nodes
        for function in self.functions.values():
            yield from function.node_def


def cut(definition: Any, roots: Sequence[str], inputs: Mapping[str, tuple[int, Any]]) -> Cut:
    """Copies of what these tensors or nodes need, control inputs included, and of the functions called there.

    Devices are left out, and attributes that say how to run something. What is called only by a gradient, or by
    anything else of the graph, is not in it.

    Args:
      definition: GraphDef.
      roots: that are wanted.
      inputs: names of the nodes that become placeholders, with dtype and shape: what they need is left out.

    Raises:
      BadInput: a node or function is missing, stands there twice, needs or calls itself, or there are too many.
    """
    there = _distinct(definition.node)
    for name in (*inputs, *map(node_of, roots)):
        if name not in there:
            raise BadInput(f"the graph has no node {name!r}", "expected a whole one")
    nodes = {name: _copy(there[name]) for name in upstream(_closed(there, inputs), [*roots, *inputs])}
    for name, (kind, shape) in inputs.items():
        make_placeholder(nodes[name], kind, shape)
    _refuse_missing(nodes, ())
    available = {each.signature.name: each for each in definition.library.function}
    found: dict[str, Any] = {}
    ahead = list(called(nodes.values(), available))
    while ahead:
        name = ahead.pop()
        if name not in available:
            raise BadInput(f"the graph calls a function {name!r}, which it has not", "expected a whole one")
        if name not in found:
            found[name] = _trimmed(available[name])
            ahead += called(found[name].node_def, available)
    order = sorted_nodes(nodes.values())
    return Cut(order, _in_order(order, found), definition.versions)


def sorted_nodes(nodes: Iterable[Any]) -> list[Any]:
    """Nodes, each behind those that it needs. Loops of TensorFlow 1 go round by NextIteration.

    Raises:
      BadInput: others go round, too.
    """
    there = {node.name: node for node in nodes}
    needs = {
        name: {node_of(each) for each in node.input} & there.keys() if node.op != "NextIteration" else set()
        for name, node in there.items()
    }
    users: dict[str, list[str]] = {name: [] for name in there}
    for name, needed in needs.items():
        for each in needed:
            users[each].append(name)
    ready, done = [name for name, needed in needs.items() if not needed], []
    while ready:
        name = ready.pop()
        done.append(there[name])
        for user in users[name]:
            needs[user].discard(name)
            if not needs[user]:
                ready.append(user)
    if len(done) < len(there):
        raise BadInput("the graph goes round in a circle", "expected one without cycles")
    return done


def _distinct(nodes: Iterable[Any]) -> dict[str, Any]:
    listed = list(nodes)
    found = {node.name: node for node in listed}
    if len(found) < len(listed):
        raise BadInput("the graph has two nodes of one name", "expected distinct names")
    return found


def _closed(nodes: dict[str, Any], inputs: Iterable[str]) -> dict[str, Any]:
    """The same, where the inputs need nothing."""
    return nodes | {name: type(nodes[name])(name=name) for name in inputs}


def _refuse_missing(nodes: Mapping[str, Any], arguments: Iterable[str]) -> None:
    there = {*nodes, *arguments}
    for node in nodes.values():
        for each in node.input:
            if node_of(each) not in there:
                raise BadInput(f"{node.name!r} needs {each!r}, which the graph has not", "expected a whole one")


def _copy(node: Any) -> Any:
    copy = type(node)()
    copy.CopyFrom(node)
    copy.device = ""
    copy.ClearField("experimental_debug_info")
    copy.ClearField("experimental_type")
    for name in [name for name in copy.attr if name.startswith("_") and name not in _KEPT]:
        del copy.attr[name]
    return copy


def _trimmed(function: Any) -> Any:
    """A copy of a function with what its results and its end need, and without attributes."""
    arguments = [each.name for each in function.signature.input_arg]
    there = _distinct(function.node_def)
    if len({*arguments, *there}) < len(arguments) + len(there):
        raise BadInput(
            f"the function {function.signature.name!r} has one name for two things", "expected distinct ones"
        )
    roots = [*function.ret.values(), *function.control_ret.values()]
    nodes = {name: _copy(there[name]) for name in upstream(there, roots)}
    _refuse_missing(nodes, arguments)
    for given in (*function.signature.input_arg, *function.signature.output_arg):
        if given.number_attr or given.type_list_attr or given.type_attr or given.is_ref:
            raise BadInput(f"the function {function.signature.name!r} has no fixed types", "expected one that has")
    for each in function.signature.output_arg:
        if node_of(function.ret[each.name]) not in {*arguments, *nodes}:
            raise BadInput(f"the function {function.signature.name!r} lacks a result", "expected a whole one")
    copy = type(function)()
    copy.signature.name = function.signature.name
    copy.signature.input_arg.extend(function.signature.input_arg)
    copy.signature.output_arg.extend(function.signature.output_arg)
    copy.node_def.extend(sorted_nodes(nodes.values()))
    for key, value in function.ret.items():
        copy.ret[key] = value
    for key, value in function.control_ret.items():
        copy.control_ret[key] = value
    for each in (*copy.signature.input_arg, *copy.signature.output_arg):
        each.ClearField("handle_data")
        each.ClearField("experimental_full_type")
    return copy


def _in_order(nodes: Sequence[Any], functions: dict[str, Any]) -> dict[str, Any]:
    """Functions, each behind those that it calls; a size and a depth that nobody can follow are refused."""
    calls = {name: list(called(each.node_def, functions)) for name, each in functions.items()}
    order: dict[str, Any] = {}
    size: dict[str, int] = {}
    depth: dict[str, int] = {}
    waiting = dict.fromkeys(functions)
    while waiting and max(depth.values(), default=0) <= _DEEPEST:
        ready = [name for name in waiting if all(each in order for each in calls[name])]
        if not ready:
            raise BadInput(f"the function {next(iter(waiting))!r} calls itself", "expected one that does not")
        for name in ready:
            del waiting[name]
            order[name] = functions[name]
            depth[name] = 1 + max((depth[each] for each in calls[name]), default=0)
            size[name] = len(functions[name].node_def) + sum(size[each] for each in calls[name])
    deepest = max(depth.values(), default=0)
    total = len(nodes) + sum(size.get(each, 0) for each in called(nodes, functions))
    if deepest > _DEEPEST or total > _MOST:
        many = f"10^{math.log10(total):.0f}" if total > _MOST else str(total)
        raise BadInput(
            f"the graph has {many} operations in calls {deepest} deep", f"expected at most {_MOST:,}, {_DEEPEST} deep"
        )
    return order
