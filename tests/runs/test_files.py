"""Files that are whole or not there."""

import csv

import pytest

import tfinvert as ti
from tfinvert.runs.files import whole, writable, write_table


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


def test_a_folder_is_made_and_cleared_of_what_killed_writers_left(tmp_path):
    folder = writable(tmp_path / "deep" / "folder")
    (folder / "kept.csv").touch()
    (folder / ".partial-77-table.csv").touch()
    assert writable(folder) == folder
    assert [each.name for each in folder.iterdir()] == ["kept.csv"]


def test_a_folder_that_is_a_file_is_told_of(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ti.BadInput, match=r"file cannot be written .*: choose another with --out"):
        writable(tmp_path / "file")
