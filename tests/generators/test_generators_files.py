"""Files: told apart by their bytes, and refused with what they are."""

import gzip
import io
import json
import pickle
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from generator_models import LATENT, randomise, same, sequential, trunk

import tfinvert as ti
from tfinvert.errors import BadInput


@pytest.mark.parametrize("true", [".keras", ".h5"])
@pytest.mark.parametrize("named", [".h5", ".keras", ".pb", ""])
@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_the_bytes_count_not_the_extension(true, named, maker, tmp_path):
    model = randomise(maker.Sequential([maker.layers.Input((LATENT,)), *trunk(maker.layers)]))
    model.save(tmp_path / f"right{true}")
    path = (tmp_path / f"right{true}").rename(tmp_path / f"generator{named}")
    same(ti.load_generator(path), lambda codes: model(codes, training=False))


def odd_loss(wanted, found):
    return tf.reduce_mean(wanted * found)


@keras.saving.register_keras_serializable("tests")
class Registered(keras.losses.Loss):
    def call(self, wanted, found):
        return odd_loss(wanted, found)


class Unregistered(keras.losses.Loss):
    def call(self, wanted, found):
        return odd_loss(wanted, found)


def odd_loss_of(kind, maker):
    if kind == "class" and maker is tf_keras:
        return type("Unregistered", (tf_keras.losses.Loss,), {"call": lambda self, a, b: odd_loss(a, b)})()
    return {"function": odd_loss, "class": Unregistered(), "usual": "binary_crossentropy"}[kind]


@pytest.mark.parametrize("ext", [".keras", ".h5"])
@pytest.mark.parametrize("maker", [keras, tf_keras])
@pytest.mark.parametrize(("loss", "nested"), [("usual", False), ("function", False), ("class", False), ("class", True)])
def test_a_compiled_and_trained_model(ext, maker, loss, nested, tmp_path):
    """What it was trained with, the optimizer's state too, is not needed, so it may be unknown."""
    model = maker.Sequential([maker.layers.Input((LATENT,)), *trunk(maker.layers)])
    model.compile("adam", loss=odd_loss_of(loss, maker), run_eagerly=True)
    model.train_on_batch(np.ones((4, LATENT)), np.zeros((4, 8, 8, 1)))
    if nested:
        code = maker.layers.Input((LATENT,))
        model = maker.Model(code, model(code))
        model.compile("adam", loss=odd_loss_of(loss, maker))
    randomise(model)
    model.save(tmp_path / f"g{ext}")
    same(ti.load_generator(tmp_path / f"g{ext}"), lambda codes: model(codes, training=False))


def archive(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_DOT_", "."), content)
    return buffer.getvalue()


def npz():
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.ones(3))
    return buffer.getvalue()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
