"""Writes a BigGAN as a TF-Hub module in TensorFlow 1's format, with the names and the signature of DeepMind's.

With it everything about the real modules can be tried but their weights. The network is stated a second time here, in
TensorFlow 1's operations on reference variables, so that each statement checks the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

STATISTICS = 51  # of batch normalisation, for truncations 0, 0.02, ... 1
_EPSILON = 1e-4
_AVERAGE = "ema_b999900"  # the variable under each weight's name


def write_hub_module(model: keras.Model, folder: str | os.PathLike, attention: int = 64) -> None:
    """Saves a `biggan_generator` as a TF-Hub module: signature `default` of z, y (one-hot) and truncation.

    The truncation chooses the statistics of batch normalisation and stays in a variable, as in DeepMind's second
    version. At truncation 1 they are the model's; below, variances are smaller.

    Args:
      model: from `biggan_generator`.
      folder: new or empty.
      attention: as given to `biggan_generator`.
    """
    v1 = tf.compat.v1
    weights = {layer.name: [np.asarray(each) for each in layer.get_weights()] for layer in model.layers}
    with tf.Graph().as_default(), v1.Session() as session:
        values: dict[Any, np.ndarray] = {}
        z, y = (v1.placeholder(tf.float32, [None, model.input[name].shape[1]], name) for name in ("z", "y"))
        truncation = v1.placeholder(tf.float32, [], "truncation")

        def variable(name: str, value: np.ndarray) -> Any:
            made = v1.get_variable(name, value.shape, use_resource=False, trainable=False)
            values[made] = value
            return made

        with v1.variable_scope("linear"):
            embedded = tf.matmul(y, variable("w", weights["linear"][0]))
        with v1.variable_scope("Generator"):
            images = _Network(weights, variable, truncation, attention)(z, embedded)
        session.run(
            [each.initializer for each in values], {each.initial_value: value for each, value in values.items()}
        )
        builder = v1.saved_model.Builder(os.fspath(folder))
        signature = v1.saved_model.predict_signature_def(
            {"z": z, "y": y, "truncation": truncation}, {"default": images}
        )
        builder.add_meta_graph_and_variables(session, [], signature_def_map={"default": signature})
        builder.save()
    (Path(folder) / "tfhub_module.pb").write_bytes(b"\x08\x03")


class _Network:
    """The graph under `Generator/`; weights are those of the Keras layers, by their names.

    Args:
      weights: by layer.
      variable: (name, value) -> a variable in the present scope.
      truncation: a scalar.
      attention: size of the map that attends to itself.
    """

    def __init__(
        self,
        weights: dict[str, list[np.ndarray]],
        variable: Callable[[str, np.ndarray], Any],
        truncation: Any,
        attention: int,
    ) -> None:
        self._weights, self._variable, self._attention_size = weights, variable, attention
        kept = variable("truncation", np.array(1, np.float32))
        with tf.control_dependencies([tf.compat.v1.assign(kept, truncation)]):
            self._row = tf.cast(tf.round(kept.read_value() * (STATISTICS - 1)), tf.int32)

    def __call__(self, z: Any, embedded: Any) -> Any:
        scope = tf.compat.v1.variable_scope
        count = sum(name.endswith("_conv0") for name in self._weights)
        chunks = tf.split(z, count + 1, axis=1)
        with scope("G_Z"):
            x = self._linear("G_linear", chunks[0], "G_linear")
            width = self._weights["GBlock_0_conv0"][0].shape[2]
            size = round((x.shape[1] / width) ** 0.5)
            x = tf.reshape(x, [-1, size, size, width])
        for number, own in enumerate(chunks[1:]):
            with scope(f"GBlock_{number}" if number else "GBlock"):
                x = self._block(x, tf.concat([own, embedded], axis=1), f"GBlock_{number}")
            if x.shape[1] == self._attention_size:
                with scope("attention"):
                    x = self._attention(x)
        gain, offset, mean, variance = self._weights["ScaledCrossReplicaBN"]
        with scope("ScaledCrossReplicaBN"):
            x = self._normalised(x, mean, variance) * self._variable("gamma", gain) + self._variable("beta", offset)
        return tf.tanh(self._convolved("conv_2d", tf.nn.relu(x), "conv_2d"))

    def _linear(self, name: str, x: Any, layer: str) -> Any:
        with tf.compat.v1.variable_scope(name):
            weight, *offset = self._weights[layer]
            y = tf.matmul(x, self._variable(f"w/{_AVERAGE}", weight))
            return y + self._variable(f"b/{_AVERAGE}", offset[0]) if offset else y

    def _convolved(self, name: str, x: Any, layer: str) -> Any:
        with tf.compat.v1.variable_scope(name):
            weight, *offset = self._weights[layer]
            y = tf.nn.conv2d(x, self._variable(f"w/{_AVERAGE}", weight), 1, "SAME")
            return y + self._variable(f"b/{_AVERAGE}", offset[0]) if offset else y

    def _block(self, x: Any, condition: Any, name: str) -> Any:
        way = self._convolved("conv_sc", _doubled(x), f"{name}_conv_sc")
        x = _doubled(tf.nn.relu(self._conditioned("HyperBN", x, condition, f"{name}_HyperBN")))
        x = self._convolved("conv0", x, f"{name}_conv0")
        x = tf.nn.relu(self._conditioned("HyperBN_1", x, condition, f"{name}_HyperBN_1"))
        return self._convolved("conv1", x, f"{name}_conv1") + way

    def _conditioned(self, name: str, x: Any, condition: Any, layer: str) -> Any:
        with tf.compat.v1.variable_scope(name):
            gamma, beta = (self._linear(part, condition, f"{layer}_{part}") for part in ("gamma", "beta"))
        with tf.compat.v1.variable_scope("CrossReplicaBN" + name.removeprefix("HyperBN")):
            x = self._normalised(x, *self._weights[layer])
        return x * (1 + gamma[:, None, None, :]) + beta[:, None, None, :]

    def _normalised(self, x: Any, mean: np.ndarray, variance: np.ndarray) -> Any:
        shares = np.linspace(0.5, 1, STATISTICS, dtype=np.float32)[:, None]
        rows = (
            tf.gather(self._variable(f"accumulated_{name}", each), self._row)
            for name, each in (("mean", np.repeat(mean[None], STATISTICS, axis=0)), ("var", shares * variance))
        )
        return tf.nn.batch_normalization(x, *rows, None, None, _EPSILON)

    def _attention(self, x: Any) -> Any:
        height, width = x.shape[1:3]

        def rows(name: str, pooled: bool) -> Any:
            y = self._convolved(name, x, f"attention_{name}")
            y = tf.nn.max_pool2d(y, 2, 2, "VALID") if pooled else y
            return tf.reshape(y, [-1, y.shape[1] * y.shape[2], y.shape[3]])

        theta, phi, g = rows("theta", False), rows("phi", True), rows("g", True)
        seen = tf.matmul(tf.nn.softmax(tf.matmul(theta, phi, transpose_b=True), name="Softmax"), g)
        seen = self._convolved("o_conv", tf.reshape(seen, [-1, height, width, g.shape[2]]), "attention_o_conv")
        return x + self._variable("gamma", np.array(1, np.float32)) * seen


def _doubled(x: Any) -> Any:
    """Each pixel of a map [B, H, W, C] four times."""
    return tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
