"""The card in a .keras file: prior and value range that nobody has to state again."""

import json
import zipfile

import keras
import numpy as np
import pytest
from generator_models import LATENT, same, sequential

import tfinvert as ti
from tfinvert.errors import BadInput
from tfinvert.generators.readers.card import CARD as MEMBER
from tfinvert.generators.readers.card import read_card, write_card


@pytest.fixture
def path(tmp_path):
    sequential().save(tmp_path / "g.keras")
    return tmp_path / "g.keras"


@pytest.mark.parametrize("prior", [ti.normal(), ti.normal(LATENT, stddev=0.5), ti.uniform(low=0.0, high=2.0)])
def test_what_the_card_says_is_taken_and_not_assumed(prior, path):
    write_card(path, prior, (0, 1), trained_on="glyphs")
    generator = ti.load_generator(path)
    assert generator.about.assumed == ()
    assert generator.value_range == (0.0, 1.0)
    assert generator.space == prior.with_shape((LATENT,))
    assert read_card(path)["trained_on"] == "glyphs"
    same(generator, keras.saving.load_model(path))  # Keras does not mind the card


def test_options_count_more_than_the_card(path):
    write_card(path, ti.uniform(), (0, 1))
    generator = ti.load_generator(path, prior=ti.normal(), value_range=(-2, 2))
    assert (str(generator.space), generator.value_range) == (f"normal({LATENT})", (-2.0, 2.0))
    assert generator.about.assumed == ()


@pytest.mark.parametrize(
    ("given", "assumed"),
    [({"prior": "uniform()"}, "value_range: [-1.0, 1.0]"), ({"value_range": [0, 1]}, "prior: normal")],
)
def test_half_a_card(given, assumed, path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps(given))
    assert ti.load_generator(path).about.assumed == (assumed,)


def test_no_card(path, tmp_path):
    assert read_card(path) == {}
    sequential().save(tmp_path / "g.h5")
    assert read_card(tmp_path / "g.h5") == {}


def test_the_card_changes_no_image(path):
    before = ti.load_generator(path)
    codes = np.ones((2, LATENT))
    images = before(codes)
    write_card(path, ti.normal(), (-1, 1))
    after = ti.load_generator(path)
    np.testing.assert_array_equal(after(codes), images)
    assert after.about.fingerprint != before.about.fingerprint  # another file, with another meaning


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "damaged tfinvert.json"),
        (b"\xff", "damaged tfinvert.json"),
        (b"[1]", "tfinvert.json of another kind"),
        (b'"normal"', "tfinvert.json of another kind"),
        (b'{"prior": 3}', "tfinvert.json of another kind"),
        (b'{"prior": null}', "tfinvert.json of another kind"),
        (b'{"prior": "gaussian"}', "prior 'gaussian'"),
        (b'{"prior": "normal(7)"}', r"codes have the shape \(6,\)"),
        (b'{"prior": "__import__(\'os\').getcwd()"}', "expected normal"),
        (b'{"value_range": 1}', "value_range 1"),
        (b'{"value_range": ["a", "b"]}', "expected two numbers"),
        (b'{"value_range": [1, 0]}', "low before high"),
    ],
)
def test_a_card_that_makes_no_sense(content, said, path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, content)
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(path)
    assert "\n" not in str(caught.value)
