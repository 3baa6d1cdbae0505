"""Hostile SavedModels by their names, what is said of each, and how one is made."""

import saved_computing as computing
import saved_loading as loading
import saved_malformed as malformed
from saved_hostile import parsed

RUNS, WRITE = "may do more than compute", "WriteFile, which may do more than compute"

# What TensorFlow runs while it loads a file never enters: the image is computed as ever.
LEFT_OUT = {
    **{
        name: loading.in_collection(name)
        for name in ("table_initializer", "legacy_init_op", "saved_model_main_op", "init_op", "ready_op", "train_op")
    },
    "local_variables": loading.local_variables,
    "two graphs": loading.two_graphs,
    "initialising signature": loading.init_signature,
    "other signature": loading.other_signature,
    "names of the saver": loading.saver_names,
    "asset": loading.asset,
    "gradient of a function": loading.gradient_of_a_function,
    "gradient type": loading.gradient_type,
    "another implementation": loading.implementation,
    "objects": loading.objects,
    "device and compiler": computing.device,
}
# What runs when the image is computed.
COMPUTED = {
    "write": (computing.write, WRITE),
    "function by its type": (computing.called_by_type, WRITE),
    "function like an operation": (computing.called_as("Snapshot"), WRITE),
    "function by an attribute": (computing.called_by_attribute, WRITE),
    "only at a function's end": (computing.only_at_a_functions_end, WRITE),
    "in a branch": (computing.in_a_branch, WRITE),
    "in a loop": (computing.in_a_loop, WRITE),
    "restore another checkpoint": (computing.restore_elsewhere, f"RestoreV2, which {RUNS}"),
    "table from a file": (computing.table_from_file, f"HashTableV2, InitializeTable.*{RUNS}"),
    "dataset": (computing.dataset, f"MakeIterator.*TFRecordDataset.*{RUNS}"),
    "debug address": (computing.debug_address, f"DebugIdentityV2, which {RUNS}"),
    "python": (computing.in_the_way("PyFunc"), f"PyFunc, which {RUNS}"),
    "eager python": (computing.in_the_way("EagerPyFunc"), f"EagerPyFunc, which {RUNS}"),
    "read": (computing.beside("ReadFile", str), f"ReadFile, which {RUNS}"),
    "list files": (computing.beside("MatchingFiles", str), f"MatchingFiles, which {RUNS}"),
    "save": (computing.beside("SaveV2", str, ["x"], [""], 1.0), f"SaveV2, which {RUNS}"),
    "print to a file": (computing.beside("PrintV2", "it ran"), f"PrintV2, which {RUNS}"),
    "print": (computing.in_the_way("Print"), f"Print, which {RUNS}"),
    "summary": (computing.beside("SummaryWriter"), f"SummaryWriter, which {RUNS}"),
    "summary file": (computing.beside("CreateSummaryFileWriter"), f"CreateSummaryFileWriter, which {RUNS}"),
    "file reader": (computing.beside("WholeFileReaderV2"), f"WholeFileReaderV2, which {RUNS}"),
    "fixed length records": (computing.beside("FixedLengthRecordDataset", str), RUNS),
    "move": (computing.beside("MergeV2Checkpoints", ["a"], str), f"MergeV2Checkpoints, which {RUNS}"),
    "send": (computing.in_the_way("_Send"), f"_Send, which {RUNS}"),
    "remote call": (computing.in_the_way("RemoteCall"), f"RemoteCall, which {RUNS}"),
    "symbolic gradient": (computing.in_the_way("SymbolicGradient"), f"SymbolicGradient, which {RUNS}"),
    "string constant": (computing.string_constant, "computes with strings or resources"),
    "foreign handle": (computing.foreign_handle, "uses a variable|computes with strings or resources"),
    "huge constant": (malformed.huge_constant, "4.4e\\+03 GB of constants.*at most 1 GB"),
    "huge fill": (malformed.huge_fill, "GB of constants.*at most 1 GB"),
    "a billion operations": (malformed.thousandfold, "10\\^9 operations in calls 30 deep"),
    "deep calls": (malformed.deep_calls, "deep"),
    "recursion": (malformed.recursion, "calls itself"),
    "circle": (malformed.circle, "goes round in a circle"),
    "missing input": (malformed.missing_input, "needs 'nowhere'"),
    "missing function": (malformed.missing_function, "calls a function 'nowhere'"),
    "two nodes of one name": (malformed.same_name, "two nodes of one name"),
    "missing output": (malformed.missing_output, "no node 'nowhere'"),
    "second output": (malformed.second_output, "cannot be loaded"),
    "types of attributes": (malformed.wrong_types, "module"),
    "unknown type": (malformed.unknown_type, "of no type that TensorFlow knows"),
    "numbers for functions": (malformed.numbers_for_functions, "module|branch"),
    "future": (malformed.future, "cannot be loaded"),
    "unknown operation": (malformed.unknown_operation, f"Telepathy, which {RUNS}"),
    "variable of another shape": (
        malformed.other_shape,
        r"\[6, 27\] for the variable 'G/w'.*expected float32 \(7, 27\)",
    ),
    "variable of another type": (malformed.other_type, "float32 .*expected int32"),
    "variable without a value": (malformed.no_key, "no value for the variable 'G/w'"),
}
# What lies in the folder.
FILES = {
    "data elsewhere": (malformed.linked_data, "data-00000-of-00001 is a link to a file elsewhere"),
    "variables elsewhere": (malformed.linked_variables, "is a link to a file elsewhere"),
    "pipe as index": (malformed.pipe_as_index, "variables.index is no regular file"),
    "pipe as data": (malformed.pipe_as_data, "00009 is no regular file"),
    "folder as prefix": (malformed.folder_as_prefix, "has a file variables/variables"),
    "truncated data": (malformed.truncated_data, "declares .* of variables and has"),
    "damaged data": (malformed.damaged_data, "damaged value of 'G/w'"),
    "no data": (malformed.no_data, "declares"),
    "damaged index": (malformed.damaged_index, "damaged index"),
    "no index": (malformed.no_index, "no variables/variables.index"),
    "terabyte": (malformed.sparse_data, "1000.0 GB of variables"),
}


def changed(made, change, tmp_path):
    """A copy of the harmless module that is none, and its proof."""
    folder, proof = tmp_path / "module", tmp_path / "proof"
    (folder / "variables").mkdir(parents=True)
    for path in (made / "variables").iterdir():
        (folder / "variables" / path.name).write_bytes(path.read_bytes())
    saved = parsed(made)
    change(saved, folder, proof)
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder, proof
