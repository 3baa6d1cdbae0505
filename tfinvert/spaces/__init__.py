"""Where codes live: their shape, the prior they are drawn from, and what becomes of a code that strays.

`space.py` holds the priors, `constraints.py` the ways to deal with stray entries, `calls.py` reads both from texts.
"""

from tfinvert.spaces.constraints import (
    Constraint,
    clip,
    hard,
    logistic,
    resample,
    stochastic_clip,
    truncated_normal,
    unconstrained,
)
from tfinvert.spaces.space import Normal, Space, Uniform, normal, parse, uniform

__all__ = [
    "Constraint",
    "Normal",
    "Space",
    "Uniform",
    "clip",
    "hard",
    "logistic",
    "normal",
    "parse",
    "resample",
    "stochastic_clip",
    "truncated_normal",
    "unconstrained",
    "uniform",
]
