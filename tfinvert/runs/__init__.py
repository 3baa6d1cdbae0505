"""Runs: many images through one inverter into a folder, stopped and resumed at will.

`job.py` holds the settings of a whole run, `run.py` the loop over batches, `store.py` the folder.
"""

from tfinvert.runs.job import Job
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store

__all__ = ["Job", "Store", "Summary", "run"]
