"""Where a generator can be cut in two: at its first linear map, at a layer or at a tensor."""

from __future__ import annotations

import difflib
from typing import Any, NamedTuple

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import by_name, node_of, reaches, tensor_of, upstream, without_shapes
from tfinvert.generators.graphs.frozen import Frozen
from tfinvert.generators.graphs.linear import Map, Maps

FIRST_DENSE = "first_dense"
_TOLD = 40  # names in a message


class Layer(NamedTuple):
    """A place where a generator can be cut."""

    name: str  # of a layer, or of a scope of the graph
    tensor: str  # what comes out of it


def layers(frozen: Frozen) -> list[Layer]:
    """The layers that the way from the codes to the images goes through, in that order.

    A layer is a scope of the graph that holds no other layer; its tensor is the last that leaves the scope.
    """
    places = _places(frozen)
    known = [scope for scope in places if scope in frozen.layers] or list(places)
    inner = [scope for scope in known if not any(other.startswith(f"{scope}/") for other in known)]
    return [Layer(scope, places[scope]) for scope in inner]


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
        return f"{_first_linear(frozen, generator)}:0"
    places = _places(frozen)
    # A layer's name may stand anywhere in its scope: "dense" in "generator/dense".
    found = {name: tensor for name, tensor in places.items() if f"/{name}".endswith(f"/{at}") and at}
    if at in found or len(set(found.values())) == 1:
        return found.get(at) or next(iter(found.values()))
    node, colon, number = at.partition(":")
    outputs = [] if found or node in _images(frozen) else sorted(_used(frozen).get(node, {}))
    if outputs:
        return _output(generator, at, outputs, number if colon else None)
    if found:
        raise BadInput(f"{generator} has several layers {at!r}", f"name one whole: {', '.join(found)}")
    last = lambda name: name.rpartition("/")[2]
    names = dict.fromkeys(last(name) for name, _ in layers(frozen))
    near = difflib.get_close_matches(at, {*names, *map(last, places)}, n=3, cutoff=0.4)
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    raise BadInput(
        f"{generator} has no layer {at!r} between code and image",
        f"near it are {', '.join(near)}" if near else f"there are {', '.join(list(names)[:_TOLD])}{more}",
    )


def _output(generator: str, at: str, outputs: list[int], number: str | None) -> str:
    """The tensor that `at` means, of an operation with these outputs on the way from the codes to the images.

    Its number is compared as text, for any number of digits may be asked for; None is the first output.
    """
    tensors = {str(each): f"{at.partition(':')[0]}:{each}" for each in outputs}
    if number is None:
        return tensors[str(outputs[0])]
    known = tensors.get(number.lstrip("0") or "0") if number else None
    if known is None:
        raise BadInput(
            f"{generator} has no tensor {at!r} between code and image", f"expected {' or '.join(tensors.values())}"
        )
    return known


def goes_round(frozen: Frozen, tensor: str) -> bool:
    """Whether the codes also reach the images other than through this tensor."""
    return reaches(frozen.definition, frozen.codes, frozen.images, but=tensor)


def _places(frozen: Frozen) -> dict[str, str]:
    """Each scope of the graph on the way from the codes to the images, and the last tensor that leaves it.

    Of a node with several outputs, it is the first of those that leave the scope.
    """
    images, used = _images(frozen), _used(frozen)
    last: dict[str, str] = {}
    for name, node in between(frozen).items():
        if name in images or node.op == "Identity":
            continue
        parts = name.split("/")
        scopes = ["/".join(parts[:end]) for end in range(1, len(parts))] or [name]
        for scope in scopes:
            users = used.get(name, {})
            leaving = [each for each in users if any(not user.startswith(f"{scope}/") for user in users[each])]
            if leaving:
                last.pop(scope, None)  # in the order of the ends
                last[scope] = f"{name}:{min(leaving)}"
    return last


def _used(frozen: Frozen) -> dict[str, dict[int, list[str]]]:
    """The outputs that lead from the codes to the images, by their nodes and numbers, and the nodes that they go to."""
    way = between(frozen)
    found: dict[str, dict[int, list[str]]] = {}
    for user, node in way.items():
        for given in map(tensor_of, node.input):
            name, _, number = given.partition(":")
            if name in way:
                found.setdefault(name, {}).setdefault(int(number), []).append(user)
    return found


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
    nodes = without_shapes(frozen.definition)
    needed, from_codes = upstream(nodes, [frozen.images]), {node_of(frozen.codes)}
    way = {}
    for name, node in nodes.items():
        if any(node_of(given) in from_codes for given in node.input):
            from_codes.add(name)
            if name in needed:
                way[name] = node
    return way


def first_maps(frozen: Frozen) -> list[str]:
    """The tensors behind all linear maps that codes enter before any other: in a class-conditional or style-based
    generator there are several.
    """
    return [f"{name}:0" for name in _first(frozen, Maps(frozen.definition))]


def _first(frozen: Frozen, maps: Maps) -> dict[str, Map]:
    """The linear maps of codes with no other before them, by their nodes."""
    found: dict[str, Map] = {}
    behind: set[str] = set()  # what depends on a map already found
    for name, node in between(frozen).items():
        if behind.intersection(map(node_of, node.input)):
            behind.add(name)
        elif (linear := maps.of(node)) is not None:
            found[name] = linear
            behind.add(name)
    return found


def _first_linear(frozen: Frozen, generator: str) -> str:
    """The node at which the first linear map of the code ends: its bias included, its activation not.

    See `linear.py` for what counts as one. With no other such map before it, the widest: class-conditional generators
    also have narrower ones there, which scale their later layers.
    """
    maps = Maps(frozen.definition)
    found = _first(frozen, maps)
    if not found:
        raise BadInput(
            f"{generator} cannot be split",
            "its codes go through no dense layer and no convolution of a 1x1 map; name a layer, such as "
            f"{', '.join(dict.fromkeys(name.rpartition('/')[2] for name, _ in layers(frozen)[:_TOLD]))}",
        )
    first = max(found, key=lambda each: found[each].width)
    return maps.with_bias(first, found[first])
