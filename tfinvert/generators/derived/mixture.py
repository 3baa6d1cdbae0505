"""A class-conditional generator whose class is a part of the code: the class embedding can then be optimised."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput, short
from tfinvert.generators.condition import Condition
from tfinvert.generators.generator import Function, Generator, derive
from tfinvert.generators.graphs.definition import by_name, node_of, unused, upstream, with_placeholder
from tfinvert.generators.graphs.frozen import Frozen, freeze, part
from tfinvert.generators.held import Held

_LOOK_UPS = ("Gather", "GatherV2", "OneHot")  # what turns an integer class into numbers
_GAIN = 4.0  # of the classes' entries, in units of the prior's spread: at two spreads one class of ten has all weight


def mixture(generator: Generator) -> Generator:
    """The generator with codes of d + classes entries and no labels.

    The last entries t become weights softmax(4 (t - centre) / spread) of the classes, and the class embedding is the
    mean of the classes' embeddings by them. A one-hot input takes the weights themselves.

    Args:
      generator: class-conditional, with codes [B, d].

    Raises:
      BadInput: it is not, it does not say how many classes there are, or its graph does not show where a class becomes
        an embedding.
    """
    condition, shape = generator.condition, generator.space.shape or ()
    if condition is None or condition.classes is None or len(shape) != 1:
        what = "is not class-conditional" if condition is None else "does not say how many classes there are"
        if len(shape) != 1:
            what = f"has codes of the shape {list(shape)}"
        raise BadInput(f"{generator.name} {what}", "expected codes [B, d] and a known number of classes (--classes)")
    centre, spread, entries = generator.space.centre, generator.space.spread, shape[0]
    if np.ndim(centre):
        raise BadInput(f"{generator.name} has a prior with a mean for each entry", "expected one for all entries")
    mixed = generator.function if condition.one_hot else _mixed(generator, condition)

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        weights = tf.nn.softmax(_GAIN * (codes[:, entries:] - centre) / spread)
        return mixed(codes[:, :entries], held._replace(labels=weights))

    return derive(
        generator,
        f"{generator.name} with its classes mixed",
        function,
        fingerprint=generator.about.fingerprint,
        space=generator.space.with_shape((entries + condition.classes,)),
        condition=None,
    )


def _mixed(generator: Generator, condition: Condition) -> Function:
    """The generator's function for classes that are integers, given weights [B, classes] in the place of labels."""
    try:
        frozen = freeze(generator)
    except (tf.errors.OpError, ValueError, TypeError, NotImplementedError) as error:
        raise BadInput(f"the classes of {generator.name} cannot be mixed", short(error)) from error
    encoded = condition.encode(tf.range(condition.classes or 0))
    definition, names, tables = frozen.definition, [], []
    for number, name in enumerate(_embeddings(frozen)):
        table = part(frozen.definition, [frozen.labels or ""], f"{name}:0")(encoded)
        names.append(unused(definition, f"tfinvert_embedding_{number}"))
        definition = with_placeholder(definition, f"{name}:0", names[-1], table.dtype.as_datatype_enum)
        tables.append(table)
    if not tables:
        raise BadInput(
            f"the classes of {generator.name} cannot be mixed",
            "its graph does not show where a class becomes an embedding; search for the class (--labels=search)",
        )
    whole = part(definition, [frozen.codes, *frozen.tensors, *(f"{name}:0" for name in names)], frozen.images)

    def function(codes: tf.Tensor, held: Held) -> tf.Tensor:
        embeddings = (tf.tensordot(held.labels, table, 1) for table in tables)
        return whole(codes, *tf.nest.flatten(held.tensors), *embeddings)

    return function


def _embeddings(frozen: Frozen) -> list[str]:
    """The nodes at which the class, and nothing else, becomes numbers."""
    nodes = by_name(frozen.definition)
    label, code = node_of(frozen.labels or ""), node_of(frozen.codes)
    found = []
    for node in frozen.definition.node:
        if node.op in _LOOK_UPS:
            indices = node.input[0 if node.op == "OneHot" else 1]
            before = upstream(nodes, [indices])
            if label in before and code not in before:
                found.append(node.name)
    return found
