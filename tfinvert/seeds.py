"""Random numbers that belong to an image, not to its place in a batch.

An image's seed is made of the run's seed and the image's id, so what is drawn for it is the same whatever the
batch size, after a resume, and inside `dataset.map`.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def of(run_seed: int, ids: tf.Tensor) -> tf.Tensor:
    """Seeds int64 [B, 2] of the images with these ids (strings or integers, [B])."""
    ids = tf.convert_to_tensor(ids)
    if ids.dtype != tf.string:
        ids = tf.strings.as_string(ids)
    hashes = tf.strings.to_hash_bucket_fast(ids, 2**63 - 1)
    return tf.stack([tf.fill(tf.shape(hashes), tf.constant(run_seed, tf.int64)), hashes], axis=1)


def fold_in(seeds: tf.Tensor, number: int) -> tf.Tensor:
    """Other seeds int64 [B, 2], one for each of `seeds`: a new stream for every `number`."""
    number = tf.constant(number, tf.int64)  # an int32 would fold into 32 bits, too few to keep many images apart
    fold = lambda seed: tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
    return tf.map_fn(fold, seeds)


def normal(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Standard normal numbers float32 [B, *shape], each row from its own seed."""
    draw = lambda seed: tf.random.stateless_normal(shape, seed, alg="philox")
    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(shape, tf.float32))


def uniform(seeds: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Numbers float32 [B, *shape] in [0, 1), each row from its own seed."""
    draw = lambda seed: tf.random.stateless_uniform(shape, seed, alg="philox")
    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(shape, tf.float32))
