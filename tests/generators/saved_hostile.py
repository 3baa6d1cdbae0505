"""What hostile SavedModels are made of: they would do something else than compute, which is to make a file, the proof.

Each function (SavedModel, folder, proof) of `saved_loading.py`, `saved_computing.py` and `saved_malformed.py` changes a
harmless module.
"""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from saved_kinds import graph_of_1
from tensorflow.core.protobuf import saved_model_pb2

FLOAT, STRING, RESOURCE = (kind.as_datatype_enum for kind in (tf.float32, tf.string, tf.resource))
OUTPUT = "G/images"


def harmless(folder: Path) -> None:
    """z [., 6] through a matrix and a function to images [., 3, 3, 3], in TensorFlow 1's format."""

    def make(z):
        weight = tf.compat.v1.get_variable("w", [6, 27], use_resource=True)
        images = tf.reshape(tf.tanh(tf.matmul(z, weight)), [-1, 3, 3, 3])
        images = tf.function(lambda x: tf.cond(tf.reduce_sum(x) > 1e9, lambda: 2 * x, lambda: x))(images)
        return tf.identity(tf.ensure_shape(images, [None, 3, 3, 3]), "images")

    graph_of_1(folder, make)


def endless(folder: Path) -> None:
    """A module of TensorFlow 2 whose image is never done, and never larger."""
    module = tf.Module()
    module.weight = tf.Variable(tf.ones([6, 27]))

    @tf.function(input_signature=[tf.TensorSpec([None, 6], name="z")])
    def images(z):
        (z,) = tf.while_loop(lambda x: tf.reduce_all(x == x), lambda x: (0.5 * x,), [z])
        return {"images": tf.reshape(z @ module.weight, [-1, 3, 3, 3])}

    tf.saved_model.save(module, str(folder), signatures={"serving_default": images})


def parsed(folder: Path):
    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def constant(nodes, name, value):
    node = nodes.add(name=name, op="Const")
    tensor = tf.make_tensor_proto(value)
    node.attr["dtype"].type = tensor.dtype
    node.attr["value"].tensor.CopyFrom(tensor)
    return node


def operation(nodes, name, kind, inputs=(), **types):
    node = nodes.add(name=name, op=kind, input=inputs)
    for key, value in types.items():
        node.attr[key].type = value
    return node


def writer(nodes, proof, name="evil", inside=False):
    """A node that writes the proof."""
    constant(nodes, f"{name}/path", str(proof))
    constant(nodes, f"{name}/what", "it ran")
    end = ":output:0" if inside else ""
    return operation(nodes, name, "WriteFile", [f"{name}/path{end}", f"{name}/what{end}"])


def writing(graph, proof, name="evil_function"):
    """A function that gives back what it is given, and writes the proof."""
    function = graph.graph_def.library.function.add()
    function.signature.name = name
    function.signature.is_stateful = True
    function.signature.input_arg.add(name="x", type=FLOAT)
    function.signature.output_arg.add(name="y", type=FLOAT)
    writer(function.node_def, proof, inside=True)
    operation(function.node_def, "same", "Identity", ["x", "^evil"], T=FLOAT)
    function.ret["y"] = "same:output:0"
    function.control_ret["evil"] = "evil"
    function.signature.control_output.append("evil")
    return function


def node_named(graph, name):
    return next(node for node in graph.graph_def.node if node.name == name)


def bodies(graph):
    return [graph.graph_def.node, *(each.node_def for each in graph.graph_def.library.function)]


def before_output(graph, *names):
    """The image waits for these."""
    node_named(graph, OUTPUT).input.extend(f"^{name}" for name in names)


def through(graph, kind, more=(), **types):
    """The image goes through another operation."""
    node = node_named(graph, OUTPUT)
    inner = operation(graph.graph_def.node, "through", kind, [node.input[0], *more], **types)
    node.input[0] = "through"
    return inner
