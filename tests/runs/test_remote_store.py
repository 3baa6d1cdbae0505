"""A run's folder in a store: the same rows, whatever happens meanwhile."""

import errno
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest
from faults import Analytic
from problems import Linear
from stores import fetches, names

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.remote import path_of, patience
from tfinvert.runs import Store, merging, parts, run
from tfinvert.runs import stored as reading
from tfinvert.runs.files import whole
from tfinvert.runs.stored import Stored

ROWS = [{"id": str(place), "status": "finished", "place": place, "code": [float(place)]} for place in range(20)]
SETTINGS = {"seed": 1}


@pytest.fixture(params=["memory", "s3"])
def url(request):
    """Of a run's folder in either store."""
    found = request.getfixturevalue(request.param)
    return f"{found if isinstance(found, str) else found.url}/run"


@pytest.fixture
def quick(memory):
    """Of one in memory, where nobody waits."""
    return f"{memory}/run"


def written(url, rows=ROWS, at_once=1):
    store = Store(url)
    store.claim(SETTINGS, {"image_shape": [4, 4, 1]})
    with store:
        store.tidy()
        for first in range(0, len(rows), at_once):
            store.write(rows[first : first + at_once])
        store.merge()
    return store


def test_rows_are_written_merged_and_read(url, monkeypatch):
    monkeypatch.setattr(merging, "MANY", 4)
    written(url)
    stored = Stored(url)
    assert stored.ids() == [row["id"] for row in ROWS]
    assert stored.read(["code"], ["3"])["code"].to_pylist() == [[3.0]]
    assert stored.about()["settings"] == SETTINGS
    assert stored.double == 0
    left = names(url)
    assert "run.json" in left
    assert sum(name.startswith("results/part-") for name in left) < 8
    assert not any(".partial" in name or ".writers" in name for name in left)


def test_a_run_goes_on_and_refuses_other_settings(url):
    written(url, ROWS[:5])
    with pytest.raises(ti.BadInput, match="other settings"):
        Store(url).claim({"seed": 2}, {})
    store = written(url, ROWS[5:8])
    assert store.ids() == [str(place) for place in range(8)]


def test_a_lost_run_json_is_restored(quick):
    written(quick, ROWS[:2])
    path_of(f"{quick}/run.json").unlink()
    assert Stored(quick).about()["settings"] == SETTINGS
    written(quick, ROWS[2:3])
    assert path_of(f"{quick}/run.json").exists()


def test_a_damaged_part_is_one_line(quick):
    written(quick, ROWS[:1])
    next(iter(path_of(f"{quick}/results").iterdir())).write_bytes(b"damaged" * 10)
    with pytest.raises(ti.BadInput, match="is damaged"):
        Stored(quick).ids()


def test_a_folder_without_a_run_is_one_line(quick):
    with pytest.raises(ti.BadInput, match=f"{quick} holds no run"):
        Stored(quick).about()


def test_a_second_writer_is_refused(url):
    store = Store(url)
    with store, pytest.raises(ti.BadInput, match="is being written by this process"):
        Store(url).open()


def test_what_is_merged_while_it_is_read_is_looked_for_again(url, monkeypatch):
    monkeypatch.setattr(merging, "MANY", 4)
    store = Store(url)
    store.claim(SETTINGS, {"image_shape": [4, 4, 1]})
    with store:
        store.tidy()
        for row in ROWS[:3]:
            store.write([row])
        before = Stored(url)
        listed = reading.listed

        def merged_meanwhile(folder):
            found = listed(folder)
            monkeypatch.setattr(reading, "listed", listed)
            store.write([ROWS[3]])
            return found

        monkeypatch.setattr(reading, "listed", merged_meanwhile)
        assert before.ids() == ["0", "1", "2", "3"]


def test_only_new_parts_are_looked_into(quick, monkeypatch):
    seen, head = [], parts.head
    monkeypatch.setattr(parts, "head", lambda path: seen.append(path.name) or head(path))
    stored = written(quick, ROWS[:6])
    assert len(stored.ids()) == 6
    seen.clear()
    written(quick, ROWS[6:7])
    seen.clear()
    assert len(stored.ids()) == 7
    assert len(seen) == 1


