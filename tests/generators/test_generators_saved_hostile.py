"""Nothing in a SavedModel runs while it is loaded, and no file outside of its folder is read."""

import contextlib
import os

import numpy as np
import pytest
import saved_computing as computing
import saved_hostile as hostile
import tensorflow as tf
from generator_models import codes_for
from google.protobuf import text_format
from saved_cases import COMPUTED, FILES, LEFT_OUT, changed

import tfinvert as ti
from tfinvert.generators.readers.saved import model as saved_model


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "module"
    hostile.harmless(folder)
    return folder


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_the_image_does_not_need_is_left_out(name, made, tmp_path):
    folder, proof = changed(made, LEFT_OUT[name], tmp_path)
    generator, expected = ti.load_generator(folder), ti.load_generator(made)
    codes = tf.constant(codes_for(generator))
    with tf.GradientTape() as tape:
        tape.watch(codes)
        images = generator(codes)
    assert tape.gradient(images, codes) is not None
    np.testing.assert_array_equal(images, expected(codes))
    assert list(tmp_path.iterdir()) == [folder]
    assert not proof.exists()


@pytest.mark.parametrize("name", {**COMPUTED, **FILES})
def test_what_is_refused(name, made, tmp_path):
    change, why = {**COMPUTED, **FILES}[name]
    folder, proof = changed(made, change, tmp_path)
    with pytest.raises(ti.BadInput, match=why) as caught:
        ti.load_generator(folder)
    assert "\n" not in str(caught.value)
    assert not proof.exists()


@pytest.mark.parametrize(
    "name", ["table_initializer", "legacy_init_op", "saved_model_main_op", "local_variables", "two graphs"]
)
def test_tensorflow_would_have_run_it(name, made, tmp_path):
    """So the proofs are some."""
    folder, proof = changed(made, LEFT_OUT[name], tmp_path)
    with contextlib.suppress(Exception):
        tf.saved_model.load(str(folder), tags=[])
    assert proof.read_text() == "it ran"


@pytest.mark.parametrize("name", ["write", "function by its type", "function by an attribute", "in a branch"])
def test_authors_who_are_trusted(name, made, tmp_path):
    folder, proof = changed(made, COMPUTED[name][0], tmp_path)
    saved_model.read(folder, allow_unsafe=True).function(tf.zeros([1, 6]))
    assert proof.read_text() == "it ran"


def test_a_loop_without_an_end_is_not_run_before_it_is_called(made, tmp_path):
    folder, _ = changed(made, computing.endless_loop, tmp_path)
    assert saved_model.read(folder).code_shape == (6,)


@pytest.mark.slow
def test_a_graph_of_many_thousand_nodes_in_a_row(made, tmp_path):
    def change(saved, folder, proof):
        nodes, last = saved.meta_graphs[0].graph_def.node, hostile.node_named(saved.meta_graphs[0], hostile.OUTPUT)
        given = last.input[0]
        for number in range(20_000):
            hostile.operation(nodes, f"row_{number}", "Identity", [given], T=hostile.FLOAT)
            given = f"row_{number}"
        last.input[0] = given

    folder, _ = changed(made, change, tmp_path)
    assert saved_model.read(folder).code_shape == (6,)


def test_only_what_is_read_is_hashed(made, tmp_path):
    folder, _ = changed(made, lambda saved, folder, proof: None, tmp_path)
    (folder / "assets").mkdir()
    os.mkfifo(folder / "assets" / "pipe")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "variables" / "pipe")
    assert ti.load_generator(folder).image_shape == (3, 3, 3)


def test_a_link_to_a_graph_elsewhere(made, tmp_path):
    folder, _ = changed(made, lambda saved, folder, proof: None, tmp_path)
    (folder / "saved_model.pb").rename(tmp_path / "outside")
    (folder / "saved_model.pb").symlink_to(tmp_path / "outside")
    with pytest.raises(ti.BadInput, match=r"saved_model\.pb is a link to a file elsewhere"):
        ti.load_generator(folder)


def test_a_text_file_alone_is_refused(made, tmp_path):
    folder, _ = changed(made, lambda saved, folder, proof: None, tmp_path)
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pbtxt").write_text(text_format.MessageToString(hostile.parsed(made)))
    with pytest.raises(ti.BadInput, match=r"folder without saved_model\.pb"):
        ti.load_generator(folder)


@pytest.mark.parametrize("name", ["a b", "ünï", "-x", "%d", "a:b", "{a,b}"])
def test_names_of_folders(name, made, tmp_path):
    folder, _ = changed(made, lambda saved, folder, proof: None, tmp_path)
    assert ti.load_generator(folder.rename(tmp_path / name)).image_shape == (3, 3, 3)


@pytest.mark.parametrize("name", ["[ab]", "a*", "?", "a\\b"])
def test_names_of_folders_that_are_patterns(name, made, tmp_path):
    """TensorFlow's reader would take [ab] for a, too, and read what lies there."""
    folder, _ = changed(made, lambda saved, folder, proof: None, tmp_path)
    with pytest.raises(ti.BadInput, match="rename it"):
        ti.load_generator(folder.rename(tmp_path / name))
