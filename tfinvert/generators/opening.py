"""Opens what a generator is made from: files are read in a process that is watched before they are read here."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import keras
import numpy as np
from absl import logging

from tfinvert import spaces
from tfinvert.errors import BadInput
from tfinvert.generators import priors
from tfinvert.generators.condition import Condition
from tfinvert.generators.derived import piece  # noqa: F401  (files may hold its layers, which Keras knows by it)
from tfinvert.generators.derived.split import behind
from tfinvert.generators.generator import About, Generator
from tfinvert.generators.held import Holds, Shape
from tfinvert.generators.plan import Plan
from tfinvert.generators.readers import contents, hub, inputs, keras_files, keras_model
from tfinvert.generators.readers.contents import Contents
from tfinvert.generators.readers.inputs import Wiring
from tfinvert.generators.readers.roles import by_role
from tfinvert.generators.readers.saved import model as saved_model
from tfinvert.generators.safety import process
from tfinvert.generators.safety.config import registered
from tfinvert.generators.trial import Facts
from tfinvert.remote import is_remote, local, path_of
from tfinvert.settings import GeneratorSettings, Limits

_DEFAULT_RANGE = (-1.0, 1.0)
_WHOLE = 4  # a file may be so many times as large as the arrays that are taken out of it, for it may hold others
_HALF = (
    "%s: layers compute in %s, whose rounding limits how closely images are met: build them in float32, or save the "
    "model and give the file, of which Keras's own layers are read in float32"
)
_LARGER = "if it is meant to, raise --max_gigabytes"
BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "glyphs.keras"


def opened(stated: GeneratorSettings, limits: Limits, custom_objects: Mapping[str, Any] | None = None) -> Generator:
    """The generator of these settings; see `tfinvert.generators.load`.

    Args:
      stated: its source, and what the user says of it.
      limits: for reading a file.
      custom_objects: the user's classes that a file needs, by name.

    Raises:
      BadInput: the source cannot be used as a generator; the message says why and what to do.
    """
    if not isinstance(limits, Limits):
        raise BadInput(f"limits={limits!r}", "expected Limits, such as tfinvert.Limits(gigabytes=8)")
    if not isinstance(custom_objects or {}, Mapping):
        raise BadInput(f"custom_objects={custom_objects!r}", "expected classes by their names, {'Name': Name}")
    source = BUILTIN if stated.source is None else stated.source
    if source == "":
        raise BadInput("a generator without a name", "expected a file, a folder or a handle")
    if isinstance(source, (str, Path)):
        whole = _from_file(str(source), stated, dict(custom_objects or {}), limits)
    elif callable(source):
        whole = called(source, stated)
    else:
        raise BadInput(f"a generator of type {type(source).__name__}", "expected a file, a Keras model or a function")
    rough = None if whole.network is None else keras_model.half(whole.network.model)
    if rough is not None:
        logging.warning(_HALF, whole.name, rough)
    return whole if stated.behind is None else behind(whole, stated.behind)


def called(source: Callable, stated: GeneratorSettings, holds: Mapping[str, Shape] = MappingProxyType({})) -> Generator:
    """The generator that calls a model or a function; `holds` are shapes of what a function takes by name."""
    name = str(getattr(source, "name", None) or getattr(source, "__name__", type(source).__name__))
    prior = priors.stated({}, stated.prior)
    wiring = _wire(source, name, stated, prior)
    plan = _plan(wiring._replace(holds={**wiring.holds, **holds}), prior, {}, stated, name)
    return plan.make(plan.try_out())


class _File(NamedTuple):
    """A file that a generator is read from."""

    path: Path
    name: str
    known: dict[str, Any]  # of a TF-Hub module, as on a card
    folder: Path  # for a copy of its arrays
    limits: Limits


class _Opened(NamedTuple):
    """What a Keras file holds, and who reads it."""

    contents: Contents
    reader: str  # "" where it needs classes of the user's


def _from_file(source: str, stated: GeneratorSettings, custom: dict[str, Any], limits: Limits) -> Generator:
    """Reads a file twice: first in a process that is watched, then here what was found to be good."""
    known: dict[str, Any] = {}
    if hub.is_handle(source):
        known, name, path = hub.known(source), source, hub.folder(source)
    elif is_remote(source):
        name, path = source, local(path_of(source), _WHOLE * limits.bytes, _LARGER)
    else:
        path = Path(source).expanduser()  # no shell does it behind a flag's "="
        name = path.name
    try:
        if not saved_model.is_saved_model(path):
            contents.sniff(path)  # most mistakes are told at once
        _refuse_size(path, limits)
        with tempfile.TemporaryDirectory() as folder:
            plan, facts = _read(_File(path.absolute(), name, known, Path(folder), limits), stated, custom)
        digest = saved_model.digest(path, limits) if saved_model.is_saved_model(path) else _digest(path)
    except BadInput as error:
        raise error.about(name) from error
    except OSError as error:
        raise (contents.no_room(error) or error) from error
    return plan.make(facts, digest)


def _read(file: _File, stated: GeneratorSettings, custom: dict[str, Any]) -> tuple[Plan, Facts]:
    custom = {**registered(), **custom}
    names = list(custom)
    if stated.allow_unsafe or not process.available():  # code that the user trusts must not be run twice
        opened, model = _open(file, stated, custom, names)
        plan = _planned(file, opened, stated, model)
        return plan, plan.try_out()
    own = priors.is_own(stated.prior)
    there = dataclasses.replace(stated, prior=priors.stand_in(stated.prior)) if own else stated
    with process.watched(_try, file, there, names, limits=file.limits, what=f"loading {file.name}") as answers:
        _begin()
        opened = next(answers)
        if opened is None or opened.reader:
            # While the other process tries it on codes:
            model = None if opened is None else keras_files.read_by(opened.reader, opened.contents)
            plan = _planned(file, opened, stated, model)
            facts = next(answers)
            return plan, plan.try_out() if own else facts
    model, reader = keras_files.read_model(opened.contents, file.name, custom)
    plan = _planned(file, opened._replace(reader=reader), stated, model)
    return plan, plan.try_out()


def _begin() -> None:
    """Has TensorFlow and Keras do what they do once, while the other process reads."""
    keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])(np.zeros((1, 1)))


def _try(file: _File, stated: GeneratorSettings, names: Sequence[str]) -> Iterator[Any]:
    """What is done in a process of its own: all but what needs the user's classes, which are not there."""
    tempfile.tempdir = str(file.folder)  # whoever asked deletes it, however this process ends
    began = time.monotonic()
    opened, model = _open(file, stated, None, names)
    if time.monotonic() - began > file.limits.seconds / 2:  # it is read here and there, and there nobody watches
        raise BadInput(
            f"reading {file.name} takes more than {file.limits.seconds / 2:g} seconds, half of the limit",
            "if it is meant to, say more with --max_seconds, or limits=Limits(seconds=...)",
        )
    if opened is not None and not opened.reader:
        yield opened
        return
    plan = _planned(file, opened, stated, model)
    yield opened
    yield plan.try_out()


