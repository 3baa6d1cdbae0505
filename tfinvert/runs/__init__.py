"""Runs: many images through one inverter into a folder, stopped and resumed at will.

`job.py` holds the settings of a whole run, `presets.py` those of papers, `run.py` the loop over batches. The folder:
`store.py` writes it, `stored.py` reads it, `parts.py` are its files, `index.py` says which of their rows count,
`merging.py` makes few files of many, `lock.py` keeps other writers out. `finished.py` is a folder that is opened again,
`history.py` how its losses fell.
"""

from tfinvert.runs.finished import FinishedRun, open_run
from tfinvert.runs.history import History, history
from tfinvert.runs.job import Job
from tfinvert.runs.presets import PRESETS
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store

__all__ = ["PRESETS", "FinishedRun", "History", "Job", "Store", "Summary", "history", "open_run", "run"]
