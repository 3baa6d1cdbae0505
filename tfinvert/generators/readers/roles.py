"""Which of a model's inputs is the code, which the class label, which are drawn once, and which are held."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert import seeds
from tfinvert.errors import BadInput
from tfinvert.generators.held import TAKEN, Shape
from tfinvert.generators.readers.inputs import Input, fit, fit_label, listing, with_sides
from tfinvert.settings import Inputs

_LABEL_NAME = re.compile(r"label|class|(^|_)cond|one_?hot|digit|(^|_)[yc]($|_|\d)", re.IGNORECASE)
_CODE_NAME = re.compile(r"noise|latent|code|seed|(^|_)z($|_|\d)", re.IGNORECASE)


class Roles(NamedTuple):
    """Which input is what."""

    code: Input
    label: Input | None = None
    drawn: tuple[Input, ...] = ()
    held: tuple[Input, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def holds(self) -> dict[str, Shape]:
        """Shapes of one row of what is held, by name."""
        return {tensor.name: _sides(tensor) for tensor in self.held}

    def values(self) -> Callable[..., dict[str, tf.Tensor]]:
        """A function (codes, labels where there are some, what is held by name) -> each input's value by its name."""

        def values(codes: tf.Tensor, /, *labels: tf.Tensor, **tensors: tf.Tensor) -> dict[str, tf.Tensor]:
            found = {self.code.name: fit(codes, self.code)}
            if self.label is not None:
                found[self.label.name] = tf.cast(fit_label(labels[0], self.label), self.label.dtype)
            for tensor in self.held:
                found[tensor.name] = tf.cast(tensors[tensor.name], tensor.dtype)
            for name, value in constants(self.drawn).items():
                found[name] = tf.repeat(value, tf.shape(codes)[0], axis=0)
            return found

        return values


@functools.cache
def constants(drawn: tuple[Input, ...]) -> dict[str, tf.Tensor]:
    """What is drawn once for these inputs, [1, *sides] by their names.

    Not before it is needed, for a file may want more than there is room for.
    """
    with tf.init_scope():  # they go into all graphs
        return {tensor.name: _drawn(tensor) for tensor in drawn}


def by_role(said: Inputs) -> dict[str, Sequence[Any]]:
    """The names that the user gives to each role, by the roles' flags."""
    one = lambda name: () if name is None else (name,)
    return {
        "code_input": one(said.code),
        "label_input": one(said.label),
        "drawn_inputs": said.drawn or (),
        "held_inputs": said.held or (),
    }


def roles(inputs: list[Input], said: Inputs, classes: int | None, sides: Shape | None = None) -> Roles:
    """Which input is what, by the names that the user gives; the code and the label else by name, type and size.

    Args:
      inputs: of the model.
      said: names of some of them.
      classes: how many classes the user says there are.
      sides: the code's shape, where the user states it.

    Raises:
      BadInput: a name is no input's, or stands twice; an input is left that nobody named; the code is of whole numbers.
    """
    named = _named(inputs, said)
    taken = [tensor for several in named.values() for tensor in several]
    rest = [tensor for tensor in inputs if tensor not in taken]
    code, label, sure = _code_and_label(inputs, named, rest)
    if label is None and classes is not None:
        raise BadInput(f"classes={classes} for a model that takes {listing(inputs)}", "it takes no label: leave it out")
    _check("code_input", code)
    assumed = [] if sure or label is None else [f"label_input: {label.name} (the code is {code.name})"]
    wide = with_sides(code, sides)
    if None in wide.shape[1:] and len(wide.shape) > 2:
        assumed.append(f"sides of {code.name} {list(code.shape)}: 1 where unknown (a prior's shape says others)")
    return Roles(wide, label, tuple(named["drawn_inputs"]), tuple(named["held_inputs"]), tuple(assumed))


def _named(inputs: list[Input], said: Inputs) -> dict[str, list[Input]]:
    """The inputs that the user names, by their roles."""
    there = {tensor.name: tensor for tensor in inputs}
    found: dict[str, list[Input]] = {role: [] for role in by_role(said)}
    first: dict[str, str] = {}  # the role that a name had first
    for role, name in ((role, name) for role, names in by_role(said).items() for name in names):
        if name not in list(there):  # it may be anything
            raise BadInput(f"{role} {name!r}", f"the model's inputs are {listing(inputs)}")
        if name in first:
            twice = f"twice in {role}" if first[name] == role else f"as {first[name]} and as {role}"
            raise BadInput(f"the input {name} {twice}", "expected it once")
        first[name] = role
        _check(role, there[name])
        found[role].append(there[name])
    return found


