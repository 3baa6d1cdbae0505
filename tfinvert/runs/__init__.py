"""Runs: many images through one inverter into a folder, stopped and resumed at will.

`job.py` holds the settings of a whole run, `presets.py` those of papers, `run.py` the loop over batches, `store.py` the
folder.
"""

from tfinvert.runs.job import Job
from tfinvert.runs.presets import PRESETS
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store

__all__ = ["PRESETS", "Job", "Store", "Summary", "run"]
