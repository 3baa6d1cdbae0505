"""What is said of picture files: how far standard errors can be trusted, and which pictures are told apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from tfinvert.experiments.pictures import Judged
from tfinvert.report.figures import Picture, plain

_ROUNDING = 1 / (255 * np.sqrt(12))  # of 8 bits
_LEAST = 1e-6  # an error of nothing has no place on a logarithmic axis


def pictures(sets: Sequence[Judged], path: str | Path, title: str = "") -> Path:
    """Writes a figure of real against predicted code errors, and of the image errors of each set."""
    figure = Picture(11, 4.6, title)
    left, right = figure.subplots(1, 2)
    _calibration(left, sets)
    _image_errors(right, sets)
    return figure.write(path)


def _calibration(axis: Axes, sets: Sequence[Judged]) -> None:
    """Root mean square over the entries of each matched code: of its errors, against that of its standard errors."""
    ends = []
    for number, each in enumerate(sets):
        if each.codes is None:
            continue
        predicted, real = (np.sqrt(values[each.said_own]) for values in (each.predicted, each.real))
        label = f"{plain(each.name)}: {len(real)} of {len(each.found.verdict)} matched"
        axis.scatter(predicted, real, s=14, color=f"C{number}", alpha=0.7, label=label)
        ends += [*predicted, *real]
    if ends:
        line = [0.7 * min(ends), 1.4 * max(ends)]
        axis.plot(line, line, color="#888888", linewidth=1, zorder=0)
        axis.set(xscale="log", yscale="log")
    axis.set(xlabel="predicted standard error of the code (rms)", ylabel="real error of the code (rms)")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)


def _image_errors(axis: Axes, sets: Sequence[Judged]) -> None:
    """One line of points for each set: filled where the picture is said to be made by the generator."""
    for number, each in enumerate(sets):
        errors = np.sqrt(each.found.error)
        heights = number + np.random.default_rng(0).uniform(-0.3, 0.3, len(errors))  # so that points do not hide others
        for said, face in ((True, f"C{number}"), (False, "none")):
            rows = np.isfinite(errors) & (each.said_own == said)
            axis.scatter(
                np.maximum(errors[rows], _LEAST),
                heights[rows],
                s=14,
                facecolors=face,
                edgecolors=f"C{number}",
                linewidths=0.8,
                alpha=0.8,
            )
    axis.axvline(_ROUNDING, color="#888888", linewidth=1, zorder=0)
    names = [f"{plain(each.name)}\n{100 * np.mean(each.said_own):.0f}% said own" for each in sets]
    axis.set_yticks(range(len(sets)), names, fontsize=8)
    axis.set(xscale="log", xlabel="error of the image (rms, on [0, 1]); line: rounding to 8 bits")
    axis.set_ylim(len(sets) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    axis.set_title("filled: said to be made by the generator", fontsize=8)
