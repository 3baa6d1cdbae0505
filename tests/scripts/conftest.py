"""Scripts share names of flags, and tests a process: each script's flags are there for its own tests only."""

import contextlib
import importlib
import sys

import pytest
from absl import flags
from absl.testing import flagsaver


@contextlib.contextmanager
def _loaded(name):
    before = set(flags.FLAGS)
    try:
        module = importlib.import_module(f"tfinvert.cli.{name}")
        if not flags.FLAGS.is_parsed():
            flags.FLAGS([name])
        yield module
    finally:
        sys.modules.pop(f"tfinvert.cli.{name}", None)
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)


@pytest.fixture(scope="module")
def load_script():
    """load_script("invert") imports `tfinvert invert` for the tests of one file."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(_loaded(name))


@pytest.fixture(scope="session")
def loaded():
    """`with loaded("invert") as script` is the same for as long, for tests of several commands."""
    return _loaded


@pytest.fixture(scope="module")
def invert_script(load_script):
    return load_script("invert")


@pytest.fixture
def invert(invert_script, tmp_path, caplog):
    """Runs `main` of `tfinvert invert` with these flags, and few steps; gives the exit code and what was logged."""

    def call(**values):
        caplog.clear()
        with flagsaver.flagsaver(**{"out": str(tmp_path / "out"), "steps": 3, "restarts": 1, **values}):
            code = invert_script.main(["invert.py"])
        return code, "\n".join(caplog.messages)

    return call
