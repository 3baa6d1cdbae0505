"""A run's folder as a stranger may make it: refused in one line or left out, and nothing elsewhere is touched."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_run import made_up_run, row

import tfinvert as ti
from tfinvert.runs import Store, open_run
from tfinvert.runs.parts import SCHEMA

IMAGE = np.full((4, 4, 3), 0.5)
CASES = {}


def case(builder):
    CASES[builder.__name__] = builder
    return builder


def part(folder, compression="snappy", metadata=None, use_dictionary=("status", "message"), **columns):
    """One more file of a row, or of as many as the columns have."""
    count = max((len(values) for values in columns.values()), default=1)
    plain = {"id": [f"x{n}" for n in range(count)], "status": ["finished"] * count, "place": list(range(5, 5 + count))}
    table = pa.table({**plain, **columns}).replace_schema_metadata(metadata)
    stated = pa.schema([SCHEMA.field(name) for name in table.column_names], metadata=table.schema.metadata)
    path = folder / "results" / "part-00000005-x.parquet"
    pq.write_table(table.cast(stated), path, compression=compression, use_dictionary=list(use_dictionary))


def run_json(folder, **changes):
    about = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**about, **changes}))


@case
def a_pipe_for_settings(folder, victim):
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")


@case
def a_device_for_settings(folder, victim):
    (folder / "run.json").unlink()
    (folder / "run.json").symlink_to("/dev/zero")


@case
def settings_of_30_gigabytes(folder, victim):
    os.truncate(folder / "run.json", 30 * 10**9)


@case
def settings_nested_without_end(folder, victim):
    (folder / "run.json").write_text("[" * 100_000)


@case
def an_image_shape_that_is_a_number(folder, victim):
    run_json(folder, image_shape=3)


@case
def assumptions_that_are_a_number(folder, victim):
    run_json(folder, assumed=7)


@case
def a_prior_that_is_a_number(folder, victim):
    settings = json.loads((folder / "run.json").read_text())["settings"]
    run_json(folder, settings={**settings, "prior": 3, "labels": "embedding"})


@case
def a_pipe_for_a_part(folder, victim):
    os.mkfifo(folder / "results" / "part-00000005-x.parquet")


@case
def a_part_that_links_to_itself(folder, victim):
    (folder / "results" / "part-00000005-x.parquet").symlink_to("part-00000005-x.parquet")


@case
def names_that_a_part_replaces_nested_without_end(folder, victim):
    part(folder, metadata={b"tfinvert:replaces": b"[" * 100_000})


@case
def ids_of_20_gigabytes_in_a_dictionary(folder, victim):
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000, np.int32)), pa.array(["x" * 2_000_000]))
    table = pa.table({"id": ids, "status": ["finished"] * 10_000, "place": list(range(10_000))})
    pq.write_table(table, folder / "results" / "part-00000005-x.parquet")


@case
def messages_of_20_gigabytes_in_a_dictionary(folder, victim):
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10_000, np.int32)), pa.array(["x" * 2_000_000]))
    ids = [str(number) for number in range(10_000)]
    table = pa.table({"id": ids, "status": ["finished"] * 10_000, "place": list(range(10_000)), "message": texts})
    pq.write_table(
        table,
        folder / "results" / "part-00000005-x.parquet",
        use_dictionary=["status", "message"],
        dictionary_pagesize_limit=10**8,
    )


@case
def a_code_of_30_million_zeros(folder, victim):
    part(folder, code=pa.array([np.zeros(30_000_000, np.float32)]), use_dictionary=["code.list.element"])


@case
def ids_that_unfold_a_thousand_times(folder, victim):
    part(folder, "gzip", id=["x" * 50_000_000])


@case
def a_reconstruction_that_is_a_bomb(folder, victim):
    head = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00"
    part(folder, reconstruction=[head + b"\0" * 100], mse=[0.1])


@case
def a_reconstruction_that_is_none(folder, victim):
    part(folder, reconstruction=[b"junk"], mse=[0.1])


@case
def a_lock_that_links_to_a_file(folder, victim):
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").symlink_to(victim)


@case
def a_lock_that_is_a_file_of_the_users(folder, victim):
    (folder / ".lock").unlink(missing_ok=True)
    os.link(victim, folder / ".lock")


@case
def a_lock_that_would_make_a_file(folder, victim):
    (folder / ".lock").unlink(missing_ok=True)
    (folder / ".lock").symlink_to(victim.parent / "proof")


@case
def results_elsewhere(folder, victim):
    (folder / "results").rename(folder / "before")
    (folder / "results").symlink_to(victim.parent)


@case
def results_that_are_a_file(folder, victim):
    (folder / "results").rename(folder / "before")
    (folder / "results").write_text("no folder")


@case
def a_folder_under_a_hidden_name(folder, victim):
    (folder / "results" / ".partial-00000000-1-aaaaaaaa-x").mkdir()


def look(folder):
    run = open_run(folder)
    return run.ids(), run.rows()


def go_on(folder):
    with Store(folder) as store:
        store.claim(json.loads((folder / "before.json").read_text())["settings"], {})
        store.tidy()
        store.write([{"id": "new", "status": "finished", "place": 9}])
        store.merge()


def page(folder):
    return ti.report.page(folder)


@pytest.mark.parametrize("action", [look, go_on, page], ids=["look", "go_on", "page"])
@pytest.mark.parametrize("name", CASES)
def test_a_hostile_folder(name, action, tmp_path):
    folder, victim = tmp_path / "run", tmp_path / "elsewhere" / "precious.txt"
    made_up_run(folder, "gone/*.png", (4, 4, 3), [row(f"gone/{number}.png", IMAGE, 0.01) for number in range(3)])
    (folder / "before.json").write_bytes((folder / "run.json").read_bytes())
    victim.parent.mkdir()
    victim.write_text("precious")
    CASES[name](folder, victim)
    said = str(folder)
    try:
        action(folder)
    except ti.BadInput as error:
        said = str(error)
    assert "\n" not in said
    assert str(folder) in said  # the folder, or what lies in it
    assert victim.read_text() == "precious"
    assert [file.name for file in victim.parent.iterdir()] == ["precious.txt"]
