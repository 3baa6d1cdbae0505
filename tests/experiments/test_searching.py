"""Methods by an engine: what they find does not depend on how samples are shared out, nor on where it is found."""

import numpy as np
import problems
import pytest
from jobs import small_model
from planted_methods import Poisoned

import tfinvert as ti
from tfinvert.engines import Lost, Plain
from tfinvert.experiments import recovery, searching
from tfinvert.experiments.methods import Method, parse
from tfinvert.experiments.searching import Sample, Trial, search
from tfinvert.report.recovery import recovery as draw
from tfinvert.runs.job import load
from tfinvert.settings import Job

LINEAR = problems.Linear()
NAMES = "recover, adam, lbfgs, levenberg_marquardt, gauss_newton_cg, stochastic_clip, logistic(2, 2), disabled"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """The settings of a small generator in a file, which saturates."""
    path = small_model(tmp_path_factory.mktemp("models") / "small.keras", 4, (8, 8, 1), "tanh")
    return Job.of(generator=str(path), prior="normal", value_range=(-1, 1))


@pytest.fixture(scope="module")
def generator(job):
    return load(job)


def samples(generator, count):
    codes, images = (each.numpy() for each in generator.sample(count, seed=7))
    return [Sample(f"sample {n}", images[n], None, codes[n]) for n in range(count)]


def trials(generator, names=NAMES, count=5):
    return [Trial(method, samples(generator, count), 20, 3) for method in parse(names)]


class Through:
    """An engine that notes tasks, does the last one first, and loses what it is told to."""

    def __init__(self, lost=()):
        self.lost, self.tasks = lost, []

    def __call__(self, settings):
        return self

    def results(self, start, tasks, tell):
        self.tasks = list(tasks)
        for task, found in Plain().results(start, self.tasks[::-1], tell):
            pairs = zip(task.items, found, strict=True)
            yield task, [Lost("crashed, 3 times") if each.id in self.lost else one for each, one in pairs]


@pytest.fixture
def through(monkeypatch):
    def engine(lost=()):
        found = Through(lost)
        monkeypatch.setattr(searching, "engine_of", found)
        return found

    return engine


def same(one, other):
    """Holds the answers of two searches against each other."""
    for answers, others in zip(one, other, strict=True):
        for each, another in zip(answers, others, strict=True):
            np.testing.assert_allclose(each.code, another.code, atol=1e-4)
            assert (each.passes, each.open) == (another.passes, another.open)
            assert each.error == pytest.approx(another.error, rel=1e-3, abs=1e-9)
            assert each.image_error == pytest.approx(another.image_error, rel=1e-3, abs=1e-9)


@pytest.mark.slow
def test_small_tasks_in_another_order_find_the_same(generator, through):
    whole = list(search(generator, trials(generator)))
    engine = through()
    same(list(search(generator, trials(generator), batch_size=2)), whole)
    assert sorted((task.run, len(task.items)) for task in engine.tasks) == sorted(
        (number, size) for number in range(8) for size in (2, 2, 1)
    )


@pytest.mark.slow
def test_images_of_8_bits_stay_together_where_their_noise_is_learnt(generator, through):
    rounded = [
        each._replace(image=(np.round(255 * (each.image + 1) / 2) / 127.5 - 1).astype(np.float32))
        for each in samples(generator, 5)
    ]
    engine = through()
    methods = [(Method("recover"), None), (Method("recover"), 0.01), (Method("disabled"), None)]
    list(search(generator, [Trial(method, rounded, 2, 0, noise) for method, noise in methods], batch_size=3))
    assert sorted((task.run, len(task.items)) for task in engine.tasks) == [(0, 5), (1, 2), (1, 3), (2, 2), (2, 3)]