def test_of_a_large_part_ids_and_places_are_fetched_only(quick, monkeypatch):
    random = np.random.default_rng(0)
    rows = [{**row, "code": random.normal(size=100_000).astype(np.float32)} for row in ROWS]
    written(quick, rows, at_once=20)
    fetched = fetches(quick, monkeypatch)
    assert len(Stored(quick).ids()) == 20
    assert sum(fetched) < 1_000_000


def test_a_store_that_is_away_for_a_while_is_waited_for(s3, monkeypatch, caplog):
    monkeypatch.setattr(patience, "_FIRST", 0.05)
    linear, url = Linear(), f"{s3.url}/run"
    images = np.random.default_rng(0).uniform(size=(9, 4, 4, 1)).astype(np.float32)
    write, left = parts.write, [2]

    def shut_once(*given, **how):
        left[0] -= 1
        if not left[0]:
            s3.door.shut()
            threading.Timer(1, s3.door.open).start()
        return write(*given, **how)

    monkeypatch.setattr(parts, "write", shut_once)
    store = Store(url)
    store.claim(SETTINGS, {"image_shape": [4, 4, 1]})
    summary = run(Analytic(linear), Sources(images, linear.generator), store, show=False)
    assert (summary.exit_code, summary.missing, summary.double) == (0, 0, 0)
    assert store.ids() == [str(place) for place in range(9)]
    assert "does not answer" in caplog.text


def test_one_that_stays_away_ends_the_run_in_one_line_and_it_goes_on_later(s3, monkeypatch):
    monkeypatch.setattr(patience, "SECONDS", 0.3)
    url = f"{s3.url}/run"
    store = Store(url)
    store.claim(SETTINGS, {"image_shape": [4, 4, 1]})
    with store:
        store.tidy()
        store.write(ROWS[:1])
        s3.door.shut()
        try:
            with pytest.raises(ti.BadInput, match="does not answer") as told:
                store.write(ROWS[1:2])
        finally:
            s3.door.open()
        assert "\n" not in str(told.value)
    assert written(url, ROWS[1:3]).ids() == ["0", "1", "2"]


def test_where_nothing_may_be_written_it_is_told_at_once(memory, monkeypatch):
    def refused(*given, **how):
        raise PermissionError("no")

    monkeypatch.setattr(path_of(memory).fs, "pipe_file", refused)
    with pytest.raises(ti.BadInput, match="access denied"):
        Store(f"{memory}/run")


def test_a_full_disk_for_temporary_files_is_told_with_its_name(memory, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        pytest.raises(ti.BadInput, match=rf"put together in {tmp_path} first: .*TMPDIR"),
        whole(path_of(f"{memory}/a")),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")


WRITES = """
import sys, time
from tfinvert.runs import Store
store = Store(sys.argv[1])
store.claim({"seed": 1}, {"image_shape": [4, 4, 1]})
with store:
    store.tidy()
    for place in range(20):
        store.write([{"id": str(place), "status": "finished", "place": place, "code": [float(place)]}])
        print("written", flush=True)
        time.sleep(0.5)  # so that it is at work yet when another comes
"""


@pytest.mark.slow
def test_where_a_writer_is_killed_the_next_one_goes_on(s3):
    url = f"{s3.url}/run"
    process = subprocess.Popen([sys.executable, "-c", WRITES, url], stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        assert "written" in process.stdout.readline()
    with pytest.raises(ti.BadInput, match=f"is being written by process {process.pid}"):
        Store(url).open()
    process.kill()
    process.wait()
    done = Stored(url).ids()
    assert done[:3] == ["0", "1", "2"]
    left = written(url, ROWS[len(done) :])
    assert (left.ids(), left.double) == ([row["id"] for row in ROWS], 0)
    assert not any(".writers" in name for name in names(url))
