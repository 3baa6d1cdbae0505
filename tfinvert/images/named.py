"""Datasets that have a name: found in files first, and fetched only when asked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.images.pipelines import is_tfds, prepared, tfds_dataset
from tfinvert.remote import path_of


class Named(NamedTuple):
    """Where a dataset is looked for, and how it is taken apart."""

    files: tuple[str, ...] = ()  # patterns; the first one with a match counts
    cached: str | None = None  # its file under Keras's home, where Keras has the dataset
    class_folder: int = 1  # how many steps above a picture its class's folder is
    held_out: tuple[str, ...] = ()  # folders that are kept for tests


NAMED = {
    # Each of the two alphabets is in one of the small sets only; they have 820 pictures.
    "omniglot": Named(
        ("images_background.zip", "images_background_small*.zip"), class_folder=2, held_out=("Balinese", "Tagalog")
    ),
    "mnist": Named(("train-images[-.]idx3-ubyte*",), "datasets/mnist.npz"),
    "fashion_mnist": Named(("train-images[-.]idx3-ubyte*",), "datasets/fashion-mnist/train-images-idx3-ubyte.gz"),
    "cifar10": Named((), "datasets/cifar-10-batches-py-target"),
    "celeb_a": Named(("img_align_celeba.zip", "img_align_celeba")),
}


def training_source(dataset: str, folder: str | Path = ".", download: bool = False) -> Any:
    """What `tfinvert.images.load` takes for the pictures that a dataset has for training.

    Args:
      dataset: one of `NAMED`; the name of a TensorFlow dataset, whose split is "train" unless it says another; all else
        is given back.
      folder: where the files of named datasets are looked for first, and in its subfolder of that name. Then come
        Keras's cache and that of TensorFlow Datasets.
      download: whether what is in none of them may be fetched.

    Raises:
      BadInput: it is in none of them, or cannot be fetched.
    """
    if dataset not in NAMED:
        name = dataset.removeprefix("tfds:")
        if name == dataset and (os.path.exists(dataset) or not is_tfds(dataset)):
            return dataset
        return tfds_dataset(name if ":" in name else f"{name}:train", download)
    known, folder = NAMED[dataset], path_of(folder)
    folders = [folder / dataset, folder / dataset.replace("_", "-")]
    if dataset != "fashion_mnist":  # whose files have the names of MNIST's
        folders.append(folder)
    for pattern in known.files:
        for each in folders:
            found = sorted(map(str, each.glob(pattern)))
            if matches := [file for file in found if not file.endswith(".gz") or file[:-3] not in found]:
                return matches if len(matches) > 1 else matches[0]
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if known.cached is not None and (download or (home / known.cached).exists()):
        return _from_keras(dataset)
    if download or prepared(dataset):
        return tfds_dataset(f"{dataset}:train", download)
    files = f"{', '.join(known.files)} there, or " if known.files else ""
    raise BadInput(
        f"dataset {dataset}: not in {folder}, nor in the caches of Keras and TensorFlow Datasets",
        f"expected {files}leave to fetch it (--download)",
    )


def _from_keras(dataset: str) -> tf.data.Dataset:
    try:
        (images, labels), _ = getattr(keras.datasets, dataset).load_data()
    except Exception as error:
        raise BadInput(
            f"dataset {dataset} cannot be had from Keras ({' '.join(str(error).split())[:160]})",
            "expected a connection, or its files in a folder (--data_dir)",
        ) from error
    images = images if images.ndim == 4 else images[..., np.newaxis]
    return tf.data.Dataset.from_tensor_slices((images, labels.reshape(-1).astype(np.int32)))
