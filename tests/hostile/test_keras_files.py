"""Hostile Keras files: each is refused in one line, or read without what is odd about it; none does anything."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from keras_files import CASES, SLOW, SURVIVED

HERE = Path(__file__).resolve().parent
MOST_MEGABYTES = 6000  # what the project promises of any file


def outcomes(names, folder):
    """What came of each case, loaded in a process of its own as a user would."""
    files = []
    for number, name in enumerate(names):
        place = folder / str(number)
        place.mkdir()
        files.append([name, str(CASES[name](place, place / "proof")), str(place / "proof")])
    (folder / "files.json").write_text(json.dumps(files))
    (folder / "temporary").mkdir()
    done = subprocess.run(
        [sys.executable, HERE / "outcomes.py", folder / "files.json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE.parent.parent), "TMPDIR": str(folder / "temporary")},
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(names), f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
    return {row["name"]: row for row in rows}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    return outcomes([name for name in CASES if name not in SLOW], tmp_path_factory.mktemp("quick"))


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    return outcomes(sorted(SLOW), tmp_path_factory.mktemp("slow"))


def holds(row):
    assert not row["proof"], "it ran"
    assert row["outcome"] == ("loaded" if row["name"] in SURVIVED else "refused"), row["message"]
    assert row["message"].isprintable()
    assert len(row["message"]) < 2500
    assert not row["left"], "temporary files that nobody deletes"
    assert row["megabytes"] < MOST_MEGABYTES


@pytest.mark.parametrize("name", [name for name in CASES if name not in SLOW])
def test_a_hostile_file(name, quick):
    holds(quick[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_one_that_takes_long_or_much(name, slow):
    holds(slow[name])
