"""Files that are whole or not there."""

import csv
import errno
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

import tfinvert as ti
from tfinvert.runs.files import (
    clear,
    read_json,
    remove,
    whole,
    whole_folder,
    writable,
    write_bytes,
    write_json,
    write_picture,
    write_table,
)


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "table.csv"
    write_table(path, [{"a": 1, "b": "x, y"}, {"a": 2, "b": ""}, {"a": 3, "b": ""}])
    write_table(path, [{"a": 4, "b": "é漢"}])
    assert rows(path) == [{"a": "4", "b": "é漢"}]
    with pytest.raises(ValueError, match="c"):
        write_table(path, [{"a": 5, "b": ""}, {"c": 6}])
    assert rows(path) == [{"a": "4", "b": "é漢"}]
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


def test_a_file_keeps_its_ending_while_it_is_written_and_is_hidden(tmp_path):
    with whole(tmp_path / "weights.h5") as temporary:
        temporary.touch()
        assert temporary.suffix == ".h5"
        assert temporary.name.startswith(".")
        assert not (tmp_path / "weights.h5").exists()
    assert (tmp_path / "weights.h5").exists()


@pytest.mark.parametrize(
    ("write", "read", "first", "second", "wrong"),
    [
        (write_bytes, lambda path: path.read_bytes(), b"a", b"b", "text"),
        (write_json, read_json, {"a": [1]}, {"b": "é漢"}, {"c": object()}),
        (write_picture, lambda path: Image.open(path).size, Image.new("L", (2, 3)), Image.new("L", (4, 1)), None),
    ],
)
def test_so_is_every_other_kind(tmp_path, write, read, first, second, wrong):
    path = tmp_path / "file"
    for each in (first, second):
        write(path, each)
    assert read(path) == getattr(second, "size", second)
    with pytest.raises((TypeError, AttributeError)):
        write(path, wrong)
    assert read(path) == getattr(second, "size", second)
    assert list(tmp_path.iterdir()) == [path]


def in_folder(path, ends):
    """Writes a folder; `ends` is called with it just before its end."""
    with whole_folder(path) as folder:
        (folder / "d").touch()
        ends(folder)


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "film.frames"
    for names in ("ab", "c"):
        with whole_folder(path) as folder:
            for name in names:
                (folder / name).touch()
    assert [each.name for each in path.iterdir()] == ["c"]
    with pytest.raises(ZeroDivisionError):
        in_folder(path, lambda folder: 1 / 0)
    with pytest.raises(ti.BadInput, match=r"film.frames cannot be written \(No such file"):
        in_folder(path, lambda folder: (folder / "none" / "e").touch())
    assert [each.name for each in path.iterdir()] == ["c"]
    assert list(tmp_path.iterdir()) == [path]
    remove(path)
    remove(path)
    assert list(tmp_path.iterdir()) == []


BEGINS = """
import pathlib, sys, time
from tfinvert.runs.files import whole, whole_folder
path = pathlib.Path(sys.argv[1])
with (whole if path.suffix else whole_folder)(path) as temporary:
    (temporary if path.suffix else temporary / "file").write_text("half")
    print("begun", flush=True)
    time.sleep(600)
"""


def begun(path):
    """A process that has begun to write this file, and waits."""
    process = subprocess.Popen([sys.executable, "-c", BEGINS, str(path)], stdout=subprocess.PIPE, text=True)
    assert "begun" in process.stdout.readline()
    return process


def written(path, ends=lambda: None, new=False):
    """Writes a file; `ends` is called just before its end."""
    with whole(path, new) as temporary:
        temporary.write_text("something")
        ends()


def raises(error):
    def fail():
        raise error

    return fail


@pytest.mark.slow
def test_a_folder_is_made_and_cleared_of_what_killed_writers_left_and_of_nothing_else(tmp_path):
    folder = writable(tmp_path / "deep" / "folder")
    (folder / "kept.csv").touch()
    *dead, alive = begun(folder / "a.csv"), begun(folder / "a"), begun(folder / "a.csv")
    for each in dead:
        each.kill()
        each.wait()
    assert len(list(folder.iterdir())) == 4
    with whole(folder / "own.csv") as own:
        own.touch()
        assert writable(folder) == folder
        left = {each.name for each in folder.iterdir()}
        assert own.name in left
        assert len(left) == 3
        assert any(str(alive.pid) in name for name in left)
        (folder / ".partial-00000000-1-0-of another machine.csv").touch()
        assert len(list(writable(folder).iterdir())) == 4
    alive.kill()
    alive.wait()
    clear(folder, every=True)
    assert {each.name for each in folder.iterdir()} == {"kept.csv", "own.csv"}


def test_a_new_file_never_takes_the_place_of_another(tmp_path):
    path = tmp_path / "part"
    path.write_text("first")
    with pytest.raises(ti.BadInput, match=r"part cannot be written .*exists"):
        written(path, new=True)
    assert path.read_text() == "first"
    path.unlink()
    written(path, new=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_file_systems_without_links_do_too(tmp_path, monkeypatch, code):
    def refused(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", refused)
    test_a_new_file_never_takes_the_place_of_another(tmp_path)


@pytest.mark.parametrize(
    ("error", "mend"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "make room"),
        (OSError("Error writing bytes to file. Detail: [errno 28] No space left on device"), "make room"),
        (OSError(errno.EIO, "Input/output error"), "put that right"),
    ],
)
def test_what_the_system_says_is_told_with_the_files_name(tmp_path, error, mend):
    with pytest.raises(ti.BadInput, match=rf"table.csv cannot be written \(.*\): {mend}") as told:
        written(tmp_path / "table.csv", raises(error))
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_removed_meanwhile_is_told_and_another_files_error_stays_its_own(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ti.BadInput, match=r"table.csv cannot be written .*folder was removed"):
        written(tmp_path / "folder" / "table.csv", lambda: shutil.rmtree(tmp_path / "folder"))
    with pytest.raises(FileNotFoundError, match="another"):
        written(tmp_path / "table.csv", lambda: (tmp_path / "another").read_text())


def test_a_folder_that_is_a_file_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ti.BadInput, match=r"file cannot be written .*: choose another with --out"):
        writable(tmp_path / "file")
