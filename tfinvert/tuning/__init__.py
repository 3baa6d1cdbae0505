"""A generator's weights, moved a little around found codes so that its images come nearer to the pictures.

Roich et al. 2021, "Pivotal Tuning for Latent-based Editing of Real Images" (arXiv:2106.05744). `live.py` is a generator
whose weights can be moved, `tune.py` moves them, `drift.py` says what became of other images.
"""

from tfinvert.tuning.drift import Drift
from tfinvert.tuning.tune import Tuned, tune

__all__ = ["Drift", "Tuned", "tune"]
