"""A BigGAN that is small enough for tests."""

from __future__ import annotations

import keras
import numpy as np

from tfinvert.gans.biggan import biggan_generator


def small_biggan() -> keras.Model:
    """BigGAN to [16, 16, 3] with codes of 12 entries and 5 classes, with the statistics of its own codes."""
    keras.utils.set_random_seed(0)
    model = biggan_generator((16, 16, 8), chunk=4, embedding=5, classes=5, attention=8)
    for layer in model.layers:
        layer.momentum = 0.0
    codes = np.random.default_rng(0).normal(size=(100, 12)).astype(np.float32)
    model({"z": codes, "y": np.eye(5, dtype=np.float32)[np.arange(100) % 5]}, training=True)
    return model
