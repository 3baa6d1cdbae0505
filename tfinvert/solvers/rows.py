"""Arithmetic of rows, in float64 where float32 is too coarse to tell up from down near a minimum."""

from __future__ import annotations

import math

import tensorflow as tf

from tfinvert.solvers.status import Status


def flat(codes: tf.Tensor) -> tf.Tensor:
    """Codes [N, *shape] as [N, d]."""
    return tf.reshape(codes, [-1, math.prod(codes.shape[1:])])


def dot(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    """Dot products float64 [N] of rows [N, M]."""
    return tf.reduce_sum(tf.cast(left, tf.float64) * tf.cast(right, tf.float64), axis=1)


def square(rows: tf.Tensor) -> tf.Tensor:
    """Squared lengths float64 [N] of rows [N, M]."""
    return dot(rows, rows)


def flat_ends(gradient: tf.Tensor) -> tf.Tensor:
    """FLAT where the gradient of a row [N, ...] is zero, RUNNING elsewhere: what a `Step` says of ends, int32 [N]."""
    slopes = tf.reduce_any(tf.reshape(gradient != 0, [tf.shape(gradient)[0], -1]), axis=1)
    return tf.where(slopes, int(Status.RUNNING), int(Status.FLAT))


def finite(rows: tf.Tensor) -> tf.Tensor:
    """Whether all of a row [N, ...] is finite, bool [N]."""
    return tf.reduce_all(tf.math.is_finite(rows), axis=list(range(1, rows.shape.rank)))
