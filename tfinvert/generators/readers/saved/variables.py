"""The values of a saved graph's variables, read out of the files that lie in its folder."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from tfinvert.errors import BadInput, short
from tfinvert.generators.graphs.definition import node_of
from tfinvert.generators.readers.saved.cut import cut
from tfinvert.generators.readers.saved.files import bundle
from tfinvert.generators.readers.saved.inlining import without_calls
from tfinvert.generators.readers.saved.references import with_handles
from tfinvert.generators.readers.saved.values import Variable
from tfinvert.settings import Limits

_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_OBJECTS_SIZE = 10**8  # bytes


class Place(NamedTuple):
    """Where a value stands in the files."""

    key: str
    slices: str = ""  # as "10 4 0,5:-", which is part of a partitioned variable; "" is all of it


def values(graph: Any, known: Mapping[str, Variable], folder: Path, limits: Limits) -> dict[str, np.ndarray]:
    """The value of each variable, by its node.

    Args:
      graph: MetaGraphDef. The part of it that would restore variables says which value is whose; nothing of it is run.
      known: the variables.
      folder: of the SavedModel.
      limits: how large they may be all together.

    Raises:
      BadInput: a value is missing, damaged, or not of its variable's shape and type.
    """
    if not known:
        return {}
    prefix, size = bundle(folder, limits)
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(prefix)
        shapes, kinds = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    except Exception as error:
        raise BadInput(f"{folder.name} has a damaged index of variables", short(error)) from error
    places = _by_restoring(graph) or _by_objects(reader, kinds, size)
    missing = [name for name in known if name not in places and known[name].shared not in places]
    found = {name: places.get(name) or places[known[name].shared] for name in known if name not in missing}
    missing += [name for name, place in found.items() if place.key not in shapes]
    if missing:
        raise BadInput(f"{folder.name} has no value for the variable {missing[0]!r}", "expected one for each")
    total = 0
    for key in {place.key for place in found.values()}:
        if not kinds[key].is_numeric and not kinds[key].is_bool:
            raise BadInput(f"{folder.name} has {kinds[key].name} values for {key!r}", "expected numbers")
        total += math.prod(shapes[key]) * kinds[key].size
    if total > min(size, limits.bytes):
        raise BadInput(
            f"{folder.name} declares {total / 1e9:.3f} GB of variables and has {size / 1e9:.3f} GB",
            f"expected all of them, and at most {limits.gigabytes:g} GB",
        )
    return _read(reader, found, known, folder.name)


def _read(reader: Any, found: Mapping[str, Place], known: Mapping[str, Variable], name: str) -> dict[str, np.ndarray]:
    read: dict[str, np.ndarray] = {}
    wholes: dict[str, np.ndarray] = {}  # of partitioned variables
    for node, place in found.items():
        try:
            value = wholes[place.key] if place.key in wholes else np.asarray(reader.get_tensor(place.key))
            if place.slices:
                wholes[place.key] = value
                value = value[_slices(place.slices)]
        except Exception as error:
            raise BadInput(f"{name} has a damaged value of {node!r}", short(error)) from error
        declared = tf.TensorShape(known[node].shape)
        if not declared.is_compatible_with(value.shape) or tf.as_dtype(value.dtype) != tf.as_dtype(known[node].kind):
            raise BadInput(
                f"{name} has a value {tf.as_dtype(value.dtype).name} {list(value.shape)} for the variable {node!r}",
                f"expected {tf.as_dtype(known[node].kind).name} {declared}",
            )
        read[node] = value
    return read


def _slices(text: str) -> tuple[slice, ...]:
    """What part of the whole this is: sizes first, then "start,length" or "-" for each axis."""
    parts = [each.split(",") for each in text.split()[-1].split(":")]
    return tuple(slice(None) if len(each) == 1 else slice(int(each[0]), int(each[0]) + int(each[1])) for each in parts)


def _by_restoring(graph: Any) -> dict[str, Place]:
    """Where the value of each variable stands, by its node and its own name, as the graph would restore it."""
    operation = graph.saver_def.restore_op_name
    if not operation:
        return {}
    part, _ = without_calls(cut(graph.graph_def, [operation], {}), operation)
    part, _ = with_handles(part, operation)
    nodes = {node.name: node for node in part.nodes}
    found: dict[str, Place] = {}
    for node in part.nodes:
        if node.op == "AssignVariableOp" and len(node.input) > 1:
            variable, restored = (_origin(nodes, given) for given in node.input[:2])
            source, _, place = restored.partition(":")
            if nodes[source].op != "RestoreV2" or nodes[node_of(variable)].op != "VarHandleOp":
                continue  # it is given a value in another way, which then is missing
            keys, slices = (_strings(nodes[_origin(nodes, given)]) for given in nodes[source].input[1:3])
            number = int(place or 0)
            if number < min(len(keys), len(slices)):
                found[node_of(variable)] = Place(keys[number], slices[number])
    for name in list(found):
        shared = nodes[name].attr["shared_name"].s.decode()
        if shared:
            found.setdefault(shared, found[name])
    return found


def _origin(nodes: Mapping[str, Any], tensor: str) -> str:
    while nodes[node_of(tensor)].op == "Identity":  # never in a circle: nodes were sorted
        tensor = nodes[node_of(tensor)].input[0]
    return tensor


def _strings(node: Any) -> list[str]:
    value = node.attr["value"].tensor
    return [each.decode() for each in value.string_val] if node.op == "Const" else []


def _by_objects(reader: Any, kinds: Mapping[str, Any], size: int) -> dict[str, Place]:
    """The same by the names of variables in the files' own list of objects, for graphs that restore nothing."""
    if kinds.get(_OBJECTS) != tf.string or size > _OBJECTS_SIZE:
        return {name: Place(name) for name in kinds}  # TensorFlow 1's names
    objects = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
    pairs = [(each.full_name, each.checkpoint_key) for node in objects.nodes for each in node.attributes]
    counts = Counter(name for name, _ in pairs)
    return {name: Place(key) for name, key in pairs if counts[name] == 1}
