"""The front doors: each takes its own kind of source, and names the door of another."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, linear, same, sequential

import tfinvert as ti
from tfinvert.settings import GeneratorSettings


@dataclasses.dataclass(frozen=True)
class Ring(ti.spaces.Space):
    """A prior that no other process knows."""

    centre = 0.0
    spread = 1.0

    def sample(self, image_seeds):
        return tf.math.l2_normalize(ti.seeds.normal(image_seeds, self.shape), axis=-1)

    def log_prob(self, codes):
        return tf.zeros(tf.shape(codes)[:1])


@pytest.mark.first(1)
@pytest.mark.parametrize("ext", [".keras", ".h5", ""])
def test_a_prior_of_the_users_own(ext, tmp_path):
    model, path = sequential(), tmp_path / f"g{ext}"
    model.save(path) if ext else model.export(path, verbose=False)
    generator = ti.load_generator(path, prior=Ring(None))
    assert generator.space == Ring((LATENT,))
    same(generator, lambda codes: model(codes, training=False))
    found = ti.Inverter(generator, ti.Pixel() + ti.LogPrior(), ti.Adam(steps=3))(generator.sample(2)[1])
    assert found.codes.shape == (2, LATENT)
    resampled = generator.space.constrained(ti.spaces.resample(ti.spaces.hard(2)))
    with pytest.raises(ti.BadInput, match="no quantiles"):
        resampled.constrain(found.codes, resampled.offsets(ti.seeds.of(0, tf.range(2))))


def test_files_are_found_from_where_one_is(tmp_path, monkeypatch):
    """Also where the process that reads them was started elsewhere."""
    ti.load_generator()
    sequential().save(tmp_path / "near.keras")
    monkeypatch.chdir(tmp_path)
    assert ti.load_generator("near.keras").name == "near.keras"


def test_settings_say_all_in_one():
    generator = ti.load_generator(GeneratorSettings(linear, prior="normal(4)", value_range=(0, 1)))
    assert (str(generator.space), generator.value_range) == ("normal(4)", (0.0, 1.0))
    with pytest.raises(ti.BadInput, match="GeneratorSettings and other arguments"):
        ti.load_generator(GeneratorSettings(linear), prior="normal(4)")


def folder(tmp_path):
    sequential().export(tmp_path / "folder", verbose=False)
    return tmp_path / "folder"


def file(tmp_path):
    sequential().save(tmp_path / "g.keras")
    return tmp_path / "g.keras"


@pytest.mark.parametrize(
    ("door", "source", "said"),
    [
        (ti.from_keras, folder, "give it to from_saved_model"),
        (ti.from_keras, lambda _: linear, "give functions to from_function"),
        (ti.from_keras, lambda _: "https://tfhub.dev/deepmind/biggan-128/2", "give it to from_saved_model"),
        (ti.from_saved_model, file, "give Keras files to from_keras"),
        (ti.from_saved_model, lambda _: sequential(), "expected its folder"),
        (lambda source: ti.from_function(source, "normal(4)"), lambda _: "g.keras", "give files to load_generator"),
    ],
)
def test_another_kind_of_source_is_shown_its_door(door, source, said, tmp_path):
    with pytest.raises(ti.BadInput, match=said) as caught:
        door(source(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_keras_model_goes_through_its_own_door():
    model = sequential()
    same(ti.from_keras(model, prior="normal"), lambda codes: model(codes, training=False))
    mapped = keras.Sequential([keras.Input((LATENT,)), keras.layers.Dense(LATENT)])
    generator = ti.from_function(lambda codes: model(mapped(codes), training=False), ti.normal(LATENT))
    codes = np.ones((2, LATENT), np.float32)
    np.testing.assert_allclose(generator(codes), model(mapped(codes), training=False), atol=1e-5)


@dataclasses.dataclass(frozen=True)
class Tied(Ring):
    def log_prob(self, codes):
        return -tf.reduce_sum(codes**2)


@dataclasses.dataclass(frozen=True)
class Vague(Ring):
    spread = float("nan")


@dataclasses.dataclass(frozen=True)
class Empty(ti.spaces.Space):
    centre, spread = 0.0, 1.0


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (Tied((4,)), r"Tied.log_prob gives \[\] for 2 codes"),
        (Vague((4,)), "Vague.spread=nan"),
        (Empty((4,)), "Empty fails .*has no sample"),
    ],
)
def test_a_prior_that_cannot_be_used_is_told(prior, said):
    with pytest.raises(ti.BadInput, match=said):
        ti.from_function(linear, prior)
    with pytest.raises(ti.BadInput, match="a prior of the shape 4"):
        Ring(4)
