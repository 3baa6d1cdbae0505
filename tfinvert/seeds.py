"""Random numbers that belong to an image, not to its place in a batch.

An image's seed is made of the run's seed and the image's id, so what is drawn for it is the same whatever the
batch size, after a resume, and inside `dataset.map`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import tensorflow as tf

_Draw = Callable[[Sequence[int], tf.Tensor], tf.Tensor]  # (shape, seed) -> numbers of that shape

_ROTATION = 0x7F1A3E52  # any number: it only starts the sequence that `rotate` shares between rows
_GRAPHS = 256  # kinds of draws, each with its shape, whose graphs are kept


def of(run_seed: int, ids: tf.Tensor) -> tf.Tensor:
    """Seeds int64 [B, 2] of the images with these ids (strings or integers, [B])."""
    ids = tf.convert_to_tensor(ids)
    if ids.dtype != tf.string:
        ids = tf.strings.as_string(ids)
    hashes = tf.strings.to_hash_bucket_fast(ids, 2**63 - 1)
    return tf.stack([tf.fill(tf.shape(hashes), tf.constant(run_seed, tf.int64)), hashes], axis=1)


def fold_in(seeds: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    """Other seeds int64 [B, 2], one for each of `seeds`: a new stream for every `number`, one for all or [B]."""
    # int64, for an int32 would fold into 32 bits, too few to keep many images apart.
    numbers = tf.broadcast_to(tf.cast(number, tf.int64), tf.shape(seeds)[:1])
    return _rows(_folded, tf.concat([seeds, numbers[:, None]], axis=1), [2], tf.int64)


def streams(seeds: tf.Tensor, count: int) -> tf.Tensor:
    """Seeds int64 [count * B, 2]: those given [B, 2], then all of them folded with 1, with 2 and so on."""
    if count == 1:
        return seeds
    numbers = tf.repeat(tf.range(1, count), tf.shape(seeds)[0])
    return tf.concat([seeds, fold_in(tf.tile(seeds, [count - 1, 1]), numbers)], axis=0)


def normal(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Standard normal numbers float32 [B, *shape], each row from its own seed."""
    return _rows(_normal, seeds, shape)


def uniform(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Numbers float32 [B, *shape] in [0, 1), each row from its own seed."""
    return _rows(_uniform, seeds, shape)


def rotate(offsets: tf.Tensor, count: tf.Tensor | int) -> tf.Tensor:
    """Numbers float64 [B, ...] in [0, 1) for the step after `count` steps, from the rows' own offsets [B, ...].

    One draw [...] that all rows share is added to their offsets modulo 1 (Cranley-Patterson rotation): drawing from
    each row's seed would be a loop over the rows in every step, and this is as uniform, and new in each step, for
    any row. float64, because per-step probabilities can be smaller than the 2^-23 between two draws in float32.
    """
    shape = tf.shape(offsets)[1:]
    seed = tf.stack([tf.constant(_ROTATION, tf.int64), tf.cast(count, tf.int64)])
    common = tf.random.stateless_uniform(shape, seed, dtype=tf.float64, alg="philox")
    moved = tf.cast(offsets, tf.float64) + common
    return moved - tf.floor(moved)


def _folded(_shape: Sequence[int], row: tf.Tensor) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(row[:2], row[2], alg="philox")


def _normal(shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_normal(shape, seed, alg="philox")


def _uniform(shape: Sequence[int], seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, alg="philox")


def _rows(draw: _Draw, seeds: tf.Tensor, shape: Sequence[int], kind: tf.DType = tf.float32) -> tf.Tensor:
    """What is drawn for each seed; in eager mode by a graph that is kept, for a loop takes milliseconds a row."""
    if not tf.executing_eagerly():
        return _each(draw, shape, kind, seeds)
    return _graph(draw, tuple(map(int, shape)), kind)(seeds)


def _each(draw: _Draw, shape: Sequence[int], kind: tf.DType, seeds: tf.Tensor) -> tf.Tensor:
    return tf.map_fn(functools.partial(draw, shape), seeds, fn_output_signature=tf.TensorSpec(shape, kind))


@functools.lru_cache(_GRAPHS)
def _graph(draw: _Draw, shape: tuple[int, ...], kind: tf.DType) -> Callable[[tf.Tensor], tf.Tensor]:
    # A partial, for TensorFlow counts retracings by the code of functions, and warns.
    each = functools.partial(_each, draw, shape, kind)
    return tf.function(each, input_signature=[tf.TensorSpec([None, None], tf.int64)], autograph=False)
