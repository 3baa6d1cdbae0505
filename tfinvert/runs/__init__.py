"""Runs: many images through one inverter into a folder, stopped and resumed at will.

`job.py` says what the settings of a whole run stand for, `doing.py` has them done, by an engine (`tfinvert.engines`),
whose workers load what `elsewhere.py` sends them.
`run.py` is the loop over batches, `inverting.py` makes rows of one, wherever that is. The folder:
`store.py` writes it, `stored.py` reads it, `parts.py` are its files, `index.py` says which of their rows count,
`merging.py` makes few files of many, `lock.py` keeps other writers out, by files that `locked.py` locks. `finished.py`
is a folder that is opened again, `history.py` how its losses fell.
"""

from tfinvert.runs.doing import run_job
from tfinvert.runs.finished import FinishedRun, open_run
from tfinvert.runs.history import History, history
from tfinvert.runs.run import Summary, run
from tfinvert.runs.store import Store

__all__ = ["FinishedRun", "History", "Store", "Summary", "history", "open_run", "run", "run_job"]
