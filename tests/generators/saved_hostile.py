"""SavedModels that would do something else than compute. What they would do is to make a file, the proof.

Each function (SavedModel, folder, proof) changes a harmless module.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from saved_kinds import graph_of_1
from tensorflow.core.framework import variable_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

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


# What runs while TensorFlow loads a file


def in_collection(name):
    def change(saved, folder, proof):
        graph = saved.meta_graphs[0]
        writer(graph.graph_def.node, proof)
        graph.collection_def[name].node_list.value.append("evil")

    return change


def local_variables(saved, folder, proof):
    graph = saved.meta_graphs[0]
    nodes = graph.graph_def.node
    writer(nodes, proof)
    variable = operation(nodes, "local", "VarHandleOp", dtype=FLOAT)
    variable.attr["shape"].shape.SetInParent()
    variable.attr["shared_name"].s = b"local"
    constant(nodes, "local/value", 1.0)
    operation(nodes, "local/Assign", "AssignVariableOp", ["local", "local/value", "^evil"], dtype=FLOAT)
    operation(nodes, "local/Read", "ReadVariableOp", ["local"], dtype=FLOAT)
    stated = variable_pb2.VariableDef(
        variable_name="local:0",
        initializer_name="local/Assign",
        snapshot_name="local/Read:0",
        is_resource=True,
        initial_value_name="local/value:0",
    )
    graph.collection_def["local_variables"].bytes_list.value.append(stated.SerializeToString())


def two_graphs(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    graph.saver_def.restore_op_name = "evil"
    graph.object_graph_def.SetInParent()
    saved.meta_graphs.add().meta_info_def.tags.append("train")


def init_signature(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    graph.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name = "evil"


def saver_names(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    graph.saver_def.save_tensor_name = graph.saver_def.filename_tensor_name = "evil:0"
    node_named(graph, graph.saver_def.restore_op_name).input.append("^evil")


def asset(saved, folder, proof):
    stated = meta_graph_pb2.AssetFileDef(filename=f"../../../../../..{proof}")
    stated.tensor_info.name = "evil/path:0"
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    graph.asset_file_def.append(stated)
    graph.collection_def["saved_model_assets"].any_list.value.add().Pack(stated)


def other_signature(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    graph.signature_def["other"].CopyFrom(graph.signature_def["default"])
    graph.signature_def["other"].outputs["default"].name = "evil:0"


def gradient_of_a_function(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    for function in list(graph.graph_def.library.function):
        graph.graph_def.library.gradient.add(function_name=function.signature.name, gradient_func="evil_function")


def gradient_type(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    for nodes in bodies(graph):
        for node in nodes:
            node.attr["_gradient_op_type"].s = b"PartitionedCall-evil_function"
            node.attr["_gradient_func"].func.name = "evil_function"


def implementation(saved, folder, proof):
    """A graph optimiser may take one function for another of the same interface."""
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    for function in graph.graph_def.library.function:
        function.attr["api_implements"].s = b"the same"


def objects(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    graph.object_graph_def.nodes.add().user_object.identifier = "_generic_user_object"
    graph.object_graph_def.concrete_functions["evil_function"].SetInParent()


# What runs when the image is computed


def in_the_way(kind, *more, inputs=(), **types):
    def change(saved, folder, proof):
        graph = saved.meta_graphs[0]
        for number, value in enumerate(more):
            constant(graph.graph_def.node, f"more_{number}", str(value(proof)) if callable(value) else value)
        through(graph, kind, [*(f"more_{number}" for number in range(len(more))), *inputs], **types)

    return change


def beside(kind, *inputs, **types):
    def change(saved, folder, proof):
        graph = saved.meta_graphs[0]
        for number, value in enumerate(inputs):
            constant(graph.graph_def.node, f"more_{number}", str(value(proof)) if callable(value) else value)
        operation(graph.graph_def.node, "evil", kind, [f"more_{number}" for number in range(len(inputs))], **types)
        before_output(graph, "evil")

    return change


def write(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writer(graph.graph_def.node, proof)
    before_output(graph, "evil")


def called_by_type(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    through(graph, "evil_function")


def called_as(name):
    """A function that is called like an operation that only computes."""

    def change(saved, folder, proof):
        graph = saved.meta_graphs[0]
        writing(graph, proof, name)
        through(graph, name)

    return change


def called_by_attribute(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    node = through(graph, "StatefulPartitionedCall")
    node.attr["Tin"].list.type.append(FLOAT)
    node.attr["Tout"].list.type.append(FLOAT)
    node.attr["f"].func.name = "evil_function"


def only_at_a_functions_end(saved, folder, proof):
    """In `control_ret`, which nothing needs that is computed."""
    graph = saved.meta_graphs[0]
    function = next(
        each for each in graph.graph_def.library.function if any(node.op.endswith("If") for node in each.node_def)
    )
    writer(function.node_def, proof, inside=True)
    function.control_ret["evil"] = "evil"
    function.signature.control_output.append("evil")


def in_a_branch(saved, folder, proof):
    graph = saved.meta_graphs[0]
    writing(graph, proof)
    for node in (node for nodes in bodies(graph) for node in nodes if node.op in ("If", "StatelessIf")):
        node.op = "If"
        node.attr["else_branch"].func.name = "evil_function"


def loop(graph, body):
    node = through(graph, "While")
    node.attr["T"].list.type.append(FLOAT)
    node.attr["cond"].func.name, node.attr["body"].func.name = "for_ever", body
    function = graph.graph_def.library.function.add()
    function.signature.name = "for_ever"
    function.signature.input_arg.add(name="x", type=FLOAT)
    function.signature.output_arg.add(name="y", type=tf.bool.as_datatype_enum)
    constant(function.node_def, "true", True)
    function.ret["y"] = "true:output:0"


def in_a_loop(saved, folder, proof):
    writing(saved.meta_graphs[0], proof)
    loop(saved.meta_graphs[0], "evil_function")


def endless_loop(saved, folder, proof):
    loop(saved.meta_graphs[0], "same")
    function = saved.meta_graphs[0].graph_def.library.function.add()
    function.signature.name = "same"
    function.signature.input_arg.add(name="x", type=FLOAT)
    function.signature.output_arg.add(name="y", type=FLOAT)
    function.ret["y"] = "x"


def restore_elsewhere(saved, folder, proof):
    """The image is read out of another checkpoint."""
    graph = saved.meta_graphs[0]
    nodes = graph.graph_def.node
    for name, value in (("prefix", str(proof)), ("names", ["x"]), ("slices", [""])):
        constant(nodes, name, value)
    node = operation(nodes, "restored", "RestoreV2", ["prefix", "names", "slices"])
    node.attr["dtypes"].list.type.append(FLOAT)
    through(graph, "Add", ["restored"], T=FLOAT)


def table_from_file(saved, folder, proof):
    graph = saved.meta_graphs[0]
    nodes = graph.graph_def.node
    constant(nodes, "path", str(proof))
    operation(nodes, "table", "HashTableV2", key_dtype=STRING, value_dtype=FLOAT)
    operation(nodes, "evil", "InitializeTableFromTextFileV2", ["table", "path"])
    before_output(graph, "evil")


def dataset(saved, folder, proof):
    graph = saved.meta_graphs[0]
    nodes = graph.graph_def.node
    constant(nodes, "path", str(proof))
    constant(nodes, "none", "")
    constant(nodes, "size", np.int64(0))
    operation(nodes, "records", "TFRecordDataset", ["path", "none", "size"])
    operation(nodes, "iterator", "OneShotIterator")
    operation(nodes, "evil", "MakeIterator", ["records", "iterator"])
    before_output(graph, "evil")


def debug_address(saved, folder, proof):
    graph = saved.meta_graphs[0]
    node = through(graph, "DebugIdentityV2", T=FLOAT)
    node.attr["debug_urls"].list.s.append(f"file://{proof}".encode())


def device(saved, folder, proof):
    """Another machine is asked to compute; this one is harmless once that is left out."""
    for nodes in bodies(saved.meta_graphs[0]):
        for node in nodes:
            node.device = "/job:elsewhere/replica:0/task:0/device:GPU:0"
            node.attr["_class"].list.s.append(b"loc:@nowhere")
            node.attr["_XlaMustCompile"].b = True


def string_constant(saved, folder, proof):
    """Strings have no place in an image, even where nothing reads the file that they name."""
    graph = saved.meta_graphs[0]
    constant(graph.graph_def.node, "path", str(proof))
    constant(graph.graph_def.node, "other", str(proof))
    operation(graph.graph_def.node, "same", "Equal", ["path", "other"], T=STRING)
    cast = operation(graph.graph_def.node, "cast", "Cast", ["same"], SrcT=tf.bool.as_datatype_enum, DstT=FLOAT)
    through(graph, "Mul", [cast.name], T=FLOAT)


def foreign_handle(saved, folder, proof):
    graph = saved.meta_graphs[0]
    operation(graph.graph_def.node, "handle", "Placeholder", dtype=RESOURCE)
    operation(graph.graph_def.node, "read", "ReadVariableOp", ["handle"], dtype=FLOAT)
    through(graph, "Mul", ["read"], T=FLOAT)


# What is too much, or malformed


def huge_constant(saved, folder, proof):
    graph = saved.meta_graphs[0]
    node = constant(graph.graph_def.node, "huge", np.float32(1))
    for size in (2**20, 2**20):
        node.attr["value"].tensor.tensor_shape.dim.add(size=size)
    through(graph, "Add", ["huge"], T=FLOAT)


def huge_fill(saved, folder, proof):
    graph = saved.meta_graphs[0]
    constant(graph.graph_def.node, "shape", np.array([2**20, 2**20], np.int32))
    constant(graph.graph_def.node, "one", np.float32(1))
    operation(graph.graph_def.node, "huge", "Fill", ["shape", "one"], T=FLOAT)
    through(graph, "Add", ["huge"], T=FLOAT)


def thousandfold(saved, folder, proof):
    """Each function calls the next one twice, thirty deep."""
    graph = saved.meta_graphs[0]
    for number in range(30):
        function = graph.graph_def.library.function.add()
        function.signature.name = f"twice_{number}"
        function.signature.input_arg.add(name="x", type=FLOAT)
        function.signature.output_arg.add(name="y", type=FLOAT)
        kind, types = ("Neg", {"T": FLOAT}) if number == 29 else (f"twice_{number + 1}", {})
        operation(function.node_def, "a", kind, ["x"], **types)
        operation(function.node_def, "b", kind, ["a:y:0"], **types)
        function.ret["y"] = "b:y:0"
    through(graph, "twice_0")


def deep_calls(saved, folder, proof):
    graph = saved.meta_graphs[0]
    for number in range(3000):
        function = graph.graph_def.library.function.add()
        function.signature.name = f"deep_{number}"
        function.signature.input_arg.add(name="x", type=FLOAT)
        function.signature.output_arg.add(name="y", type=FLOAT)
        operation(function.node_def, "a", f"deep_{number + 1}", ["x"])
        function.ret["y"] = "a:y:0"
    function.node_def[0].op = "Neg"
    function.node_def[0].attr["T"].type = FLOAT
    through(graph, "deep_0")


def recursion(saved, folder, proof):
    graph = saved.meta_graphs[0]
    function = graph.graph_def.library.function.add()
    function.signature.name = "again"
    function.signature.input_arg.add(name="x", type=FLOAT)
    function.signature.output_arg.add(name="y", type=FLOAT)
    operation(function.node_def, "a", "again", ["x"])
    function.ret["y"] = "a:y:0"
    through(graph, "again")


def circle(saved, folder, proof):
    graph = saved.meta_graphs[0]
    operation(graph.graph_def.node, "one", "Neg", ["two"], T=FLOAT)
    operation(graph.graph_def.node, "two", "Neg", ["one"], T=FLOAT)
    through(graph, "Add", ["two"], T=FLOAT)


def missing_input(saved, folder, proof):
    through(saved.meta_graphs[0], "Add", ["nowhere"], T=FLOAT)


def missing_function(saved, folder, proof):
    node = through(saved.meta_graphs[0], "PartitionedCall")
    node.attr["f"].func.name = "nowhere"


def same_name(saved, folder, proof):
    nodes = saved.meta_graphs[0].graph_def.node
    nodes.add().CopyFrom(node_named(saved.meta_graphs[0], OUTPUT))


def missing_output(saved, folder, proof):
    saved.meta_graphs[0].signature_def["default"].outputs["default"].name = "nowhere:0"


def second_output(saved, folder, proof):
    saved.meta_graphs[0].signature_def["default"].outputs["default"].name = f"{OUTPUT}:7"


def wrong_types(saved, folder, proof):
    for node in saved.meta_graphs[0].graph_def.node:
        for value in node.attr.values():
            value.s = b"float"


def unknown_type(saved, folder, proof):
    saved.meta_graphs[0].signature_def["default"].inputs["z"].dtype = 0


def numbers_for_functions(saved, folder, proof):
    for nodes in bodies(saved.meta_graphs[0]):
        for node in nodes:
            for name in ("f", "then_branch", "else_branch"):
                if name in node.attr:
                    node.attr[name].i = 3


def future(saved, folder, proof):
    saved.meta_graphs[0].graph_def.versions.min_consumer = 10**6


def unknown_operation(saved, folder, proof):
    through(saved.meta_graphs[0], "Telepathy", T=FLOAT)


def other_shape(saved, folder, proof):
    shape = node_named(saved.meta_graphs[0], "G/w").attr["shape"].shape
    shape.dim[0].size = 7


def other_type(saved, folder, proof):
    node_named(saved.meta_graphs[0], "G/w").attr["dtype"].type = tf.int32.as_datatype_enum


def no_key(saved, folder, proof):
    for node in saved.meta_graphs[0].graph_def.node:
        if node.name.endswith("RestoreV2/tensor_names"):
            node.attr["value"].tensor.string_val[0] = b"elsewhere"


# What lies in the folder


def data_file(folder):
    return folder / "variables" / "variables.data-00000-of-00001"


def linked_data(saved, folder, proof):
    outside = folder.parent / "outside"
    data_file(folder).rename(outside)
    data_file(folder).symlink_to(outside)


def linked_variables(saved, folder, proof):
    (folder / "variables").rename(folder.parent / "outside")
    (folder / "variables").symlink_to(folder.parent / "outside")


def pipe_as_index(saved, folder, proof):
    (folder / "variables" / "variables.index").unlink()
    os.mkfifo(folder / "variables" / "variables.index")


def pipe_as_data(saved, folder, proof):
    os.mkfifo(folder / "variables" / "variables.data-00000-of-00009")


def folder_as_prefix(saved, folder, proof):
    (folder / "variables" / "variables").mkdir()
    (folder / "variables" / "variables" / "checkpoint").write_text('model_checkpoint_path: "/elsewhere"')


def truncated_data(saved, folder, proof):
    data_file(folder).write_bytes(data_file(folder).read_bytes()[:-100])


def damaged_data(saved, folder, proof):
    content = bytearray(data_file(folder).read_bytes())
    content[100] ^= 255
    data_file(folder).write_bytes(content)


def no_data(saved, folder, proof):
    data_file(folder).unlink()


def damaged_index(saved, folder, proof):
    path = folder / "variables" / "variables.index"
    path.write_bytes(path.read_bytes()[:50])


def no_index(saved, folder, proof):
    (folder / "variables" / "variables.index").unlink()


def sparse_data(saved, folder, proof):
    os.truncate(data_file(folder), 10**12)
