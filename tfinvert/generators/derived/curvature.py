"""How strongly images follow each of a generator's codes: what a solver may know of the Hessian before it begins."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.generator import Generator
from tfinvert.generators.held import Held

SAMPLES = 128  # codes that tell a block well

_LARGEST = 64  # entries that a block may have
_ROWS = 8  # at once
_DAMPING = 0.01  # in units of the mean curvature
_FIRST = 0.01  # of a Newton step: what solvers that find the scale by themselves begin with


def curvature(generator: Generator, codes: tf.Tensor, held: Held) -> np.ndarray:
    """The blocks float64 [m, k, k] on the diagonal of the Hessian of the images' mean squared error on [0, 1].

    It is that of Gauss and Newton, 2 J^T J / n, averaged over codes; J^T is only ever multiplied with signs, one vector
    for each code (Bekas, Kokiopoulou & Saad, "An estimator for the diagonal of a matrix", 2007).

    Args:
      generator: whose images; k is the largest divisor of its codes' entries up to 64.
      codes: [N, *shape]; those whose slopes are not finite are left out.
      held: for these codes, as `Generator.check` gives it.

    Raises:
      BadInput: no gradient leads from the images to the codes.
    """
    entries, total, counted = generator.space.entries, np.zeros([]), 0
    size = max(size for size in range(1, _LARGEST + 1) if entries % size == 0)

    @tf.function(autograph=False, reduce_retracing=True)
    def pulled(codes: tf.Tensor, held: Held, signs: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(codes)
            seen = tf.reduce_sum(generator.to_unit(generator(codes, *held)) * signs)
        # No tape records in a function that is traced under `tf.init_scope`; `tf.gradients` is for graphs alone, and
        # functions may be run eagerly.
        slopes = tape.gradient(seen, codes) if tf.executing_eagerly() else tf.gradients(seen, codes)[0]
        if slopes is None:
            raise BadInput(f"{generator.name}: no gradient leads to its codes", "name another layer")
        return tf.reshape(slopes, [-1, entries // size, size])

    for first in range(0, len(codes), _ROWS):
        rows = slice(first, first + _ROWS)
        signs = tf.sign(seeds.uniform(seeds.of(1, tf.range(len(codes))[rows]), generator.image_shape) - 0.5)
        slopes = pulled(*tf.nest.map_structure(lambda each, rows=rows: each[rows], (codes, held)), signs)
        finite = tf.reduce_all(tf.math.is_finite(slopes), axis=[1, 2], keepdims=True)
        slopes, counted = tf.where(finite, slopes, tf.zeros_like(slopes)), counted + np.sum(finite)
        total = total + tf.einsum("nmk,nml->mkl", slopes, slopes).numpy()
    return np.asarray(2 / np.prod(generator.image_shape) / max(counted, 1) * total, np.float64)


def inverse_root(blocks: np.ndarray) -> np.ndarray:
    """A guess of the inverse Hessian [m, k, k], float32: the inverse of the blocks' square root, damped, to scale.

    It is 0.01 / s * (H / s + 0.01)^(-1/2), s being the mean curvature: steps by the gradient alone may be lost in
    rounding, and whole Newton steps lead too far.

    The root, for images curve otherwise than codes of the prior do on average; so do Adam and Shampoo (Gupta, Koren &
    Singer, "Shampoo: Preconditioned Stochastic Tensor Optimization", 2018).
    """
    values, vectors = np.linalg.eigh(blocks)
    scale = float(np.mean(values)) or 1.0
    scaled = (np.maximum(values, 0) / scale + _DAMPING) ** -0.5
    return np.einsum("mij,mj,mkj->mik", vectors, _FIRST * scaled / scale, vectors).astype(np.float32)
