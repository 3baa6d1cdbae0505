"""Flags that several commands have, made of the settings: name, default and help are stated there."""

from __future__ import annotations

import dataclasses
import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from absl import flags, logging

from tfinvert.cli import start
from tfinvert.errors import BadInput
from tfinvert.settings import (
    EditSettings,
    EngineSettings,
    GeneratorSettings,
    ImageSettings,
    Job,
    Limits,
    ScoreSettings,
    TrainingSettings,
    TuningSettings,
    changed,
    flags_of,
    made,
)
from tfinvert.settings.field import Setting, stated
from tfinvert.settings.presets import PRESETS

_ELSEWHERE = ("out", *flags_of(EngineSettings))  # each command has its own default and its own help for it
_SHOWN = "shown_channels"
PYTHON_ONLY = ("held_inputs",)  # a command has no way to give what is held for each image


def define_limits() -> None:
    """What the file of a stranger may take: `Limits`."""
    _define(Limits)


def define_generator() -> None:
    """The flags of `GeneratorSettings`, with the limits."""
    _define(Limits)
    _define(GeneratorSettings)
    _define_import()


def define_inversion(shards: bool = True) -> None:
    """The flags of a `Job` besides; `shard` only where a command can do a part of its images."""
    _define(Job, {*flags_of(GeneratorSettings), *flags_of(Limits), *_ELSEWHERE, *(() if shards else ("shard",))})
    flags.DEFINE_enum("preset", None, list(PRESETS), "A paper's settings; other flags go before it.")


def define_generators() -> None:
    """The flag of commands that take several generators, see `several.py`."""
    flags.DEFINE_list(
        "generators",
        None,
        "Two or more in place of --generator, all for the same images; what each finds lies in OUT/NAME. --value_range "
        "and --prior are one for all, or one for each with semicolons between.",
    )


def define_engine() -> None:
    """The flags of `EngineSettings`, for commands whose work engines do."""
    _define(EngineSettings)


def define_training() -> None:
    """The flags of `TrainingSettings`, but for what the pictures say, and of `ScoreSettings`, with the limits."""
    _define(Limits)
    _define(TrainingSettings, {"channels", "classes"})
    _define(ScoreSettings)


def define_tuning() -> None:
    """The flags of `TuningSettings` and of `ScoreSettings`."""
    _define(TuningSettings)
    _define(ScoreSettings)


def define_editing() -> None:
    """The flags of `EditSettings`."""
    _define(EditSettings)


def define_run(generator: bool = True) -> None:
    """The flags by which a finished run is opened, with its generator or without."""
    flags.DEFINE_string("run", None, "Folder of a run that `tfinvert invert` has written.")
    define_limits()
    define_shown()
    if generator:
        flags.DEFINE_string("generator", None, "Where the run's generator is now; default: where it was.")
        flags.DEFINE_bool("allow_unsafe", False, "Let the generator run code of its own. Only if you trust its author.")
        _define_import()


def define_shown() -> None:
    """Which channels of the images are shown."""
    _define(ImageSettings, set(flags_of(ImageSettings)) - {_SHOWN})


def shown() -> dict[str, Any]:
    """The same, as what reports take."""
    return _given({_SHOWN: flags_of(ImageSettings)[_SHOWN]})


def open_run() -> Any:
    """The `FinishedRun` of the flags.

    Raises:
      BadInput: there is none.
    """
    from tfinvert.runs import open_run

    values = flags.FLAGS
    if values.run is None:
        raise BadInput("no --run", "give the folder of one that `tfinvert invert` has finished (--run=FOLDER)")
    _import()
    said: dict[str, Any] = {name: values[name].value for name in ("generator", "allow_unsafe") if name in values}
    return open_run(values.run, **said, **shown(), limits=limits())


def limits() -> Limits:
    """The `Limits` of the flags.

    Raises:
      BadInput: one of them is no number above 0.
    """
    return made(Limits, _given(flags_of(Limits)))


def load_generator() -> Any:
    """The generator of the flags.

    Raises:
      BadInput: as of `tfinvert.load_generator`.
    """
    from tfinvert.runs.job import load

    return load(generator_job())


def whole() -> Any:
    """The generator of the flags, of its own codes whatever --behind says.

    Raises:
      BadInput: as of `tfinvert.load_generator`.
    """
    from tfinvert.runs.job import load

    return load(changed(generator_job(), behind=None))


def generator_job() -> Job:
    """A `Job` that says which generator the flags mean, and which engine, where there are flags for one.

    Raises:
      BadInput: a flag is no list of numbers, or out of range.
    """
    _import()
    groups = (GeneratorSettings, Limits, EngineSettings)
    return made(Job, {name: value for group in groups for name, value in _given(flags_of(group)).items()})


