"""Reads a SavedModel: of TensorFlow 2, of `model.export`, or a TF-Hub module in TensorFlow 1's format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from tfinvert.errors import BadInput
from tfinvert.generators.contents import short
from tfinvert.generators.inputs import Input, Wiring, code_shape, condition, fit, fit_label, roles
from tfinvert.generators.references import has_references, settled
from tfinvert.generators.saved_safety import refuse_operations

_FILE = "saved_model.pb"
_SIGNATURES = ("default", "serving_default", "generator", "generate")  # looked for in this order
_OUTPUTS = ("default", "generated", "images")
_INITIALISER = "__saved_model_init_op"


class Signature(NamedTuple):
    """One way in which a SavedModel can be called."""

    name: str
    inputs: list[Input]  # with a batch axis
    scalars: list[Input]  # without one
    output: str
    batch: int | None  # the batch it is fixed to


def is_saved_model(path: Path) -> bool:
    """Whether this is a folder with a SavedModel in it."""
    return os.path.isfile(path / _FILE)  # false too for names that no file can have


def read(
    path: Path, *, signature: str | None = None, truncation: float | None = None, label_input: str | None = None,
    classes: int | None = None, allow_unsafe: bool = False,
) -> Wiring:  # fmt: skip
    """How a SavedModel is called as a generator.

    Args:
      path: the folder.
      signature: which of its signatures; default: the first that is known to be a generator's, or the only one.
      truncation: for those that take it, in (0, 1]; one value for the whole run, because some modules keep state of it.
      label_input: name of the class label's input; found by name, type and size where not given.
      classes: how many classes there are, where the label is an integer.
      allow_unsafe: also load graphs with operations that may do more than compute.

    Raises:
      BadInput: there is no such signature, its inputs are no generator's, or the graph may do more than compute.
    """
    graph = _graph(path)
    if not allow_unsafe:
        refuse_operations(graph, path.name)
    chosen = _signature(graph, signature, path.name)
    code, label, assumed = roles(chosen.inputs, label_input, classes)
    fixed = {each.name: _scalar(each, truncation, assumed) for each in chosen.scalars}
    if truncation is not None and not any("trunc" in each.name for each in chosen.scalars):
        raise BadInput(f"truncation={truncation} for {path.name}", "it takes no truncation: leave it out")
    try:
        model = tf.saved_model.load(str(path), tags=list(graph.meta_info_def.tags))
    except Exception as error:
        raise BadInput(f"{path.name} is a SavedModel that TensorFlow cannot load", short(error)) from error
    tensors, scalars = graph.signature_def[chosen.name], {name: tf.constant(value) for name, value in fixed.items()}

    def call(**given: tf.Tensor) -> tf.Tensor:
        return model.signatures[chosen.name](**given)[chosen.output]  # the model's variables live as long as it does

    if has_references(model.signatures[chosen.name]):
        example = {each.name: tf.zeros([n or 1 for n in each.shape], each.dtype) for each in chosen.inputs}
        call(**example, **scalars)  # for what it keeps of the truncation
        places = {name: tensor.name for name, tensor in tensors.inputs.items()}
        call = settled(model.signatures[chosen.name], places, tensors.outputs[chosen.output].name)

    def function(codes: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        given = {code.name: fit(codes, code), **scalars}
        if label is not None:
            given[label.name] = tf.cast(fit_label(labels, label), label.dtype)
        return call(**given)

    found = None if label is None else condition(label, classes)
    return Wiring(
        _blocks(function, chosen.batch), code_shape(code), found, assumed,
        next((value for value in fixed.values() if isinstance(value, float)), None),
    )  # fmt: skip


def digest(path: Path) -> str:
    """The SHA-256 of a SavedModel: of its files, one after the other."""
    total = hashlib.sha256()
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def _graph(path: Path) -> Any:
    """The MetaGraphDef that generates: that of TF-Hub's inference has no tags, that of TensorFlow 2 "serve"."""
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString((path / _FILE).read_bytes())
    except (DecodeError, OSError) as error:
        raise BadInput(f"{path.name} has a damaged {_FILE} ({short(error)})", "expected a whole SavedModel") from error
    found = {frozenset(each.meta_info_def.tags): each for each in saved.meta_graphs}
    for tags in (frozenset(), frozenset(["serve"]), *(each for each in found if "train" not in each)):
        if tags in found:
            return found[tags]
    raise BadInput(f"{path.name} holds graphs for training only", "expected a SavedModel for inference")


