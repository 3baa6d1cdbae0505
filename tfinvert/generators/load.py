"""The front door: a generator from a file, a model, a function, or the built-in one."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfinvert import spaces
from tfinvert.errors import BadInput
from tfinvert.generators import card, files, generator, hub, inputs, keras_model, saved_model
from tfinvert.generators.condition import Condition
from tfinvert.generators.inputs import Wiring

BUILTIN = Path(__file__).resolve().parent.parent / "builtin" / "glyphs.keras"


def load_generator(
    source: str | Path | Callable | None = None, *,
    prior: spaces.Space | str | None = None, value_range: Sequence[float] | None = None,
    image_shape: tuple[int, int, int] | None = None, label_input: str | None = None, classes: int | None = None,
    class_entries: Sequence[int] | None = None, signature: str | None = None, truncation: float | None = None,
    custom_objects: Mapping[str, Any] | None = None, allow_unsafe: bool = False,
) -> generator.Generator:  # fmt: skip
    """A generator from a Keras file or model, a SavedModel, a TF-Hub module, or any differentiable function.

    Args:
      source: a `.keras` file, HDF5 of Keras 1, 2 or 3, the folder of a SavedModel or a TF-Hub module, a module's
        handle (`https://tfhub.dev/deepmind/biggan-128/2`), a model, a function (codes [B, d]) -> images [B, H, W, C],
        or, with `classes`, a function (codes, labels int [B]) -> images; None for the built-in glyph generator. A
        subclassed model is called like a function, or with [codes, labels] if its `call` takes one argument.
      prior: what codes are drawn from, `normal()` or `uniform()`, or its text; its shape may be left out where
        the model knows it. Default: what the file says; for a module that takes a truncation, the normal cut off at
        two standard deviations and scaled by the truncation (Brock et al., 2019); else the standard normal.
      value_range: (low, high) of the generator's pixel values. Default: what the file says, else (-1, 1).
      image_shape: (H, W, C), for outputs that are flat.
      label_input: which of two inputs takes the class.
      classes: how many classes there are, where the model does not say.
      class_entries: (first, end) of the entries of a code that are a one-hot class: they become the class label,
        and the code is what is left.
      signature: which of a SavedModel's signatures generates; default: the one that is known to.
      truncation: of modules that take one, in (0, 1]; default 1. It is the same for the whole run.
      custom_objects: classes by name that a file uses and Keras does not know.
      allow_unsafe: also load files that run code of their own, such as a Python Lambda. Only for files whose
        author you trust.

    Returns:
      A `Generator`. What was assumed for want of a statement is in its `assumed`, and in the log.

    Raises:
      BadInput: the source cannot be used as a generator; the message says why and what to do.

    >>> load_generator().image_shape
    (32, 32, 1)
    """
    if classes is not None and (isinstance(classes, bool) or not isinstance(classes, int) or classes < 1):
        raise BadInput(f"classes={classes!r}", "expected how many there are, such as 10")
    stated: dict[str, Any] = {}
    fingerprint = ""
    wiring: Wiring | None = None
    if source is None:
        source = BUILTIN
    if isinstance(source, (str, Path)):
        name, path = Path(source).name, Path(source)
        if hub.is_handle(str(source)):
            stated, name, path = hub.known(str(source)), str(source), hub.folder(str(source))
        if saved_model.is_saved_model(path):
            wiring = saved_model.read(
                path, signature=signature or stated.get("signature"), truncation=truncation, label_input=label_input,
                classes=classes, allow_unsafe=allow_unsafe,
            )  # fmt: skip
            fingerprint = saved_model.digest(path)
        else:
            model = files.read_model(path, custom_objects, allow_unsafe)
            stated, fingerprint = card.read_card(path), _digest(path)
    elif callable(source):
        model = source
        name = str(getattr(source, "name", None) or getattr(source, "__name__", type(source).__name__))
    else:
        raise BadInput(f"a generator of type {type(source).__name__}", "expected a file, a Keras model or a function")

    if wiring is None:
        for option, value in (("signature", signature), ("truncation", truncation)):
            if value is not None:
                raise BadInput(
                    f"{option}={value} for {name}", "only a SavedModel or TF-Hub module takes it: leave it out"
                )
        wiring = _wire(model, name, label_input, classes)
    if class_entries is not None:
        wiring = inputs.without_class(wiring, class_entries, name)
    names = stated.get("class_names")
    if wiring.condition is not None and names:
        wiring = wiring._replace(condition=dataclasses.replace(wiring.condition, names=tuple(map(str, names))))
    assumed = list(wiring.assumed)
    prior = prior if prior is not None else stated.get("prior")
    if prior is None:
        prior = spaces.normal() if wiring.truncation is None else spaces.normal(stddev=wiring.truncation, bound=2)
        assumed.append(f"prior: {str(prior).removesuffix('()')}")
    space = _space(spaces.parse(prior) if isinstance(prior, str) else prior, wiring.code_shape, name)
    bounds = stated.get("value_range") if value_range is None else value_range
    return generator.make(
        wiring.function, space, assumed=assumed, value_range=_range(bounds),
        condition=wiring.condition, image_shape=image_shape, name=name, fingerprint=fingerprint,
    )  # fmt: skip


def _wire(model: Any, name: str, label_input: str | None, classes: int | None) -> Wiring:
    """How a model, or any function, is called."""
    if keras_model.is_model(model):
        return keras_model.wire(model, label_input, classes)
    if label_input is not None:
        raise BadInput(f"label_input {label_input!r} for the function {name}", "leave it out: it takes (codes, labels)")
    return Wiring(model, None, Condition(classes, column=False, dtype="int32") if classes else None, [])


def _space(prior: spaces.Space, shape: tuple[int, ...] | None, name: str) -> spaces.Space:
    if not isinstance(prior, spaces.Space):
        raise BadInput(f"prior {prior!r}", "expected normal(), uniform(), or the text of one")
    if prior.shape is None and shape is None:
        raise BadInput(f"{name} does not say how long its codes are", "give a prior with a shape, such as normal(100)")
    if prior.shape is not None and shape is not None and prior.shape != shape:
        raise BadInput(
            f"prior {prior} for {name}", f"its codes have the shape {shape}; leave the shape out of the prior"
        )
    return prior if shape is None else prior.with_shape(shape)


def _range(bounds: Sequence[float] | None) -> tuple[float, float] | None:
    if bounds is None:
        return None
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError) as error:
        raise BadInput(f"value_range {bounds!r}", "expected two numbers, such as -1,1") from error
    return low, high


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
