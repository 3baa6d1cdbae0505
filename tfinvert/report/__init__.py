"""Pictures of results. Nothing below imports this; scripts and notebooks do."""

from tfinvert.report.figures import comparison, grid
from tfinvert.report.page import page
from tfinvert.report.tensorboard import tensorboard

__all__ = ["comparison", "grid", "page", "tensorboard"]