def _signature(graph: Any, wanted: str | None, name: str) -> Signature:
    there = {key: value for key, value in graph.signature_def.items() if key != _INITIALISER}
    listed = ", ".join(sorted(there)) or "none"
    if wanted is not None and wanted not in there:
        raise BadInput(f"signature {wanted!r} for {name}", f"its signatures are: {listed}")
    able: list[str] = []
    for flat in (False, True):
        able = able or [key for key, value in there.items() if _image(value, flat) is not None]
    able = [key for key in _SIGNATURES if key in able][:1] or able
    if wanted is None and len(able) != 1:
        what = "is the generator's for certain" if able else "gives images"
        raise BadInput(f"{name} has no signature that {what} (there are: {listed})", "name one (--signature)")
    key = able[0] if wanted is None else wanted
    output = _image(there[key], False) or _image(there[key], True)
    if output is None:
        raise BadInput(f"signature {key!r} of {name} gives no image [B, H, W, C]", f"its signatures are: {listed}")
    tensors = [
        Input(name, tuple(None if each.size < 0 else each.size for each in tensor.tensor_shape.dim), _type(tensor))
        for name, tensor in there[key].inputs.items()
    ]
    wide = [each for each in tensors if each.shape]
    batches = {each.shape[0] for each in wide if each.shape[0] is not None}
    return Signature(key, wide, [each for each in tensors if not each.shape], output, max(batches, default=None))


def _type(tensor: Any) -> str:
    return tf.as_dtype(tensor.dtype).name


def _image(signature: Any, flat: bool) -> str | None:
    """The name of the output that is an image, or may be a flat one; None where there is none, or several are."""
    ranks = (0, 2, 3) if flat else (4,)  # 0 is an unknown shape
    found = [
        name for name, each in signature.outputs.items()
        if tf.as_dtype(each.dtype).is_floating and len(each.tensor_shape.dim) in ranks
    ]  # fmt: skip
    known = [name for name in _OUTPUTS if name in found]
    return known[0] if known else found[0] if len(found) == 1 else None


def _scalar(tensor: Input, truncation: float | None, assumed: list[str]) -> Any:
    """The value of an input without a batch axis."""
    if tensor.dtype == "bool":
        return False  # whether it trains
    if "trunc" not in tensor.name.lower():
        raise BadInput(f"the input {tensor.name} of one {tensor.dtype}", "expected a code, labels and a truncation")
    if truncation is None:
        truncation = 1.0
        assumed.append("truncation: 1")
    if not 0 < truncation <= 1:
        raise BadInput(f"truncation={truncation}", "expected a number above 0 and at most 1, such as 0.5")
    return float(truncation)


def _blocks(function: Callable, size: int | None) -> Callable:
    """The function for batches of any size, where it takes blocks of `size` only."""
    if size is None:
        return function

    def blocks(codes: tf.Tensor, *labels: tf.Tensor) -> tf.Tensor:
        count = tf.shape(codes)[0]
        spare = -count % size
        parts = [
            tf.reshape(
                tf.concat([rows, tf.repeat(rows[:1], spare, axis=0)], axis=0),
                tf.concat([[-1, size], tf.shape(rows)[1:]], axis=0),
            )
            for rows in (codes, *labels)
        ]
        images = tf.map_fn(lambda rows: function(*rows), tuple(parts), fn_output_signature=codes.dtype)
        return tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], axis=0))[:count]

    return blocks
