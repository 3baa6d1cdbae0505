"""Reads a SavedModel: of TensorFlow 2, of `model.export`, or a TF-Hub module in TensorFlow 1's format."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert.errors import BadInput, short
from tfinvert.generators.held import Shape
from tfinvert.generators.readers.inputs import Input, Wiring, code_shape, condition
from tfinvert.generators.readers.roles import roles
from tfinvert.generators.readers.saved.files import GRAPH, listed, parsed
from tfinvert.generators.readers.saved.function import computing
from tfinvert.generators.readers.saved.trusted import trusted
from tfinvert.remote import is_remote
from tfinvert.settings import DEFAULT_INPUTS, DEFAULT_LIMITS, Inputs, Limits

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
    # The second is false too for names that no file can have.
    return (path / GRAPH).is_file() if is_remote(path) else os.path.isfile(path / GRAPH)


def read(
    path: Path,
    *,
    signature: str | None = None,
    truncation: float | None = None,
    inputs: Inputs = DEFAULT_INPUTS,
    classes: int | None = None,
    sides: Shape | None = None,
    allow_unsafe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Wiring:
    """How a SavedModel is called as a generator.

    Args:
      path: the folder.
      signature: which of its signatures; default: the first that is known to be a generator's, or the only one.
      truncation: for those that take it, in (0, 1]; one value for the whole run, because some modules keep state of it.
      inputs: which inputs the user names; others are found by name, type and size.
      classes: how many classes there are, where the label is an integer.
      sides: the code's shape, where the user states it.
      allow_unsafe: load it with TensorFlow's own loader, which runs what the file says.
      limits: how large its graph, its constants and its variables may be.

    Raises:
      BadInput: there is no such signature, its inputs are no generator's, the graph may do more than compute, or the
        folder is damaged.
    """
    graph = _graph(path, limits)
    chosen = _signature(graph, signature, path.name)
    found = roles(chosen.inputs, inputs, classes, sides)
    values, assumed = found.values(), list(found.assumed)
    fixed = {each.name: _scalar(each, truncation, assumed) for each in chosen.scalars}
    if truncation is not None and not any("trunc" in each.name for each in chosen.scalars):
        raise BadInput(f"truncation={truncation} for {path.name}", "it takes no truncation: leave it out")
    widest = [found.code if each.name == found.code.name else each for each in chosen.inputs]
    example = {each.name: tf.zeros([n or 1 for n in each.shape], each.dtype) for each in widest}
    example |= {name: tf.constant(value) for name, value in fixed.items()}
    ends = graph.signature_def[chosen.name]
    try:
        if allow_unsafe:
            call = trusted(path, graph, chosen.name, chosen.output, example)
        else:
            call = computing(graph, dict(ends.inputs), ends.outputs[chosen.output].name, example, path, limits)
    except BadInput:
        raise
    except Exception as error:  # TensorFlow raises anything where a graph is malformed
        raise BadInput(f"{path.name} is a SavedModel that cannot be loaded", short(error)) from error

    def function(codes: tf.Tensor, /, *labels: tf.Tensor, **tensors: tf.Tensor) -> tf.Tensor:
        scalars = {name: tf.constant(value) for name, value in fixed.items()}
        return call(**values(codes, *labels, **tensors), **scalars)

    return Wiring(
        _blocks(function, chosen.batch),
        code_shape(found.code),
        None if found.label is None else condition(found.label, classes),
        assumed,
        found.holds,
        next((value for value in fixed.values() if isinstance(value, float)), None),
    )


def digest(path: Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """The SHA-256 of a SavedModel: of the files that are read, one after the other.

    Raises:
      BadInput: one of them is no regular file in the folder, or they are too large together.
    """
    total = hashlib.sha256()
    for file in listed(path, limits):
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "sha256").digest())
    return total.hexdigest()


def _graph(path: Path, limits: Limits) -> Any:
    """The MetaGraphDef that generates: that of TF-Hub's inference has no tags, that of TensorFlow 2 "serve"."""
    found = {frozenset(each.meta_info_def.tags): each for each in parsed(path, limits).meta_graphs}
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
        Input(name, tuple(None if each.size < 0 else each.size for each in tensor.tensor_shape.dim), _type(tensor).name)
        for name, tensor in there[key].inputs.items()
    ]
    wide = [each for each in tensors if each.shape]
    batches = {each.shape[0] for each in wide if each.shape[0] is not None}
    return Signature(key, wide, [each for each in tensors if not each.shape], output, max(batches, default=None))


def _type(tensor: Any) -> tf.DType:
    try:
        return tf.as_dtype(tensor.dtype)
    except TypeError as error:
        raise BadInput(f"the tensor {tensor.name!r} is of no type that TensorFlow knows", "expected numbers") from error


def _image(signature: Any, flat: bool) -> str | None:
    """The name of the output that is an image, or may be a flat one; None where there is none, or several are."""
    ranks = (0, 2, 3) if flat else (4,)  # 0 is an unknown shape
    found = [
        name
        for name, each in signature.outputs.items()
        if _type(each).is_floating and len(each.tensor_shape.dim) in ranks
    ]
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

    def blocks(codes: tf.Tensor, /, *labels: tf.Tensor, **tensors: tf.Tensor) -> tf.Tensor:
        count = tf.shape(codes)[0]
        spare = -count % size

        def parted(rows: tf.Tensor) -> tf.Tensor:
            filled = tf.concat([rows, tf.repeat(rows[:1], spare, axis=0)], axis=0)
            return tf.reshape(filled, tf.concat([[-1, size], tf.shape(rows)[1:]], axis=0))

        parts = tf.nest.map_structure(parted, ((codes, *labels), tensors))
        images = tf.map_fn(lambda each: function(*each[0], **each[1]), parts, fn_output_signature=codes.dtype)
        return tf.reshape(images, tf.concat([[-1], tf.shape(images)[2:]], axis=0))[:count]

    return blocks
