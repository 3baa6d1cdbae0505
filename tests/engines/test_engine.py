"""Which engine settings mean, and what is told where it cannot be had."""

import importlib.util
import socket

import pytest
from planted_work import Doubling

import tfinvert as ti
from tfinvert.engines import Plain, Task, engine_of
from tfinvert.settings import EngineSettings


def test_the_plain_one_does_tasks_in_their_order():
    signs = []
    found = list(engine_of(EngineSettings()).results(Doubling(), [Task(0, [1]), Task(1, [2, 3])], signs.append))
    assert found == [(Task(0, [1]), [2]), (Task(1, [2, 3]), [4, 6])]
    assert len(signs) == 3
    assert isinstance(engine_of(EngineSettings()), Plain)


def test_the_plain_one_takes_tasks_one_by_one():
    taken = []

    def tasks():
        for number in range(3):
            taken.append(number)
            yield Task(0, [number])

    next(Plain().results(Doubling(), tasks(), print))
    assert taken == [0]


def test_ray_may_not_be_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ti.BadInput, match=r"^engine=ray, and Ray is not installed: pip install 'tfinvert\[ray\]'$"):
        engine_of(EngineSettings(name="ray"))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ray://10.0.0.1:10001", "expected auto or HOST:PORT"),
        ("nowhere.invalid:6379", "nobody answers there: start a cluster"),
        ("127.0.0.1:{free}", r"refused\): nobody answers there"),
        ("127.0.0.1:99999", "nobody answers there"),
        ("nonsense", "expected HOST:PORT of a cluster that this machine has joined"),
    ],
)
def test_an_address_where_nobody_answers(address, why, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with socket.socket() as taken:  # a port that nobody else has
        taken.bind(("127.0.0.1", 0))
        address = address.format(free=taken.getsockname()[1])
        engine = engine_of(EngineSettings(name="ray", address=address))
        with pytest.raises(ti.BadInput, match=f"^address={address}.*{why}"):
            list(engine.results(Doubling(), [Task(0, [1])], print))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("auto", r"^address=auto \(.*no token\): expected HOST:PORT .* token"),
        (None, r"^Ray cannot begin here \(.*no token\)"),
    ],
)
@pytest.mark.parametrize("kind", ["RayError", "OSError", "RuntimeError"])
def test_what_ray_says_when_it_cannot_begin_is_one_line(address, why, kind, monkeypatch):
    ray = pytest.importorskip("ray")

    def init(*given, **named):
        raise {"RayError": ray.exceptions.RayError, "OSError": OSError, "RuntimeError": RuntimeError}[kind]("no token")

    monkeypatch.setattr(ray, "init", init)
    engine = engine_of(EngineSettings(name="ray", address=address))
    with pytest.raises(ti.BadInput, match=why):
        list(engine.results(Doubling(), [Task(0, [1])], print))


def test_settings_that_cannot_be_are_refused():
    for name, value in [("tries", 0), ("workers", 0), ("worker_gigabytes", 0), ("num_gpus", -1), ("engine", "spark")]:
        with pytest.raises(ti.BadInput, match=f"^{name}="):
            EngineSettings.of(**{name: value})
