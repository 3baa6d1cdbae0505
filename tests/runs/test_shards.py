"""Shards of a run write into one folder side by side; together they are the run, and the whole command goes on."""

import json
import multiprocessing
import shutil

import numpy as np
import problems
import pytest
import tensorflow as tf
from jobs import job_of
from made_up_run import row

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.runs import Store, merging, open_run, run, run_job, stored
from tfinvert.runs.stored import Stored, listed
from tfinvert.settings import Shard, changed

LINEAR = problems.Linear()
IMAGES = np.random.default_rng(0).uniform(size=(7, 4, 4, 1)).astype(np.float32)


def rows(*places):
    return [row(f"image {place}", mse=0.1 + place, place=place) for place in places]


def names(*places):
    return [f"image {place}" for place in places]


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(merging, "MANY", 3)


def test_a_shard_merges_only_what_is_its_own(tmp_path, few):
    settings = {"steps": 3}
    with Store(tmp_path) as whole:
        whole.claim(settings, {})
        whole.write(rows(10, 12))  # by place, these belong to the first of two
        whole.write(rows(11, 14))
    with Store(tmp_path, Shard(1, 2)) as first, Store(tmp_path, Shard(2, 2)) as second:
        for store in (first, second):
            store.claim(settings, {})
            store.tidy()
        second.write(rows(1))
        first.write(rows(0))
        mixed = [part for part in Stored(tmp_path).parts() if part.name.startswith("part-00000011")]
        before = Stored(tmp_path).read()
        first.write(rows(2))  # the third small one
        second.write(rows(3))
    found = Stored(tmp_path)
    assert [part.name[:13] for part in found.parts()] == [f"part-0000000{i}" for i in (0, 1, 3)] + ["part-00000011"]
    assert found.parts()[-1:] == mixed
    assert found.ids() == names(0, 1, 2, 3, 10, 11, 12, 14)
    assert found.read(ids=before["id"].to_pylist()).equals(before)
    assert found.double == 0
    with Store(tmp_path) as whole:  # merges them all
        whole.tidy()
        whole.merge()
    assert len(Stored(tmp_path).parts()) < 3
    assert Stored(tmp_path).ids() == names(0, 1, 2, 3, 10, 11, 12, 14)


def test_half_files_of_others_are_left_alone_until_the_whole_run_comes(tmp_path):
    written = Store(tmp_path)
    others = written.results / ".partial-00000000-17-abcdef01-0000.parquet"  # of another machine
    others.write_bytes(b"half")
    with Store(tmp_path, Shard(1, 2)) as store:
        store.claim({"steps": 3}, {})
        store.tidy()
        assert others.exists()
    with written:
        assert not others.exists()


def test_whoever_comes_first_writes_run_json_and_the_others_are_held_against_it(tmp_path):
    first, second = (Store(tmp_path, Shard(number, 2)) for number in (1, 2))
    first.claim({"steps": 3}, {"machine": "a"})
    with pytest.raises(ti.BadInput, match="steps was 3 and is 4"):  # though there is no row yet
        second.claim({"steps": 4}, {})
    second.claim({"steps": 3}, {"machine": "b"})
    assert json.loads((tmp_path / "run.json").read_text()) == {"settings": {"steps": 3}, "machine": "a"}
    second.write(rows(1))
    first.write(rows(0))
    first.close()
    second.close()
    (tmp_path / "run.json").unlink()
    with Store(tmp_path, Shard(2, 2)) as store:
        store.claim({"steps": 3}, {"machine": "c"})
    assert json.loads((tmp_path / "run.json").read_text())["machine"] == "a"  # every part says so
    (tmp_path / "run.json").write_text("{")
    with Store(tmp_path, Shard(1, 2)) as store:
        store.claim({"steps": 3}, {"machine": "d"})
    assert json.loads((tmp_path / "run.json").read_text())["machine"] == "a"


