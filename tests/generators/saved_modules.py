"""Writes small modules in the formats that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf


def hub_module(
    folder: Path, *, signature: str = "default", batch: int | None = None, one_hot: bool = True, state: bool = True
) -> dict[str, np.ndarray]:
    """A TF-Hub module in TensorFlow 1's format with reference variables, as the BigGANs are.

    Codes "z" [., 6] and a class "y" of 5 drive a dense layer and a scale behind it; "truncation" is kept in a variable
    that the image is scaled by. Returns the variables by name.
    """
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(0)
        z, truncation = v1.placeholder(tf.float32, [batch, 6], "z"), v1.placeholder(tf.float32, [], "truncation")
        kind, shape = (tf.float32, [batch, 5]) if one_hot else (tf.int32, [batch])
        y = v1.placeholder(kind, shape, "labels_in")
        classes = y if one_hot else tf.one_hot(y, 5)
        with v1.variable_scope("Generator", initializer=v1.random_normal_initializer(), use_resource=False):
            weight, offset = v1.get_variable("G_linear/w", [6, 48]), v1.get_variable("G_linear/b", [48])
            embedding, scale = v1.get_variable("linear/w", [5, 4]), v1.get_variable("scale/w", [10, 3])
            kept = v1.get_variable("kept", [], initializer=v1.zeros_initializer(), trainable=False)
            with tf.control_dependencies([v1.assign(kept, truncation)] if state else []), tf.name_scope("G_linear"):
                hidden = tf.matmul(z, weight) + offset
            gain = tf.matmul(tf.concat([z, tf.matmul(classes, embedding)], axis=1), scale)
            size = kept.read_value() if state else truncation
            images = tf.reshape(hidden, [-1, 4, 4, 3]) * tf.reshape(1 + gain, [-1, 1, 1, 3])
            images = tf.tanh(size * images)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        define = v1.saved_model.predict_signature_def
        inputs = {"z": z, "y" if one_hot else "labels": y, "truncation": truncation}
        builder.add_meta_graph_and_variables(
            session, [], signature_def_map={signature: define(inputs, {"default": images})}
        )
        builder.save()
        (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
        return {each.op.name: session.run(each) for each in v1.global_variables()}


def images_of(variables: dict[str, np.ndarray], codes, labels, truncation: float) -> np.ndarray:
    """What the module above computes."""
    hidden = codes @ variables["Generator/G_linear/w"] + variables["Generator/G_linear/b"]
    both = np.concatenate([codes, np.eye(5)[labels] @ variables["Generator/linear/w"]], axis=1)
    gain = 1 + both @ variables["Generator/scale/w"]
    return np.tanh(truncation * hidden.reshape(-1, 4, 4, 3) * gain[:, None, None])
