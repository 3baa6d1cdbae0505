"""Generators and measures that the tests of `Recovery` share."""

import numpy as np
import problems
import tensorflow as tf

import tfinvert as ti

LATENT = 6
SAMPLES = 600
LINEAR = problems.Linear()


def nonlinear(prior, *, latent=LATENT, value_range=(0, 1), seed=0, mix=None):
    """Dense, tanh, dense and a saturating output to [8, 8, 1]; `mix` [latent, n] goes before all of it."""
    random = np.random.default_rng(seed)
    first = np.eye(latent) if mix is None else np.asarray(mix)
    first = (first @ random.normal(0, 0.5, (first.shape[1], 32))).astype(np.float32)
    second = random.normal(0, 0.25, (32, 64)).astype(np.float32)
    low, high = value_range

    def function(codes):
        unit = tf.sigmoid(2 * tf.tanh(codes @ first) @ second)
        return tf.reshape(low + (high - low) * unit, [-1, 8, 8, 1])

    return ti.load_generator(function, prior=prior, value_range=value_range)


def error(found, codes):
    return np.mean((found.codes - np.asarray(codes)) ** 2, axis=1)


def unit_noise(count, shape=(8, 8, 1), seed=7):
    return np.random.default_rng(seed).uniform(size=(count, *shape)).astype(np.float32)


def everywhere(verdict, count):
    return [int(verdict)] * count
