"""One writer at a time: whoever comes second is told who is there, and a kill lets go."""

import errno
import os
import platform
import shutil
import subprocess
import sys
import threading

import pytest

import tfinvert as ti
from tfinvert.runs import locked as module
from tfinvert.runs.lock import Lock

HOLDS = """
import os, pathlib, sys, time
from tfinvert.runs.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
lock.acquire()
if sys.argv[2] == "fork" and os.fork() == 0:
    os.close(1)  # so that nobody waits for what this one prints
    time.sleep(60)
    os._exit(0)
print("held", flush=True)
time.sleep(600)
"""


def holder(folder, way="alone"):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(folder), way], stdout=subprocess.PIPE, text=True)
    assert "held" in process.stdout.readline()
    return process


FORKS = pytest.param("fork", marks=pytest.mark.skipif(os.name != "posix", reason="nothing forks here"))


@pytest.mark.parametrize("way", ["alone", FORKS])
def test_another_process_is_named_and_a_kill_lets_go(tmp_path, way):
    other = holder(tmp_path, way)
    expected = rf"being written by process {other.pid} on {platform.node()} since 20\d\d-.*: one writer at a time"
    with pytest.raises(ti.BadInput, match=expected) as told:
        Lock(tmp_path).acquire()
    assert "\n" not in str(told.value)
    other.kill()
    other.wait()
    with Lock(tmp_path) as lock:
        lock.check()


def test_two_in_one_process_exclude_each_other_too(tmp_path):
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.acquire()
    first.acquire()
    told = []

    def other_thread():
        try:
            second.acquire()
        except ti.BadInput as error:
            told.append(str(error))

    thread = threading.Thread(target=other_thread)
    thread.start()
    thread.join()
    assert "being written by this process" in told[0]
    first.check()
    first.release()
    first.release()
    Lock(tmp_path).acquire()  # nobody has this one any more
    with first:
        first.check()
    with pytest.raises(ti.BadInput, match="not open for writing"):
        first.check()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert (tmp_path / ".lock").read_bytes() == b""


def test_a_folder_that_was_removed_or_replaced_is_not_written(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with Lock(folder) as lock:
        shutil.rmtree(folder)
        with pytest.raises(ti.BadInput, match="was removed or replaced"):
            lock.check()
        folder.mkdir()
        with Lock(folder) as other:
            other.check()
            with pytest.raises(ti.BadInput, match="was removed or replaced"):
                lock.check()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOLCK, "file system without locks"), (errno.ENOSYS, "without locks"), (errno.EIO, "cannot be written")],
)
def test_where_there_can_be_no_lock_it_is_one_line(tmp_path, monkeypatch, code, words):
    def refused(descriptor, number):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, "_take", refused)
    with pytest.raises(ti.BadInput, match=words):
        Lock(tmp_path).acquire()
    with pytest.raises(ti.BadInput, match="cannot be written"):
        Lock(tmp_path / "nowhere").acquire()