NOT_MODELS = {
    "empty": (b"", "is empty"),
    "text": (b"hello, this is no model\nat all", "no known kind"),
    "one byte": (b"x", "no known kind"),
    "pointer": (POINTER, "git lfs pull"),
    "html": (b"<!DOCTYPE html><html>", "web page.*raw file"),
    "html after blank lines": (b"\n\n\n  <!doctype html>\n<html>", "web page.*raw file"),
    "html with a byte order mark": (b"\xef\xbb\xbf<html lang=en>", "web page.*raw file"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XML page.*raw file"),
    "json": (json.dumps({"class_name": "Sequential", "config": {}}).encode(), "JSON.*without the weights"),
    "pickle": (pickle.dumps({"weights": 1}), "pickle.*convert"),
    "gzip": (gzip.compress(b"something"), "gzip.*unpack"),
    "onnx": (b"\x08\x07\x12\x07pytorch", "ONNX"),
    "torch": (archive(archive__data_DOT_pkl=b"\x80\x02", archive__data__0=b"0"), "PyTorch file.*convert"),
    "zipped SavedModel": (archive(model__saved_model_DOT_pb=b""), "zipped SavedModel.*unpack"),
    "another zip": (archive(generator_DOT_h5=b""), r"without config.json \(generator.h5\)"),
    "npz": (npz(), "without config.json.*weights.npy"),
    "broken zip": (b"PK\x03\x04 and nothing else", "a zip archive that is damaged"),
    "broken hdf5": (b"\x89HDF\r\n\x1a\n and nothing else", "HDF5 that is damaged"),
    "config is no JSON": (archive(config_DOT_json=b"{'a': 1}"), "a zip archive that is damaged"),
    "config is no text": (archive(config_DOT_json=b"\xff\xfe\x00"), "a zip archive that is damaged"),
    "config is a list": (archive(config_DOT_json=b"[]"), "config that is a list"),
    "config is null": (archive(config_DOT_json=b"null"), "config that is a NoneType"),
    "config is empty": (archive(config_DOT_json=b"{}"), "config without a class"),
    "config is deep": (archive(config_DOT_json=b"[" * 100_000), "a zip archive that is damaged"),
    "metadata is a list": (archive(config_DOT_json=b"{}", metadata_DOT_json=b"[]"), "a zip archive that is damaged"),
    "class is odd": (archive(config_DOT_json=b'{"class_name": ["a"], "config": [1]}'), "config without a class"),
}


@pytest.mark.parametrize("kind", NOT_MODELS)
@pytest.mark.parametrize("ext", [".h5", ".keras"])
def test_what_is_no_model_says_what_it_is(kind, ext, tmp_path):
    content, said = NOT_MODELS[kind]
    path = tmp_path / f"generator{ext}"
    path.write_bytes(content)
    refuses(path, said)


def refuses(path, said, **options):
    with pytest.raises(BadInput, match=said) as caught:
        (ti.from_keras if options else ti.load_generator)(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    assert "expected" in message or "give" in message or "build" in message
    return message


@pytest.mark.parametrize("name", ["missing.keras", "missing/deeper.h5", "x" * 300, "null\0byte", "generator.h5/inside"])
def test_no_such_file(name, tmp_path):
    (tmp_path / "generator.h5").write_bytes(b"")
    with pytest.raises(BadInput, match=r"no such file|cannot be opened") as caught:
        ti.load_generator(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_line_break_in_the_name_does_not_break_the_message(tmp_path):
    with pytest.raises(BadInput) as caught:
        ti.load_generator(tmp_path / "two\nlines.keras")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ext", [".keras", ".h5"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9, 0.999])
def test_truncated(ext, part, tmp_path):
    sequential().save(tmp_path / f"g{ext}")
    content = (tmp_path / f"g{ext}").read_bytes()
    (tmp_path / f"g{ext}").write_bytes(content[: int(len(content) * part)])
    refuses(tmp_path / f"g{ext}", "damaged")


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_flipped_byte_in_an_archive(member, tmp_path):
    """The archive's checksum shows it; a weight that is a little wrong would not."""
    path = tmp_path / "g.keras"
    sequential().save(path)
    with zipfile.ZipFile(path) as file:
        start = file.getinfo(member).header_offset + 30 + len(member)
    content = bytearray(path.read_bytes())
    content[start + 20] ^= 0xFF
    path.write_bytes(content)
    refuses(path, "damaged|no reader")


def test_an_encrypted_archive(tmp_path):
    path = tmp_path / "g.keras"
    sequential().save(path)
    content = bytearray(path.read_bytes())
    for signature, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + flag] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)
    refuses(path, "no plain file")


@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_weights_only(maker, tmp_path):
    """Where the architecture is not in the file, no reader can make it up."""
    model = randomise(maker.Sequential([maker.layers.Input((LATENT,)), *trunk(maker.layers)]))
    model.save_weights(tmp_path / "g.weights.h5")
    message = refuses(tmp_path / "g.weights.h5", "Keras weights only")
    assert "load_weights" in message


@pytest.mark.parametrize("ext", [".keras", ".h5"])
@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_a_model_without_its_weights_is_not_read_with_random_ones(ext, maker, tmp_path):
    path = tmp_path / f"g{ext}"
    maker.Sequential([maker.layers.Input((LATENT,)), *trunk(maker.layers)]).save(path)
    if ext == ".h5":
        with h5py.File(path, "r+") as file:
            del file["model_weights"]
    else:
        with zipfile.ZipFile(path) as old:
            members = {name: old.read(name) for name in old.namelist() if name != "model.weights.h5"}
        path.write_bytes(archive(**{name.replace(".", "_DOT_"): content for name, content in members.items()}))
    refuses(path, "no reader understands" if ext == ".h5" else "without model.weights.h5")


@pytest.mark.parametrize("maker", [keras, tf_keras])
def test_some_weights_missing_in_hdf5(maker, tmp_path):
    path = tmp_path / "g.h5"
    model = maker.Sequential([maker.layers.Input((LATENT,)), *trunk(maker.layers)])
    model.save(path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"][model.layers[0].name]
        group.attrs["weight_names"] = group.attrs["weight_names"][:1]
    refuses(path, "no reader understands.*eight")


def hdf5(path, attributes=(), **arrays):
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
        for name, array in arrays.items():
            file[name.replace("__", ".")] = array


@pytest.mark.parametrize(
    ("attributes", "arrays", "said"),
    [
        (
            {},
            {"main__0__weight": np.ones(3), "main__1__running_mean": np.ones(3)},
            "PyTorch.*rebuild the model in Keras",
        ),
        ({}, {"images": np.ones((2, 4, 4))}, "no Keras file.*no model config"),
        ({}, {}, "0 arrays"),
        ({"model_config": "{not json"}, {}, "HDF5 that is damaged"),
        ({"model_config": 3}, {}, "HDF5 that is damaged"),
        ({"model_config": h5py.Empty("f")}, {}, "HDF5 that is damaged"),
        ({"model_config": "null"}, {}, "config that is a NoneType"),
        ({"model_config": b"\xff\xfe"}, {}, "HDF5 that is damaged"),
    ],
)
def test_other_hdf5(attributes, arrays, said, tmp_path):
    hdf5(tmp_path / "g.h5", attributes, **arrays)
    refuses(tmp_path / "g.h5", said)


def test_a_folder_with_something_else(tmp_path):
    folder = tmp_path / "generator"
    folder.mkdir()
    (folder / "model.h5").write_bytes(b"")
    assert "SavedModel" in refuses(folder, "folder without saved_model.pb")


class Doubles(keras.layers.Layer):
    def call(self, values):
        return 2 * values


class OldDoubles(tf_keras.layers.Layer):
    def call(self, values):
        return 2 * values


def twice(values):
    return 2 * values


@pytest.mark.parametrize("ext", [".keras", ".h5"])
@pytest.mark.parametrize(("maker", "custom"), [(keras, Doubles), (tf_keras, OldDoubles)])
@pytest.mark.parametrize("function", [False, True])
def test_unknown_objects_are_named_and_taken_from_custom_objects(ext, maker, custom, function, tmp_path):
    layers = maker.layers
    extra = layers.Activation(twice) if function else custom()
    model = randomise(maker.Sequential([layers.Input((LATENT,)), *trunk(layers), extra]))
    model.save(tmp_path / f"g{ext}")
    name, value = ("twice", twice) if function else (custom.__name__, custom)
    message = refuses(tmp_path / f"g{ext}", name)
    assert "custom_objects" in message
    generator = ti.from_keras(tmp_path / f"g{ext}", custom_objects={name: value})
    same(generator, lambda codes: model(codes, training=False))


def test_a_class_whose_own_config_fails_is_told(tmp_path):
    class Needs(keras.layers.Layer):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)

        def get_config(self):
            return {"name": self.name}

        def call(self, values):
            return values

    path = tmp_path / "g.keras"
    keras.Sequential([keras.Input((LATENT,)), *trunk(), Needs(2)]).save(path)
    refuses(path, "factor", custom_objects={"Needs": Needs})
