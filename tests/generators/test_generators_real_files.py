"""Files of other people, found on GitHub; see the manifest beside them."""

import io
import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest
import tensorflow as tf
from generator_models import check, codes_for

import tfinvert as ti
from tfinvert.errors import BadInput

READABLE = [
    "fashion-28-z32",
    "mnist-28-keras215",
    "fashion-28-wrong-input-shape",
    "anime-face-64",
    "fashion-28-keras3",
    "dead-constant",
    "mnist-28-keras213-dialect",
    "cat-64-nested",
    "fashion-28-labelled",
    "face-36-linear-output",
    "digiface-64",
    "vae-digits-16",
]
OF_KERAS_3 = ["fashion-28-keras3", "digiface-64", "vae-digits-16"]
OTHERS = ["vae-labelled-keras215-archive", "weights-only", "not-keras-at-all", "digits-28-savedmodel"]


@pytest.fixture(scope="module")
def manifest(shared):
    entries = json.loads((shared / "generators" / "manifest.json").read_text())
    assert {entry["name"] for entry in entries} == {*READABLE, *OTHERS}
    return {entry["name"]: (entry, shared / entry["file"]) for entry in entries}


@pytest.fixture(scope="module")
def loaded(manifest):
    """Each file is loaded once for all tests."""
    known = {}

    def load(name):
        if name not in known:
            known[name] = ti.load_generator(manifest[name][1])
        return known[name]

    return load


def in_tf_keras(path):
    import tf_keras

    return tf_keras.models.load_model(path, compile=False)


@pytest.mark.parametrize("name", READABLE)
def test_shape_and_defaults(name, manifest, loaded):
    entry, generator = manifest[name][0], loaded(name)
    assert generator.space.shape == (entry["inputs"][0][1][-1],)
    assert generator.image_shape == tuple(entry["outputs"][0][1:])
    assert generator.about.fingerprint == entry["sha256"]
    assert generator.about.assumed == ("prior: normal", "value_range: [-1.0, 1.0]")
    assert generator.about.constant == (name == "dead-constant")


@pytest.mark.parametrize("name", READABLE)
def test_the_prior_of_the_manifest(name, manifest, loaded):
    """Where it says normal(0,1), the default is right: its samples are alike and finite, and fill most of the range."""
    entry, generator = manifest[name][0], loaded(name)
    images = generator.sample(8, labels=3 if generator.condition else None)[1].numpy()
    assert np.isfinite(images).all()
    if entry["prior"] == "normal(0,1)" and entry["pixel_range"] == "[-1,1]" and name != "dead-constant":
        assert images.min() < -0.9
        assert images.max() > 0.5
    assert (np.ptp(images, axis=0).max() > 1e-2) == (name != "dead-constant")


@pytest.mark.parametrize("name", [name for name in READABLE if name not in OF_KERAS_3])
def test_keras_3_and_tf_keras_agree(name, manifest, loaded):
    path, generator = manifest[name][1], loaded(name)
    original = in_tf_keras(path)
    codes = codes_for(generator, count=8)
    if name == "fashion-28-labelled":
        labels = np.array([0, 1, 2, 3, 4, 5, 9, 9], np.int32)
        wanted = original([codes, labels[:, np.newaxis].astype(np.float32)], training=False)
        np.testing.assert_allclose(generator(codes, labels), wanted, atol=1e-5)
    else:
        np.testing.assert_allclose(generator(codes), original(codes, training=False), atol=1e-5)


def elu(values):
    return np.where(values > 0, values, np.expm1(np.minimum(values, 0)))


def test_an_archive_of_keras_2_15_written_on_windows(manifest):
    """No reader takes it as it is; held against its own arrays, in NumPy."""
    path = manifest["vae-labelled-keras215-archive"][1]
    generator = ti.from_keras(path, inputs=ti.Inputs(label="input_4"))
    assert (generator.space.shape, generator.condition.classes, generator.image_shape) == ((10,), 33, (28, 28, 1))
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        arrays = lambda layer: [
            file[f"layers\\{layer}/vars/{place}"][()] for place in range(4 if "norm" in layer else 2)
        ]
        codes, labels = codes_for(generator, 4), np.array([0, 5, 32, 7], np.int32)
        values = np.concatenate([codes, np.eye(33)[labels]], axis=1)
        for end in ("", "_1"):
            kernel, bias = arrays(f"dense{end}")
            gamma, beta, mean, variance = arrays(f"batch_normalization{end}")
            values = (elu(values @ kernel + bias) - mean) / np.sqrt(variance + 1e-3) * gamma + beta
        kernel, bias = arrays("dense_2")
    wanted = 1 / (1 + np.exp(-(values @ kernel + bias)))
    np.testing.assert_allclose(generator(codes, labels), wanted.reshape(4, 28, 28, 1), atol=1e-5)


