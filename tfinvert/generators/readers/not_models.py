"""What people hand over instead of a Keras model, and what to do about it."""

from __future__ import annotations

from typing import Any

import h5py

from tfinvert.errors import BadInput
from tfinvert.generators.safety import archive

EXPECTED = "expected a whole Keras model (a .keras file, or HDF5 written by model.save)"
# By their first bytes.
_OTHER_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file: run 'git lfs pull'"),
    (b"<!DOCTYPE", "a web page, not a model: download the raw file"),
    (b"<html", "a web page, not a model: download the raw file"),
    (b"<?xml", "an XML page, not a model: download the raw file"),
    (b"{", "JSON, perhaps the architecture without the weights: save the generator with model.save"),
    (b"\x80", "a Python pickle, as PyTorch writes it: convert it to Keras first"),
    (b"\x1f\x8b", "gzip data: unpack it first"),
    (b"\x08", "perhaps a TensorFlow graph or ONNX: save the generator with model.save"),
)
_NAMES = 1000  # arrays that are looked at to say what a file is that is no model


def kind(head: bytes, name: str) -> str:
    """ "h5" or "keras", by a file's first bytes.

    Raises:
      BadInput: it is of another kind.
    """
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "h5"
    if head.startswith(b"PK"):
        return "keras"
    if not head:
        raise BadInput(f"{name} is empty", EXPECTED)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for start, what in _OTHER_KINDS:
        if text.startswith(start.lower()):
            raise BadInput(f"{name} is {what}", EXPECTED)
    raise BadInput(f"{name} starts with {head[:8]!r}, which is no known kind of model file", EXPECTED)


def without_config(file: h5py.File, name: str) -> BadInput:
    """What to say of HDF5 that holds no model."""
    names: list[str] = []

    def note(path: str, item: Any) -> bool | None:
        if isinstance(item, h5py.Dataset):
            names.append(path)
        return True if len(names) >= _NAMES else None

    file.visititems(note)
    keras_weights = "layer_names" in file.attrs or "keras_version" in file.attrs or "layers" in file
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    if keras_weights or any(name.endswith(("kernel:0", "bias:0")) for name in names):
        return BadInput(
            f"{name} holds Keras weights only ({len(names)} arrays: {shown}), not the model",
            "build the model with the code that trained it, load_weights into it, and pass it or its model.save",
        )
    torch = any(".weight" in name or ".running_" in name for name in names)
    return BadInput(
        f"{name} is HDF5 with {len(names)} arrays ({shown}), "
        f"{'as PyTorch names them' if torch else 'no Keras file'}, and no model config",
        f"{EXPECTED}; rebuild the model in Keras, set its weights from these arrays and pass it",
    )


def zip_without_config(names: list[str], name: str) -> BadInput:
    """What to say of a zip archive that holds no model."""
    if any(each.endswith("data.pkl") for each in names):
        return BadInput(f"{name} is a PyTorch file", f"{EXPECTED}; convert it to Keras first")
    if any(each.endswith("saved_model.pb") for each in names):
        return BadInput(f"{name} is a zipped SavedModel", "unpack it and give the folder")
    return BadInput(f"{name} is a zip archive without {archive.CONFIG} ({', '.join(names[:3])})", EXPECTED)
