"""Jobs by an engine: rows are the same, and what differs elsewhere is told."""

import dataclasses
import functools
import json
import pickle
import shutil
from pathlib import Path

import keras
import numpy as np
import problems
import pytest
import tensorflow as tf
from jobs import do, job_of, small_model
from PIL import Image
from stores import fill, png

import tfinvert as ti
from tfinvert import report
from tfinvert.engines import Lost, Plain, Sign, Task
from tfinvert.errors import BadInput
from tfinvert.images import Sources
from tfinvert.images.entry import Entry
from tfinvert.remote import Unavailable, path_of
from tfinvert.runs import Store, open_run, run
from tfinvert.runs.doing import run_jobs
from tfinvert.runs.elsewhere import Sent
from tfinvert.runs.inverting import Inverting
from tfinvert.runs.job import ready, versions
from tfinvert.runs.run import Todo, run_all
from tfinvert.settings import EngineSettings

LINEAR = problems.Linear()
IMAGES = np.random.default_rng(0).uniform(size=(7, 4, 4, 1)).astype(np.float32)


def inverter(**settings):
    return ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(1.0, 3), restarts=1, **settings)


def quiet(sign):
    return None


# -- Where memory is short


class Short:
    """An inverter that has memory for so many images only."""

    batch_size, restarts = 8, 1

    def __init__(self, room):
        self.room, self.inner, self.asked = room, inverter(), []
        self.generator = self.inner.generator

    def __call__(self, images, **how):
        self.asked.append(len(images))
        if len(images) > self.room:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return self.inner(images, **how)


def test_batches_are_halved_where_memory_is_short_and_stay_so(tmp_path):
    short = Short(room=2)
    sources = Sources(np.concatenate([IMAGES, IMAGES]), LINEAR.generator)
    store, whole = Store(tmp_path / "short"), Store(tmp_path / "whole")
    assert run(short, sources, store, show=False).exit_code == 0
    assert short.asked == [8, 4, 2, 2, 2, 2, 2, 2, 2]
    run(inverter(batch_size=8), sources, whole, show=False)
    columns = ["id", "place", "code", "loss", "status", "losses"]
    assert store.read(columns).equals(whole.read(columns))


def test_what_has_no_room_for_one_image_is_told(tmp_path):
    with pytest.raises(ti.BadInput, match="out of memory with one image, 1 codes at once: lower --restarts"):
        run(Short(room=0), Sources(IMAGES, LINEAR.generator), Store(tmp_path), show=False)


def test_signs_count_images_through_all_parts_of_a_task():
    signs = []
    sources = Sources(IMAGES, LINEAR.generator)
    Inverting(Short(room=2), sources.reader)(Task(0, list(sources.left(frozenset()))), signs.append)
    reading = [sign for sign in signs if sign.item is not None]
    assert [sign.item for sign in reading] == list(range(7))
    assert all(sign.seconds == 90 for sign in reading)
    done = [sign.done for sign in signs if sign.item is None]
    assert done == sorted(done)
    assert done[-1] == 7


def test_a_picture_in_a_store_may_take_as_long_as_a_store_is_waited_for():
    signs = []
    entry = Entry("s3://bucket/a.png", None, lambda: np.zeros((4, 4, 1), np.float32))
    sources = Sources([entry], LINEAR.generator)
    Inverting(inverter(), sources.reader)(Task(0, list(sources.left(frozenset()))), signs.append)
    assert signs[0] == Sign(item=0, seconds=810)


def opened(path):
    return Path(path).read_bytes()


def unread(folder, names="ab"):
    """Rows of pictures that were listed in a folder, and cannot be opened any more."""
    entries = [Entry(f"photo {each}", None, functools.partial(opened, folder / f"{each}.png")) for each in names]
    sources = Sources(entries, LINEAR.generator)
    return Inverting(inverter(), sources.reader)(Task(0, list(sources.left(frozenset()))), lambda sign: None)


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_folder_that_is_not_mounted_any_more_ends_the_run(tmp_path, names):
    photos = tmp_path / "photos"
    photos.mkdir()
    with pytest.raises(BadInput, match=r"photos is empty now, and had .*a\.png: see whether its disk is mounted"):
        unread(photos, names)
    with pytest.raises(BadInput, match="photos is empty now"):
        unread(photos / "its own", names)
    with pytest.raises(BadInput, match=r"gone cannot be listed any more \(No such file or directory\)"):
        unread(tmp_path / "gone" / "its own", names)


def test_pictures_that_are_gone_alone_or_damaged_are_rows(tmp_path):
    (tmp_path / "c.png").touch()
    assert [row["status"] for row in unread(tmp_path)] == ["unreadable"] * 2
    assert [row["status"] for row in unread(tmp_path / "its own", "a")] == ["unreadable"]
    damaged = [Entry("cats/1", None, {}.popitem), Entry("cats/2", None, {}.popitem)]  # ids that look like files
    sources = Sources(damaged, LINEAR.generator)
    rows = Inverting(inverter(), sources.reader)(Task(0, list(sources.left(frozenset()))), lambda sign: None)
    assert [row["status"] for row in rows] == ["unreadable"] * 2


