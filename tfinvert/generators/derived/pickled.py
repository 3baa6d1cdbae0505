"""Generators in pickles: as their graph with its parameters, whatever they were loaded from."""

from __future__ import annotations

import copyreg
import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.generator import Function, Generator
from tfinvert.generators.graphs.definition import python_in
from tfinvert.generators.graphs.frozen import frozen_for, part, without_weights
from tfinvert.generators.held import Held


def _parts(generator: Generator) -> tuple[Any, tuple]:
    if generator.dtype != tf.float32:
        raise BadInput(f"{generator.name} in {generator.dtype.name} cannot be pickled", "pickle the one in float32")
    frozen = frozen_for(generator, "be pickled")
    if python_in(frozen.definition):
        raise BadInput(f"{generator.name} cannot be pickled", "it calls Python; pickle the function that it is made of")
    definition, weights = without_weights(frozen.definition)
    graph = (definition.SerializeToString(), frozen.inputs, frozen.images)
    fields = {field.name: getattr(generator, field.name) for field in dataclasses.fields(generator)}
    del fields["function"], fields["dtype"], fields["rough"], fields["network"]
    return _whole, (graph, {name: value.numpy() for name, value in weights.items()}, fields)


def _whole(graph: tuple[bytes, list[str], str], weights: dict[str, np.ndarray], fields: dict[str, Any]) -> Generator:
    return Generator(_function(*graph, weights, fields["image_shape"]), **fields)


def _function(
    content: bytes, inputs: list[str], images: str, weights: dict[str, np.ndarray], shape: tuple[int, int, int]
) -> Function:
    definition = tf.compat.v1.GraphDef.FromString(content)
    computed = part(definition, inputs, images, {name: tf.constant(value) for name, value in weights.items()})

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        return tf.reshape(computed(codes, *held.rows), [-1, *shape])

    return function


copyreg.pickle(Generator, _parts)
