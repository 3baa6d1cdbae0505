"""The front doors: a generator from a file, a model, a function, or the built-in one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.generators.generator import Generator
from tfinvert.generators.held import TAKEN
from tfinvert.generators.opening import called, opened
from tfinvert.generators.readers import hub, keras_model
from tfinvert.generators.readers.saved.model import is_saved_model
from tfinvert.remote import path_of
from tfinvert.settings import DEFAULT_INPUTS, DEFAULT_LIMITS, GeneratorSettings, Inputs, Limits
from tfinvert.spaces import Space


def load_generator(
    source: str | Path | Callable | GeneratorSettings | None = None,
    *,
    prior: Space | str | None = None,
    value_range: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
    classes: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Generator:
    """A generator from a Keras file or model, a SavedModel, a TF-Hub module, or any differentiable function.

    What only one kind of source takes is said to `from_keras`, `from_saved_model` or `from_function`.

    Args:
      source: a `.keras` file, HDF5 of Keras 1, 2 or 3, the folder of a SavedModel or a TF-Hub module, a module's
        handle (`https://tfhub.dev/deepmind/biggan-128/2`), a model, a function (codes [B, d]) -> images [B, H, W, C],
        or, with `classes`, a function (codes, labels int [B]) -> images; None for the built-in glyph generator. A
        subclassed model is called like a function, or with [codes, labels] if its `call` takes one argument.
        `GeneratorSettings` say all in one.
      prior: what codes are drawn from, `normal()` or `uniform()`, or its text; its shape may be left out where
        the model knows it. Default: what the file says; for a module that takes a truncation, the normal cut off at
        two standard deviations and scaled by the truncation (Brock et al., 2019); else the standard normal.
      value_range: (low, high) of the generator's pixel values. Default: what the file says, else (-1, 1).
      image_shape: (H, W, C) of pictures or (L, C) of series, where the output is flat or may be either.
      classes: how many classes there are, where the model does not say.
      limits: of memory and time that loading a file may take. They are kept by another process, which reads the file
        first; a model that needs classes of yours is built here alone, and where unsafe files are allowed, and on
        Windows, there is no other process.

    Returns:
      A `Generator`. What was assumed for want of a statement is in its `about.assumed`, and in the log.

    Raises:
      BadInput: the source cannot be used as a generator; the message says why and what to do.

    >>> load_generator().image_shape
    (32, 32, 1)
    """
    if not isinstance(source, GeneratorSettings):
        return opened(_settings(source, prior, value_range, image_shape, classes), limits)
    if any(each is not None for each in (prior, value_range, image_shape, classes)):
        raise BadInput("GeneratorSettings and other arguments", "say all in the settings")
    return opened(source, limits)


def from_keras(
    source: Any,
    *,
    prior: Space | str | None = None,
    value_range: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
    classes: int | None = None,
    inputs: Inputs = DEFAULT_INPUTS,
    custom_objects: Mapping[str, Any] | None = None,
    allow_unsafe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Generator:
    """A generator from a Keras model or its file; arguments that are not named here are those of `load_generator`.

    Args:
      source: a model of Keras or tf_keras, a `.keras` file, or HDF5.
      inputs: which input is what, by name, for models that take more than a code: the `code`, the `label`, those
        `drawn` once from the standard normal, the same for all images, such as noise maps, and those `held`, which
        are given for each image as in `Generator.holds`; or `class_entries`, (first, end) of the entries of a code
        that are a one-hot class: they become the label, and the code is what is left. Code and label are found by
        name, type and size where not given.
      custom_objects: classes by name that a file uses and Keras does not know.
      allow_unsafe: also load files that run code of their own, such as a Python Lambda. Only for files whose
        author you trust.

    Raises:
      BadInput: as of `load_generator`, or the source is of another kind.
    """
    file = isinstance(source, (str, Path))
    if file and (is_saved_model(path_of(source).expanduser()) or hub.is_handle(str(source))):
        raise BadInput(f"{source} is a SavedModel or a TF-Hub module", "give it to from_saved_model")
    if isinstance(source, GeneratorSettings):
        raise BadInput("GeneratorSettings for from_keras", "give them to load_generator, they say all")
    if not file and not keras_model.is_model(source):
        raise BadInput(f"a Keras model of type {type(source).__name__}", "give functions to from_function")
    stated = _settings(source, prior, value_range, image_shape, classes, inputs=inputs, allow_unsafe=allow_unsafe)
    return opened(stated, limits, custom_objects)


def from_saved_model(
    source: str | Path,
    *,
    prior: Space | str | None = None,
    value_range: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
    classes: int | None = None,
    inputs: Inputs = DEFAULT_INPUTS,
    signature: str | None = None,
    truncation: float | None = None,
    allow_unsafe: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Generator:
    """A generator from a SavedModel or a TF-Hub module; other arguments are those of the other doors.

    Args:
      source: the folder, or a module's handle.
      inputs: as of `from_keras`, like `allow_unsafe`.
      signature: which of its signatures generates; default: the one that is known to.
      truncation: of modules that take one, in (0, 1]; default 1. It is the same for the whole run.

    Raises:
      BadInput: as of `load_generator`, or the source is of another kind.
    """
    if not isinstance(source, (str, Path)):
        raise BadInput(f"a SavedModel of type {type(source).__name__}", "expected its folder, or a TF-Hub handle")
    if path_of(source).expanduser().is_file():
        raise BadInput(f"{source} is a file", "expected a folder; give Keras files to from_keras")
    stated = _settings(
        source,
        prior,
        value_range,
        image_shape,
        classes,
        inputs=inputs,
        signature=signature,
        truncation=truncation,
        allow_unsafe=allow_unsafe,
    )
    return opened(stated, limits)


def from_function(
    function: Callable,
    prior: Space | str,
    *,
    value_range: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
    classes: int | None = None,
    holds: Mapping[str, Sequence[int]] | None = None,
) -> Generator:
    """A generator from any function of codes; other arguments are those of `load_generator`.

    Args:
      function: (codes [B, *shape]) -> images [B, H, W, C], with labels int [B] as a second argument where there are
        `classes`, and what it `holds` as arguments by name.
      prior: with the shape of a code, such as `normal(100)`.
      holds: what else it is given for each code, by the names of its arguments: the shape of one row, such as
        {"noise": (16, 16, 1)}. Inverters take the rows as `held={"noise": ...}`; they stay while codes move.

    Raises:
      BadInput: as of `load_generator`, or a name or a shape in `holds` is none.
    """
    if not callable(function):
        raise BadInput(f"a function of type {type(function).__name__}", "give files to load_generator")
    shapes = {}
    if not isinstance(holds or {}, Mapping):
        raise BadInput(f"holds={holds!r}", 'expected shapes by name, such as {"noise": (16, 16, 1)}')
    for name, shape in (holds or {}).items():
        try:
            shapes[name] = tuple(int(n) for n in shape)
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"holds={{{name!r}: {shape!r}}}", "expected the shape of one row, such as (16, 16, 1)"
            ) from error
        if name in TAKEN:
            raise BadInput(f"holds={{{name!r}: ...}}", f"expected another name than {', '.join(TAKEN)}")
        if not str(name).isidentifier() or any(n < 1 for n in shapes[name]):
            raise BadInput(f"holds={{{name!r}: {shape!r}}}", "expected an argument's name and the shape of one row")
    return called(function, _settings(function, prior, value_range, image_shape, classes), shapes)


def _settings(source: Any, prior: Any, value_range: Any, image_shape: Any, classes: Any, **more: Any) -> Any:
    return GeneratorSettings(source, prior, value_range, image_shape, classes=classes, **more)