class Answer(Exception):
    """Of a store, as botocore has it."""

    def __init__(self, status, code):
        super().__init__(code)
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


@pytest.mark.parametrize(("status", "code", "ends"), [(400, "ExpiredToken", True), (403, "AccessDenied", False)])
def test_a_store_that_refuses_is_asked_for_its_reason(memory, monkeypatch, status, code, ends):
    def refuse(status, code):
        def refused(*_, **__):
            raise Answer(status, code)

        return refused

    fill(memory, {"a.png": png(10), "b.png": png(20)})
    sources = Sources([f"{memory}/a.png", f"{memory}/b.png"], LINEAR.generator)
    task = Task(0, list(sources.left(frozenset())))
    monkeypatch.setattr(path_of(memory).fs, "info", refuse(400, "400"))  # an answer to HEAD has no words
    monkeypatch.setattr(path_of(memory).fs, "cat_file", refuse(status, code))
    work = Inverting(inverter(), sources.reader)
    if ends:
        with pytest.raises(Unavailable, match="does not know these credentials"):
            work(task, lambda sign: None)
    else:
        assert [row["status"] for row in work(task, lambda sign: None)] == ["unreadable"] * 2


# -- Images that are lost


class Losing:
    """An engine that loses every third item."""

    outlives = True

    def __init__(self, every=3):
        self.every = every

    def results(self, start, tasks, tell):
        work = start()
        for task in tasks:
            found = work(task, tell)
            yield task, [Lost("crashed, 3 times") if not n % self.every else row for n, row in enumerate(found)]


def summary(store, engine, sources=None):
    sources = Sources(IMAGES, LINEAR.generator) if sources is None else sources
    work = Todo(sources, store, 7)
    return run_all([work], lambda: Inverting(inverter(), sources.reader), engine, show=False)[0]


def test_a_lost_image_is_a_row_that_says_so_and_is_tried_again(tmp_path):
    store = Store(tmp_path)
    first = summary(store, Losing())
    assert first.counts == {"lost": 3, "finished": 4}
    assert (first.failed, first.missing, first.exit_code) == (3, 0, 3)
    rows = store.read(["id", "place", "status", "message", "code"]).to_pylist()
    assert [row["place"] for row in rows] == list(range(7))
    assert rows[3]["message"] == "the image ended its worker: it crashed, 3 times"
    assert rows[3]["code"] is None
    assert summary(store, Losing(every=1)).counts == first.counts  # again lost: the rows stay
    assert store.double == 0
    last = summary(store, Losing(every=100))
    assert last.counts == {"finished": 6, "lost": 1}
    assert store.double == 0


def test_an_engine_that_would_end_with_it_does_not_try_a_lost_image_again(tmp_path):
    store = Store(tmp_path)
    summary(store, Losing())
    found = summary(store, Plain())
    assert found.counts == {"lost": 3, "finished": 4}
    assert found.missing == 0
    assert summary(store, Losing(every=100)).counts == {"finished": 6, "lost": 1}


def test_no_report_reads_an_image_that_ended_its_worker(tmp_path):
    class LosingAll:
        outlives = True

        def results(self, start, tasks, tell):
            yield from ((task, [Lost("crashed, 3 times")] * len(task.items)) for task in tasks)

    entries = [Entry(name, None, lambda: pytest.fail("it is read")) for name in "ab"]
    sources, store = Sources(entries, LINEAR.generator), Store(tmp_path)
    store.claim({"seed": 0}, {"image_shape": [4, 4, 1]})
    assert summary(store, LosingAll(), sources).counts == {"lost": 2}
    assert store.lost() == {"a", "b"}
    report.comparison(store, sources)
    assert (tmp_path / "comparison.png").exists()


# -- Several runs at once


def test_several_runs_wait_in_one_row_and_each_has_its_folder(tmp_path):
    order = []

    class Noting:
        outlives = True

        def results(self, start, tasks, tell):
            work = start()
            for task in tasks:
                order.append(task.run)
                yield task, work(task, tell)

    sources = Sources(IMAGES, LINEAR.generator)
    works = [Todo(sources, Store(tmp_path / name), 3) for name in "ab"]
    inverting = Inverting(inverter(), sources.reader)
    found = run_all(works, lambda: inverting, Noting(), show=False)
    assert order == [0, 0, 0, 1, 1, 1]
    assert [each.counts for each in found] == [{"finished": 7}] * 2
    assert works[0].store.read(["id", "code"]).equals(works[1].store.read(["id", "code"]))


