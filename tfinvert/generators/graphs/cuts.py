"""Where a generator can be cut in two: at its first dense layer, at a layer or at a tensor."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import by_name, node_of, upstream
from tfinvert.generators.graphs.frozen import Frozen

FIRST_DENSE = "first_dense"

_PRODUCTS = ("MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
_SUMS = ("BiasAdd", "Add", "AddV2")
_KEEPING = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "Transpose")  # what may stand before a weight
_SHAPES = ("Shape", "ShapeN", "Size", "Rank")  # what they give says nothing of the code


class Layer(NamedTuple):
    """A place where a generator can be cut."""

    name: str  # of a layer, or of a scope of the graph
    tensor: str  # what comes out of it


def layers(frozen: Frozen) -> list[Layer]:
    """The layers that the way from the codes to the images goes through, in that order.

    A layer is a scope of the graph that holds no other layer; its tensor is the last that leaves the scope.
    """
    places = _places(frozen)
    known = [scope for scope in places if scope in frozen.scopes] or list(places)
    inner = [scope for scope in known if not any(other.startswith(f"{scope}/") for other in known)]
    return [Layer(frozen.scopes.get(scope, scope), f"{places[scope]}:0") for scope in inner]


def find(frozen: Frozen, at: str, generator: str) -> str:
    """The tensor at which to cut.

    Args:
      frozen: the generator's graph.
      at: "first_dense", or the name of a layer, of an operation or of a tensor.
      generator: its name, for messages.

    Raises:
      BadInput: there is no such place, or the image does not depend on the code through it.
    """
    if at == FIRST_DENSE:
        return f"{_first_dense(frozen, generator)}:0"
    places = {frozen.scopes.get(scope, scope): f"{node}:0" for scope, node in _places(frozen).items()}
    # A layer's name may stand anywhere in its scope: "dense" in "generator/dense".
    found = {name: tensor for name, tensor in places.items() if f"/{name}".endswith(f"/{at}") and at}
    if at in found or len(set(found.values())) == 1:
        return found.get(at) or next(iter(found.values()))
    if not found and node_of(at) in between(frozen) and node_of(at) not in _images(frozen):
        return at if ":" in at else f"{at}:0"
    if found:
        raise BadInput(f"{generator} has several layers {at!r}", f"name one whole: {', '.join(found)}")
    names = {name.rpartition("/")[2]: None for name, _ in layers(frozen)}
    near = difflib.get_close_matches(at, names, n=3, cutoff=0.4)
    raise BadInput(
        f"{generator} has no layer {at!r} between code and image",
        f"near it are {', '.join(near)}" if near else f"there are {', '.join(list(names)[:12])}",
    )


def goes_round(frozen: Frozen, tensor: str) -> bool:
    """Whether the codes also reach the images other than through this tensor."""
    nodes = _without_shapes(frozen.definition)
    return node_of(frozen.codes) in upstream(nodes, [frozen.images], stop=node_of(tensor))


def _places(frozen: Frozen) -> dict[str, str]:
    """Each scope of the graph on the way from the codes to the images, and the last node that leaves it."""
    way, images = between(frozen), _images(frozen)
    users: dict[str, list[str]] = {name: [] for name in way}
    for name, node in way.items():
        for given in map(node_of, node.input):
            if given in way:
                users[given].append(name)
    last: dict[str, str] = {}
    for name, node in way.items():
        if name in images or node.op == "Identity":
            continue
        parts = name.split("/")
        scopes = ["/".join(parts[:end]) for end in range(1, len(parts))] or [name]
        for scope in scopes:
            if any(not user.startswith(f"{scope}/") for user in users[name]):
                last.pop(scope, None)  # in the order of the ends
                last[scope] = name
    return last


def _images(frozen: Frozen) -> set[str]:
    """The nodes that hold the images themselves."""
    nodes, name = by_name(frozen.definition), node_of(frozen.images)
    found = {name}
    while nodes[name].op in ("Identity", "Cast", "Reshape"):
        name = node_of(nodes[name].input[0])
        found.add(name)
    return found


def between(frozen: Frozen) -> dict[str, Any]:
    """The nodes between codes and images, in an order in which inputs come first."""
    nodes = _without_shapes(frozen.definition)
    needed, from_codes = upstream(nodes, [frozen.images]), {node_of(frozen.codes)}
    way = {}
    for name, node in nodes.items():
        if any(node_of(given) in from_codes for given in node.input):
            from_codes.add(name)
            if name in needed:
                way[name] = node
    return way


def _without_shapes(definition: Any) -> dict[str, Any]:
    """The nodes of a GraphDef, but those that only look at the shape of something."""
    return {name: node for name, node in by_name(definition).items() if node.op not in _SHAPES}


def _first_dense(frozen: Frozen, generator: str) -> str:
    """The node at which the first dense layer ends: its bias included, its activation not.

    Of the products of something that comes from the codes with a constant matrix, and with no other such product before
    it, the widest: class-conditional generators also have narrower ones there, which scale their later layers.
    """
    nodes = by_name(frozen.definition)
    dense: dict[str, int] = {}
    behind: set[str] = set()  # what depends on a product already found
    for name, node in between(frozen).items():
        inputs = [node_of(each) for each in node.input]
        if behind.intersection(inputs):
            behind.add(name)
        elif (width := _width(nodes, node)) is not None:
            dense[name] = width
            behind.add(name)
    if not dense:
        raise BadInput(f"{generator} cannot be split", "it has no dense layer that its codes go through")
    first = max(dense, key=lambda each: dense[each])
    after = [node for node in frozen.definition.node if first in map(node_of, node.input)]
    if len(after) == 1 and after[0].op in _SUMS:
        others = [_constant(nodes, node_of(each)) for each in after[0].input if node_of(each) != first]
        if len(others) == 1 and others[0] is not None and math.prod(others[0]) == dense[first]:
            return after[0].name
    return first


def _width(nodes: dict[str, Any], node: Any) -> int | None:
    """How many values a dense layer gives that is this product; None where it is none."""
    if node.op == "Einsum":
        return _einsum_width(nodes, node)
    if node.op not in _PRODUCTS:
        return None
    known = [shape for shape in _weights(nodes, node) if len(shape) == 2]
    if len(known) != 1:
        return None
    turned = any(key in node.attr and node.attr[key].b for key in ("transpose_b", "adj_y"))
    return known[0][0] if turned else known[0][1]


def _einsum_width(nodes: dict[str, Any], node: Any) -> int | None:
    """The same of "ab,bc->ac", as Keras writes some dense layers."""
    known = list(_weights(nodes, node))
    given, _, result = node.attr["equation"].s.decode().partition("->")
    terms = given.split(",")
    if len(known) != 1 or len(terms) != 2:
        return None
    term = next((each for each in terms[::-1] if len(each) == len(known[0])), "")
    return math.prod(size for axis, size in zip(term, known[0], strict=False) if axis in result)


def _weights(nodes: dict[str, Any], node: Any) -> Iterator[tuple[int, ...]]:
    """The shapes of those of a node's first two inputs that are constant."""
    for each in node.input[:2]:
        shape = _constant(nodes, node_of(each))
        if shape is not None:
            yield shape


def _constant(nodes: dict[str, Any], name: str) -> tuple[int, ...] | None:
    """The shape of a constant, also behind operations that keep its values; None for what is no constant."""
    node = nodes[name]
    while node.op in _KEEPING:
        node = nodes[node_of(node.input[0])]
    if node.op != "Const":
        return None
    return tuple(size.size for size in node.attr["value"].tensor.tensor_shape.dim)
