"""What needs a real file gets a copy, once."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from stores import fill

import tfinvert as ti
from tfinvert.remote import copies, local, path_of


def test_a_file_here_is_itself(tmp_path):
    assert local(tmp_path) is tmp_path


def test_a_file_is_copied_once_until_it_changes(memory):
    fill(memory, {"a.npy": b"1"})
    copy = local(path_of(f"{memory}/a.npy"))
    assert (copy.name, copy.read_bytes()) == ("a.npy", b"1")
    assert local(path_of(f"{memory}/a.npy")) == copy
    fill(memory, {"a.npy": b"22"})
    assert local(path_of(f"{memory}/a.npy")).read_bytes() == b"22"


def test_a_folder_is_copied_with_all_that_is_in_it(memory):
    fill(f"{memory}/model", {"saved_model.pb": b"1", "variables/variables.index": b"2"})
    copy = local(path_of(f"{memory}/model"))
    assert copy.name == "model"
    assert (copy / "variables" / "variables.index").read_bytes() == b"2"


def test_what_is_too_large_is_not_fetched(memory, monkeypatch):
    fill(memory, {"a": b"1" * 1000, "b/c": b"1" * 600, "b/d": b"1" * 600})
    monkeypatch.setattr(copies, "_fetch", None)
    for name in ("a", "b"):
        with pytest.raises(ti.BadInput, match="expected at most 9e-07; do this"):
            local(path_of(f"{memory}/{name}"), 900, "do this")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=9))
    with pytest.raises(ti.BadInput, match="more than is free here"):
        local(path_of(f"{memory}/a"))


def test_names_that_lead_out_of_the_folder_are_refused(memory, monkeypatch):
    path = path_of(f"{memory}/model")
    fill(f"{memory}/model", {"a": b"1"})
    about = {"type": "file", "size": 1}
    for name in ("../a", "b/../../a", "/etc/a", "b\\..\\a"):
        monkeypatch.setattr(type(path), "files", lambda self, name=name: {name: about})
        with pytest.raises(ti.BadInput, match="expected names without"):
            local(path)


def test_what_is_not_there_is_one_line(memory):
    with pytest.raises(ti.BadInput, match=f"{memory}/a: no such file or folder"):
        local(path_of(f"{memory}/a"))


SCRIPT = """
import os
from tfinvert.remote import local, path_of
path_of("memory://b/a").write_bytes(b"1")
copy = local(path_of("memory://b/a"))
if os.fork() == 0:
    raise SystemExit  # a child's end takes nothing from its parent
os.wait()
print(copy, copy.exists())
"""


@pytest.mark.skipif(os.name != "posix", reason="nothing forks here")
def test_copies_go_with_the_process_that_made_them():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    copy, there = done.stdout.split()
    assert there == "True"
    assert not Path(copy).exists()
    assert not Path(copy).parent.parent.exists()
