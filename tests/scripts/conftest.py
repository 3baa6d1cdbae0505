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


@pytest.fixture
def called(tmp_path, caplog):
    """called(script, steps=3) runs its `main` with the flags that it is given, and with these where they say nothing.

    It gives the exit code and what was logged.
    """

    def of(script, **usual):
        def call(**values):
            caplog.clear()
            with flagsaver.flagsaver(**{"out": str(tmp_path / "out"), **usual, **values}):
                code = script.main([script.__name__])
            return code, "\n".join(caplog.messages)

        return call

    return of


@pytest.fixture(scope="module")
def invert_script(load_script):
    return load_script("invert")


@pytest.fixture
def invert(invert_script, called):
    """`tfinvert invert` with few steps."""
    return called(invert_script, steps=3, restarts=1)
