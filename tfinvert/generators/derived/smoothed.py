"""A generator without kinks: ReLUs and their like made smooth, by an amount that each row is given.

An entry behind which a ReLU is off gets no gradient and never moves; and L-BFGS, which trusts the curvature, stops
where kinks lie close together. With s * softplus(x / s) in the place of ReLU(x) every entry has a gradient, and it is
that of what is computed (Chen & Mangasarian, "A class of smoothing functions for nonlinear and mixed complementarity
problems", 1996). As s falls the generator becomes itself again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators.generator import Generator, derive
from tfinvert.generators.graphs.cuts import between
from tfinvert.generators.graphs.definition import Body, make_placeholder, node_of, tensor_of, unused, with_bodies
from tfinvert.generators.graphs.frozen import Frozen, examples, frozen_for, part, without_weights
from tfinvert.generators.held import Held

SMOOTHING = "smoothing"  # what smoothed generators hold: [B], at least 0

_SAMPLES = 8  # codes that tell the spread of what enters each activation
_FEWER = 5  # looked at besides: a first side that follows the number of codes is that of rows
_LEFT = ("Max", "Min", "MaxPool3D", "MaxPoolV2", "Sign", "Round", "Rint", "Floor", "Ceil", "TopKV2", "ArgMax")
_SELU = 1.0507009873554805, 1.6732632423543772  # scale and alpha
_OUTSIDE = -1e30  # what stands round a picture for maxima

Plus = Callable[[tf.Tensor], tf.Tensor]  # max(x, 0), smooth


def smoothed(generator: Generator) -> Generator:
    """The same generator, which holds `smoothing` [B] besides: how far each row's kinks are smoothed.

    ReLU(x) becomes s * softplus(x / s), with s = smoothing times the standard deviation of x over codes of the prior.
    LeakyReLU, ReLU6, SELU, clips, absolute values, maxima and maximum pooling follow from it. At 0 it is the generator
    itself.

    Raises:
      BadInput: its graph cannot be frozen, or nothing in it can be smoothed.
    """
    if SMOOTHING in generator.holds:
        raise BadInput(f"{generator.name} cannot be smoothed", f"it holds {SMOOTHING!r} already")
    frozen = frozen_for(generator, "be smoothed")
    definition, weights = without_weights(frozen.definition)
    kinks = _kinks(generator, frozen, definition, weights)
    if not kinks:
        raise BadInput(
            f"{generator.name} cannot be smoothed",
            "it has no ReLU or the like between code and image: leave smoothing out",
        )
    amounts = unused(definition, SMOOTHING)
    definition = with_bodies(definition, {kink.node.name: _body(kink, f"{amounts}:0") for kink in kinks})
    make_placeholder(definition.node.add(name=amounts), tf.float32.as_datatype_enum)
    images = part(definition, [*frozen.inputs, f"{amounts}:0"], frozen.images, weights)

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        amount, others = held.without(SMOOTHING)
        return tf.reshape(images(codes, *others.rows, amount), [-1, *generator.image_shape])

    return derive(generator, f"{generator.name}, smoothed", function, holds={**generator.holds, SMOOTHING: ()})


class _Kink(NamedTuple):
    """A node that can be smoothed, and what enters it."""

    node: Any
    inputs: list[str]  # tensors
    values: list[np.ndarray]  # theirs for some codes of the prior
    specs: list[tf.TensorSpec]  # theirs for any number of codes


def _kinks(generator: Generator, frozen: Frozen, definition: Any, weights: Mapping[str, tf.Tensor]) -> list[_Kink]:
    """What can be smoothed between codes and images; the log tells what has kinks and cannot."""
    way = between(frozen)
    moving = {*way, node_of(frozen.codes)}
    entering = {
        name: [tensor_of(each) for each in node.input[: _KINDS[node.op][0]]]
        for name, node in way.items()
        if node.op in _KINDS and node.attr["data_format"].s != b"NCHW" and node.attr["padding"].s != b"EXPLICIT"
    }
    names = sorted({each for inputs in entering.values() for each in inputs})
    look = part(definition, frozen.inputs, names, weights)
    seen, fewer = (look(*examples(generator, count)) for count in (_SAMPLES, _FEWER))
    values = {name: value.numpy() for name, value in zip(names, seen, strict=True)}
    specs = {
        name: tf.TensorSpec([None, *value.shape[1:]] if node_of(name) in moving else value.shape, value.dtype)
        for name, value in values.items()
    }
    by_rows = {
        name: node_of(name) not in moving or (value.shape == (_SAMPLES, *less.shape[1:]) and len(less) == _FEWER)
        for (name, value), less in zip(values.items(), fewer, strict=True)
    }
    kinks = [
        _Kink(way[node], inputs, [values[name] for name in inputs], [specs[name] for name in inputs])
        for node, inputs in entering.items()
        if all(by_rows[name] and specs[name].dtype.is_floating for name in inputs)
    ]
    smooth = {kink.node.name for kink in kinks}
    others = [*way.values(), *(node for each in definition.library.function for node in each.node_def)]
    left = {node.op for node in others if node.name not in smooth and (node.op in _LEFT or node.op in _KINDS)}
    if left:
        logging.info("%s: %s cannot be smoothed, and stays as it is", generator.name, ", ".join(sorted(left)))
    return kinks


def _body(kink: _Kink, amounts: str) -> Body:
    """What stands for a node: a graph of its inputs and of the rows' smoothing, the tensor `amounts`."""
    node, inputs, values, specs = kink
    spread = float(np.std(values[0] - values[1] if node.op in ("Maximum", "Minimum") else values[0])) or 1.0
    rank = max(value.ndim for value in values)
    kind = _KINDS[node.op][1]

    def stand_in(smoothing: tf.Tensor, *given: tf.Tensor) -> tf.Tensor:
        width = tf.cast(tf.reshape(spread * smoothing, [-1, *[1] * (rank - 1)]), given[0].dtype)
        return kind(node, lambda x: _plus(x, width), width, *given)

    traced = tf.function(stand_in, autograph=False).get_concrete_function(tf.TensorSpec([None], tf.float32), *specs)
    outer = dict(zip((tensor.name for tensor in traced.inputs), (amounts, *inputs), strict=True))
    return Body(traced.graph.as_graph_def(), outer, traced.outputs[0].name)


