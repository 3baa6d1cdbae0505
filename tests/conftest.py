"""What all tests share."""

import os
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files that are not the project's; where CI runs, it must be there."""
    folder = Path(os.environ.get("TFINVERT_SHARED", _ROOT.parent / "shared"))
    if not folder.is_dir():
        why = f"no folder {folder}; set TFINVERT_SHARED"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return folder


@pytest.fixture
def eagerly():
    """See `eager`."""
    from eager import eager

    with eager():
        yield