@pytest.mark.parametrize("steps", [3, 4])
def test_of_two_that_begin_at_once_the_first_one_counts(tmp_path, monkeypatch, steps):
    first, second = (Store(tmp_path, Shard(number, 2)) for number in (1, 2))

    def meanwhile(settings):  # the second has looked, and found nothing
        first.claim({"steps": 3}, {"machine": "a"})
        return b""

    monkeypatch.setattr(second, "_restored", meanwhile)
    if steps == 4:
        with pytest.raises(ti.BadInput, match="steps was 3 and is 4"):
            second.claim({"steps": 4}, {"machine": "b"})
    else:
        second.claim({"steps": 3}, {"machine": "b"})
        second.write(rows(1))
    first.write(rows(0))
    assert json.loads((tmp_path / "run.json").read_text()) == {"settings": {"steps": 3}, "machine": "a"}
    assert Stored(tmp_path).ids() == names(0, 1)[: 2 if steps == 3 else 1]
    first.close()
    second.close()


def claims(folder, number, gate):
    store = Store(folder, Shard(number, 8))
    gate.wait()
    store.claim({"steps": 3}, {"machine": number})
    store.tidy()
    store.write(rows(number - 1))
    store.close()


@pytest.mark.slow
def test_eight_that_start_at_the_same_moment(tmp_path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tfinvert.runs"])
    gate = context.Barrier(8)
    started = [context.Process(target=claims, args=(tmp_path, number, gate)) for number in range(1, 9)]
    for process in started:
        process.start()
    for process in started:
        process.join()
    assert [process.exitcode for process in started] == [0] * 8
    assert Stored(tmp_path).ids() == names(*range(8))
    wrote = json.loads((tmp_path / "run.json").read_text())
    assert wrote["settings"] == {"steps": 3}
    assert {part.run for part in stored.index(tmp_path, Stored(tmp_path).parts(), b"").parts} == {
        (tmp_path / "run.json").read_bytes()
    }
    assert not list(tmp_path.rglob(".partial-*"))


def test_where_files_come_all_the_time_a_listing_is_taken_in_which_none_has_gone(tmp_path, monkeypatch):
    def listing(*numbers):
        return [(f"part-{number}.parquet", 1, 1) for number in numbers]

    merged = [listing(1, 2), listing(1, 2, 3), listing(1, 2, 3, 4), listing(1, 2, 3, 4, 5), listing(1, 2, 6)]
    for made, expected in (
        (merged, merged[3]),  # others are added all the time
        ([*merged[:3], listing(1, 2, 9), listing(1, 2, 9, 10), listing(1)], listing(1, 2, 9, 10)),  # or merged between
        ([listing(1), listing(1), listing(2)], listing(1)),
    ):
        left = iter(made)
        monkeypatch.setattr(stored, "_list", lambda folder, left=left: next(left))
        assert listed(tmp_path) == expected


def inverter():
    return ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(1.0, 3), restarts=1, batch_size=2)


def test_shards_together_are_the_run(tmp_path):
    alone = Store(tmp_path / "alone")
    run(inverter(), Sources(IMAGES, LINEAR.generator), alone, show=False)
    for number in (2, 3, 1):
        shard = Shard(number, 3)
        summary = run(
            inverter(), Sources(IMAGES, LINEAR.generator, shard=shard), Store(tmp_path / "run", shard), show=False
        )
        assert (summary.counts, summary.exit_code) == ({"finished": 3 if number == 1 else 2}, 0)
    columns = ["id", "place", "code", "loss", "status", "reconstruction", "losses"]
    assert Stored(tmp_path / "run").read(columns).equals(alone.read(columns))
    before = Stored(tmp_path / "run").parts()
    whole = run(inverter(), Sources(IMAGES, LINEAR.generator), Store(tmp_path / "run"), show=False)
    assert (whole.counts, whole.exit_code, Stored(tmp_path / "run").parts()) == ({"finished": 7}, 0, before)


