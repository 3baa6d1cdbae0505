"""A generator in float64, where float32 is too coarse to tell codes apart."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf
from absl import logging

from tfinvert.errors import short
from tfinvert.generators.generator import Generator
from tfinvert.generators.graphs.definition import bodies
from tfinvert.generators.graphs.frozen import freeze, part
from tfinvert.generators.held import Held

_SINGLE, _DOUBLE = tf.float32.as_datatype_enum, tf.float64.as_datatype_enum


def in_float64(generator: Generator) -> Generator | None:
    """The same generator computing in float64, from its frozen graph with every float32 in it made wider.

    Its parameters have the same values; what differs is the rounding on the way. None where that cannot be done,
    because TensorFlow has no float64 form of one of its operations; the log says which.
    """
    try:
        function = _widened(generator)
        codes = tf.zeros([1, *(generator.space.shape or ())], tf.float64)
        function(codes, generator.takes.encode(generator.takes.example(1)))
    except (tf.errors.OpError, ValueError, TypeError, NotImplementedError) as error:
        logging.info("%s cannot be computed in float64: %s", generator.name, short(error))
        return None
    return dataclasses.replace(generator, function=function, dtype=tf.float64, rough=generator, network=None)


def _widened(generator: Generator) -> Any:
    frozen = freeze(generator)
    definition = frozen.definition
    for nodes in bodies(definition):
        for node in nodes:
            _widen(node)
    for each in definition.library.function:
        for argument in (*each.signature.input_arg, *each.signature.output_arg):
            argument.type = _DOUBLE if argument.type == _SINGLE else argument.type
    images = part(definition, frozen.inputs, frozen.images)

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        return tf.reshape(images(codes, *held.rows), [-1, *generator.image_shape])

    return function


def _widen(node: Any) -> None:
    """Changes the attributes of a node of a GraphDef from float32 to float64."""
    for value in node.attr.values():
        if value.type == _SINGLE:
            value.type = _DOUBLE
        for place, kind in enumerate(value.list.type):
            if kind == _SINGLE:
                value.list.type[place] = _DOUBLE
        if value.HasField("tensor") and value.tensor.dtype == _SINGLE:
            wide = tf.make_ndarray(value.tensor).astype("float64")
            value.tensor.CopyFrom(tf.make_tensor_proto(wide))
