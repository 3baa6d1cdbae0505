"""SavedModels of all the kinds that people have, each as small as it can be: `KINDS[name](folder)` writes one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras
from generator_models import LATENT, labelled, randomise, sequential, trunk
from saved_modules import hub_module

CODES = tf.TensorSpec([None, LATENT], name="z")


def _matrix(columns, seed=1, dtype=tf.float32):
    return tf.Variable(tf.random.stateless_normal([LATENT, columns], [seed, 2]), dtype=dtype)


class _Module(tf.Module):
    """Saved with `pictures` as its signature; what it is given first are codes."""

    def __init__(self):
        self.first, self.second = _matrix(LATENT), _matrix(27, 3)

    def pictures(self, z):
        raise NotImplementedError

    def images(self, z):
        return tf.reshape(tf.tanh(tf.matmul(z, self.second)), [-1, 3, 3, 3])

    def save(self, folder, *more):
        function = tf.function(lambda z, *rest: {"images": self.pictures(z, *rest)}, input_signature=[CODES, *more])
        self.saved = function  # a function's variables must hang on what is saved
        tf.saved_model.save(self, folder, {"serving_default": function})


class While(_Module):
    def pictures(self, z):
        _, z = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, tf.tanh(tf.matmul(x, self.first))), [0, z])
        return self.images(z)


class WhileByCode(_Module):
    """How often it goes round depends on the codes."""

    def pictures(self, z):
        _, z = tf.while_loop(
            lambda i, x: tf.logical_and(i < 5, tf.reduce_sum(tf.square(x)) > 1e-6),
            lambda i, x: (i + 1, tf.tanh(tf.matmul(x, self.first))),
            [0, z],
        )
        return self.images(z)


class If(_Module):
    def pictures(self, z):
        z = tf.cond(
            tf.reduce_sum(z) > -1e9, lambda: tf.matmul(z, self.first), lambda: 2 * z + tf.reduce_mean(self.second)
        )
        return self.images(z)


class Case(_Module):
    def pictures(self, z):
        way = tf.cast(tf.minimum(tf.shape(z)[0], 1), tf.int32)
        z = tf.switch_case(way, [lambda: z, lambda: tf.matmul(z, self.first), lambda: 2 * z])
        return self.images(z)


class IfInWhile(_Module):
    def pictures(self, z):
        @tf.function
        def step(x):
            return tf.tanh(tf.matmul(x, self.first))

        def body(i, x):
            return i + 1, tf.cond(i % 2 < 1, lambda: step(x), lambda: x + tf.reduce_mean(self.first))

        return self.images(tf.while_loop(lambda i, _: i < 3, body, [0, z])[1])


class Nested(_Module):
    """Functions that call functions, one of them twice, one that gives back what it was given."""

    def pictures(self, z):
        @tf.function
        def same(x, y):
            return y, x

        @tf.function
        def inner(x):
            return tf.tanh(tf.matmul(x, self.first)), x

        @tf.function
        def outer(x):
            first, second = inner(x)
            _, first = same(second, first)
            first, second = same(*same(first, second))
            return inner(first)[0] + second

        return self.images(outer(z) + outer(2 * z))


class OwnGradient(_Module):
    def pictures(self, z):
        @tf.custom_gradient
        def swish(x):
            return x * tf.sigmoid(x), lambda g: g * (tf.sigmoid(x) * (1 + x * (1 - tf.sigmoid(x))))

        return self.images(swish(tf.nn.silu(z)))


class Half(_Module):
    kind = tf.float16

    def __init__(self):
        super().__init__()
        self.narrow = tf.Variable(tf.cast(self.first, self.kind))

    def pictures(self, z):
        return self.images(tf.cast(tf.matmul(tf.cast(z, self.kind), self.narrow), tf.float32))


class Brain(Half):
    kind = tf.bfloat16


class Integers(_Module):
    def __init__(self):
        super().__init__()
        self.order = tf.Variable([5, 0, 3, 1, 2, 4], dtype=tf.int64, trainable=False)
        self.on = tf.Variable([True, False, True, True, True, True], trainable=False)
        self.few = tf.Variable(tf.cast([3, -2, 1, 0, 1, 5], tf.int8), trainable=False)

    def pictures(self, z):
        z = tf.gather(z, self.order, axis=1) + tf.cast(self.on, tf.float32) * tf.cast(self.few, tf.float32)
        return self.images(z)


class Shared(_Module):
    def __init__(self):
        super().__init__()
        self.again, self.more = self.first, [self.first, self.second]

    def pictures(self, z):
        return self.images(tf.matmul(tf.matmul(z, self.first), self.again)) * tf.reduce_mean(self.more[0])


class Checked(_Module):
    def pictures(self, z):
        tf.debugging.assert_less(tf.reduce_max(z), 1e6, message="codes are far out")
        with tf.control_dependencies([tf.debugging.assert_all_finite(z, "codes")]):
            return self.images(z)


class Kept(_Module):
    """Keeps the truncation as BigGAN does, in a function of its own, and counts its calls."""

    def __init__(self):
        super().__init__()
        self.kept, self.calls = tf.Variable(0.0), tf.Variable(0)

    def pictures(self, z, truncation):
        tf.function(lambda: self.kept.assign(truncation))()
        self.calls.assign_add(1)
        return self.kept * self.images(z) * tf.cast(tf.minimum(self.calls, 1), tf.float32)


class ConditionalNorm(_Module):
    def __init__(self):
        super().__init__()
        self.mean, self.variance = tf.Variable(tf.linspace(-0.2, 0.2, 3)), tf.Variable([0.5, 1.0, 2.0])
        self.gain = _matrix(3, 5)

    def pictures(self, z, labels):
        images = tf.reshape(tf.matmul(z, self.second), [-1, 3, 3, 3])
        images, *_ = tf.compat.v1.nn.fused_batch_norm(
            images, tf.ones(3), tf.zeros(3), self.mean, self.variance, is_training=False
        )
        gain = tf.nn.embedding_lookup(self.gain, labels)
        return tf.tanh(images * (1 + gain[:, None, None]))


def _by_keras(model, folder):
    model.export(folder, verbose=False)


def _tf_keras_labelled(folder):
    code, label = tf_keras.Input((LATENT,), name="z"), tf_keras.Input((1,), name="y", dtype="int32")
    seen = tf_keras.layers.Flatten()(tf_keras.layers.Embedding(5, 3)(label))
    images = tf_keras.layers.Concatenate()([code, seen])
    for layer in trunk(tf_keras.layers):
        images = layer(images)
    randomise(tf_keras.Model([code, label], images)).save(folder, save_format="tf")


def _tf_keras():
    return randomise(tf_keras.Sequential([tf_keras.layers.Input((LATENT,)), *trunk(tf_keras.layers)]))


def graph_of_1(folder, make, inputs=None, partitions=None, **scope):
    """A SavedModel of TensorFlow 1: `make(z)` gives the images; more placeholders may be put into `inputs`."""
    v1 = tf.compat.v1
    inputs = {} if inputs is None else inputs
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        z = v1.placeholder(tf.float32, [None, LATENT], "z")
        split = v1.fixed_size_partitioner(partitions) if partitions else None
        with v1.variable_scope("G", initializer=v1.random_normal_initializer(), partitioner=split, **scope):
            images = make(z)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        define = v1.saved_model.predict_signature_def
        builder.add_meta_graph_and_variables(
            session, [], signature_def_map={"default": define({"z": z, **inputs}, {"default": images})}
        )
        builder.save()


def _plain(z):
    weight = tf.compat.v1.get_variable("w", [LATENT, 27])
    return tf.reshape(tf.tanh(tf.matmul(z, weight)), [-1, 3, 3, 3])


def _training(folder):
    given = {}

    def make(z):
        given["is_training"] = tf.compat.v1.placeholder(tf.bool, [], "is_training")
        images = _plain(z)
        mean = tf.compat.v1.get_variable("mean", [3], use_resource=True)
        seen = tf.reduce_mean(images, [0, 1, 2])

        def moved():
            with tf.control_dependencies([mean.assign(0.9 * mean + 0.1 * seen)]):
                return tf.identity(seen)

        return images - tf.cond(given["is_training"], moved, mean.read_value)

    graph_of_1(folder, make, given, use_resource=True)


def _added(z):
    """References that are added to, read as they are, and asked whether they are there."""
    v1 = tf.compat.v1
    images, count = _plain(z), v1.get_variable("count", [], initializer=v1.zeros_initializer())
    with tf.control_dependencies([v1.assign(count, 1.0)]):  # every call leaves the same there
        added = v1.assign_add(count, 2.0)
    with tf.control_dependencies([added]):
        images = images * v1.assign_sub(count, 0.5)
    return images * tf.cast(v1.is_variable_initialized(count), tf.float32)


def _by_type(z):
    """A function of TensorFlow 1 is called by the operation's type."""
    from tensorflow.python.framework import function

    @function.Defun(tf.float32, func_name="squashed")
    def squashed(x):
        return tf.tanh(x), 2 * x

    images, more = squashed(_plain(z))
    images.set_shape([None, 3, 3, 3])
    return tf.ensure_shape(images + more, [None, 3, 3, 3])


