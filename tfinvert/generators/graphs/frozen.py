"""A generator as one flat graph with its parameters in it, from which parts can be taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

from tfinvert.errors import BadInput, short
from tfinvert.generators.generator import Generator
from tfinvert.generators.graphs.definition import bodies, make_placeholder, with_new_functions

_NOT_INLINED = ("_noinline", "_XlaMustCompile")  # of `tf.function(jit_compile=True)` and the like
_LARGE = 2**14  # entries from which on a constant is a weight


class Frozen(NamedTuple):
    """A GraphDef, and the names of its tensors that go in and come out."""

    definition: Any
    codes: str
    labels: str | None  # as `Condition.encode` gives them; None where there are none
    tensors: list[str]  # what else is held, by its names' order
    images: str
    layers: frozenset[str]  # the scopes of Keras 3's layers, where it opened some

    @property
    def held(self) -> list[str]:
        """In the order of `Held.rows`."""
        return [*([] if self.labels is None else [self.labels]), *self.tensors]

    @property
    def inputs(self) -> list[str]:
        return [self.codes, *self.held]


def freeze(generator: Generator) -> Frozen:
    """The graph of `generator.function`, with variables as constants and calls inlined.

    Raises what TensorFlow raises where it cannot trace the function or freeze it.
    """
    takes = generator.takes
    specs = [tf.TensorSpec([None, *(generator.space.shape or ())], tf.float32, "codes"), *takes.specs]
    nest = takes.example(1)
    traced = tf.function(
        lambda codes, *rows: generator.function(codes, tf.nest.pack_sequence_as(nest, rows)), autograph=False
    ).get_concrete_function(*specs)
    inlinable = _inlinable(traced.graph.as_graph_def())
    traced.graph.as_graph_def = lambda *_, **__: inlinable  # the converter asks this graph, which nobody else has
    # Loops and branches stay functions: what they are lowered to has no gradient. This is what
    # `convert_variables_to_constants_v2` does before it takes functions away that the generator itself still calls.
    data = convert_to_constants._FunctionConverterDataInEager(
        func=traced, lower_control_flow=False, aggressive_inlining=False
    )
    definition, _ = convert_to_constants._replace_variables_by_constants(converter_data=data)
    names = [tensor.name for tensor in traced.inputs[: len(specs)]]  # what comes after these was captured
    scopes = _scopes(traced.graph)
    called = lambda name: _called_as_layers(name, scopes)
    for node in definition.node:  # nothing is left that would have to happen first
        needed = [called(each) for each in node.input if not each.startswith("^")]
        del node.input[:]
        node.input.extend(needed)
        node.name = called(node.name)
        node.attr.pop("_class", None)  # where a device would have to have it, by the other's former name
    # A gradient of the model's own (TensorFlow gives one to silu) is tied to the graph that was traced: without it,
    # the derivative is that of what is computed.
    for nodes in bodies(definition):
        for node in nodes:
            node.attr.pop("_gradient_op_type", None)
    codes, *held = map(called, names)
    labels = None if takes.condition is None else held.pop(0)
    return Frozen(definition, codes, labels, held, called(traced.outputs[0].name), frozenset(scopes.values()))


def _inlinable(definition: Any) -> Any:
    """The same GraphDef, where nothing keeps functions from being inlined: calls that stay have no gradient."""
    for function in definition.library.function:
        for key in _NOT_INLINED:
            function.attr.pop(key, None)
    for nodes in bodies(definition):
        for node in nodes:
            for key in _NOT_INLINED:
                node.attr.pop(key, None)
    return definition


def frozen_for(generator: Generator, purpose: str) -> Frozen:
    """The same as `freeze`, for a purpose such as "be split".

    Raises:
      BadInput: the graph cannot be frozen.
    """
    try:
        return freeze(generator)
    except (tf.errors.OpError, ValueError, TypeError, NotImplementedError) as error:
        raise BadInput(f"{generator.name} cannot {purpose}", f"its graph cannot be frozen: {short(error)}") from error


def _called_as_layers(name: str, scopes: Mapping[str, str]) -> str:
    """A node's or a tensor's name by those that Keras's layers have."""
    for end in reversed(_ends(name)):
        if name[:end] in scopes:
            return scopes[name[:end]] + name[end:]
    return name


def _scopes(graph: Any) -> dict[str, str]:
    """Scopes that Keras 3 opened for its layers, and the layers' names.

    It opens each twice, first to build the layer: so "dense" stays empty, and the operations stand in "dense_1".
    """
    filled = {name[:end] for name in (op.name for op in graph.get_operations()) for end in _ends(name)}
    found: dict[str, str] = {}
    for scope in sorted(filled, key=len):
        parent, slash, name = scope.rpartition("/")
        called, _, number = name.rpartition("_")
        if not (called and number.isdigit() and int(number)):
            continue
        empty = parent + slash + (called if number == "1" else f"{called}_{int(number) - 1}")
        meant = found.get(parent, parent) + slash + called
        opened = graph.unique_name(empty, mark_as_used=False) != empty
        plain = parent + slash + called  # another scope, which is meant by this name unless it is called otherwise, too
        free = meant not in found.values() and (plain not in filled or plain in found)
        if opened and empty not in filled and free:
            found[scope] = meant
    return found


def _ends(name: str) -> list[int]:
    return [place for place, letter in enumerate(name) if letter == "/"]


def examples(generator: Generator, count: int) -> list[tf.Tensor]:
    """Codes of the prior and what is held beside them, as graphs take them: `Frozen.inputs`."""
    codes = generator.space.sample(tf.constant([[0, number] for number in range(count)], tf.int64))
    return [codes, *generator.takes.encode(generator.takes.turns(tf.range(count))).rows]


def part(
    definition: Any, inputs: Sequence[str], output: str | Sequence[str], weights: Mapping[str, tf.Tensor] | None = None
) -> Callable[..., Any]:
    """The function of these tensors of a graph [given in this order] that computes `output`; values are cast to fit.

    Args:
      definition: GraphDef.
      inputs: placeholders.
      output: any tensor of it, or several.
      weights: values for further placeholders, held once however many graphs the function goes into.
    """
    weights, definition = weights or {}, with_new_functions(definition)
    graph = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    tensors = [graph.graph.as_graph_element(name) for name in (*inputs, *weights)]
    pruned = graph.prune(tensors, tf.nest.map_structure(graph.graph.as_graph_element, output))
    kinds = [tensor.dtype for tensor in tensors[: len(inputs)]]
    # One-hot labels are float32 where they enter, and may be wider inside.
    return lambda *values: pruned(*map(tf.cast, values, kinds), *weights.values())


def without_weights(definition: Any) -> tuple[Any, dict[str, tf.Tensor]]:
    """A copy of a GraphDef with placeholders for its large constants, and these by the placeholders' names."""
    copy, weights = type(definition)(), {}
    copy.versions.CopyFrom(definition.versions)
    copy.library.CopyFrom(definition.library)
    for node in definition.node:
        value = node.attr["value"].tensor if node.op == "Const" else None
        if value is None or tf.TensorShape(value.tensor_shape).num_elements() < _LARGE:
            copy.node.add().CopyFrom(node)
            continue
        weights[f"{node.name}:0"] = tf.constant(tf.make_ndarray(value))
        placeholder = copy.node.add(name=node.name)
        make_placeholder(placeholder, value.dtype, value.tensor_shape)
    return copy, weights
