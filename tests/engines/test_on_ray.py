"""Ray Data's workers: the same results as here, whatever becomes of some of them."""

import errno
import os
import pickle
import platform
import signal
import time
import types

import pytest
from planted_work import Doubling

import tfinvert as ti
from tfinvert.engines import Lost, Plain, Task, engine_of, on_ray
from tfinvert.engines.supervised import Home
from tfinvert.settings import EngineSettings

pytest.importorskip("ray")
TASKS = [Task(number % 2, [3 * number, 3 * number + 1, 3 * number + 2]) for number in range(12)]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One for all tests here: it takes seconds to begin."""
    import ray

    ray.init("local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def done(tasks, start=None, engine=None, **settings):
    engine = engine or engine_of(EngineSettings(name="ray", **settings))
    found = [(task.run, task.items, results) for task, results in engine.results(start or Doubling(), tasks, print)]
    return sorted(found, key=str)


def test_the_results_are_those_of_the_plain_engine():
    assert done(TASKS, workers=2) == done(TASKS, engine=Plain())


@pytest.mark.slow
def test_tasks_that_are_too_large_together_come_in_rounds(monkeypatch, tmp_path):
    monkeypatch.setattr(on_ray, "_ROUND", 200)
    taken = []

    def tasks():
        for task in TASKS:
            taken.append(task)
            yield task

    results = engine_of(EngineSettings(name="ray", workers=1)).results(Doubling(), tasks(), print)
    found = [next(results)]
    assert len(taken) < len(TASKS)
    found += list(results)
    assert sorted((task.items, doubled) for task, doubled in found) == sorted(
        (task.items, [2 * item for item in task.items]) for task in TASKS
    )


def test_nothing_to_do_is_no_work():
    assert done([]) == []


def test_each_worker_begins_once(tmp_path):
    done(TASKS, Doubling(tmp_path / "trace"), workers=2)
    assert 1 <= len((tmp_path / "trace").read_text().split()) <= 2


@pytest.mark.slow
def test_a_poisoned_item_is_lost_and_the_others_are_unharmed():
    tasks = [*TASKS, Task(5, [1, "signal:SIGSEGV", 2])]
    assert done(tasks, workers=2, tries=2)[-1][2] == [2, Lost("crashed (SIGSEGV), 2 times"), 4]


def test_a_worker_that_is_killed_is_replaced(tmp_path):
    """The one that Ray knows, not only the process in which it has the work done."""
    tasks = [Task(0, [number, "sleep:0.3", "parent:"]) for number in range(10)]
    killed = []
    engine = engine_of(EngineSettings(name="ray", workers=2))
    found = []
    for task, results in engine.results(Doubling(), tasks, print):
        if not killed:
            killed.append(results[2])
            os.kill(results[2], signal.SIGKILL)
        found.append((task.items[0], results[0]))
    assert sorted(found) == [(number, 2 * number) for number in range(10)]


@pytest.mark.slow
def test_what_the_work_refuses_ends_the_run_in_one_line():
    with pytest.raises(ti.BadInput, match=r"^worker on \S+: no such file: expected another$"):
        done([*TASKS, Task(0, ["refuse:no such file"])])


def test_what_the_start_refuses_ends_the_run_in_one_line():
    with pytest.raises(ti.BadInput, match=r"^worker on \S+: no generator here: expected another$"):
        done(TASKS, Doubling(fault="refuse:no generator here"))


def test_workers_larger_than_any_machine_are_refused():
    with pytest.raises(
        ti.BadInput, match="workers of 64 CPUs and 0 GPUs: no machine has so many: lower --worker_cpus, or"
    ):
        done(TASKS, worker_cpus=64)
    with pytest.raises(ti.BadInput, match="workers of 1 CPUs and 2 GPUs: no machine has so many"):
        done(TASKS, num_gpus=2)


def test_results_may_be_left_before_the_last(tmp_path):
    engine = engine_of(EngineSettings(name="ray", workers=1))
    results = engine.results(Doubling(), TASKS, print)
    next(results)
    results.close()
    assert done(TASKS[:1], workers=1)[0][2] == [0, 2, 4]


def test_a_worker_that_takes_too_much_memory_is_ended():
    poison = Task(0, [1, "eat:900"])
    assert done([poison], workers=1, tries=1, worker_gigabytes=0.5)[0][2] == [
        2,
        Lost("took more than 0.5 GB of memory, once"),
    ]


@pytest.mark.slow
def test_a_worker_sees_the_gpu_that_it_was_given_and_no_other(tmp_path):
    """There is none here: Ray only believes so, and the worker finds out."""
    with pytest.raises(ti.BadInput, match=r"^worker on .* GPUs, and TensorFlow sees none: install"):
        done(TASKS, Doubling(fault=f"gpus:{tmp_path / 'given'}"), num_gpus=1)
    assert (tmp_path / "given").read_text() == "0"
    done(TASKS, Doubling(fault=f"gpus:{tmp_path / 'none'}"), workers=1)
    assert (tmp_path / "none").read_text() == ""


def test_what_fails_around_a_worker_names_its_machine(monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(on_ray, "Supervised", full)
    team = on_ray._Team(1, True)
    worker = on_ray._Worker(b"", Home.here(), EngineSettings(name="ray", worker_gigabytes=1.0), team)
    number, error = pickle.loads(worker(on_ray._packed(7, TASKS[0]))["result"][0].as_py())
    assert number == 7
    assert str(error).startswith(f"worker on {platform.node()}: it fails (")
    assert "No space left" in str(error)


@pytest.mark.parametrize("machines", [1, 2, 5])
def test_workers_have_as_much_memory_on_many_machines_as_on_one(monkeypatch, machines):
    import ray

    nodes = [
        {"NodeID": str(each), "Alive": True, "Resources": {"CPU": 64.0, "memory": 45e9}} for each in range(machines)
    ]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray, "get_runtime_context", lambda: types.SimpleNamespace(get_node_id=lambda: "0"))
    settings = EngineSettings(name="ray")
    team = on_ray._team(settings, 10_000)
    assert team == (27 * machines, True)
    assert on_ray._share(settings, team) == pytest.approx(1.5e9)
    more = on_ray._team(EngineSettings(name="ray", workers=64 * machines), 10_000)
    assert more == (64 * machines, False)
    assert on_ray._share(settings, more) == pytest.approx(0.9 * 45e9 / 64)


def test_tasks_that_do_not_come_back_are_missed(monkeypatch):
    monkeypatch.setattr(on_ray, "_mapped", lambda tasks, start, settings, most: iter([(0, [0, 2, 4]), (0, [0, 2, 4])]))
    results = engine_of(EngineSettings(name="ray")).results(Doubling(), TASKS, print)
    assert next(results) == (TASKS[0], [0, 2, 4])
    with pytest.raises(ti.BadInput, match="11 tasks did not come back from Ray: the same command does them"):
        next(results)


def test_a_long_silence_is_told(monkeypatch, caplog):
    monkeypatch.setattr(on_ray, "_SILENT", 0.2)

    def slow():
        yield 1
        time.sleep(0.7)
        yield 2

    assert list(on_ray._noted(slow())) == [1, 2]
    assert "no worker has ended a batch for 0 minutes: is there room for them?" in caplog.text
