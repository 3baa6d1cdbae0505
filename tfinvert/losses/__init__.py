"""What "the same image" means: terms of a loss, of pixels, features and codes."""

import tfinvert.backend  # noqa: F401
from tfinvert.losses.features import NETWORKS, Features
from tfinvert.losses.named import loss_of
from tfinvert.losses.saturation import Logit, Rounded
from tfinvert.losses.terms import LogPrior, Pixel, Prior, Ridge, Sparsity, Sum, Term, Weighted

__all__ = [
    "NETWORKS",
    "Features",
    "LogPrior",
    "Logit",
    "Pixel",
    "Prior",
    "Ridge",
    "Rounded",
    "Sparsity",
    "Sum",
    "Term",
    "Weighted",
    "loss_of",
]
