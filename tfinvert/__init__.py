"""tfinvert inverts generators: for each image, the code whose image the loss cannot tell from it."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

# Everything here is TensorFlow's; Keras would take another backend only because a config file says so.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

if TYPE_CHECKING:
    from tfinvert import (
        editing,
        images,
        losses,
        metrics,
        report,
        runs,
        seeds,
        segmentation,
        settings,
        solvers,
        spaces,
        tuning,
    )
    from tfinvert.errors import BadInput
    from tfinvert.generators import (
        Generator,
        behind,
        from_function,
        from_keras,
        from_saved_model,
        layers,
        load_generator,
        mixture,
        smoothed,
        split,
    )
    from tfinvert.inversion import (
        ClassSearch,
        Inversion,
        Inverter,
        Recovered,
        Recovery,
        TwoStep,
        TwoStepInversion,
        Verdict,
        servable,
    )
    from tfinvert.losses import Features, Logit, LogPrior, Pixel, Ridge, Rounded, Sparsity
    from tfinvert.settings import GeneratorSettings, Inputs, Job, Limits, SecondStep, Starts, Stopping
    from tfinvert.solvers import CMA, LBFGS, Adam, GaussNewtonCG, GradientDescent, LevenbergMarquardt, RMSprop
    from tfinvert.solvers.status import Status
    from tfinvert.spaces import normal, uniform

__version__ = "0.1.0"

_PARTS = (
    *("editing", "images", "losses", "metrics", "report", "runs"),
    *("seeds", "segmentation", "settings", "solvers", "spaces", "tuning"),
)
_HOMES = {
    "errors": "BadInput",
    "generators": "Generator behind from_function from_keras from_saved_model layers load_generator mixture "
    "smoothed split",
    "inversion": "ClassSearch Inversion Inverter Recovered Recovery TwoStep TwoStepInversion Verdict servable",
    "losses": "Features LogPrior Logit Pixel Ridge Rounded Sparsity",
    "settings": "GeneratorSettings Inputs Job Limits SecondStep Starts Stopping",
    "solvers": "CMA LBFGS Adam GaussNewtonCG GradientDescent LevenbergMarquardt RMSprop",
    "solvers.status": "Status",
    "spaces": "normal uniform",
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = [*_PARTS, *_NAMES]


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for: TensorFlow takes seconds, which `tfinvert --help` need not."""
    if name in _NAMES:
        found = getattr(importlib.import_module(f"tfinvert.{_NAMES[name]}"), name)
    elif name in _PARTS:
        found = importlib.import_module(f"tfinvert.{name}")
    else:
        raise AttributeError(f"module 'tfinvert' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
