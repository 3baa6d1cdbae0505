"""Names that say which process made them."""

import os
import subprocess
import sys
import tempfile

import pytest

from tfinvert.signed import signed, signer, temporary, this_machine

KILLED = """
import os
from tfinvert.signed import temporary
print(temporary(), flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_name_says_which_process_made_it():
    assert signer(signed("x-"), "x-") == os.getpid()
    assert signed("x-") != signed("x-")


@pytest.mark.parametrize(
    "name", ["x-00000000-12-ab", "x-", "x-old", "y", "x-00000000-no-ab", f"x-{this_machine()}-4294967296-x"]
)
def test_names_of_others_say_nothing(name):
    assert signer(name, "x-") is None


def test_temporary_folders_of_processes_that_were_killed_are_cleared(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    left_over, strange = killed.stdout.strip(), tmp_path / "tfinvert-mine"
    strange.mkdir()
    assert os.path.isdir(left_over)
    first = temporary()
    second = temporary()
    assert not os.path.exists(left_over)
    assert all(each.is_dir() for each in (first, second, strange))
