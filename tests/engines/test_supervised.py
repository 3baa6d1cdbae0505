"""A worker that is ended, and begun anew: who is to blame is told, and the others have their results."""

import functools
import gc
import os
import pickle
import signal
import tempfile
import time

import psutil
import pytest
from planted_work import Doubling

import tfinvert as ti
from tfinvert.engines import Lost, Sign, Task
from tfinvert.engines import supervised as module
from tfinvert.engines.supervised import Bounds, Home, Supervised

HERE = Home.here()


@pytest.fixture
def supervised():
    """Makes a `Supervised`, which is closed at the end."""
    made = []

    def make(start=None, gigabytes=4.0, seconds=30.0, tries=3, home=HERE):
        made.append(Supervised(pickle.dumps(start or Doubling()), home, Bounds(1e9 * gigabytes, seconds, tries, 1)))
        return functools.partial(given, made[-1])

    yield make
    for each in made:
        each.close()


def given(work, task):
    return work(task._replace(items=[pickle.dumps(item) for item in task.items]))


def begun(path):
    return len(path.read_text().splitlines())


def test_one_process_does_task_after_task(supervised, tmp_path):
    work = supervised(Doubling(tmp_path / "trace"))
    assert work(Task(0, [1, 2])) == [2, 4]
    assert work(Task(0, [])) == []
    assert work(Task(1, [3])) == [6]
    assert begun(tmp_path / "trace") == 1


@pytest.mark.first(6)
@pytest.mark.parametrize(
    ("poison", "why", "bounds"),
    [
        ("signal:SIGSEGV", "crashed (SIGSEGV), 3 times", {}),
        ("signal:SIGKILL", "crashed (SIGKILL), 3 times", {}),
        ("signal:SIGKILL", "crashed (SIGKILL), once", {"tries": 1}),
        ("exit:7", "ended with exit code 7, 2 times", {"tries": 2}),
        ("sleep:60", "made no step for 1 seconds, 2 times", {"seconds": 1.0, "tries": 2}),
        ("eat:900", "took more than 0.5 GB of memory, 2 times", {"gigabytes": 0.5, "tries": 2}),
    ],
)
@pytest.mark.parametrize("alone", [True, False])
def test_a_poisoned_item_is_lost_and_the_others_are_unharmed(supervised, poison, why, bounds, alone):
    work = supervised(Doubling(alone=alone), **bounds)
    assert work(Task(0, [1, 2, poison, 4, 5])) == [2, 4, Lost(why), 8, 10]
    assert work(Task(0, [6])) == [12]


def test_several_poisoned_items(supervised):
    work = supervised(tries=1)
    poison, lost = "signal:SIGABRT", Lost("crashed (SIGABRT), once")
    assert work(Task(0, [poison, 1, poison, poison])) == [lost, 2, lost, lost]


def test_an_item_that_is_told_alone_costs_no_search(supervised, tmp_path):
    work = supervised(Doubling(tmp_path / "trace", alone=True), tries=2)
    work(Task(0, [*range(7), "exit:1"]))
    assert begun(tmp_path / "trace") == 3  # the first, and after each try


def test_a_worker_that_somebody_else_killed_is_no_items_fault(supervised, tmp_path):
    work = supervised(tries=2)
    assert work(Task(0, [1, f"once:{tmp_path / 'first'}", 3])) == [2, "survived", 6]


def test_a_worker_killed_between_tasks_is_begun_anew(supervised):
    work = supervised()
    work(Task(0, [1]))
    os.kill(work.args[0]._hired[0].process.pid, signal.SIGKILL)
    assert work(Task(0, [2])) == [4]


def test_items_that_are_too_much_together_are_done_in_halves_from_then_on(supervised, tmp_path):
    work = supervised(Together(tmp_path / "trace"), gigabytes=0.6)
    assert work(Task(0, [0, 1, 2, 3])) == [0, 1, 2, 3]
    assert work(Task(0, [4, 5, 6, 7, 8])) == [4, 5, 6, 7, 8]
    assert (tmp_path / "trace").read_text().split() == ["4", "2", "2", "2", "2", "1"]


class Together:
    """Takes 200 MB for each item."""

    def __init__(self, trace):
        self.trace = trace

    def __call__(self):
        return self.work

    def work(self, task, tell):
        with open(self.trace, "a") as file:
            file.write(f"{len(task.items)}\n")
        held = bytearray(len(task.items) * 200 * 10**6)
        time.sleep(0.4)
        del held
        return task.items


def test_a_worker_that_ends_over_everything_is_the_fault_of_no_item(supervised):
    with pytest.raises(
        ti.BadInput, match=r"^the first 3 images all ended a worker on .*: it crashed \(SIGKILL\), once"
    ):
        supervised(tries=1)(Task(0, ["signal:SIGKILL"] * 3))


def test_items_that_end_it_while_they_are_at_work_alone_are_to_blame_even_if_there_are_no_others(supervised):
    lost = Lost("crashed (SIGSEGV), once")
    assert supervised(Doubling(alone=True), tries=1)(Task(0, ["signal:SIGSEGV"] * 4)) == [lost] * 4


def test_items_that_must_stay_together_are_lost_together(supervised, tmp_path):
    work = supervised(Doubling(tmp_path / "trace"), tries=2)
    work(Task(0, [1]))
    assert work(Task(0, [1, "exit:3"], whole=True)) == [Lost("ended with exit code 3, 2 times")] * 2
    assert begun(tmp_path / "trace") == 2


