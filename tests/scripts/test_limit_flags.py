"""The flags say the package's limits, and reach what opens files."""

import dataclasses
import json

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from jobs import job_of

from tfinvert.cli.flags import PYTHON_ONLY
from tfinvert.errors import BadInput
from tfinvert.settings import Job, Limits, flags_of, flat
from tfinvert.settings.presets import PRESETS


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("invert")


def test_defaults_are_stated_once(script):
    for name, value in dataclasses.asdict(Limits()).items():
        assert flags.FLAGS[f"max_{name}"].default == value
    assert job_of("out").limits == Limits()


def test_all_settings_of_a_job_are_flags_with_its_defaults(script):
    usual = flat(Job())
    assert not set(PYTHON_ONLY) & set(flags.FLAGS)
    for name, how in flags_of(Job).items():
        if name in PYTHON_ONLY:
            continue
        flag = flags.FLAGS[name]
        assert flag.help.endswith(how.help) or name == "out"  # a choice's begins with what can be chosen
        assert flag.default == usual.get(name), name  # a second step is not usual: all of its flags are None
    assert set(PRESETS["pividori2019"]) <= set(flags_of(Job))
    assert set(PRESETS["creswell2018"]) <= set(flags_of(Job))


def test_a_limit_reaches_the_pictures_and_the_run_goes_on(script, tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 40, 40), np.uint8))
    values = {"images": str(tmp_path / "a.npz"), "steps": 2, "restarts": 1, "limit": 1, "page": False}
    for megapixels, code in ((0.001, 1), (0.01, 0)):
        with flagsaver.flagsaver(out=str(tmp_path / "out"), max_megapixels=megapixels, **values):
            assert script.main(["invert.py"]) == code
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    assert about["limits"] == {**dataclasses.asdict(Limits()), "megapixels": 0.01}
    assert "limits" not in about["settings"]  # another limit is no other run
    with flagsaver.flagsaver(out=str(tmp_path / "out"), max_megapixels=1.0, **values):
        assert script.main(["invert.py"]) == 0


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_number_above_zero(value):
    with pytest.raises(BadInput, match=r"max_seconds=.*: expected a number above 0"):
        job_of("out", max_seconds=value)