def _frozen(folder):
    value = np.random.default_rng(0).normal(size=(LATENT, 3072)).astype(np.float32)
    graph_of_1(folder, lambda z: tf.reshape(tf.tanh(tf.matmul(z, value)), [-1, 32, 32, 3]))


_LABELS = tf.TensorSpec([None], tf.int64, name="labels")
KINDS = {
    "keras": lambda folder: _by_keras(sequential(), folder),
    "keras one-hot": lambda folder: _by_keras(labelled(one_hot=True), folder),
    "keras integers": lambda folder: _by_keras(labelled(), folder),
    "tf_keras saved": lambda folder: tf.saved_model.save(_tf_keras(), folder),
    "tf_keras exported": lambda folder: _tf_keras().export(folder),
    "tf_keras integers": _tf_keras_labelled,
    **{
        kind.__name__: lambda folder, kind=kind: kind().save(folder)
        for kind in (
            While,
            WhileByCode,
            If,
            Case,
            IfInWhile,
            Nested,
            OwnGradient,
            Half,
            Brain,
            Integers,
            Shared,
            Checked,
        )
    },
    "Kept": lambda folder: Kept().save(folder, tf.TensorSpec([], name="truncation")),
    "ConditionalNorm": lambda folder: ConditionalNorm().save(folder, _LABELS),
    "hub state": lambda folder: hub_module(Path(folder)),
    "hub no state": lambda folder: hub_module(Path(folder), state=False),
    "hub integers": lambda folder: hub_module(Path(folder), one_hot=False),
    "1 references": lambda folder: graph_of_1(folder, _plain, use_resource=False),
    "1 resources": lambda folder: graph_of_1(folder, _plain, use_resource=True),
    "1 partitioned": lambda folder: graph_of_1(folder, _plain, partitions=3, use_resource=False),
    "1 partitioned resources": lambda folder: graph_of_1(folder, _plain, partitions=3, use_resource=True),
    "1 is_training": _training,
    "1 added": lambda folder: graph_of_1(folder, _added, use_resource=False),
    "1 by type": lambda folder: graph_of_1(folder, _by_type, use_resource=False),
    "1 no variables": _frozen,
}
