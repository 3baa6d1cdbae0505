"""The watched process: what it says, and what becomes of jobs that do not end well."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import watched_jobs as jobs

from tfinvert.errors import BadInput
from tfinvert.generators.safety import process
from tfinvert.settings import Limits

HERE = Path(__file__).resolve().parent
LIMITS = Limits(gigabytes=0.5, seconds=20)


@pytest.fixture(scope="module", autouse=True)
def importable():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(HERE))
        yield
        process.close()


def done(job, *given, limits=LIMITS):
    with process.watched(job, *given, limits=limits, what="loading g") as answers:
        return list(answers)


def test_values_come_in_order_from_another_process():
    assert done(jobs.counts, 5) == [0, 1, 2, 3, 4]
    ((number, _),) = done(jobs.numbers_of_processes)
    assert number != os.getpid()
    assert done(jobs.numbers_of_processes)[0][0] == number  # which does the next job, too


def test_what_is_not_asked_for_is_in_nobodys_way():
    with process.watched(jobs.counts, 5, limits=LIMITS, what="loading g") as answers:
        assert next(answers) == 0
    assert done(jobs.counts, 2) == [0, 1]


def test_a_refusal_is_the_jobs_own():
    with pytest.raises(BadInput, match=r"^a file: expected another$"):
        done(jobs.refuses)
    assert done(jobs.counts, 1) == [0]


def test_any_other_error_names_what_was_done():
    with pytest.raises(BadInput, match=r"^loading g fails \(KeyError: 'odd'\)"):
        done(jobs.fails)


@pytest.mark.parametrize(
    ("job", "given", "limits", "said"),
    [
        (jobs.crashes, (), LIMITS, "loading g crashes"),
        (jobs.sleeps, (60,), Limits(seconds=0.3), "takes more than 0.3 seconds: .*--max_seconds"),
        (jobs.fills, (), Limits(gigabytes=0.1), "takes more than 0.1 GB of memory: .*--max_gigabytes"),
    ],
)
def test_what_goes_too_far_is_ended_and_the_next_job_is_done(job, given, limits, said):
    with pytest.raises(BadInput, match=said):
        done(job, *given, limits=limits)
    assert done(jobs.counts, 1) == [0]


def interrupted(error):
    with process.watched(jobs.sleeps, 60, limits=LIMITS, what="loading g") as answers:
        next(answers)
        raise error


@pytest.mark.first(1)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), BadInput("mine", "expected another")])
def test_an_error_of_the_caller_ends_the_job(error):
    ((worker, server),) = done(jobs.numbers_of_processes)
    with pytest.raises(type(error)):
        interrupted(error)
    assert not psutil.pid_exists(server)
    assert not psutil.pid_exists(worker)
    assert done(jobs.counts, 1) == [0]


def test_a_server_that_was_killed_is_replaced():
    ((_, server),) = done(jobs.numbers_of_processes)
    os.kill(server, signal.SIGKILL)
    assert process._server[1].poll(20)  # its end of the connection is closed
    assert done(jobs.counts, 1) == [0]


def killed_at_work(server):
    with process.watched(jobs.sleeps, 60, limits=LIMITS, what="loading g") as answers:
        next(answers)
        os.kill(server, signal.SIGKILL)
        list(answers)


def test_one_that_is_killed_at_work_is_told():
    ((_, server),) = done(jobs.numbers_of_processes)
    with pytest.raises(BadInput, match="ended the process that watched it"):
        killed_at_work(server)
    assert done(jobs.counts, 1) == [0]


def test_a_fork_of_this_process_has_a_server_of_its_own():
    ((_, server),) = done(jobs.numbers_of_processes)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, str(done(jobs.numbers_of_processes)[0][1] != server).encode())
        process.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"True"
    assert done(jobs.numbers_of_processes)[0][1] == server


@pytest.mark.first(1)
@pytest.mark.parametrize("before", [True, False])
def test_tensorflow_computes_there_whether_it_has_begun_here_or_not(before):
    """A fork of a process whose TensorFlow has threads would wait for them for ever."""
    script = f"""
        import sys
        sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent.parent)!r}]
        import tensorflow as tf, watched_jobs as jobs
        from tfinvert.generators.safety import process
        from tfinvert.settings import Limits
        if {before}:
            next(jobs.computes())
        with process.watched(jobs.computes, limits=Limits(seconds=40), what="it") as answers:
            print(*answers)
        next(jobs.computes())
        with process.watched(jobs.computes, limits=Limits(seconds=40), what="it") as answers:
            print(*answers)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["1000000000.0"] * 2


@pytest.mark.slow
def test_a_child_of_the_user_that_lives_on_keeps_nobody():
    script = f"""
        import os, sys, time
        sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent.parent)!r}]
        import watched_jobs as jobs
        from tfinvert.generators.safety import process
        from tfinvert.settings import Limits
        with process.watched(jobs.numbers_of_processes, limits=Limits(), what="it") as answers:
            print(*next(answers), flush=True)
        child = os.fork()
        if child == 0:
            time.sleep(100)
            os._exit(0)
        print(child, flush=True)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as user:
        others = [int(word) for word in user.stdout.readline().split()]
        child = int(user.stdout.readline())
        try:
            user.wait(timeout=30)  # its end does not wait for the child
            assert not any(map(psutil.pid_exists, others))
        finally:
            psutil.Process(child).kill()


def test_nothing_in_the_working_folder_is_imported(tmp_path):
    """A server that is started anew finds modules where this process does, and nowhere else."""
    for name in ("numpy", "h5py", "psutil", "keras", "pickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'proof')!r}, 'w')")
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "user.py").write_text(
        textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent.parent)!r}]
        import tensorflow as tf
        tf.ones(3) + 1  # now there are threads, and no fork
        import watched_jobs as jobs
        from tfinvert.generators.safety import process
        from tfinvert.settings import Limits
        with process.watched(jobs.counts, 2, limits=Limits(), what="it") as answers:
            print(*answers)
    """)
    )
    command = [sys.executable, str(tmp_path / "user" / "user.py")]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["0", "1"]
    assert not (tmp_path / "proof").exists()


@pytest.mark.first(1)
def test_nobody_is_left_when_the_user_is_killed():
    script = f"""
        import sys, time
        sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent.parent)!r}]
        import watched_jobs as jobs
        from tfinvert.generators.safety import process
        from tfinvert.settings import Limits
        with process.watched(jobs.numbers_of_processes, limits=Limits(), what="it") as answers:
            print(*next(answers), flush=True)
        with process.watched(jobs.sleeps, 100, limits=Limits(seconds=100), what="it") as answers:
            print(next(answers), flush=True)
            time.sleep(100)
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True) as user:
        others = [int(word) for word in user.stdout.readline().split()]
        assert user.stdout.readline() == "begun\n"
        assert all(map(psutil.pid_exists, others))
        user.kill()
    end = time.monotonic() + 10
    while any(map(psutil.pid_exists, others)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(psutil.pid_exists, others))
