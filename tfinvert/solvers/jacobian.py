"""Jacobians of functions of rows, and their products with tangents."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tfinvert.solvers import resizing

resizing.register()

Function = Callable[[tf.Tensor], tf.Tensor]  # codes [N, *shape] -> [N, M]
_WIDTH = 1024  # tangents that are pushed through at once: more is no faster, and takes memory
_BYTES = 2**24  # of results at once; the layers behind them take some tens of times as much
_BLOCK = 16  # whole blocks of rows are rounded alike whatever else is in the batch (docs/design.md)


def jacobian(function: Function, codes: tf.Tensor) -> tf.Tensor:
    """The Jacobian of each row: d function(z)_m / d z_i as [N, d, M], for codes [N, *shape] with d entries.

    All d unit tangents are pushed forward as one wide batch. What does not depend on the tangent, the function's own
    value and the masks of its activations, is computed once.
    """
    shape = codes.shape[1:]
    entries = math.prod(shape)
    units = tf.reshape(tf.eye(entries, dtype=codes.dtype), [entries, 1, *shape])
    values = function(codes)
    way = _forward if _repeats(values) else lambda *arguments: push(*arguments)[1]
    along = lambda unit: way(function, codes, tf.broadcast_to(unit, tf.shape(codes)))
    width = _width(entries, (values.shape[1] or 1) * codes.dtype.size)
    if width == entries:
        return tf.transpose(tf.vectorized_map(along, units), [1, 0, 2])
    groups = tf.reshape(units, [entries // width, width, 1, *shape])
    columns = tf.map_fn(lambda group: tf.vectorized_map(along, group), groups, parallel_iterations=1)
    return tf.transpose(tf.reshape(columns, [entries, tf.shape(codes)[0], -1]), [1, 0, 2])


def _width(entries: int, size: int) -> int:
    """How many of a row's tangents go at once, for results of `size` bytes: a divisor of the entries."""
    rows = rows_at_once(entries)[0]
    most = max(16, _BYTES // (size * rows))
    return max(width for width in range(1, entries + 1) if entries % width == 0 and width <= most)


def _forward(function: Function, codes: tf.Tensor, tangent: tf.Tensor) -> tf.Tensor:
    with tf.autodiff.ForwardAccumulator(codes, tangent) as along:
        values = function(codes)
    return along.jvp(values, unconnected_gradients="zero")


def _repeats(values: tf.Tensor) -> bool:
    """Whether the values' graph repeats pixels, as upsampling layers do, and forward mode can be trusted.

    The derivative of the backward pass of `tf.repeat` is far slower than forward mode; for other layers it is faster
    (docs/design.md).
    """
    if tf.executing_eagerly():
        return False
    kinds, seen, ahead = set(), set(), [values.op]
    while ahead:
        operation = ahead.pop()
        if operation.name not in seen:
            seen.add(operation.name)
            kinds.add(operation.type)
            ahead += [tensor.op for tensor in operation.inputs]
    if any("Call" in kind for kind in kinds):
        functions = values.graph.as_graph_def().library.function
        kinds |= {node.op for function in functions for node in function.node_def}
    return "Tile" in kinds and not any(kind.startswith("FusedBatchNorm") for kind in kinds)


def push(function: Function, codes: tf.Tensor, tangent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The function's values [N, M] at codes [N, *shape], and its derivative [N, M] along a tangent [N, *shape].

    The backward pass u -> u^T J is linear in u, and its derivative is the product with J (Townsend 2017, "A new trick
    for calculating Jacobian vector products"). In a Jacobian this was 1.1 to 1.3 times as fast as
    `tf.autodiff.ForwardAccumulator`, and it is right where that gives zeros without a word: for a fused batch
    normalisation inside a `tf.function` (`benchmarks/jacobian.py`).
    """
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(codes)
            values = function(codes)
        back = tf.zeros_like(values)
        outer.watch(back)
        gradient = inner.gradient(values, codes, output_gradients=back, unconnected_gradients="zero")
    return values, outer.gradient(gradient, back, output_gradients=tangent, unconnected_gradients="zero")


def rows_at_once(entries: int) -> tuple[int, int]:
    """How many rows' Jacobians are best computed together, for codes of so many entries, and in multiples of what."""
    whole = _BLOCK // math.gcd(_BLOCK, entries)
    return max(whole, _WIDTH // entries // whole * whole), whole