def _check(role: str, tensor: Input) -> None:
    """Raises `BadInput` where an input is none for this role."""
    what = f"{role} {tensor.name!r}"
    if role in ("drawn_inputs", "held_inputs") and None in tensor.shape[1:]:
        raise BadInput(f"{what} with the shape {list(tensor.shape)}", "expected sides that are known")
    if role in ("drawn_inputs", "code_input") and not tf.as_dtype(tensor.dtype).is_floating:
        raise BadInput(f"{what} of {tensor.dtype}", "expected an input of floating point numbers")
    if role == "held_inputs" and tensor.name in TAKEN:
        raise BadInput(what, f"expected another name than {', '.join(TAKEN)}: rename the input")


def _code_and_label(
    inputs: list[Input], named: dict[str, list[Input]], rest: list[Input]
) -> tuple[Input, Input | None, bool]:
    """The code, the label if there is one, and whether that is more than a guess by size.

    Where the user names any, nothing is guessed by size.
    """
    code, label = (next(iter(named[role]), None) for role in ("code_input", "label_input"))
    if code is None and len(rest) == 1:
        return rest[0], label, True
    if code is not None and not rest:
        return code, label, True
    if label is None and code is not None and rest == [_certain_label(rest)]:
        return code, rest[0], True
    if code is None and label is None and len(rest) == 2:
        label, sure = _find_label(rest)
        if _flat(label) and (sure or len(inputs) == 2):
            return next(tensor for tensor in rest if tensor is not label), label, sure
    if code is None and not rest:
        raise BadInput(f"no code is left among the inputs {listing(inputs)}", "name it (--code_input)")
    raise _unsaid(inputs, named, rest)


def _unsaid(inputs: list[Input], named: dict[str, list[Input]], rest: list[Input]) -> BadInput:
    """That nobody said what some inputs are, with what to write."""
    code = named["code_input"] or [min(rest, key=lambda tensor: (len(tensor.shape) != 2, not _is_code(tensor)))]
    others = [tensor for tensor in rest if tensor not in code]
    label = named["label_input"] or [tensor for tensor in others if _certain_label([tensor])][:1]
    drawn = [*named["drawn_inputs"], *(tensor for tensor in others if tensor not in label)]
    wanted = {"code_input": code, "label_input": label, "drawn_inputs": drawn, "held_inputs": named["held_inputs"]}
    flags = [f"--{role}={','.join(each.name for each in found)}" for role, found in wanted.items() if found]
    return BadInput(
        f"the model takes {len(inputs)} inputs ({listing(inputs)})",
        f"say which is what, such as {' '.join(flags)} (drawn ones are the same for all images; in Python: "
        "inputs=ti.Inputs(code=, label=, drawn=[], held=[]))",
    )


def _is_code(tensor: Input) -> bool:
    return bool(_CODE_NAME.search(tensor.name))


def _flat(tensor: Input) -> bool:
    """Whether an input is a number or a vector for each row, as labels are."""
    return sum(n != 1 for n in tensor.shape[1:]) <= 1


def _certain_label(inputs: list[Input]) -> Input | None:
    """The label's input where type, size or name says it, and of no other input."""
    for certain in (
        lambda t: tf.as_dtype(t.dtype).is_integer,
        lambda t: t.shape[1:] in ((), (1,)) and not _is_code(t),
        lambda t: bool(_LABEL_NAME.search(t.name)) and not _is_code(t),
    ):
        found = [tensor for tensor in inputs if certain(tensor)]
        if len(found) == 1:
            return found[0]
    return None


def _find_label(inputs: list[Input]) -> tuple[Input, bool]:
    """The label among two inputs, and whether that is more than a guess by size."""
    found = _certain_label(inputs)
    if found is not None:
        return found, True
    codes = [tensor for tensor in inputs if _is_code(tensor)]
    if len(codes) == 1:
        return next(tensor for tensor in inputs if tensor is not codes[0]), True
    return min(inputs, key=lambda tensor: tensor.shape[-1] or 0), False


def _sides(tensor: Input) -> Shape:
    """The shape of one row of an input whose sides are all known."""
    return tuple(int(n) for n in tensor.shape[1:] if n is not None)


def _drawn(tensor: Input) -> tf.Tensor:
    """Standard normal numbers [1, *sides] that depend on the input's name only."""
    return tf.cast(seeds.normal(seeds.of(0, [tensor.name]), _sides(tensor)), tensor.dtype)
