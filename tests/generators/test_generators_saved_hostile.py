"""Nothing in a SavedModel runs while it is loaded, and no file outside of its folder is read."""

import contextlib
import os

import numpy as np
import pytest
import saved_hostile as hostile
import tensorflow as tf
from generator_models import codes_for
from google.protobuf import text_format

import tfinvert as ti
from tfinvert.generators import saved_model

RUNS, WRITE = "may do more than compute", "WriteFile, which may do more than compute"

# What TensorFlow runs while it loads a file never enters: the image is computed as ever.
LEFT_OUT = {
    **{
        name: hostile.in_collection(name)
        for name in ("table_initializer", "legacy_init_op", "saved_model_main_op", "init_op", "ready_op", "train_op")
    },
    "local_variables": hostile.local_variables,
    "two graphs": hostile.two_graphs,
    "initialising signature": hostile.init_signature,
    "other signature": hostile.other_signature,
    "names of the saver": hostile.saver_names,
    "asset": hostile.asset,
    "gradient of a function": hostile.gradient_of_a_function,
    "gradient type": hostile.gradient_type,
    "another implementation": hostile.implementation,
    "objects": hostile.objects,
    "device and compiler": hostile.device,
}
# What runs when the image is computed.
COMPUTED = {
    "write": (hostile.write, WRITE),
    "function by its type": (hostile.called_by_type, WRITE),
    "function like an operation": (hostile.called_as("Snapshot"), WRITE),
    "function by an attribute": (hostile.called_by_attribute, WRITE),
    "only at a function's end": (hostile.only_at_a_functions_end, WRITE),
    "in a branch": (hostile.in_a_branch, WRITE),
    "in a loop": (hostile.in_a_loop, WRITE),
    "restore another checkpoint": (hostile.restore_elsewhere, f"RestoreV2, which {RUNS}"),
    "table from a file": (hostile.table_from_file, f"HashTableV2, InitializeTable.*{RUNS}"),
    "dataset": (hostile.dataset, f"MakeIterator.*TFRecordDataset.*{RUNS}"),
    "debug address": (hostile.debug_address, f"DebugIdentityV2, which {RUNS}"),
    "python": (hostile.in_the_way("PyFunc"), f"PyFunc, which {RUNS}"),
    "eager python": (hostile.in_the_way("EagerPyFunc"), f"EagerPyFunc, which {RUNS}"),
    "read": (hostile.beside("ReadFile", str), f"ReadFile, which {RUNS}"),
    "list files": (hostile.beside("MatchingFiles", str), f"MatchingFiles, which {RUNS}"),
    "save": (hostile.beside("SaveV2", str, ["x"], [""], 1.0), f"SaveV2, which {RUNS}"),
    "print to a file": (hostile.beside("PrintV2", "it ran"), f"PrintV2, which {RUNS}"),
    "print": (hostile.in_the_way("Print"), f"Print, which {RUNS}"),
    "summary": (hostile.beside("SummaryWriter"), f"SummaryWriter, which {RUNS}"),
    "summary file": (hostile.beside("CreateSummaryFileWriter"), f"CreateSummaryFileWriter, which {RUNS}"),
    "file reader": (hostile.beside("WholeFileReaderV2"), f"WholeFileReaderV2, which {RUNS}"),
    "fixed length records": (hostile.beside("FixedLengthRecordDataset", str), RUNS),
    "move": (hostile.beside("MergeV2Checkpoints", ["a"], str), f"MergeV2Checkpoints, which {RUNS}"),
    "send": (hostile.in_the_way("_Send"), f"_Send, which {RUNS}"),
    "remote call": (hostile.in_the_way("RemoteCall"), f"RemoteCall, which {RUNS}"),
    "symbolic gradient": (hostile.in_the_way("SymbolicGradient"), f"SymbolicGradient, which {RUNS}"),
    "string constant": (hostile.string_constant, "computes with strings or resources"),
    "foreign handle": (hostile.foreign_handle, "uses a variable|computes with strings or resources"),
    "huge constant": (hostile.huge_constant, "4.4e\\+03 GB of constants.*at most 4 GB"),
    "huge fill": (hostile.huge_fill, "GB of constants.*at most 4 GB"),
    "a billion operations": (hostile.thousandfold, "10\\^9 operations in calls 30 deep"),
    "deep calls": (hostile.deep_calls, "deep"),
    "recursion": (hostile.recursion, "calls itself"),
    "circle": (hostile.circle, "goes round in a circle"),
    "missing input": (hostile.missing_input, "needs 'nowhere'"),
    "missing function": (hostile.missing_function, "calls a function 'nowhere'"),
    "two nodes of one name": (hostile.same_name, "two nodes of one name"),
    "missing output": (hostile.missing_output, "no node 'nowhere'"),
    "second output": (hostile.second_output, "cannot be loaded"),
    "types of attributes": (hostile.wrong_types, "module"),
    "unknown type": (hostile.unknown_type, "of no type that TensorFlow knows"),
    "numbers for functions": (hostile.numbers_for_functions, "module|branch"),
    "future": (hostile.future, "cannot be loaded"),
    "unknown operation": (hostile.unknown_operation, f"Telepathy, which {RUNS}"),
    "variable of another shape": (hostile.other_shape, r"\[6, 27\] for the variable 'G/w'.*expected float32 \(7, 27\)"),
    "variable of another type": (hostile.other_type, "float32 .*expected int32"),
    "variable without a value": (hostile.no_key, "no value for the variable 'G/w'"),
}
# What lies in the folder.
FILES = {
    "data elsewhere": (hostile.linked_data, "data-00000-of-00001 is a link to a file elsewhere"),
    "variables elsewhere": (hostile.linked_variables, "is a link to a file elsewhere"),
    "pipe as index": (hostile.pipe_as_index, "variables.index is no regular file"),
    "pipe as data": (hostile.pipe_as_data, "00009 is no regular file"),
    "folder as prefix": (hostile.folder_as_prefix, "has a file variables/variables"),
    "truncated data": (hostile.truncated_data, "declares .* of variables and has"),
    "damaged data": (hostile.damaged_data, "damaged value of 'G/w'"),
    "no data": (hostile.no_data, "declares"),
    "damaged index": (hostile.damaged_index, "damaged index"),
    "no index": (hostile.no_index, "no variables/variables.index"),
    "terabyte": (hostile.sparse_data, "1000.0 GB of variables"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "module"
    hostile.harmless(folder)
    return folder


def changed(made, change, tmp_path):
    """A copy of the harmless module that is none, and its proof."""
    folder, proof = tmp_path / "module", tmp_path / "proof"
    (folder / "variables").mkdir(parents=True)
    for path in (made / "variables").iterdir():
        (folder / "variables" / path.name).write_bytes(path.read_bytes())
    saved = hostile.parsed(made)
    change(saved, folder, proof)
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder, proof


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
    def change(saved, folder, proof):
        hostile.loop(saved.meta_graphs[0], "same")
        function = saved.meta_graphs[0].graph_def.library.function.add()
        function.signature.name = "same"
        function.signature.input_arg.add(name="x", type=hostile.FLOAT)
        function.signature.output_arg.add(name="y", type=hostile.FLOAT)
        function.ret["y"] = "x"

    folder, _ = changed(made, change, tmp_path)
    assert saved_model.read(folder).code_shape == (6,)


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
