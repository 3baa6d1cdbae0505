"""Images in a `tf.data.Dataset`, or in TensorFlow Datasets by name."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images.arrays import decode
from tfinvert.images.entry import Entry, Reading
from tfinvert.images.like import is_series


class DatasetEntries:
    """The entries of a `tf.data.Dataset`."""

    def __init__(self, dataset: tf.data.Dataset, how: Reading) -> None:
        spec = dataset.element_spec
        self._names = self._find(spec)
        parts = spec if isinstance(spec, (dict, tuple)) else (spec,)
        image = parts["image"] if isinstance(parts, dict) else parts[self._names.index("image")]
        shape = getattr(image, "shape", tf.TensorShape(None))
        self._dataset = dataset.unbatch() if self._batched(shape, how.shape) else dataset
        self._how = how
        self.endless = dataset.cardinality() == tf.data.INFINITE_CARDINALITY

    @staticmethod
    def _batched(shape: tf.TensorShape, wanted: tuple[int, ...]) -> bool:
        """Whether elements of this shape are batches."""
        if shape.rank == 3 and not is_series(wanted) and wanted[-1] in (1, 3):
            return shape[-1] not in (1, 3, 4, None)  # of grey images without channels
        return shape.rank == len(wanted) + 1

    @staticmethod
    def _find(spec: Any) -> tuple[str, ...]:
        """What each part of an element is."""
        if isinstance(spec, dict):
            if "image" in spec:
                return tuple(spec)
        elif isinstance(spec, tf.TensorSpec):
            return ("image",)
        elif isinstance(spec, tuple):
            ranks = [getattr(getattr(part, "shape", None), "rank", None) for part in spec]
            most = max([rank for rank in ranks if rank is not None and rank > 1], default=None)
            pictures = [i for i, rank in enumerate(ranks) if rank == most]
            forms: dict[int, list[tuple[str, ...]]] = {
                1: [("image",)],
                2: [("image", "label"), ("id", "image")],
                3: [("id", "image", "label")],
            }
            for names in forms.get(len(spec), []):
                if pictures == [names.index("image")]:
                    return names
        raise BadInput(
            f"a dataset of {spec}",
            "expected image, (image, label), (id, image), (id, image, label) or a dict with 'image'",
        )

    def __iter__(self) -> Iterator[Entry]:
        for index, element in enumerate(self._dataset.as_numpy_iterator()):
            if isinstance(element, dict):
                parts = element
            else:
                parts = dict(zip(self._names, element if isinstance(element, tuple) else (element,), strict=True))
            found = parts.get("id", index)
            label = np.asarray(parts.get("label"))
            yield Entry(
                found.decode("utf-8", "backslashreplace") if isinstance(found, bytes) else str(found),
                int(label) if label.dtype.kind in "iu" and label.ndim == 0 else None,
                functools.partial(decode, parts["image"], self._how),
            )


def is_tfds(text: str) -> bool:
    name = text.partition(":")[0]
    if not name.replace("_", "").replace("/", "").isalnum() or not importlib.util.find_spec("tensorflow_datasets"):
        return False
    import tensorflow_datasets as tfds

    return name.split("/")[0] in tfds.list_builders()


def prepared(name: str) -> bool:
    """Whether TensorFlow Datasets is there and holds this dataset."""
    if not is_tfds(name):
        return False
    import tensorflow_datasets as tfds

    return bool(tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR")).is_prepared())


def tfds_dataset(text: str, download: bool = False) -> tf.data.Dataset:
    """A dataset of TensorFlow Datasets by NAME[:SPLIT]; the default is its test split, where it has one.

    Raises:
      BadInput: there is none, or it was not downloaded and shall not be.
    """
    name, _, split = text.partition(":")
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise BadInput(f"images tfds:{text}", "needs 'pip install tensorflow-datasets'") from error
    try:
        builder = tfds.builder(name, data_dir=os.environ.get("TFDS_DATA_DIR"))
        if download:
            builder.download_and_prepare()
        splits = list(builder.info.splits)
        split = split or ("test" if "test" in splits else splits[0] if splits else "train")
        return builder.as_dataset(split=split)
    except Exception as error:  # TFDS raises its own kinds for a wrong name, split or missing files
        reason = " ".join(str(error).split())[:160]
        raise BadInput(
            f"images tfds:{text} ({reason})", f"expected tfds:NAME[:SPLIT], prepared with 'tfds build {name}'"
        ) from error


def tfds_entries(text: str, how: Reading) -> Iterable[Entry]:
    return DatasetEntries(tfds_dataset(text), how)
