"""How series are drawn: as the lines of a chart, of a figure's axes, or of a small picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from PIL import Image, ImageDraw

from tfinvert.report.charts import Chart, curves

POINTS = 400  # of a line at most; of longer series each stretch has its smallest and its largest value
_SIDES = (128, 256)  # pixels of a picture: height, width
_FINE = 3  # pictures are drawn so many times larger, and then made small, which smooths the lines
_COLOURS = ("#1f77b4", "#d9730d", "#2b8a3e")
_BEHIND = "#9a9a9a"


class Lines(NamedTuple):
    """A series as it is drawn."""

    places: np.ndarray  # [n] along it
    values: np.ndarray  # [n, c]


def charts(lines: Mapping[str, Lines], names: Sequence[str]) -> list[tuple[Chart, str]]:
    """A chart of each channel, with its name.

    Args:
      lines: by name, such as target and reconstruction: of series of one size.
      names: of the channels.
    """
    found = []
    for channel, name in enumerate(names):
        places = next(iter(lines.values())).places.tolist()
        chart = curves(places, {what: each.values[:, channel].tolist() for what, each in lines.items()})
        if chart is not None:
            found.append((chart, name))
    return found


def thinned(series: np.ndarray, points: int) -> Lines:
    """Lines that look like a series [L, c], with `points` places at most, and 4 at least.

    Of a longer one each stretch has its smallest and its largest value, at two places.
    """
    length, count = len(series), max(2, points // 2)
    if length <= 2 * count:
        return Lines(np.arange(length), series)
    edges = np.linspace(0, length, count + 1).round().astype(int)
    ends = [each.reduceat(series, edges[:-1], axis=0) for each in (np.fmin, np.fmax)]  # these leave out NaN
    places = np.stack([edges[:-1], (edges[:-1] + edges[1:]) // 2], axis=1)
    return Lines(places.ravel(), np.stack(ends, axis=1).reshape(2 * count, -1))


def plot(axis: Axes, series: np.ndarray, behind: np.ndarray | None = None) -> None:
    """A series [L, c] in an axis without numbers at its sides, another one in grey behind it."""
    for each, colours in ((behind, (_BEHIND,) * len(_COLOURS)), (series, _COLOURS)):
        if each is not None:
            lines = thinned(each, POINTS)
            for channel, values in enumerate(lines.values.T):
                axis.plot(lines.places, values, color=colours[channel], linewidth=0.8)
    axis.set(xticks=[], yticks=[])


def drawn(series: np.ndarray) -> np.ndarray:
    """Pictures [..., H, W, 3] in [0, 1] of series [..., L, c], on one scale from their least value to their largest.

    What is not finite is left out.
    """
    known = series[np.isfinite(series)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    unit = (series - low) / ((high - low) or 1.0)
    pictures = [_drawn(each) for each in unit.reshape(-1, *series.shape[-2:])]
    return np.stack(pictures).reshape(*series.shape[:-2], *_SIDES, 3)


def _drawn(unit: np.ndarray) -> np.ndarray:
    height, width = (_FINE * side for side in _SIDES)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    lines = thinned(unit, 2 * _SIDES[1])
    across = lines.places * (width - 1) / max(1, lines.places[-1])
    for values, colour in zip(lines.values.T, _COLOURS, strict=False):
        up = (height - 1 - _FINE) * (1 - values) + _FINE / 2
        there = np.isfinite(up)
        for part in np.split(np.arange(len(up)), np.flatnonzero(~there)):
            line = [(float(across[place]), float(up[place])) for place in part if there[place]]
            if len(line) > 1:
                pen.line(line, fill=colour, width=_FINE)
    return np.asarray(image.resize(_SIDES[::-1], Image.Resampling.BOX), np.float32) / 255