def test_memory_is_watched_while_signs_come_fast(supervised):
    work = supervised(chatting, gigabytes=0.5, tries=1)
    work(Task(0, [0]))
    assert work(Task(0, [1])) == [Lost("took more than 0.5 GB of memory, once")]


def chatting():
    return chat


def chat(task, tell):
    held = bytearray(task.items[0] * 900 * 10**6)
    end = time.monotonic() + 5 * task.items[0]
    while time.monotonic() < end:
        tell(Sign())
        time.sleep(0.01)
    return [len(held)]


def test_many_items_and_many_tries_are_no_deeper_than_few(supervised, monkeypatch):
    ended = module._Ended("crashed", 0)
    monkeypatch.setattr(Supervised, "_once", lambda self, task: ended)
    work = Supervised(b"", HERE, Bounds(1e9, 30.0, 3000, 1))
    assert work(Task(0, [b"", b""])) == [Lost("crashed, 3000 times")] * 2


def test_temporary_files_go_with_the_process(supervised):
    work = supervised(tries=1)
    (folder,) = work(Task(0, ["environment:TMPDIR"]))
    assert os.path.isdir(folder)
    work(Task(0, ["exit:1"]))
    assert not os.path.exists(folder)
    (other,) = work(Task(0, ["environment:TMPDIR"]))
    work.args[0].close()
    assert not os.path.exists(other)


def test_temporary_files_go_with_whoever_gave_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    work = Supervised(pickle.dumps(Doubling()), HERE, Bounds(4e9, 30.0, 1, 1))
    given(work, Task(0, [1]))
    assert list(tmp_path.iterdir())
    del work
    gc.collect()
    assert not list(tmp_path.iterdir())


def test_what_the_work_refuses_is_raised_in_one_line(supervised):
    work = supervised()
    with pytest.raises(ti.BadInput, match=r"^this: expected another$"):
        work(Task(0, [1, "refuse:this"]))
    assert work(Task(0, [2])) == [4]


def test_what_fails_for_no_known_reason_is_told_in_one_line(supervised):
    with pytest.raises(ti.BadInput, match=r"^a worker fails \(RuntimeError: no idea\): .*logs$"):
        supervised()(Task(0, ["fail:no idea"]))


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("signal:SIGKILL", r"crashed \(SIGKILL\) before it was ready, 3 times: give it more memory"),
        ("sleep:60", "made no step for 1 seconds before it was ready"),
        ("eat:900", "took more than 0.5 GB of memory before it was ready"),
        ("refuse:no such generator", "^no such generator: "),
    ],
)
def test_a_worker_that_cannot_begin_is_the_fault_of_no_item(supervised, fault, why):
    seconds = 1.0 if fault.startswith("sleep") else 60.0  # nothing else may be too slow on a busy machine
    with pytest.raises(ti.BadInput, match=why):
        supervised(Doubling(fault=fault), gigabytes=0.5, seconds=seconds)(Task(0, [1, 2]))


class Broken:
    """Pickled, and never unpickled."""

    def __reduce__(self):
        return int, ("no number",)


def test_an_item_that_cannot_be_opened_is_told_by_who_works_on_it(supervised):
    with pytest.raises(ti.BadInput, match=r"^a worker fails \(ValueError: invalid literal"):
        supervised()(Task(0, [1, Broken()]))


def test_items_that_are_too_slow_together_come_in_parts_from_then_on(supervised, tmp_path):
    work = supervised(functools.partial(slow, tmp_path / "sizes"), seconds=1.5, tries=1)
    assert work(Task(0, [0.5] * 4)) == [0.5] * 4
    assert work(Task(0, [0.5] * 4)) == [0.5] * 4
    assert (tmp_path / "sizes").read_text() == "4 2 2 2 2 "


def slow(path):
    return functools.partial(slowly, path)


def slowly(path, task, tell):
    tell(Sign())
    with path.open("a") as file:
        file.write(f"{len(task.items)} ")
    time.sleep(sum(task.items))
    return task.items


def test_it_works_where_the_run_was_begun(supervised, tmp_path):
    there = HERE._replace(folder=str(tmp_path))
    assert supervised(home=there)(Task(0, ["where:"])) == [str(tmp_path)]
    gone = HERE._replace(folder=str(tmp_path / "gone"))
    assert supervised(home=gone)(Task(0, ["where:"])) == [os.getcwd()]


def test_it_has_as_many_threads_as_it_may(supervised):
    asked = [f"environment:{name}" for name in ("TF_NUM_INTRAOP_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH")]
    assert supervised()(Task(0, asked)) == ["1", "true"]


def test_it_ends_with_whoever_gives_it_work():
    parent = os.fork()
    if parent == 0:
        try:
            work = Supervised(pickle.dumps(Doubling()), HERE, Bounds(1e9, 30.0, 1, 1))
            given(work, Task(0, [1]))
            given(work, Task(0, ["sleep:60"]))
        finally:
            os._exit(1)
    process = psutil.Process(parent)
    while not (children := process.children()):
        time.sleep(0.05)
    time.sleep(1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    psutil.wait_procs(children, timeout=20)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in children)