def test_lost_samples_are_failures_in_the_table_and_are_named(generator, through, caplog, tmp_path):
    through(lost=["sample 1"])
    methods = parse("levenberg_marquardt, disabled")
    done = recovery.run(generator, methods, samples=4, budget=400, batch_size=3)
    assert caplog.messages.count("sample 1 is lost: disabled: it crashed, 3 times") == 1
    assert [each.lost for each in done] == [1, 1]
    assert list(np.isnan(done[0].errors)) == [False, True, False, False]
    exact, base = recovery.table(done)
    assert (exact["samples"], exact["lost"]) == (4, 1)
    assert exact["success_1e-6"] == 0.75
    assert float(exact["mean"]) < 1e-6
    assert exact["passes_per_code"] == pytest.approx(np.nanmean(done[0].passes), abs=0.06)
    assert exact["wins"] == 75
    assert base["wins"] == ""
    assert draw(done, tmp_path / "figure.png").stat().st_size > 10_000


def test_where_all_are_lost_nothing_is_known(generator, through, tmp_path):
    through(lost=["sample 0", "sample 1"])
    done = recovery.run(generator, parse("disabled"), samples=2, budget=2)
    (row,) = recovery.table(done)
    assert (row["lost"], row["success_1e-1"]) == (2, 0)
    assert row["mean"] == row["median"] == row["image_error_median"] == row["passes_per_code"] == ""
    assert draw(done, tmp_path / "figure.png").exists()


@pytest.mark.slow
def test_images_that_are_lost_once_have_no_distance(through):
    images = np.random.default_rng(1).normal(size=(6, 4, 4, 1)).astype(np.float32)
    through(lost=["unseen 2", "unseen 4"])
    (row,) = recovery.unique(LINEAR.generator, parse("levenberg_marquardt"), images, encodings=2, budget=200)
    assert (row["images"], row["lost"]) == (6, 2)
    assert float(row["distance"]) < 1e-6
    through(lost=[f"unseen {number}" for number in range(6)])
    (row,) = recovery.unique(LINEAR.generator, parse("disabled"), images, encodings=2, budget=2)
    assert (row["lost"], row["distance"], row["image_error"]) == (6, "", "")


def test_seconds_are_those_of_all_tasks_and_memory_is_that_of_the_largest(generator, monkeypatch):
    answer = searching.Answer(np.zeros(4), 1, 0.1, 0.1, False, (np.ones(1), np.ones(1)), 2.0, 5.0)
    answers = [answer._replace(peak=peak) for peak in (5.0, 7.0, 6.0)]
    monkeypatch.setattr(recovery, "search", lambda *given: iter([answers]))
    (done,) = recovery.run(generator, parse("disabled"), samples=3)
    assert (done.seconds, done.peak) == (6, 7)


def test_what_cannot_be_done_is_one_line(generator, job):
    with pytest.raises(ti.BadInput, match="batch_size=0: expected at least 1"):
        next(search(generator, trials(generator), batch_size=0))
    memory = Job.of(generator=lambda codes: codes, engine="ray")
    pytest.importorskip("ray")
    with pytest.raises(ti.BadInput, match="engine=ray and a generator in memory, function: workers load it"):
        next(search(LINEAR.generator, trials(LINEAR.generator), memory))


# -- By Ray's workers


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_workers_find_the_same_and_lose_only_who_ends_them(generator, job, caplog):
    wanted = trials(generator, "recover, lbfgs, stochastic_clip, disabled")
    poisoned = Trial(Poisoned("disabled"), samples(generator, 5), 20, 3)
    flags = {"engine": "ray", "workers": 2, "tries": 1}
    elsewhere = Job.of(generator=job.generator.source, prior="normal", value_range=(-1, 1), **flags)
    found = list(search(generator, [*wanted, poisoned], elsewhere, batch_size=3))
    here = list(search(generator, wanted))
    same(found[:-1], here)
    lost = found[-1].pop(1)
    assert isinstance(lost, Lost)
    assert "sample 1 is lost: disabled: it crashed (SIGKILL), once" in caplog.messages
    same([found[-1]], [[each for number, each in enumerate(here[-1]) if number != 1]])
    assert all(each.peak > 50 and each.seconds > 0 for each in found[0])
