"""Hostile SavedModels: what runs when the image is computed; see `saved_hostile.py`."""

import numpy as np
import tensorflow as tf
from saved_hostile import FLOAT, RESOURCE, STRING, before_output, bodies, constant, operation, through, writer, writing


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
