"""`tfinvert invert` in other places than the code of a model with one input: named inputs, W and W+, several cuts."""

import json
import re

import keras
import numpy as np
import pytest
from small_stylegan import NOISE, SIZES, small_stylegan

import tfinvert as ti
from tfinvert.editing.points import place_of, points_of
from tfinvert.runs import Store, open_run, run_job
from tfinvert.settings import Job


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    """A generator of five inputs."""
    path = tmp_path_factory.mktemp("style") / "style.keras"
    keras.utils.set_random_seed(0)
    small_stylegan(classes=3, sizes=SIZES[:2]).save(path)
    return {"generator": str(path), "value_range": ["-1", "1"], "limit": 2, "classes": 3}


def test_inputs_that_nobody_names_are_told_with_what_to_write(invert, style):
    code, log = invert(**style)
    assert code == 1
    assert re.search(
        r"4 inputs \(z \[None, 8\], noise_4 .*--code_input=z --label_input=y --drawn_inputs=noise_4,noise_8", log
    )
    code, log = invert(**style, drawn_inputs=["noise_4", "noise_16"])
    assert code == 1
    assert "drawn_inputs 'noise_16': the model's inputs are z" in log


@pytest.mark.slow
def test_inputs_by_name(invert, style, tmp_path):
    code, log = invert(**style, code_input="z", label_input="y", drawn_inputs=list(NOISE[:2]), labels="1")
    assert code == 0, log
    settings = json.loads((tmp_path / "out" / "run.json").read_text())["settings"]
    assert settings["generator"]["inputs"]["drawn"] == list(NOISE[:2])
    assert len(Store(tmp_path / "out").read()["code"][0]) == 8
    run = open_run(tmp_path / "out")
    assert run.load().space.shape == (8,)


@pytest.mark.slow
def test_a_run_behind_a_layer_is_opened_again_and_goes_on(invert, style, tmp_path):
    """The class, which only the mapping sees, need not be given."""
    flags = {**style, "drawn_inputs": list(NOISE[:2]), "behind": "w_plus"}
    code, log = invert(**flags)
    assert code == 0, log
    assert len(Store(tmp_path / "out").read()["code"][0]) == 4 * 8
    assert invert(**{**flags, "limit": 3})[0] == 0
    run = open_run(tmp_path / "out")
    generator = run.load()
    assert generator.space.shape == (4, 8)
    for row in run.rows():
        made = generator.to_unit(generator(row.code.reshape(1, 4, 8)))[0]
        np.testing.assert_allclose(made, row.reconstruction, atol=0.51 / 255)
    code, log = invert(**{**flags, "behind": "w"})
    assert code == 1
    assert "behind was 'w_plus' and is 'w'" in log
    code, log = invert(**{**flags, "behind": "conv2d_99", "out": str(tmp_path / "other")})
    assert code == 1
    assert "no layer 'conv2d_99' between code and image" in log


@pytest.mark.slow
def test_a_run_behind_a_layer_with_a_prior_of_the_whole(invert, style, tmp_path):
    flags = {**style, "drawn_inputs": list(NOISE[:2]), "behind": "w", "prior": "uniform(low=0)", "split": ["w_plus"]}
    code, log = invert(**flags, second_steps=2)
    assert code == 0, log
    assert json.loads((tmp_path / "out" / "run.json").read_text())["settings"]["generator"]["prior"] == "uniform(low=0)"
    assert open_run(tmp_path / "out").load().space.shape == (8,)


def test_what_is_held_for_each_image_is_not_for_runs(style, tmp_path):
    inputs = ti.Inputs(drawn=["noise_4"], held=["noise_8"])
    generator = ti.GeneratorSettings(style["generator"], value_range=(-1, 1), inputs=inputs, classes=3)
    with pytest.raises(ti.BadInput, match=r"style.keras holds noise_8, and a run has nowhere.*drawn_inputs"):
        run_job(Job(out=str(tmp_path / "run"), generator=generator))


@pytest.mark.slow
def test_several_cuts_are_one_place_to_edit_and_to_resume(invert, tmp_path):
    code, log = invert(limit=2, split=["first_dense", "conv2d_transpose"], steps=5, second_steps=10)
    assert code == 0, log
    run = open_run(str(tmp_path / "out"))
    assert run.job.beyond.at == ("first_dense", "conv2d_transpose")
    place = place_of(run, run.load())
    for row, image in zip(run.rows(), place.images(points_of(run, place)), strict=True):
        np.testing.assert_allclose(row.reconstruction, image, atol=0.6 / 255)
    code, log = invert(limit=2, split=["conv2d_transpose", "first_dense"], steps=5, second_steps=10, out="elsewhere")
    assert code == 1
    assert "first_dense does not come behind conv2d_transpose: name cuts from the code" in log
