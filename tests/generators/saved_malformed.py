"""Hostile SavedModels: what is too much, or malformed, in the graph and in the folder; see `saved_hostile.py`."""

import os

import numpy as np
import tensorflow as tf
from saved_hostile import FLOAT, OUTPUT, bodies, constant, node_named, operation, through

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
