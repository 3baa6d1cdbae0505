"""Runs of training that are small: their pictures, settings and tables."""

import csv

import numpy as np

IMAGES = np.random.default_rng(0).uniform(-1, 1, (40, 28, 28, 1)).astype(np.float32)
LABELS = np.arange(40) % 3
SMALL = {
    "latent": 6,
    "resolution": 28,
    "epochs": 2,
    "batch_size": 8,
    "widths": (8, 8, 4),
    "discriminator_widths": (4, 4),
}


def rows(out):
    with (out / "losses.csv").open() as file:
        return list(csv.DictReader(file))
