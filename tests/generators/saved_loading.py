"""Hostile SavedModels: what runs while TensorFlow loads a file; see `saved_hostile.py`."""

from saved_hostile import FLOAT, bodies, constant, node_named, operation, writer, writing
from tensorflow.core.framework import variable_pb2
from tensorflow.core.protobuf import meta_graph_pb2


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
