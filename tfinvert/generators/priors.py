"""The prior of a generator's codes: the user's, the file's, or the standard normal, in the shape that codes have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import seeds, spaces
from tfinvert.errors import BadInput, short

_MOST = 2**24  # entries of a code: what comes of larger ones fits no memory


def stated(said: Mapping[str, Any], prior: Any) -> spaces.Space | None:
    """The prior of the user, else that which a file says; None where nobody states one.

    Args:
      said: by the file.
      prior: the user's, or its text.

    Raises:
      BadInput: it is no prior.
    """
    prior = said.get("prior") if prior is None else prior
    prior = spaces.parse(prior) if isinstance(prior, str) else prior
    if prior is not None and not isinstance(prior, spaces.Space):
        raise BadInput(f"prior {prior!r}", "expected normal(), uniform(), or the text of one")
    return prior


def sides(prior: spaces.Space | None) -> tuple[int, ...] | None:
    """The shape of codes where a prior states it."""
    return None if prior is None else prior.shape


def is_own(prior: Any) -> bool:
    """Whether a prior is of a class of the user's, which no other process knows."""
    return isinstance(prior, spaces.Space) and not type(prior).__module__.startswith("tfinvert.")


def stand_in(prior: spaces.Space) -> spaces.Space:
    """A normal prior of the same shape and spread."""
    return spaces.normal(*(prior.shape or ()), stddev=_spread(prior))


def _spread(prior: spaces.Space) -> float:
    """The spread of the user's own prior, which must be a number."""
    try:
        spread = float(prior.spread)
    except (TypeError, ValueError, NotImplementedError, AttributeError) as error:
        raise BadInput(f"{type(prior).__name__}.spread ({short(error)})", "expected a standard deviation") from error
    if not 0 < spread < np.inf:
        raise BadInput(f"{type(prior).__name__}.spread={spread}", "expected a standard deviation, above 0")
    return spread


def _check_own(prior: spaces.Space) -> None:
    """Raises `BadInput` where a prior of the user's own does not draw codes, or ties them together."""
    name, shape = type(prior).__name__, [2, *(prior.shape or ())]
    _spread(prior)
    try:
        codes = tf.convert_to_tensor(prior.sample(seeds.of(0, tf.range(2))))
        fits, values = codes.shape == shape and codes.dtype == tf.float32, prior.log_prob(codes)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"the prior {name} fails ({short(error)})", "see docs/extend.md for what one has") from error
    if not fits:
        raise BadInput(f"{name}.sample gives {codes.dtype.name} {codes.shape.as_list()}", f"expected float32 {shape}")
    if tf.convert_to_tensor(values).shape != [2]:
        raise BadInput(f"{name}.log_prob gives {list(np.shape(values))} for 2 codes", "expected a number for each")


def over(prior: spaces.Space, shape: tuple[int, ...] | None, name: str) -> spaces.Space:
    """The prior over codes of this shape; None where the model `name` does not say theirs.

    Raises:
      BadInput: nobody says the shape, the prior has another, or one of the user's own does not draw codes.
    """
    if prior.shape is None and shape is None:
        raise BadInput(f"{name} does not say how long its codes are", "give a prior with a shape, such as normal(100)")
    if prior.shape is not None and shape is not None and prior.shape != shape:
        raise BadInput(
            f"prior {prior} for {name}", f"its codes have the shape {shape}; leave the shape out of the prior"
        )
    space = prior if shape is None else prior.with_shape(shape)
    if space.entries > _MOST:
        raise BadInput(f"prior {space} for {name}", f"expected codes of at most {_MOST:,} entries")
    if is_own(space):
        _check_own(space)
    return space
