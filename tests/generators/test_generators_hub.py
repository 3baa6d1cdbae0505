"""TF-Hub modules by their handle; nothing here goes to the network."""

import hashlib

import pytest
from saved_modules import hub_module

import tfinvert as ti
from tfinvert.generators.readers import hub

BIGGAN = "https://tfhub.dev/deepmind/biggan-128/2"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_module_in_the_cache_is_taken_from_there(cache):
    folder = cache / hashlib.sha1(BIGGAN.encode()).hexdigest()  # where tensorflow_hub keeps it
    folder.parent.mkdir()
    hub_module(folder)
    generator = ti.from_saved_model(BIGGAN, truncation=0.4)
    assert generator.name == BIGGAN
    assert generator.value_range == (-1, 1)
    assert generator.space == ti.normal(6, stddev=0.4, bound=2)
    assert not any("value_range" in line for line in generator.about.assumed)


@pytest.mark.parametrize(
    "handle", [BIGGAN, "https://www.kaggle.com/models/deepmind/biggan/TensorFlow1/128/2", "https://tfhub.dev/a/b/1"]
)
def test_a_module_that_cannot_be_had_is_told_in_one_line(cache, monkeypatch, handle):
    import tensorflow_hub

    def offline(handle):
        raise OSError("<urlopen error [Errno -2]\nName or service not known>")

    monkeypatch.setattr(tensorflow_hub, "resolve", offline)
    with pytest.raises(ti.BadInput, match=r"not in the cache .*cannot be downloaded.*Name or service") as caught:
        ti.load_generator(handle)
    assert f"curl -L '{handle}?tf-hub-format=compressed' | tar -xz" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("handle", "facts"),
    [
        (BIGGAN, {"value_range": (-1, 1)}),
        ("https://tfhub.dev/deepmind/bigbigan-resnet50/1", {"value_range": (-1, 1)}),
        ("https://tfhub.dev/google/progan-128/1", {"value_range": (0, 1), "prior": "normal"}),
        ("https://tfhub.dev/google/compare_gan/model_7/1", {"value_range": (0, 1), "prior": "uniform"}),
        ("https://tfhub.dev/google/compare_gan/ssgan_128x128/1", {"value_range": (0, 1), "prior": "normal"}),
        ("https://tfhub.dev/google/imagenet/inception_v3/1", {}),
    ],
)
def test_what_is_known_of_modules(handle, facts):
    assert hub.is_handle(handle)
    assert hub.known(handle) == facts


@pytest.mark.parametrize("source", ["model.keras", "/models/tfhub.dev/biggan", "https://example.com/generator.h5"])
def test_other_sources_are_no_handles(source):
    assert not hub.is_handle(source)
