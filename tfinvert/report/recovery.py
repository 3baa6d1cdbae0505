"""Recovery methods side by side: error against passes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfinvert.experiments.recovery import Outcome
from tfinvert.report.figures import Picture

_GRID = 200


def recovery(outcomes: Sequence[Outcome], path: str | Path, title: str = "") -> Path:
    """Writes a figure of the median code error, and of the share of codes recovered, against generator passes."""
    figure = Picture(11, 4.6, title)
    left, right = figure.subplots(1, 2)
    lines = [[line for line in outcome.trace if len(line[0])] for outcome in outcomes]  # but for what was lost
    most = max((float(passes[-1]) for each in lines for passes, _ in each), default=1.0)
    least = min((max(1.0, float(passes[0])) for each in lines for passes, _ in each), default=1.0)
    grid = np.geomspace(min(least, most / 2), most, _GRID)
    for number, (outcome, found) in enumerate(zip(outcomes, lines, strict=True)):
        if not found:
            continue
        errors = np.array([_held(*line, grid) for line in found])
        style = {
            "color": f"C{number % 10}",
            "linestyle": ("-", "--", ":", "-.")[number // 10 % 4],
            "label": outcome.method,
            "linewidth": 2.5 if outcome.method == "recover" else 1.2,
        }
        known = np.isfinite(errors).all(axis=0)
        left.plot(grid[known], np.median(errors[:, known], axis=0), **style)
        right.plot(grid[known], 100 * np.sum(errors[:, known] < 1e-6, axis=0) / len(outcome.trace), **style)
    left.set(xscale="log", yscale="log", xlabel="generator passes per code", ylabel="median of |z - z'|² / d")
    right.set(xscale="log", xlabel="generator passes per code", ylabel="codes below 1e-6, %", ylim=(-3, 103))
    for axis in (left, right):
        axis.grid(alpha=0.3)
    right.legend(fontsize=6.5, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure.write(path)


def noise(variances: Sequence[float], errors: dict[str, Sequence[float]], path: str | Path) -> Path:
    """Writes a figure of the mean code error of each method against the noise's variance, on [-1, 1]."""
    figure = Picture(6.5, 4.6)
    axis = figure.subplots()
    for method, values in errors.items():
        axis.plot(variances, values, marker="o", markersize=3, label=method)
    axis.set(xscale="log", yscale="log", xlabel="variance of the noise, images on [-1, 1]", ylabel="mean |z - z'|² / d")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure.write(path)


def _held(passes: np.ndarray, errors: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The last error known at each point of the grid; NaN before the first."""
    place = np.searchsorted(passes, grid, side="right") - 1
    return np.where(place >= 0, errors[np.maximum(place, 0)], np.nan)
