"""Engines: where work on many images is done, and what becomes of images that end whoever works on them.

`task.py` says what work is, `plain.py` does it here, `on_ray.py` by Ray Data's workers, each of which keeps a process
of its own for the work (`supervised.py`). Nothing here knows what the work is.
"""

from tfinvert.engines.engine import Engine, engine_of
from tfinvert.engines.plain import Plain
from tfinvert.engines.task import Lost, Sign, Start, Task, Tell, Work

__all__ = ["Engine", "Lost", "Plain", "Sign", "Start", "Task", "Tell", "Work", "engine_of"]
