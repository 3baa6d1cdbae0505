"""Python processes that this one begins, and that end with it."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection
from typing import Any

_PR_SET_PDEATHSIG = 1


def begun(
    call: str, end: Connection, modules: Iterable[str], environment: Mapping[str, str], **how: Any
) -> subprocess.Popen:
    """A process, begun anew, that does a call.

    Args:
      call: of a function that can be imported, "package.module.function(arguments)"; "{end}" in it is the number by
        which the process has its end of a pipe: see `Connection`.
      end: that end.
      modules: places where it looks for modules besides its own. What lies in its working folder is imported only
        if that is one of them.
      environment: variables besides those of this process.
      **how: of `subprocess.Popen`.
    """
    module, _, rest = call.format(end=end.fileno()).partition("(")
    module, _, function = module.rpartition(".")
    return subprocess.Popen(
        [sys.executable, "-P", "-c", f"from {module} import {function}; {function}({rest}"],
        pass_fds=[end.fileno()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(modules), **environment},
        stdin=subprocess.DEVNULL,
        **how,
    )


def end_with_parent() -> None:
    """Has this process end when the thread that began it does, however that ends; only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
