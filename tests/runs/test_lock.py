"""One writer at a time, or one of each shard: whoever comes second is told who is there, and a kill lets go."""

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
from tfinvert.settings import Shard

HOLDS = """
import os, pathlib, sys, time
from tfinvert.runs.lock import Lock
from tfinvert.settings import Shard
lock = Lock(pathlib.Path(sys.argv[1]), Shard.of(sys.argv[3] or None))
lock.acquire()
if sys.argv[2] == "fork" and os.fork() == 0:
    os.close(1)  # so that nobody waits for what this one prints
    time.sleep(60)
    os._exit(0)
print("held", flush=True)
time.sleep(600)
"""


def holder(folder, way="alone", shard=""):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(folder), way, shard], stdout=subprocess.PIPE, text=True
    )
    assert "held" in process.stdout.readline()
    return process


FORKS = pytest.param("fork", marks=pytest.mark.skipif(os.name != "posix", reason="nothing forks here"))


@pytest.mark.first(1)
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


def test_shards_go_side_by_side_and_each_has_one_writer(tmp_path):
    other = holder(tmp_path, shard="3/64")
    with Lock(tmp_path, Shard(4, 64)) as beside:
        with pytest.raises(ti.BadInput, match=rf"process {other.pid} on .*, shard 3/64: one writer at a time for each"):
            Lock(tmp_path, Shard(3, 64)).acquire()
        with pytest.raises(ti.BadInput, match=r"process \d+ on .*, shard \d/64: one writer at a time; wait") as told:
            Lock(tmp_path).acquire()
        assert "\n" not in str(told.value)
        beside.check()
    other.kill()
    other.wait()
    assert (tmp_path / ".lock-3-of-64").read_text()  # its name stays, but not its lock
    with Lock(tmp_path, Shard(3, 64)) as lock:
        lock.check()
    with Lock(tmp_path) as lock:
        lock.check()
        with pytest.raises(ti.BadInput, match=r"being written by this process"):
            Lock(tmp_path, Shard(1, 2)).acquire()
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert (tmp_path / ".lock").read_bytes() == b""


@pytest.mark.first(1)
@pytest.mark.parametrize(
    ("held", "shard", "why"),
    [
        ({}, Shard(1, 2), "on .*for each of 2 shards"),
        ({"shard": "1/2"}, Shard(2, 4), "on .*, shard 1/2: .*each of 4 shards"),  # both would do some images
    ],
)
def test_a_writer_of_the_whole_run_or_of_other_shards_keeps_a_shard_out(tmp_path, held, shard, why):
    other = holder(tmp_path, **held)
    with pytest.raises(ti.BadInput, match=rf"process {other.pid} {why}"):
        Lock(tmp_path, shard).acquire()
    other.kill()
    other.wait()
    with Lock(tmp_path, shard) as lock:
        lock.check()


@pytest.mark.slow
def test_shards_of_one_process_share_what_they_share(tmp_path):
    first, second, same = (Lock(tmp_path, Shard(number, 2)) for number in (1, 2, 2))
    first.acquire()
    second.acquire()
    with pytest.raises(ti.BadInput, match="this process"):
        same.acquire()
    first.release()
    second.check()
    refused = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path), "alone", ""], stderr=subprocess.PIPE, text=True
    )
    assert f"process {os.getpid()} on" in refused.communicate(timeout=60)[1]  # the second still keeps it
    second.release()
    with Lock(tmp_path) as lock:
        lock.check()


@pytest.mark.skipif(os.name != "posix", reason="nothing forks here")
def test_a_forked_child_holds_no_shard(tmp_path):
    with Lock(tmp_path, Shard(1, 2)) as lock:
        child = os.fork()
        if child == 0:
            with pytest.raises(ti.BadInput, match="not open for writing"):
                lock.check()
            lock.release()
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        lock.check()
        with pytest.raises(ti.BadInput, match="this process"):
            Lock(tmp_path, Shard(1, 2)).acquire()


def test_a_shards_own_file_that_was_removed_is_told(tmp_path):
    with Lock(tmp_path, Shard(1, 2)) as lock:
        (tmp_path / ".lock-1-of-2").unlink()
        with pytest.raises(ti.BadInput, match="was removed or replaced"):
            lock.check()


def test_links_in_place_of_a_lock_are_not_followed(tmp_path):
    (tmp_path / "victim").write_text("mine")
    os.link(tmp_path / "victim", tmp_path / ".lock-1-of-2")
    with pytest.raises(ti.BadInput, match=r"lock-1-of-2 is no lock"):
        Lock(tmp_path, Shard(1, 2)).acquire()
    assert (tmp_path / "victim").read_text() == "mine"
    with Lock(tmp_path, Shard(2, 2)) as lock:  # what was taken before is given back
        lock.check()
