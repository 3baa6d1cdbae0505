"""How a setting is stated: once, with its default, its bounds and what it means."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfinvert.errors import BadInput


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known of a setting beside its name and its default.

    Attributes:
      help: what it means: the help of its flag.
      kind: of one value: str, int, float or bool.
      several: whether it is several of them, with commas between in a flag.
      flag: the flag's name, where that is not the field's.
      choices: what it may be, texts or whole numbers; () for any.
      least, most: bounds of a number, which it may reach.
      above: a bound that it may not reach.
      open: whether other kinds of values are taken from Python, such as arrays or objects.
    """

    help: str
    kind: type = str
    several: bool = False
    flag: str | None = None
    choices: tuple[str | int, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    open: bool = False

    def check(self, name: str, value: Any) -> None:
        """Raises `BadInput` where the value cannot be one of this setting."""
        if value is None or self.open:
            return
        if self.kind is bool and not isinstance(value, bool):
            raise BadInput(f"{name}={value!r}", "expected True or False")
        if self.several and (isinstance(value, str) or not isinstance(value, Iterable)):
            raise BadInput(f"{name}={value!r}", "expected several, such as a list")
        for each in value if self.several else [value]:
            if self.choices and each not in self.choices:
                raise BadInput(f"{name}={each!r}", f"expected one of {', '.join(map(str, self.choices))}")
            if self.kind in (int, float):
                self._check_number(name, each)

    def _check_number(self, name: str, value: Any) -> None:
        expected = "a whole number" if self.kind is int else "a number"
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (("above", self.above), ("of at least", self.least))
            if bound is not None
        ]
        bounds += [] if self.most is None else [f"of at most {self.most:g}"]
        wrong = BadInput(f"{name}={value!r}", " ".join(["expected", expected, " and ".join(bounds)]).rstrip())
        if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
            raise wrong
        number = float(value)
        if not math.isfinite(number) or (self.kind is int and number != int(number)):
            raise wrong
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        if not low <= number <= high or (self.above is not None and number <= self.above):
            raise wrong


def setting(default: Any, help: str, kind: type = str, **more: Any) -> Any:
    """A field of a `Settings` class; the arguments are those of `Setting`. Without a default: `dataclasses.MISSING`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, kind, **more)})


class Settings:
    """Base of all groups of settings: frozen dataclasses whose values are checked when they are made."""

    @classmethod
    def of(cls, **values: Any) -> Any:
        """These settings with values that are named as their flags are, those of groups within too: see `made`.

        >>> from tfinvert.settings import Job
        >>> Job.of(images="photos", restarts=8).starts.count
        8
        """
        return made(cls, values)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            if "group" in field.metadata:
                _check_group(field, getattr(self, field.name))
            if "setting" in field.metadata:
                stated, value = field.metadata["setting"], getattr(self, field.name)
                name = stated.flag or field.name
                if value is None and field.default is not None:
                    raise BadInput(f"{name}=None", "expected a value, or leave it out")
                stated.check(name, value)
                if stated.kind is int and isinstance(value, float):  # a whole one
                    object.__setattr__(self, field.name, int(value))
                if stated.several and not stated.open and value is not None:  # whatever they came in, and hashable
                    object.__setattr__(self, field.name, tuple(value))


def _check_group(field: dataclasses.Field, value: Any) -> None:
    group = field.metadata["group"]
    if not isinstance(value, group) and not (value is None and field.metadata["optional"]):
        raise BadInput(f"{field.name}={value!r}", f"expected {group.__name__}(...)")


def stated(group: type) -> dict[str, tuple[dataclasses.Field, Setting]]:
    """The fields of a group by their flags' names."""
    found = [(field, field.metadata["setting"]) for field in dataclasses.fields(group) if "setting" in field.metadata]
    return {how.flag or field.name: (field, how) for field, how in found}


def check(group: type, **values: Any) -> None:
    """Raises `BadInput` where one of these values, named as the flags of a group are, cannot be one of it."""
    for name, value in values.items():
        if value is None:
            raise BadInput(f"{name}=None", "expected a value, or leave it out")
        stated(group)[name][1].check(name, value)


def nested(group: type) -> dict[str, type]:
    """The groups within a group, by the names of their fields."""
    return {field.name: field.metadata["group"] for field in dataclasses.fields(group) if "group" in field.metadata}


def within(group: type, optional: bool = False) -> Any:
    """A field that is a group of settings itself; None by default where it is optional."""
    factory: Any = (lambda: None) if optional else group
    return dataclasses.field(default_factory=factory, metadata={"group": group, "optional": optional})