def _open(
    file: _File, stated: GeneratorSettings, custom: Mapping[str, Any] | None, names: Sequence[str]
) -> tuple[_Opened | None, Any]:
    """Takes a Keras file through the gate, and reads it; (None, None) for a SavedModel.

    Args:
      file: the file.
      stated: what the user says of it.
      custom: the user's classes; None where they are not to be had: then a model that needs them is not read.
      names: of all that the user vouches for.
    """
    if saved_model.is_saved_model(file.path):
        return None, None
    found = contents.read(file.path, file.folder, file.limits, names, stated.allow_unsafe)
    if custom is None and found.custom:
        return _Opened(found, ""), None
    model, reader = keras_files.read_model(found, file.name, custom)
    return _Opened(found, reader), model


def _planned(file: _File, opened: _Opened | None, stated: GeneratorSettings, model: Any) -> Plan:
    said = file.known if opened is None else opened.contents.card
    prior = priors.stated(said, stated.prior)
    if opened is not None:
        wiring = _wire(model, file.name, stated, prior)
    else:
        wiring = saved_model.read(
            file.path,
            signature=stated.signature or file.known.get("signature"),
            truncation=stated.truncation,
            inputs=stated.inputs,
            classes=stated.classes,
            sides=priors.sides(prior),
            allow_unsafe=stated.allow_unsafe,
            limits=file.limits,
        )
    return _plan(wiring, prior, said, stated, file.name)


