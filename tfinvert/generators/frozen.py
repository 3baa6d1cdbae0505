"""A generator as one flat graph with its parameters in it, from which parts can be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from tfinvert.generators.generator import Generator


class Frozen(NamedTuple):
    """A GraphDef, and the names of its tensors that go in and come out."""

    definition: Any
    codes: str
    labels: str | None  # as `Condition.encode` gives them; None where there are none
    images: str

    @property
    def inputs(self) -> list[str]:
        return [self.codes] if self.labels is None else [self.codes, self.labels]


def freeze(generator: Generator) -> Frozen:
    """The graph of `generator.function`, with variables as constants and calls inlined.

    Raises what TensorFlow raises where it cannot trace the function or freeze it.
    """
    specs = [tf.TensorSpec([None, *(generator.space.shape or ())], tf.float32, "codes")]
    if generator.condition is not None:
        encoded = generator.condition.encode(tf.zeros([1], tf.int32))
        specs.append(tf.TensorSpec([None, *encoded.shape[1:]], encoded.dtype, "labels"))
    traced = tf.function(
        lambda codes, labels=None: generator.function(codes, labels), autograph=False
    ).get_concrete_function(*specs)
    # Loops and branches stay functions: what they are lowered to has no gradient.
    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    names = [tensor.name for tensor in frozen.inputs]
    return Frozen(frozen.graph.as_graph_def(), names[0], [*names, None][1], frozen.outputs[0].name)


def part(definition: Any, inputs: Sequence[str], output: str) -> Callable[..., tf.Tensor]:
    """The function of these tensors of a graph [given in this order] that computes `output`; values are cast to fit."""
    graph = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    tensors = [graph.graph.as_graph_element(name) for name in inputs]
    pruned = graph.prune(tensors, graph.graph.as_graph_element(output))
    kinds = [tensor.dtype for tensor in tensors]
    # One-hot labels are float32 where they enter, and may be wider inside.
    return lambda *values: pruned(*map(tf.cast, values, kinds))
