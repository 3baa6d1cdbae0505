"""Scripts share names of flags, and tests a process: each script's flags are there for its own tests only."""

import contextlib
import importlib
import sys
from pathlib import Path

import pytest
from absl import flags

BIN = Path(__file__).parents[2] / "bin"


@contextlib.contextmanager
def _loaded(name):
    before = set(flags.FLAGS)
    sys.path.insert(0, str(BIN))
    try:
        module = importlib.import_module(name)
        if not flags.FLAGS.is_parsed():
            flags.FLAGS([name])
        yield module
    finally:
        sys.path.remove(str(BIN))
        sys.modules.pop(name, None)
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)


@pytest.fixture(scope="module")
def load_script():
    """load_script("invert") imports bin/invert.py for the tests of one file."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(_loaded(name))
