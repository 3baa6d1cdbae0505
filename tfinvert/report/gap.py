"""Figure 5 of Pividori et al.: what is left of real and of generated images, by the code and by the dense layer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfinvert.experiments.gap import PLACES, Errors
from tfinvert.report.figures import Picture, plain

_TITLES = {"latent": "from the code alone", "dense": "from behind the first dense layer"}
_BINS = 30
_LEAST = 1e-12  # an error of nothing has no place on a logarithmic axis


def gap(sets: Sequence[Errors], path: str | Path, title: str = "") -> Path:
    """Writes histograms of the reconstruction error, one over the other, on one logarithmic axis.

    Args:
      sets: of images, in two or more colours.
      path: of the PNG.
      title: over it all.
    """
    figure = Picture(7.5, 5.2, title)
    axes = np.atleast_1d(figure.subplots(len(PLACES), 1, sharex=True))
    every = np.concatenate([np.maximum(each.at(place), _LEAST) for each in sets for place in PLACES])
    edges = np.geomspace(0.8 * every.min(), 1.25 * every.max(), _BINS + 1)
    for axis, place in zip(axes, PLACES, strict=True):
        for number, each in enumerate(sets):
            values = np.maximum(each.at(place), _LEAST)
            label = f"{each.name}: median {np.median(values):.2g}" if len(values) else each.name
            axis.hist(values, edges, color=f"C{number}", alpha=0.6, label=plain(label))
        axis.set(xscale="log", ylabel="images")
        axis.set_title(_TITLES[place], fontsize=9)
        axis.legend(fontsize=8)
        axis.grid(axis="x", alpha=0.3)
    axes[-1].set_xlabel("reconstruction error (the loss, on [0, 1])")
    return figure.write(path)