def _plus(x: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """width * softplus(x / width) where width is above 0, else ReLU(x)."""
    safe = tf.where(width > 0, width, tf.ones_like(width))
    return tf.where(width > 0, safe * tf.nn.softplus(x / safe), tf.nn.relu(x))


def _selu(_node: Any, plus: Plus, _width: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    scale, alpha = _SELU
    return scale * (plus(x) + alpha * tf.math.expm1(-plus(-x)))


def _leaky(node: Any, plus: Plus, _width: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    slope = node.attr["alpha"].f
    return slope * x + (1 - slope) * plus(x)


def _pool(node: Any, _plus: Plus, width: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """s * log(sum(exp(x / s))) over each window, and where s is 0 the maximum."""
    sides, strides = list(node.attr["ksize"].list.i)[1:3], list(node.attr["strides"].list.i)
    if node.attr["padding"].s == b"SAME":
        over = [
            max((-(-length // step) - 1) * step + side - length, 0)
            for length, side, step in zip(x.shape[1:3], sides, strides[1:3], strict=True)
        ]
        x = tf.pad(x, [[0, 0], *([each // 2, each - each // 2] for each in over), [0, 0]], constant_values=_OUTSIDE)
    windows = tf.image.extract_patches(x, [1, *sides, 1], strides, [1, 1, 1, 1], "VALID")
    windows = tf.reshape(windows, [-1, *windows.shape[1:3], math.prod(sides), x.shape[3]])
    safe = tf.where(width > 0, width, tf.ones_like(width))
    smooth = safe * tf.reduce_logsumexp(windows / safe[..., None], axis=3)
    return tf.where(width > 0, smooth, tf.reduce_max(windows, axis=3))


# For each operation: how many of its inputs enter, and what stands for it.
_KINDS: dict[str, tuple[int, Callable[..., tf.Tensor]]] = {
    "Relu": (1, lambda _node, plus, _width, x: plus(x)),
    "LeakyRelu": (1, _leaky),
    "Relu6": (1, lambda _node, plus, _width, x: plus(x) - plus(x - 6)),
    "Selu": (1, _selu),
    "Abs": (1, lambda _node, plus, _width, x: plus(x) + plus(-x)),
    "Maximum": (2, lambda _node, plus, _width, x, y: y + plus(x - y)),
    "Minimum": (2, lambda _node, plus, _width, x, y: x - plus(x - y)),
    "ClipByValue": (3, lambda _node, plus, _width, x, low, high: low + plus(x - low) - plus(x - high)),
    "MaxPool": (1, _pool),
}