def _plan(
    wiring: Wiring, prior: spaces.Space | None, said: Mapping[str, Any], stated: GeneratorSettings, name: str
) -> Plan:
    """What a generator is made of, by what the user states and else what its file says."""
    if stated.inputs.class_entries is not None:
        wiring = inputs.without_class(wiring, stated.inputs.class_entries, name)
    names = said.get("class_names")
    if wiring.condition is not None and names:
        if not (
            isinstance(names, list) and all(isinstance(each, str) for each in names) and len({*names}) == len(names)
        ):
            raise BadInput(f"{name} with class_names={names!r}", "expected a list of names that differ")
        wiring = wiring._replace(condition=dataclasses.replace(wiring.condition, names=tuple(names)))
    assumed = list(wiring.assumed)
    if prior is None:
        prior = spaces.normal() if wiring.truncation is None else spaces.normal(stddev=wiring.truncation, bound=2)
        assumed.append(f"prior: {str(prior).removesuffix('()')}")
    space = priors.over(prior, wiring.code_shape, name)
    bounds = stated.value_range if stated.value_range is not None else said.get("value_range")
    if bounds is None:
        bounds = _DEFAULT_RANGE
        assumed.append(f"value_range: {list(_DEFAULT_RANGE)}")
    takes = Holds(wiring.condition, dict(wiring.holds))
    about = About(name, assumed=tuple(assumed), tuned_from=str(said.get("tuned_from", "")))
    return Plan(wiring.function, space, takes, range_of(bounds), stated.image_shape, about, wiring.network)


def _wire(model: Any, name: str, stated: GeneratorSettings, prior: spaces.Space | None) -> Wiring:
    """How a model, or any function, is called."""
    for option in ("signature", "truncation"):
        if getattr(stated, option) is not None:
            raise BadInput(
                f"{option}={getattr(stated, option)} for {name}",
                "only a SavedModel or TF-Hub module takes it: leave it out",
            )
    if keras_model.is_model(model):
        return keras_model.wire(model, stated.inputs, stated.classes, priors.sides(prior))
    for role, named in by_role(stated.inputs).items():
        if named:
            raise BadInput(f"{role} {named[0]!r} for the function {name}", "leave it out: it takes (codes, labels)")
    condition = Condition(stated.classes, column=False, dtype="int32") if stated.classes else None
    return Wiring(model, None, condition, [])


def range_of(bounds: Sequence[float]) -> tuple[float, float]:
    """(low, high) as it was stated; raises `BadInput` where that is none."""
    try:
        low, high = (float(bound) for bound in (bounds.split(",") if isinstance(bounds, str) else bounds))
    except (TypeError, ValueError) as error:
        raise BadInput(f"value_range {bounds!r}", "expected two numbers, such as -1,1") from error
    if not -np.inf < low < high < np.inf:
        raise BadInput(f"value_range {low},{high}", "expected two finite numbers, low before high, such as -1,1 or 0,1")
    return low, high


def _refuse_size(path: Path, limits: Limits) -> None:
    """Raises `BadInput` where a file is so large that reading it for its digest would take minutes."""
    if path.is_file() and (size := path.stat().st_size) > _WHOLE * limits.bytes:
        raise BadInput(
            f"{path.name} has {size / 1e9:.3g} GB", f"expected at most {_WHOLE * limits.gigabytes:g}; {_LARGER}"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