def test_a_shard_counts_its_own_images_only_and_the_whole_does_what_none_did(tmp_path, caplog):
    images = IMAGES.copy()
    images[3, 0, 0, 0] = np.nan

    def of(text):
        shard = Shard.of(text)
        return run(inverter(), Sources(images, LINEAR.generator, shard=shard), Store(tmp_path, shard), show=False)

    failed = of("2/2")
    assert (failed.counts, failed.failed, failed.exit_code) == ({"finished": 2, "invalid_image": 1}, 1, 3)
    (part, *_) = Stored(tmp_path).parts()
    assert (of("1/4").counts, of("3/4").counts) == ({"finished": 2}, {"finished": 2})  # others of as many go on
    part.unlink()  # of the second half
    good = of("1/2")
    assert (good.counts, good.missing, good.exit_code) == ({"finished": 4}, 0, 0)
    whole = of(None)
    assert (whole.counts, whole.missing, whole.exit_code) == ({"finished": 6, "invalid_image": 1}, 0, 3)
    assert Stored(tmp_path).read(["place"])["place"].to_pylist() == list(range(7))


def test_rows_of_a_shard_that_are_gone_at_its_end_are_missing(tmp_path, monkeypatch):
    store = Store(tmp_path, Shard(2, 2))
    monkeypatch.setattr(store, "merge", lambda: store.parts()[0].unlink())
    summary = run(inverter(), Sources(IMAGES, LINEAR.generator, shard=Shard(2, 2)), store, show=False)
    assert (summary.counts, summary.missing, summary.exit_code) == ({"finished": 1}, 2, 3)


@pytest.mark.first(1)
@pytest.mark.parametrize("limit", [None, 5])
def test_shards_of_a_stream(tmp_path, limit):
    data = tf.data.Dataset.from_generator(lambda: iter(IMAGES), output_signature=tf.TensorSpec((4, 4, 1), tf.float32))
    images = min(limit or 7, 7)
    for _ in range(2):
        for number in (1, 2):
            shard = Shard(number, 2)
            sources = Sources(data, LINEAR.generator, limit=limit, array_range=(0, 1), shard=shard)
            summary = run(inverter(), sources, Store(tmp_path, shard), show=False)
            assert (sum(summary.counts.values()), summary.exit_code) == (shard.size(images), 0)
    assert Stored(tmp_path).read(["place"])["place"].to_pylist() == list(range(images))
    beyond = Sources(data, LINEAR.generator, array_range=(0, 1), shard=Shard(8, 9))
    with pytest.raises(ti.BadInput, match="--shard=8/9 of 7 images"):
        run(inverter(), beyond, Store(tmp_path, Shard(8, 9)), show=False)


def test_a_shard_is_no_setting_that_a_result_depends_on(eagerly, tmp_path):
    job = job_of(str(tmp_path / "run"), images=np.zeros((5, 32, 32, 1), np.uint8), steps=1, restarts=1)
    summary, store, sources = run_job(changed(job, shard="2/2"), show=False)
    assert (sum(summary.counts.values()), sources.count) == (2, 2)
    assert "shard" not in (tmp_path / "run" / "run.json").read_text()
    shutil.copy(tmp_path / "run" / "run.json", tmp_path / "before.json")
    assert sum(run_job(changed(job, shard="1/2"), show=False)[0].counts.values()) == 3
    assert sum(run_job(job, show=False)[0].counts.values()) == 5
    assert (tmp_path / "run" / "run.json").read_bytes() == (tmp_path / "before.json").read_bytes()
    assert open_run(tmp_path / "run").job.shard is None
    assert store.read(["place"])["place"].to_pylist() == list(range(5))
    with pytest.raises(ti.BadInput, match="--shard=6/6 of 5 images"):
        run_job(changed(job, shard="6/6"), show=False)
    run_job(
        changed(job, shard="6/7", out=str(tmp_path / "none"), images=np.zeros((6, 32, 32, 1), np.uint8)), show=False
    )