def job(**own: Any) -> Job:
    """The `Job` of the flags, with those of a preset where there is one.

    Args:
      **own: values that go before those of the flags.

    Raises:
      BadInput: a flag is no list of numbers, or out of range.
    """
    _import()
    values = {
        name: value for name, value in PRESETS.get(flags.FLAGS.preset, {}).items() if not flags.FLAGS[name].present
    }
    values |= own
    return made(Job, {**_given({name: how for name, how in flags_of(Job).items() if name not in values}), **values})


def training(**own: Any) -> TrainingSettings:
    """The `TrainingSettings` of the flags, with these values besides.

    Raises:
      BadInput: they do not go with each other.
    """
    return made(TrainingSettings, {**_given(flags_of(TrainingSettings)), **own})


def said(group: type) -> list[str]:
    """The flags of a group of settings, such as "--steps", that have other values than their defaults."""
    usual = _defaults(group)
    return [f"--{name}" for name, value in _given(flags_of(group)).items() if value != usual[name]]


def scoring() -> ScoreSettings | None:
    """The `ScoreSettings` of the flags, if epochs are to be rated.

    Raises:
      BadInput: a flag is out of range, or says how to rate where nothing is rated.
    """
    score = made(ScoreSettings, _given(flags_of(ScoreSettings)))
    if score.network is not None:
        return score
    without = said(ScoreSettings)
    if without:
        raise BadInput(f"{', '.join(without)} without --score", "expected a network, such as --score=InceptionV3")
    return None


def tuning() -> TuningSettings:
    """The `TuningSettings` of the flags.

    Raises:
      BadInput: one is out of range.
    """
    return made(TuningSettings, _given(flags_of(TuningSettings)))


def editing() -> EditSettings:
    """The `EditSettings` of the flags.

    Raises:
      BadInput: one is no list of numbers, or out of range.
    """
    return made(EditSettings, _given(flags_of(EditSettings)))


def _define_import() -> None:
    flags.DEFINE_list("import", [], "Python modules, here or installed, that register Keras layers of a generator.")


def _import() -> None:
    """Imports the user's modules, so that Keras knows the layers that they register.

    Raises:
      BadInput: one cannot be imported.
    """
    names: Any = flags.FLAGS["import"].value if "import" in flags.FLAGS else []
    if all(name in sys.modules for name in names):
        return
    from tfinvert.generators.safety.config import registered

    before = set(registered())
    for name in names:
        sys.path.insert(0, os.getcwd())
        try:
            importlib.import_module(name)
        except Exception as error:  # it is the user's code
            raise BadInput(
                f"--import={name} ({type(error).__name__}: {error})", "expected a module that Python finds from here"
            ) from error
        finally:
            sys.path.remove(os.getcwd())
    if set(registered()) <= before:
        logging.warning("--import=%s registers no layer: see keras.saving.register_keras_serializable", ",".join(names))


def _define(group: type, but: Iterable[str] = ()) -> None:
    """Defines the flags of a group of settings and of those within."""
    defaults = _defaults(group)
    for name, how in flags_of(group).items():
        if name not in (*but, *PYTHON_ONLY):
            _define_one(name, how, defaults[name])


def _define_one(name: str, how: Setting, default: Any) -> None:
    if how.several:
        flags.DEFINE_list(name, None if default is None else list(map(str, default)), how.help)
    elif how.choices:
        text = None if default is None else str(default)
        flags.DEFINE_enum(name, text, list(map(str, how.choices)), how.help)
    elif how.kind is bool:
        flags.DEFINE_bool(name, default, how.help)
    elif how.kind is int:
        low, high = (None if bound is None else int(bound) for bound in (how.least, how.most))
        flags.DEFINE_integer(name, default, how.help, lower_bound=low, upper_bound=high)
    elif how.kind is float:
        flags.DEFINE_float(name, default, how.help, lower_bound=how.least, upper_bound=how.most)
    else:
        flags.DEFINE_string(name, default, how.help)


def _defaults(group: type) -> dict[str, Any]:
    """Of a group's flags; those of a group that need not be there are None."""
    found: dict[str, Any] = {name: field.default for name, (field, _) in stated(group).items()}
    for field in dataclasses.fields(group):
        if "group" in field.metadata:
            inner = _defaults(field.metadata["group"])
            found |= dict.fromkeys(inner) if field.metadata["optional"] else inner
    return found


def _given(known: Mapping[str, Setting]) -> dict[str, Any]:
    """The values of the flags of these settings, where there are such flags."""
    return {name: _value(name, how) for name, how in known.items() if name in flags.FLAGS}


def _value(name: str, how: Setting) -> Any:
    """Of a flag: of one with several numbers, the numbers, and of a choice, which is text, what it stands for."""
    value: Any = flags.FLAGS[name].value
    if value is None:
        return None
    if how.several:
        return start.numbers(name, value, how.kind)
    return how.kind(value) if how.choices else value
