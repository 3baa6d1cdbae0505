"""What all tests share."""

import collections
import os
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(_ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    """Makes variants slow that `first` leaves out."""
    counts = collections.Counter()
    for item in items:
        if mark := item.get_closest_marker("first"):
            name = item.nodeid.partition("[")[0]
            counts[name] += 1
            if counts[name] > mark.args[0]:
                item.add_marker("slow")


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


def _listed(listed):
    """A listing as stores give it: the one in memory stumbles over files that go while it looks."""

    def again(*given, **more):
        while True:
            try:
                return listed(*given, **more)
            except KeyError:
                continue

    return again


@pytest.fixture
def memory(monkeypatch):
    """The URL of a store in memory, which is empty."""
    from fsspec.implementations.memory import MemoryFileSystem

    from tfinvert.runs import lease

    monkeypatch.setattr(lease, "SETTLED", 0.02)  # its times are fine
    monkeypatch.setattr(MemoryFileSystem, "ls", _listed(MemoryFileSystem.ls))
    MemoryFileSystem.store.clear()
    yield "memory://bucket"
    MemoryFileSystem.store.clear()


@pytest.fixture(scope="session")
def _s3_door():
    from stores import served

    with served() as door:
        yield door


@pytest.fixture
def s3(_s3_door, monkeypatch, request):
    """A `stores.S3` of this test's own, which commands find by their environment."""
    import hashlib

    from stores import S3, forget

    from tfinvert.remote import path_of

    found = S3(_s3_door, "t" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16])
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    forget()
    path_of(found.url).fs.mkdir(found.url)
    yield found
    forget()
