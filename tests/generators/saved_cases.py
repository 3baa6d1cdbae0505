"""Hostile SavedModels by their names, what is said of each, and how one is made."""

import saved_hostile as hostile

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
    "huge constant": (hostile.huge_constant, "4.4e\\+03 GB of constants.*at most 1 GB"),
    "huge fill": (hostile.huge_fill, "GB of constants.*at most 1 GB"),
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
