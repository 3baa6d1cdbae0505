"""One writer at a time in a store: whoever comes second is told who is there; who is dead lets go."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from stores import names

import tfinvert as ti
from tfinvert.remote import path_of
from tfinvert.runs import lease as module
from tfinvert.runs.lease import Lease
from tfinvert.settings import Shard
from tfinvert.signed import this_machine

HOLDS = """
import sys, time
from tfinvert.remote import path_of
from tfinvert.runs.lease import Lease
lease = Lease(path_of(sys.argv[1]))
lease.acquire()
print("held", flush=True)
time.sleep(600)
"""


def holder(url):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, url], stdout=subprocess.PIPE, text=True)
    assert "held" in process.stdout.readline()
    return process


def elsewhere(folder, ago=0.0, **said):
    """A lease of a writer on another machine, which gave its last sign of life so many seconds ago."""
    path = folder / ".writers" / "0000"
    usual = {"who": "process 7 on elsewhere", "machine": "other", "every": 30, "process": 7, "begun": 0, "shard": None}
    path.write_bytes(json.dumps({**usual, **said}).encode())
    path.fs.store[path.path].modified -= timedelta(seconds=ago)
    return path


@pytest.fixture
def folder(memory):
    return path_of(f"{memory}/run")


@pytest.mark.first(1)
def test_another_process_is_named_and_a_kill_lets_go(s3):
    url = f"{s3.url}/run"
    other = holder(url)
    expected = rf"{url} is being written by process {other.pid} on .*, last heard of \d+ s ago: one writer at a time"
    with pytest.raises(ti.BadInput, match=expected) as told:
        Lease(path_of(url)).acquire()
    assert "\n" not in str(told.value)
    other.kill()
    other.wait()
    with Lease(path_of(url)) as lease:
        lease.check()
        assert len(names(f"{url}/.writers")) == 1
    assert names(url) == []


def test_two_in_one_process_exclude_each_other_too(folder):
    first, second = Lease(folder), Lease(folder)
    first.acquire()
    first.acquire()
    with pytest.raises(ti.BadInput, match="written by this process"):
        second.acquire()
    with pytest.raises(ti.BadInput, match="not open for writing"):
        second.check()
    first.release()
    first.release()
    second.acquire()
    second.check()
    second.release()


def test_of_many_at_the_same_moment_one_goes_on(folder):
    for _ in range(5):
        start, ends, leases = threading.Barrier(8), [], [Lease(folder) for _ in range(8)]

        def take(lease, start=start, ends=ends):
            start.wait()
            try:
                lease.acquire()
                ends.append("held")
            except ti.BadInput as error:
                ends.append(str(error))

        threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ends.count("held") == 1
        assert sum("is being written" in each for each in ends) == 7
        for lease in leases:
            lease.release()
        assert names(str(folder)) == []


def test_one_elsewhere_counts_while_it_is_heard_of(folder):
    elsewhere(folder, ago=20)
    expected = r"process 7 on elsewhere, last heard of 20 s ago.*\(if it was killed, 70 s\)"
    with pytest.raises(ti.BadInput, match=expected):
        Lease(folder).acquire()
    path = elsewhere(folder, ago=91)
    with Lease(folder):
        assert not path.exists()


def test_one_that_has_missed_a_sign_is_waited_for(folder, monkeypatch):
    monkeypatch.setattr(module, "_SLACK", 0.1)
    path = elsewhere(folder, ago=0.8, every=0.5)
    with Lease(folder):
        assert not path.exists()


def test_what_is_no_lease_counts_as_one_until_it_is_old(folder):
    for content in (b"", b"[]", b"no JSON", b"{}", b"[" * 10_000, b'{"every": 1e9}'):
        path = folder / ".writers" / "0000"
        path.write_bytes(content)
        with pytest.raises(ti.BadInput, match="written by another process"):
            Lease(folder).acquire()
        path.fs.store[path.path].modified -= timedelta(days=1)
        with Lease(folder):
            assert not path.exists()


@pytest.mark.parametrize(
    "said",
    [
        {"every": float("nan")},
        {"every": 1e9},
        {"process": float("inf")},
        {"since": float("nan")},
        {"process": "x"},
        {"shard": 3},
        {"begun": []},
    ],
)
def test_what_says_nonsense_is_waited_for_as_long_as_others(folder, said):
    elsewhere(folder, ago=91, **said)
    with Lease(folder) as lease:
        lease.check()


def test_what_another_says_of_itself_is_one_line(folder):
    elsewhere(folder, who="\x1b[2Jtwo\nlines" + "x" * 10_000)
    with pytest.raises(ti.BadInput, match=r"by \[2Jtwolines") as told:
        Lease(folder).acquire()
    assert len(str(told.value)) < 500


def test_another_process_of_the_same_number_is_dead(folder):
    elsewhere(folder, machine=this_machine(), process=os.getpid(), begun=time.time() - 10_000)
    with Lease(folder):
        assert len(names(str(folder))) == 1


def test_one_that_came_later_gives_way(folder):
    with Lease(folder) as lease:
        elsewhere(folder)
        lease.check()
        (folder / ".writers" / "0000").unlink()


def test_it_gives_signs_of_life(folder, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.05)
    with Lease(folder) as lease:
        first = lease._path.modified()
        end = time.monotonic() + 20
        while lease._path.modified() == first and time.monotonic() < end:
            time.sleep(0.01)
        assert lease._path.modified() > first
        assert json.loads(lease._path.read_bytes())["since"] <= first
    assert names(str(folder)) == []


def test_what_was_taken_away_is_told_and_does_not_come_again(folder, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.5)
    with Lease(folder) as lease:
        path = lease._path
        time.sleep(0.2)  # the first sign is on its way
        path.unlink()
        with pytest.raises(ti.BadInput, match="another one took it over"):
            lease.check()
        time.sleep(0.8)
        assert not path.exists()


def test_while_the_store_is_away_its_thread_goes_on(s3, monkeypatch):
    monkeypatch.setattr(module, "EVERY", 0.1)
    with Lease(path_of(f"{s3.url}/run")) as lease:
        first = lease._path.modified()
        s3.door.shut()
        time.sleep(0.5)
        s3.door.open()
        end = time.monotonic() + 20
        while lease._path.modified() == first and time.monotonic() < end:
            time.sleep(0.1)
        assert lease._path.modified() > first


@pytest.mark.parametrize(
    ("own", "other", "beside"),
    [
        (Shard(1, 3), Shard(2, 3), True),
        (Shard(1, 3), Shard(1, 3), False),
        (Shard(1, 3), Shard(1, 4), False),
        (Shard(1, 3), None, False),
        (None, Shard(1, 3), False),
        (None, None, False),
    ],
)
def test_shards_go_beside_other_shards_of_as_many(folder, own, other, beside):
    with Lease(folder, other):
        if beside:
            with Lease(folder, own) as lease:
                lease.check()
        else:
            with pytest.raises(ti.BadInput, match="being written by this process"):
                Lease(folder, own).acquire()


def test_a_shard_that_was_killed_elsewhere_goes_on_once_the_other_is_known_to_be_dead(folder, monkeypatch):
    monkeypatch.setattr(module, "_SLACK", 0.1)
    path = elsewhere(folder, every=0.5, shard=[1, 3])
    with Lease(folder, Shard(1, 3)) as lease:
        lease.check()
        assert not path.exists()


def test_a_shard_that_another_machine_is_at_work_on_is_refused_after_its_next_sign(folder, monkeypatch):
    monkeypatch.setattr(module, "_SLACK", 0.1)
    path = elsewhere(folder, every=2.0, shard=[1, 3])
    content = path.read_bytes()
    sign = threading.Timer(1.5, lambda: path.write_bytes(json.dumps({**json.loads(content), "since": 1.0}).encode()))
    sign.start()
    with pytest.raises(ti.BadInput, match="being written by process 7 on elsewhere"):
        Lease(folder, Shard(1, 3)).acquire()
    sign.join()


@pytest.mark.skipif(os.name != "posix", reason="nothing forks here")
def test_a_forked_child_has_it_not_and_its_end_takes_nothing(folder):
    with Lease(folder) as lease:
        child = os.fork()
        if child == 0:
            try:
                lease.check()
            except ti.BadInput:
                lease.release()
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        lease.check()


def test_one_that_is_forgotten_lets_go(folder):
    lease = Lease(folder)
    lease.acquire()
    del lease
    with Lease(folder) as lease:
        lease.check()