# -- In another process


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a small generator."""
    return small_model(tmp_path_factory.mktemp("models") / "small.keras", 3, (4, 4, 1), "sigmoid")


@pytest.fixture
def prepared(model, tmp_path):
    file = shutil.copy(model, tmp_path)
    job = job_of(tmp_path / "run", str(file), IMAGES, steps=3, restarts=1, engine="ray", value_range=(0, 1))
    found = ready(job)
    yield found
    found.store.close()


def elsewhere(prepared, monkeypatch):
    """The `Start` that workers get, after the way to them."""
    sent = []

    class Catching:
        outlives = True

        def __init__(self, settings):
            pass

        def results(self, start, tasks, tell):
            sent.append(pickle.loads(pickle.dumps((start, list(tasks)))))
            yield from ()

    prepared.claim()
    with monkeypatch.context() as patched:
        patched.setattr("tfinvert.runs.doing.engine_of", Catching)
        run_jobs([prepared], show=False)
    return sent[0]


@pytest.mark.first(1)
def test_another_process_finds_the_same(prepared, monkeypatch):
    start, tasks = elsewhere(prepared, monkeypatch)
    rows = [row for task in tasks for row in start()(task, quiet)]
    source, out = prepared.job.generator.source, prepared.store.folder.parent / "plain"
    _, store, _ = do(out, source, IMAGES, steps=3, restarts=1, value_range=(0, 1))
    plain = store.read().to_pylist()
    assert [row["id"] for row in rows] == [row["id"] for row in plain]
    for one, other in zip(rows, plain, strict=True):
        np.testing.assert_array_equal(one["code"], other["code"])
        assert one["status"] == other["status"]


def test_a_task_holds_its_own_images_only(prepared, monkeypatch):
    _, tasks = elsewhere(prepared, monkeypatch)
    assert len(pickle.dumps(tasks[0])) < 3 * IMAGES.nbytes + 3000


def test_other_versions_are_told(prepared, monkeypatch):
    start, _ = elsewhere(prepared, monkeypatch)
    packages = dataclasses.replace(start.packages, versions={**versions(), "keras": "3.99"})
    other = dataclasses.replace(start, packages=packages)
    with pytest.raises(ti.BadInput, match=r"^keras is 3\.\S+, and 3.99 where the run was begun: install the same"):
        other()


def test_a_generator_that_is_not_there_or_another_is_told(prepared, monkeypatch):
    start, tasks = elsewhere(prepared, monkeypatch)
    file = prepared.job.generator.source
    model = keras.saving.load_model(file)
    model.set_weights([2 * weight for weight in model.get_weights()])
    model.save(file)
    with pytest.raises(ti.BadInput, match="is another file than where the run was begun: copy it there"):
        start()(tasks[0], quiet)
    start, _ = elsewhere(prepared, monkeypatch)
    (prepared.store.folder.parent / "small.keras").unlink()
    with pytest.raises(ti.BadInput, match=r"small\.keras: no such file"):
        start()(tasks[0], quiet)


def test_a_generator_in_memory_cannot_go_elsewhere(tmp_path):
    job = job_of(tmp_path, lambda codes: tf.reshape(codes, [-1, 4, 4, 1]), IMAGES, prior="normal(16)", engine="ray")
    with pytest.raises(ti.BadInput, match="engine=ray and a generator in memory, function: workers load it"):
        run_jobs([ready(job)], show=False)


def test_the_engine_is_no_setting_that_a_result_depends_on(model, tmp_path):
    job = job_of(tmp_path, str(model), IMAGES[:2], steps=2, restarts=1, value_range=(0, 1))
    prepared = ready(job)
    prepared.claim()
    prepared.store.close()
    other = job_of(tmp_path, str(model), IMAGES[:2], steps=2, restarts=1, value_range=(0, 1), engine="ray", workers=3)
    ready(other).claim()


def test_a_sign_counts_nothing_of_itself():
    assert Sign() == (None, 0.0, None, None)


def test_a_class_that_is_mixed_is_mixed_elsewhere(eagerly, tmp_path):
    code, label = keras.Input((3,)), keras.Input((1,), dtype="int32", name="label")
    both = keras.layers.Concatenate()([code, keras.layers.Flatten()(keras.layers.Embedding(4, 2)(label))])
    model = keras.Model([code, label], keras.layers.Reshape((4, 4, 1))(keras.layers.Dense(16)(both)))
    model.save(tmp_path / "labelled.keras")
    job = job_of(tmp_path / "run", str(tmp_path / "labelled.keras"), IMAGES[:2], labels="embedding", classes=4)
    prepared = ready(job)
    sent = Sent.of(prepared.job, prepared.generator)
    assert sent.load().space.shape == prepared.generator.space.shape
    prepared.store.close()


def test_images_that_are_not_there_are_told(prepared):
    sent = Sent.of(prepared.job, prepared.generator, str(prepared.store.folder / "gone.png"))
    with pytest.raises(ti.BadInput, match=r"gone.png is not here: put images where all machines see them"):
        sent.load()


def test_the_file_of_the_first_image_is_known(tmp_path):
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")
    assert Sources(tmp_path, LINEAR.generator).file() == str(tmp_path / "a.png")
    assert Sources(IMAGES, LINEAR.generator).file() is None


def test_a_run_that_is_opened_brings_no_engine_along(model, tmp_path):
    do(tmp_path, str(model), IMAGES[:2], steps=2, restarts=1, value_range=(0, 1))
    file = tmp_path / "run.json"
    content = json.loads(file.read_text())
    content["engine"] |= {"name": "ray", "tries": 7}
    file.write_text(json.dumps(content))
    assert open_run(tmp_path).job.engine == EngineSettings()
