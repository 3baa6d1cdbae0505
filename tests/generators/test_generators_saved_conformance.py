"""SavedModels give what TensorFlow's own loader gives, which is not used to read them."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, check, codes_for
from saved_kinds import KINDS, Kept
from tensorflow.core.protobuf import saved_model_pb2

import tfinvert as ti
from tfinvert.generators.derived.precise import in_float64
from tfinvert.generators.graphs.frozen import freeze

LABELS = [0, 1, 4, 2, 4]
COARSE = {"Half": 1e-2, "Brain": 1e-1}  # finite differences are too coarse there


def graph_in(folder):
    return saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())


def by_tensorflow(folder):
    """What the loader gives for codes and labels; scalars are 1 or False."""
    model = tf.saved_model.load(folder)
    function = next(model.signatures[name] for name in ("serving_default", "default") if name in model.signatures)

    def call(codes, labels=None):
        given = {}
        for name, spec in function.structured_input_signature[1].items():
            if spec.shape.rank == 0:
                given[name] = tf.constant(False) if spec.dtype == tf.bool else tf.ones([], spec.dtype)
            elif labels is None or (spec.shape.rank == 2 and spec.shape[1] == LATENT):
                given[name] = tf.constant(codes)
            elif spec.shape.rank == 2 and spec.shape[1] == 5:
                given[name] = tf.one_hot(labels, 5)
            else:
                given[name] = tf.reshape(tf.cast(labels, spec.dtype), [-1, *spec.shape[1:]])
        function(**given)  # for what it keeps of the truncation
        (images,) = function(**given).values()
        return images.numpy()

    call.model = model  # its variables live as long as it does
    return call


@pytest.mark.parametrize("kind", KINDS)
def test_images_and_gradients_of(kind, tmp_path):
    folder = str(tmp_path / "module")
    KINDS[kind](folder)
    expected = by_tensorflow(folder)
    classes = 5 if ("ntegers" in kind and kind != "Integers") or kind == "ConditionalNorm" else None
    generator = ti.load_generator(folder, classes=classes)
    codes = codes_for(generator)
    others = () if generator.condition is None else (LABELS,)
    np.testing.assert_allclose(generator(codes, *others), expected(codes, *others), atol=1e-6)
    if kind not in COARSE:
        check(generator, expected, *others)
    wide = in_float64(generator)
    if wide is not None:
        np.testing.assert_allclose(wide(codes, *others), expected(codes, *others), atol=COARSE.get(kind, 1e-5))
    assert (wide is None) == (kind == "ConditionalNorm")  # a fused batch norm has no float64


@pytest.mark.parametrize("kind", ["Nested", "tf_keras integers", "1 references"])
def test_two_parts_are_the_whole(kind, tmp_path):
    KINDS[kind](str(tmp_path / "module"))
    generator = ti.load_generator(tmp_path / "module", classes=5 if "integers" in kind else None)
    others = () if generator.condition is None else (LABELS,)
    codes = codes_for(generator)
    parts = ti.split(generator)
    hidden, held = parts.before(codes, *others)
    np.testing.assert_allclose(parts.tail(hidden, *held), generator(codes, *others), atol=1e-5)


def test_the_real_one(shared):
    folder = str(shared / "generators" / "digits-28-savedmodel")
    generator = ti.load_generator(folder, value_range=(0, 1))
    expected = tf.saved_model.load(folder)
    codes = codes_for(generator, 16)
    given = expected.signatures["serving_default"](input_4=codes)["conv2d_6"]
    np.testing.assert_array_equal(generator(codes), given)


def test_two_modules_whose_functions_have_the_same_names(tmp_path):
    """Loops stay functions, and TensorFlow wants one function for one name in a process."""
    KINDS["While"](str(tmp_path / "one"))
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    saved = graph_in(tmp_path / "other")
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            node.op = "Sin" if node.op == "Tanh" else node.op
    (tmp_path / "other" / "saved_model.pb").write_bytes(saved.SerializeToString())
    one, other, again = (ti.load_generator(tmp_path / name) for name in ("one", "other", "one"))
    codes = codes_for(one)
    for generator in (one, other, again, other, one):
        in_float64(generator)  # which takes no function away from the others
        freeze(generator)
    np.testing.assert_array_equal(one(codes), again(codes))
    assert np.abs(one(codes) - other(codes)).max() > 1e-2


def test_what_a_module_keeps_of_its_truncation(tmp_path):
    Kept().save(str(tmp_path / "module"), tf.TensorSpec([], name="truncation"))
    whole, half = (ti.from_saved_model(tmp_path / "module", truncation=value) for value in (1.0, 0.5))
    codes = codes_for(whole)
    np.testing.assert_allclose(half(codes), 0.5 * whole(codes), atol=1e-6)
    np.testing.assert_array_equal(half(codes), half(codes))


def test_several_graphs_in_one_file(tmp_path):
    """Only that without tags is looked at."""
    folder = tmp_path / "module"
    KINDS["1 references"](folder)
    expected = ti.load_generator(folder)
    saved = graph_in(folder)
    more = saved.meta_graphs.add()
    more.meta_info_def.tags.append("train")
    more.graph_def.node.add(name="write", op="WriteFile")
    more.saver_def.restore_op_name = "write"
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    codes = codes_for(expected)
    np.testing.assert_array_equal(ti.load_generator(folder)(codes), expected(codes))


def test_links_inside_of_the_folder(tmp_path):
    folder = tmp_path / "module"
    KINDS["1 references"](folder)
    expected = ti.load_generator(folder)
    (folder / "blobs").mkdir()
    for number, path in enumerate([folder / "saved_model.pb", *(folder / "variables").iterdir()]):
        path.rename(folder / "blobs" / str(number))
        path.symlink_to(folder / "blobs" / str(number))
    again = ti.load_generator(folder)
    assert again.about.fingerprint == expected.about.fingerprint
    codes = codes_for(expected)
    np.testing.assert_array_equal(again(codes), expected(codes))


@pytest.mark.parametrize("kind", ["tf_keras saved", "1 resources", "1 references"])
def test_graphs_that_restore_nothing(kind, tmp_path):
    """Then the names of variables say which value is whose."""
    folder = tmp_path / "module"
    KINDS[kind](str(folder))
    expected = ti.load_generator(folder)
    saved = graph_in(folder)
    saved.meta_graphs[0].ClearField("saver_def")
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    codes = codes_for(expected)
    np.testing.assert_array_equal(ti.load_generator(folder)(codes), expected(codes))


def test_graphs_that_restore_nothing_and_have_one_name_for_two_variables(tmp_path):
    folder = tmp_path / "module"
    KINDS["While"](str(folder))
    saved = graph_in(folder)
    saved.meta_graphs[0].ClearField("saver_def")
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    with pytest.raises(ti.BadInput, match=r"no value for the variable 'Variable"):
        ti.load_generator(folder)
