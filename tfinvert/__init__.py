"""tfinvert inverts generators: for each image, the code whose image the loss cannot tell from it."""

import os as _os

# Everything here is TensorFlow's; Keras would take another backend only because a config file says so.
_os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras as _keras

if _keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras runs on {_keras.backend.backend()} here: expected TensorFlow; set KERAS_BACKEND=tensorflow "
        "before Keras is imported"
    )

from tfinvert import editing, images, losses, metrics, report, runs, seeds, segmentation, solvers, spaces
from tfinvert.errors import BadInput
from tfinvert.generators import Generator, load_generator, mixture
from tfinvert.inversion import Beyond, ClassSearch, Inversion, Inverter, Recovered, Recovery, TwoStep, Verdict
from tfinvert.losses import Features, Logit, LogPrior, Pixel, Ridge, Rounded, Sparsity
from tfinvert.solvers import CMA, LBFGS, Adam, GaussNewtonCG, GradientDescent, LevenbergMarquardt, RMSprop
from tfinvert.solvers.status import Status
from tfinvert.spaces import normal, uniform

__version__ = "0.1.0"
__all__ = [
    "CMA",
    "LBFGS",
    "Adam",
    "BadInput",
    "Beyond",
    "ClassSearch",
    "Features",
    "GaussNewtonCG",
    "Generator",
    "GradientDescent",
    "Inversion",
    "Inverter",
    "LevenbergMarquardt",
    "LogPrior",
    "Logit",
    "Pixel",
    "RMSprop",
    "Recovered",
    "Recovery",
    "Ridge",
    "Rounded",
    "Sparsity",
    "Status",
    "TwoStep",
    "Verdict",
    "editing",
    "images",
    "load_generator",
    "losses",
    "metrics",
    "mixture",
    "normal",
    "report",
    "runs",
    "seeds",
    "segmentation",
    "solvers",
    "spaces",
    "uniform",
]