@pytest.mark.parametrize("name", OF_KERAS_3)
def test_files_that_only_keras_3_reads(name, manifest, loaded):
    import keras

    _, path = manifest[name]
    original = keras.saving.load_model(path, compile=False)
    generator = loaded(name)
    np.testing.assert_allclose(
        generator(codes_for(generator)), original(codes_for(generator), training=False), atol=1e-5
    )
    with pytest.raises(Exception, match="deserialize"):
        in_tf_keras(path)


@pytest.mark.parametrize("name", [name for name in READABLE if name != "dead-constant"])
def test_gradients_and_tracing(name, loaded):
    """Most have too many kinks for finite differences in float32; those that have not come in the next test."""
    generator = loaded(name)
    labels = tf.constant([0, 1, 2, 3, 9]) if generator.condition else None
    others = () if labels is None else (labels,)
    codes = codes_for(generator)
    variable = tf.convert_to_tensor(codes)
    with tf.GradientTape() as tape:
        tape.watch(variable)
        images = generator(variable, *others)
    gradient = tape.gradient(images, variable).numpy()
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient).max(axis=1) > 1e-6).all()
    signature = [tf.TensorSpec([None, *codes.shape[1:]]), *[tf.TensorSpec([None], tf.int32) for _ in others]]
    traced = tf.function(generator.__call__, input_signature=signature)
    for first, last in ((0, 5), (1, 2), (2, 5)):
        part = traced(variable[first:last], *[other[first:last] for other in others])
        np.testing.assert_allclose(part, images[first:last], atol=1e-4)


@pytest.mark.parametrize("name", ["face-36-linear-output", "fashion-28-wrong-input-shape"])
def test_the_gradient_of_smooth_ones(name, manifest, loaded):
    original = in_tf_keras(manifest[name][1])
    check(loaded(name), lambda codes: original(codes, training=False))


def test_labels(loaded):
    generator = loaded("fashion-28-labelled")
    assert generator.condition.classes == 10
    codes = codes_for(generator, count=10)
    images = generator(codes[:1].repeat(10, axis=0), np.arange(10)).numpy()
    for one in range(9):
        assert np.abs(images[one] - images[one + 1]).max() > 0.1
    for labels, said in ((None, "labels 0 to 9; give labels"), ([10], "label 10: expected class labels 0 to 9")):
        with pytest.raises(BadInput, match=said):
            generator(codes[:1], labels)


@pytest.mark.parametrize("ext", ["", ".keras", ".bin"])
def test_without_its_extension(ext, manifest, loaded, tmp_path):
    for name in ("mnist-28-keras215", "fashion-28-keras3"):
        shutil.copyfile(manifest[name][1], tmp_path / f"{name}{ext}")
        generator = ti.load_generator(tmp_path / f"{name}{ext}")
        codes = codes_for(generator)
        np.testing.assert_allclose(generator(codes), loaded(name)(codes), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("weights-only", "holds Keras weights only .* not the model: build the model with the code.*load_weights"),
        ("not-keras-at-all", "as PyTorch names them, and no model config: expected .*rebuild the model in Keras"),
    ],
)
def test_what_cannot_be_read_says_what_it_is(name, said, manifest):
    with pytest.raises(BadInput, match=said) as caught:
        ti.load_generator(manifest[name][1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["mnist-28-keras215", "fashion-28-keras3"])
@pytest.mark.parametrize("keep", [0.3, 0.95])
def test_a_download_that_was_cut_off(name, keep, manifest, tmp_path):
    content = manifest[name][1].read_bytes()
    (tmp_path / "g").write_bytes(content[: int(keep * len(content))])
    with pytest.raises(BadInput, match="damaged"):
        ti.load_generator(tmp_path / "g")
