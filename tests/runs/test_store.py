"""The folder of a run: no row is lost, none counts twice, and what does not belong there is told in one line."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_run import row

import tfinvert as ti
from tfinvert.runs import Store, merging, open_run
from tfinvert.runs.parts import SCHEMA
from tfinvert.runs.run import summarise
from tfinvert.runs.stored import Stored

SETTINGS = {
    "generator": {"source": "g.h5", "prior": "normal(2)", "value_range": [0, 1]},
    "images": {"source": "i.npy"},
    "solver": {"steps": 3},
}
ABOUT = {"image_shape": [2, 2, 1]}


def rows(*places, **values):
    return [row(f"image {place}", mse=0.1 + place, place=place, code=[float(place)] * 2, **values) for place in places]


def written(folder, *groups, settings=SETTINGS):
    with Store(folder) as store:
        store.claim(settings, ABOUT)
        store.tidy()
        for group in groups:
            store.write(rows(*group))
    return store


def older(folder, first, places):
    """A part as versions without places made it."""
    schema = pa.schema([field for field in SCHEMA if field.name != "place"])
    made = [{name: value for name, value in each.items() if name != "place"} for each in rows(*places)]
    (folder / "results").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(made, schema), folder / "results" / f"part-{first:08d}.parquet")


def names(*places):
    return [f"image {place}" for place in places]


def test_a_part_that_is_deleted_and_done_again_takes_no_others_place(tmp_path):
    store = written(tmp_path, (0, 1), (2, 3), (4, 5))
    first, middle, last = store.parts()
    before = [first.read_bytes(), last.read_bytes()]
    middle.unlink()
    assert store.ids() == names(0, 1, 4, 5)
    written(tmp_path, (2, 3))
    assert Stored(tmp_path).ids() == names(0, 1, 2, 3, 4, 5)
    assert Stored(tmp_path).read()["code"].to_pylist() == [[float(place)] * 2 for place in range(6)]
    assert [first.read_bytes(), last.read_bytes()] == before
    assert [part.name[:13] for part in Stored(tmp_path).parts()] == ["part-00000000", "part-00000002", "part-00000004"]


def test_older_parts_are_read_in_their_order_and_go_on(tmp_path):
    older(tmp_path, 2, (2, 3))
    older(tmp_path, 0, (0, 1))
    older(tmp_path, 4, (4,))
    (tmp_path / "run.json").write_text(json.dumps({"settings": SETTINGS, **ABOUT}))
    Stored(tmp_path).parts()[1].unlink()
    written(tmp_path, (5,), (2, 3))
    stored = Stored(tmp_path)
    assert stored.ids() == names(0, 1, 2, 3, 4, 5)
    assert stored.read(["place"])["place"].to_pylist() == list(range(6))
    assert stored.read(["delta", "id"], ["image 3", "image 0", "nowhere"]).to_pylist() == [
        {"delta": None, "id": "image 0"},
        {"delta": None, "id": "image 3"},
    ]


def test_rows_of_some_images_or_of_some_evenly(tmp_path):
    stored = written(tmp_path, range(20, 40), range(20))
    assert stored.read(["id"], names(31, 3, 30)).column("id").to_pylist() == names(3, 30, 31)
    assert stored.read(["id"], most=3).column("id").to_pylist() == names(0, 20, 39)
    assert stored.read(["place"], most=99).column("place").to_pylist() == list(range(40))
    assert stored.lacking(names(3, 77, 39)) == names(77)
    assert Stored(tmp_path / "nothing").read().num_rows == 0
    assert Stored(tmp_path / "nothing").lacking(["a"]) == ["a"]


def test_of_an_image_the_first_row_counts_and_it_is_said_once(tmp_path, caplog):
    store = written(tmp_path, (0, 1, 2))
    shutil.copy(store.parts()[0], store.results / "part-00000001-copied.parquet")
    with Store(tmp_path) as other:
        other.write(rows(1, 3, status="diverged"))
    stored = Stored(tmp_path)
    assert stored.ids() == names(0, 1, 2, 3)
    assert stored.double == 4
    assert stored.read(["status"])["status"].to_pylist() == ["finished"] * 3 + ["diverged"]
    summary = summarise(stored)
    assert (summary.counts, summary.double) == ({"finished": 3, "diverged": 1}, 4)
    assert "4 double rows left out" in str(summary)
    summarise(Stored(tmp_path))
    assert sum("4 rows are double; of each image the first one counts" in line for line in caplog.messages) == 1


def test_small_parts_are_merged_and_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "MANY", 4)
    store = written(tmp_path, (0, 1), (4, 5), (2, 3))
    assert len(store.parts()) == 3
    table = store.read()
    older(tmp_path, 6, (6,))
    with store:
        store.tidy()
        store.write(rows(7))
    (part,) = store.parts()
    assert part.name.startswith("part-00000000-")
    assert Stored(tmp_path).ids() == names(*range(8))
    assert Stored(tmp_path).read(ids=names(*range(6))).equals(table)
    assert Stored(tmp_path).read(["place"])["place"].to_pylist() == list(range(8))  # the older one's, too
    assert [path.name for path in store.results.iterdir()] == [part.name]


def test_parts_that_were_merged_but_not_deleted_are_not_double_and_go(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(merging, "MANY", 3)
    monkeypatch.setattr(merging, "delete", lambda paths: None)  # as if killed just before
    store = written(tmp_path, (0, 1), (2, 3), (4, 5))
    assert len(list(store.results.iterdir())) == 4
    assert (len(store.parts()), store.double, store.ids()) == (1, 0, names(*range(6)))
    monkeypatch.undo()
    written(tmp_path)
    assert list(store.results.iterdir()) == Stored(tmp_path).parts()
    assert Stored(tmp_path).ids() == names(*range(6))
    assert "double" not in caplog.text


def test_a_name_alone_does_not_make_rows_disappear(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "MANY", 2)
    other = written(tmp_path / "other", (7,)).parts()[0]
    monkeypatch.setattr(merging, "delete", lambda paths: None)
    store = written(tmp_path / "run", (0,), (1,))
    source = next(path for path in store.results.iterdir() if path not in store.parts())
    shutil.copy(other, source)
    assert Stored(tmp_path / "run").ids() == names(0, 1, 7)


def test_what_cannot_be_merged_stays_as_it_is(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(merging, "MANY", 3)
    with Store(tmp_path) as store:
        store.claim(SETTINGS, ABOUT)
        for place in (0, 1):
            store.write(rows(place))
        broken = store.parts()[1]
        whole = broken.read_bytes()
        broken.write_bytes(whole[:-9])
        store.write(rows(2))
        assert "are not merged" in caplog.text
        broken.write_bytes(whole)
        assert store.ids() == names(0, 1, 2)
        assert len(store.parts()) == 3


def test_large_rows_are_merged_up_to_a_size(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "_BYTES", 100_000)
    monkeypatch.setattr(merging, "MANY", 4)
    noise = np.random.default_rng(0)
    with Store(tmp_path) as store:
        for place in range(30):
            store.write([{**rows(place)[0], "reconstruction": noise.bytes(9_000)}])
        store.merge()
    sizes = [part.stat().st_size for part in store.parts()]
    assert max(sizes) < 120_000
    assert len(sizes) < 12
    assert store.ids() == names(*range(30))


def test_a_million_images_are_hundreds_of_files():
    found = []
    for place in range(0, 100_000, 16):
        found.append(merging.Part(Path(f"{place}"), 16, 20_000, place, b"", frozenset()))
        few = merging.small(found)
        if len(few) >= merging.MANY:
            taken = merging.group(few)
            merged = taken[0]._replace(rows=sum(p.rows for p in taken), size=sum(p.size for p in taken))
            found = [part for part in found if part not in taken] + [merged]
    assert len(found) < 100


@pytest.mark.parametrize("broken", [b"PAR1 no more", b"", None])
def test_a_damaged_part_is_named_and_can_be_deleted(tmp_path, broken):
    store = written(tmp_path, (0, 1), (2, 3))
    path = store.parts()[1]
    path.write_bytes(path.read_bytes()[:-40] if broken is None else broken)
    for reads in (Stored(tmp_path).ids, Stored(tmp_path).read, lambda: open_run(tmp_path).ids()):
        with pytest.raises(ti.BadInput, match=rf"{path} is damaged .*delete it and run again"):
            reads()


def test_a_changed_byte_is_damage(tmp_path):
    path = written(tmp_path, (0, 1)).parts()[0]
    data = bytearray(path.read_bytes())
    code = data.index(np.float32([1, 1]).tobytes())
    data[code] ^= 1
    path.write_bytes(data)
    with pytest.raises(ti.BadInput, match="is damaged"):
        Stored(tmp_path).read(["code"])


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (pa.table({"id": [1], "name": ["a"]}), "holds no rows of a run .no column status"),
        (pa.table({"id": [1], "status": ["finished"]}), "holds no rows of a run .id is int64"),
        (pa.table({"id": ["a"], "status": ["finished"], "code": ["x"]}), "holds no rows of a run .code is string"),
        (pa.table({"id": pa.array([None], pa.string()), "status": ["finished"]}), "rows without an id"),
        (pa.table({"id": ["a"], "status": ["enlightened"]}), "status 'enlightened': it is not known here"),
        (pa.table({"id": ["a"], "status": pa.array([None], pa.string())}), "status None"),
    ],
)
def test_other_tables_are_one_line_that_names_the_file(tmp_path, table, why):
    store = written(tmp_path, (0, 1))
    pq.write_table(table, store.results / "part-00000099.parquet")
    with pytest.raises(ti.BadInput, match=rf"part-00000099.parquet .*{why}") as told:
        Stored(tmp_path).read()
    assert "\n" not in str(told.value)
    with pytest.raises(ti.BadInput, match=r"part-00000099.parquet"):
        open_run(tmp_path).rows()


def test_parts_of_another_run_are_left_out_and_named(tmp_path, caplog):
    other = written(tmp_path / "other", (1, 2), settings={**SETTINGS, "solver": {"steps": 9}})
    more = written(tmp_path / "more", (2, 3))
    store = written(tmp_path / "run", (0,))
    for part in other.parts() + more.parts():
        shutil.copy(part, store.results)
    assert Stored(tmp_path / "run").ids() == names(0, 2, 3)  # of the same settings on another machine, say
    why = "is of a run with other settings (steps was 9 and is 3), and is left out"
    assert f"{other.parts()[0].name} {why}" in caplog.text
    written(tmp_path / "run", (1,))
    assert Stored(tmp_path / "run").ids() == names(0, 1, 2, 3)


def states(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("[!.]*") if path.is_file()}


@pytest.mark.parametrize("damage", [None, '{"settings": {"st', "[]", '{"settings": 3}'])
def test_a_lost_or_damaged_run_json_is_read_and_restored_from_the_parts(tmp_path, damage, caplog):
    store = written(tmp_path, (0, 1), (2,))
    path = tmp_path / "run.json"
    before = path.read_bytes()
    path.unlink() if damage is None else path.write_text(damage)
    left = states(tmp_path)
    run = open_run(tmp_path)
    assert (run.job.solver.steps, run.image_shape, run.ids()) == (3, (2, 2, 1), names(0, 1, 2))
    assert f"{path} is {'lost' if damage is None else 'damaged'}: the copy in" in caplog.text
    assert states(tmp_path) == left
    with pytest.raises(ti.BadInput, match="steps was 3 and is 4"):
        Store(tmp_path).claim({**SETTINGS, "solver": {"steps": 4}}, ABOUT)
    assert states(tmp_path) == left
    written(tmp_path, (3,))
    assert path.read_bytes() == before
    assert "restored from the parts" in caplog.text
    assert store.ids() == names(0, 1, 2, 3)


def test_without_copies_a_lost_run_json_is_told(tmp_path):
    older(tmp_path, 0, (0, 1))
    with pytest.raises(ti.BadInput, match=r"holds results but no run.json"):
        Store(tmp_path).claim(SETTINGS, ABOUT)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ti.BadInput, match=r"run.json is damaged"):
        Store(tmp_path).claim(SETTINGS, ABOUT)
    with pytest.raises(ti.BadInput, match=r"run.json is damaged"):
        open_run(tmp_path)


def test_a_store_that_is_not_open_writes_nothing_and_a_refused_claim_lets_go(tmp_path):
    store = written(tmp_path, (0,))
    with pytest.raises(ti.BadInput, match="is not open for writing"):
        store.write(rows(1))
    with pytest.raises(ti.BadInput, match="steps was 3 and is 4"):
        store.claim({**SETTINGS, "solver": {"steps": 4}}, ABOUT)
    with Store(tmp_path) as other, pytest.raises(ti.BadInput, match="being written by this process"), other:
        pass
    store.claim(SETTINGS, ABOUT)
    with pytest.raises(ti.BadInput, match="being written by this process"):
        Store(tmp_path).claim(SETTINGS, ABOUT)
    store.write(rows(1))
    store.close()
    assert Stored(tmp_path).ids() == names(0, 1)


WRITES = """
import sys
sys.path.insert(0, sys.argv[2])
from made_up_run import row
from tfinvert.runs import Store, merging
merging.MANY = 4
with Store(sys.argv[1]) as store:
    store.claim({"steps": 3}, {})
    print("begun", flush=True)
    for place in range(int(sys.argv[3])):
        store.write([row(str(place), mse=0.1, place=place)])
