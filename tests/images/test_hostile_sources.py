"""Sources of people who mean harm are refused in a line, or read within bounds; see `hostile_images.py`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_arrays import ARCHIVES, ARRAYS
from hostile_pictures import PICTURES
from hostile_places import FOLDERS, LABELS

CASES = PICTURES + ARRAYS + ARCHIVES + FOLDERS + LABELS
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the zoo has pipes, links and forks")
GIGABYTES = 3.0  # beside what the package itself takes


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What became of each, by its name."""
    script = Path(__file__).with_name("hostile_images.py")
    folder = tmp_path_factory.mktemp("zoo")
    done = subprocess.run([sys.executable, script, folder, "--json"], stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: rest for name, *rest in rows}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_hostile_source(outcomes, case):
    said, kind, _, gigabytes, base = outcomes[case.name]
    assert kind == "read" if case.said == "read" else kind in ("row", "source"), said
    assert re.search(case.said, said), said
    assert "\n" not in said
    assert gigabytes < base + GIGABYTES


def test_each_has_a_name_of_its_own():
    assert len({case.name for case in CASES}) == len(CASES)
