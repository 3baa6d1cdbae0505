"""Groups of settings: what they refuse, and the ways from flags and run.json to them and back."""

import json

import numpy as np
import pytest

from tfinvert.errors import BadInput
from tfinvert.settings import (
    EngineSettings,
    GeneratorSettings,
    Job,
    Limits,
    SecondStep,
    SolverSettings,
    Starts,
    as_nest,
    by_flags,
)
from tfinvert.settings.field import changed, flags_of, flat, made, of_nest

SPLIT = Job.of(split="first_dense", sparsity=0.5, second_steps=7)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Starts(0), "restarts=0.*a whole number of at least 1"),
        (lambda: Starts(1.5), "restarts=1.5.*a whole number"),
        (lambda: Starts(True), "restarts=True.*a whole number"),
        (lambda: Starts("4"), "restarts='4'.*a whole number"),
        (lambda: Starts(spread=float("nan")), "spread=nan.*of at least 0 and of at most 1"),
        (lambda: Limits(megapixels=0), "max_megapixels=0.*above 0"),
        (lambda: Starts(None), "restarts=None.*leave it out"),
        (lambda: SolverSettings("newton"), "solver='newton'.*expected one of adam"),
        (lambda: GeneratorSettings(allow_unsafe="no"), "allow_unsafe='no'.*True or False"),
        (lambda: Job(generator="g.keras"), r"generator='g.keras'.*expected GeneratorSettings\("),
        (lambda: Job(starts=8), r"starts=8.*expected Starts\("),
        (lambda: Job(beyond="first_dense"), r"beyond='first_dense'.*expected SecondStep\("),
        (lambda: Job(solver=None), r"solver=None.*expected SolverSettings\("),
        (lambda: Job.of(stepz=3), "settings stepz.*expected some of .*steps"),
        (lambda: Job.of(workers=64), "--workers without --engine: add --engine=ray"),
        (lambda: EngineSettings(num_gpus=1), "--num_gpus without --engine"),
        (lambda: EngineSettings("ray", num_gpus=1.5), "--num_gpus=1.5: expected a whole number"),
        (lambda: EngineSettings("ray", num_gpus=1e-5), "--num_gpus=1e-05: expected .* or from 0.0001 to 1"),
        (lambda: Job.of(second_steps=3), "second_steps=3 without split"),
        (lambda: Job.of(second_smoothing=[0.5, 0.1]), "second_smoothing=0.5,0.1 without split"),
        (lambda: SecondStep(["a", ""]), "split='a,'.*expected a layer's name"),
    ],
)
def test_what_no_setting_can_be_is_told(make, said):
    with pytest.raises(BadInput, match=said):
        make()


def test_whole_numbers_may_come_as_floats_or_from_numpy():
    assert Starts(np.float32(3)).count == 3
    assert isinstance(Starts(3.0).count, int)


@pytest.mark.parametrize("job", [Job(), SPLIT], ids=["one_step", "two_steps"])
def test_flags_and_files_lead_back_to_the_same(job):
    assert made(Job, flat(job)) == job
    assert of_nest(Job, json.loads(json.dumps(as_nest(job))), "run.json") == job


def test_a_nest_by_flags_says_the_same():
    assert by_flags(as_nest(SPLIT), Job) == flat(SPLIT)
    assert set(flat(SPLIT)) == set(flags_of(Job))


def test_what_another_version_wrote_is_told():
    with pytest.raises(BadInput, match=r"old/run.json.*not known here: colour.*another version"):
        of_nest(Job, {**as_nest(Job()), "colour": 1}, "old/run.json")


def test_a_setting_that_is_not_there_and_has_no_default_is_told():
    with pytest.raises(BadInput, match=r"old/run.json lacks the setting at: it is damaged"):
        of_nest(Job, {"beyond": {"steps": 3}}, "old/run.json")


def test_values_change_by_their_flags_names():
    other = changed(SPLIT, restarts=9, second_steps=8)
    assert (other.starts.count, other.beyond) == (9, SecondStep("first_dense", 0.5, 8))
    assert changed(other, restarts=4, second_steps=7) == SPLIT


def test_a_second_step_is_taken_off_and_put_on():
    assert changed(SPLIT, split=None) == Job()
    assert changed(Job(), split="first_dense").beyond == SecondStep("first_dense")
    with pytest.raises(BadInput, match="second_steps=3 without split"):
        changed(SPLIT, split=None, second_steps=3)