"""


def writer(folder, count):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITES, str(folder), str(Path(__file__).parents[1]), str(count)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert "begun" in process.stdout.readline()
    return process


@pytest.mark.slow
def test_what_another_process_writes_and_merges_can_be_read_meanwhile(tmp_path):
    process, stored, seen = writer(tmp_path, 150), Stored(tmp_path), [0]
    while process.poll() is None:
        table = stored.read(["place", "mse"])
        assert table["place"].to_pylist() == list(range(len(table)))
        seen.append(len(table))
    assert process.returncode == 0
    assert seen == sorted(seen)
    assert len(set(seen)) > 2
    assert stored.ids() == [str(place) for place in range(150)]
    assert stored.double == 0


def test_a_kill_at_any_moment_leaves_whole_rows_and_the_next_writer_goes_on(tmp_path):
    for seconds in (0.02, 0.2):
        process = writer(tmp_path / str(seconds), 10_000)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()
        stored = Stored(tmp_path / str(seconds))
        done = len(stored.ids())
        assert stored.read()["place"].to_pylist() == list(range(done))
        with Store(tmp_path / str(seconds)) as store:
            store.claim({"steps": 3}, {})
            store.tidy()
            store.write([row(str(done), place=done)])
            assert not [path for path in store.results.iterdir() if path.name.startswith(".")]
        assert stored.ids() == [str(place) for place in range(done + 1)]
        assert sorted(stored.results.iterdir()) == sorted(stored.parts())


def test_a_full_disk_is_one_line_and_the_same_goes_on_after(tmp_path, monkeypatch):
    store = written(tmp_path, (0, 1))
    real, calls = os.fsync, itertools.count()

    def full(descriptor):
        if next(calls) >= 0:
            raise OSError(28, "No space left on device")
        return real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ti.BadInput, match=r"part-00000002-.* cannot be written .No space left.*make room") as told:
        written(tmp_path, (2, 3))
    assert "\n" not in str(told.value)
    assert not list(tmp_path.rglob(".partial-*"))
    monkeypatch.undo()
    written(tmp_path, (2, 3))
    assert store.ids() == names(0, 1, 2, 3)


def test_a_folder_that_is_removed_meanwhile_is_one_line(tmp_path):
    with Store(tmp_path / "run") as store:
        store.claim(SETTINGS, ABOUT)
        shutil.rmtree(tmp_path / "run" / "results")
        with pytest.raises(ti.BadInput, match=r"cannot be written .*its folder was removed"):
            store.write(rows(0))
        shutil.rmtree(tmp_path / "run")
        with pytest.raises(ti.BadInput, match="was removed or replaced while its run was at work"):
            store.write(rows(0))
        written(tmp_path / "run", (0,))
        with pytest.raises(ti.BadInput, match="was removed or replaced"):
            store.write(rows(0))
    assert Stored(tmp_path / "run").ids() == names(0)