def flags_of(group: type) -> dict[str, Setting]:
    """All settings of a group and of those within, by their flags' names."""
    found = {name: how for name, (_, how) in stated(group).items()}
    for inner in nested(group).values():
        found |= flags_of(inner)
    return found


def made(group: type, values: dict[str, Any]) -> Any:
    """A group of these values, which are named as the flags are.

    A group within that is optional is made where one of its values is not None.

    Raises:
      BadInput: a value cannot be one of its setting, or there is no such setting.
    """
    unknown = sorted(set(values) - set(flags_of(group)))
    if unknown:
        raise BadInput(f"settings {', '.join(unknown)}", f"expected some of {', '.join(sorted(flags_of(group)))}")
    return _made(group, values)


def _made(group: type, values: dict[str, Any]) -> Any:
    given: dict[str, Any] = {field.name: values[name] for name, (field, _) in stated(group).items() if name in values}
    for field in dataclasses.fields(group):
        if "group" in field.metadata:
            inner = field.metadata["group"]
            own = {name: values[name] for name in flags_of(inner) if name in values}
            if not field.metadata["optional"]:
                given[field.name] = _made(inner, own)
            elif said := {name: value for name, value in own.items() if value is not None}:
                _need_first(inner, said)
                given[field.name] = _made(inner, said)
    return group(**given)


def _need_first(group: type, said: dict[str, Any]) -> None:
    """Raises `BadInput` where the settings of an optional group lack those without a default."""
    for name in _needed(group):
        if name not in said:
            other, value = next(iter(said.items()))
            raise BadInput(f"{other}={as_flag(value)} without {name}", f"give {name} too, or leave it out")


def as_flag(value: Any) -> str:
    """A value as one would write it behind a flag."""
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _needed(group: type) -> list[str]:
    """The settings of a group that have no default, by their flags' names."""
    return [name for name, (field, _) in stated(group).items() if field.default is dataclasses.MISSING]


def flat(group: Any) -> dict[str, Any]:
    """The values of a group and of those within, by their flags' names."""
    found = {name: getattr(group, field.name) for name, (field, _) in stated(type(group)).items()}
    for name in nested(type(group)):
        inner = getattr(group, name)
        found |= {} if inner is None else flat(inner)
    return found


def changed(group: Any, **values: Any) -> Any:
    """The same settings with other values, which are named as the flags are.

    An optional group is left out where that of its values is None which it cannot be without.
    """
    before = flat(group)
    for inner in nested(type(group)).values():
        if any(values.get(name, ...) is None for name in _needed(inner)):
            before = {name: value for name, value in before.items() if name not in flags_of(inner)}
    return made(type(group), {**before, **values})


def as_nest(group: Any) -> dict[str, Any]:
    """The values as a dict, in which groups are dicts again."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(group):
        value = getattr(group, field.name)
        found[field.name] = as_nest(value) if "group" in field.metadata and value is not None else value
    return found


def by_flags(nest: Mapping[str, Any], group: type | None = None, place: str = "") -> dict[str, Any]:
    """What `as_nest` gave, flat again: by the flags' names where these are known, else by the way to it."""
    names = {} if group is None else {field.name: name for name, (field, _) in stated(group).items()}
    inner = {} if group is None else nested(group)
    found: dict[str, Any] = {}
    for key, value in nest.items():
        if isinstance(value, dict):
            found |= by_flags(value, inner.get(key), f"{place}{key}.")
        elif value is not None or key not in inner:  # an optional group that is not there says nothing
            found[names.get(key, f"{place}{key}")] = value
    return found


def of_nest(group: type, nest: dict[str, Any], where: str) -> Any:
    """The group that `as_nest` gave this dict for.

    Raises:
      BadInput: it is of a version with other settings.
    """
    fields = {field.name: field for field in dataclasses.fields(group)}
    unknown: Sequence[str] = sorted(set(nest) - set(fields)) if isinstance(nest, dict) else [repr(nest)]
    if unknown:
        raise BadInput(
            f"{where} has settings that are not known here: {', '.join(unknown)}",
            "another version of tfinvert wrote it: use that one, or run again into another folder",
        )
    given = {
        name: of_nest(fields[name].metadata["group"], value, where)
        if "group" in fields[name].metadata and value is not None
        else value
        for name, value in nest.items()
    }
    lacking = [
        name
        for name, field in fields.items()
        if name not in given and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if lacking:
        raise BadInput(
            f"{where} lacks the setting {', '.join(lacking)}", "it is damaged: run again into another folder"
        )
    return group(**given)
