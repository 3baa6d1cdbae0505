"""Images in a `tf.data.Dataset`, or in TensorFlow Datasets by name."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images.decode import decode_array
from tfinvert.images.entry import Entry


class DatasetEntries:
    """The entries of a `tf.data.Dataset`."""

    def __init__(self, dataset: tf.data.Dataset, array_range) -> None:
        spec = dataset.element_spec
        self._names = self._find(spec)
        image = spec if self._names == ("image",) and not isinstance(spec, (dict, tuple)) else None
        if image is None:
            image = spec["image"] if isinstance(spec, dict) else spec[self._names.index("image")]
        self._dataset = dataset.unbatch() if image.shape.rank == 4 else dataset
        self._array_range = array_range

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
            pictures = [i for i, rank in enumerate(ranks) if rank in (3, 4) or (rank is None and len(spec) == 1)]
            if len(pictures) == 1 and len(spec) <= 3:
                at = pictures[0]
                names = [["id"], ["label"]][at == 0] if len(spec) == 2 else ["id", "label"]
                if len(spec) != 3 or at == 1:
                    return (*names[:at], "image", *names[at:]) if len(spec) > 1 else ("image",)
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
            label = parts.get("label")
            yield Entry(
                found.decode() if isinstance(found, bytes) else str(found),
                int(label) if label is not None and np.ndim(label) == 0 else None,
                functools.partial(decode_array, parts["image"], self._array_range),
            )


def is_tfds(text: str) -> bool:
    if not text.replace("_", "").replace("/", "").replace(":", "").isalnum() or not importlib.util.find_spec(
        "tensorflow_datasets"
    ):
        return False
    import tensorflow_datasets as tfds

    return text.split(":")[0].split("/")[0] in tfds.list_builders()


def tfds_entries(text: str, array_range) -> Iterable[Entry]:
    name, _, split = text.partition(":")
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise BadInput(f"images tfds:{text}", "needs 'pip install tensorflow-datasets'") from error
    try:
        builder = tfds.builder(name)
        splits = list(builder.info.splits)
        split = split or ("test" if "test" in splits else splits[0] if splits else "train")
        dataset = builder.as_dataset(split=split)
    except Exception as error:  # TFDS raises its own kinds for a wrong name, split or missing files
        reason = " ".join(str(error).split())[:160]
        raise BadInput(f"images tfds:{text} ({reason})", f"prepare it first with 'tfds build {name}'") from error
    return DatasetEntries(dataset, array_range)
