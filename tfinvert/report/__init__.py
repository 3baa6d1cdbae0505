"""Pictures of results. Nothing below imports this; scripts and notebooks do."""

from tfinvert.report.figures import comparison, grid

__all__ = ["comparison", "grid"]
