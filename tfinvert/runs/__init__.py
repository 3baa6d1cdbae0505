"""Runs: many images through one inverter into a folder, stopped and resumed at will.

`job.py` holds the settings of a whole run, `presets.py` those of papers, `run.py` the loop over batches, `store.py` the
folder, `finished.py` a folder that is opened again.
"""

from tfinvert.runs.finished import FinishedRun, open_run
from tfinvert.runs.job import Job
from tfinvert.runs.presets import PRESETS
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store

__all__ = ["PRESETS", "FinishedRun", "Job", "Store", "Summary", "open_run", "run"]
