"""Where the marks of a page's charts stand; its template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

_WIDTH, _HEIGHT = 440, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 24, 8, 24  # room for the axes' numbers
_BINS = 30
_LEAST = 1e-12  # an error of nothing has no place on a logarithmic axis


class Tick(NamedTuple):
    """A number beside an axis."""

    place: float
    text: str


class Chart(NamedTuple):
    """A histogram or curves, in the units of an SVG of `width` by `height`."""

    names: list[str]  # of the series
    bars: list[list[tuple[float, float, float, float]]]  # of each series: x, y, width, height
    lines: list[str]  # of each series: the points of a polyline
    x: list[Tick]
    y: list[Tick]
    bottom: float = _HEIGHT - _BOTTOM
    left: float = _LEFT
    right: float = _WIDTH - _RIGHT
    width: float = _WIDTH
    height: float = _HEIGHT


class _Axis(NamedTuple):
    """From values to places."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (self.end - self.start) * float(value - self.low) / float(self.high - self.low), 1)


def histogram(series: Mapping[str, Sequence[float] | np.ndarray]) -> Chart | None:
    """Counts of the finite values on one logarithmic axis; None where there are none."""
    finite = lambda each: each[np.isfinite(each)]
    known = {name: np.maximum(finite(np.asarray(each, float)), _LEAST) for name, each in series.items()}
    every = np.concatenate([np.empty(0), *known.values()])
    if not len(every):
        return None
    edges = np.geomspace(0.8 * every.min(), 1.25 * every.max(), _BINS + 1)
    counts = [np.histogram(each, edges)[0] for each in known.values()]
    most = int(np.max(counts))
    across, up = _axes(np.log(edges[0]), np.log(edges[-1]), 0, most)
    places = [across(edge) for edge in np.log(edges)]
    bars = [
        [
            (left, up(count), round(right - left - 0.5, 1), round(up(0) - up(count), 1))
            for left, right, count in zip(places, places[1:], each, strict=False)
            if count
        ]
        for each in counts
    ]
    x = [Tick(across(np.log(value)), f"{value:g}") for value in _round_numbers(edges[0], edges[-1])]
    return Chart(list(known), bars, [], x, [Tick(up(count), str(count)) for count in sorted({0, -(-most // 2), most})])


def curves(across: Sequence[float], series: Mapping[str, Sequence[float]], logarithmic: bool = False) -> Chart | None:
    """Lines over a common axis; values that are not finite are left out. None where there is nothing to draw.

    A logarithmic axis is one for values above zero only; where there are others, it is as usual.
    """
    every = np.array([value for each in series.values() for value in each if np.isfinite(value)])
    if not len(every):
        return None
    low, high, first, last = float(every.min()), float(every.max()), min(across), max(across)
    logarithmic = logarithmic and low > 0
    if logarithmic:
        low, high = 0.9 * low, 1.1 * high
    high, last = high if high > low else low + 1, last if last > first else first + 1
    scale: Callable[[float], float] = math.log if logarithmic else float
    place, up = _axes(first, last, scale(low), scale(high))
    lines = [
        " ".join(f"{place(x)},{up(scale(y))}" for x, y in zip(across, each, strict=True) if np.isfinite(y))
        for each in series.values()
    ]
    x = [Tick(place(value), f"{value:g}") for value in sorted({across[0], across[len(across) // 2], across[-1]})]
    marks = [low, (low + high) / 2, high]
    if logarithmic and len(_round_numbers(low, high)) > 1:
        marks = _round_numbers(low, high)
    return Chart(list(series), [], lines, x, [Tick(up(scale(y)), _short(y)) for y in marks])


def _short(value: float) -> str:
    """A number that fits beside an axis."""
    if value and abs(value) < 1e-3:
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{float(digits):g}e{int(power)}"
    return f"{value:.3g}"


def _axes(left: float, right: float, bottom: float, top: float) -> tuple[_Axis, _Axis]:
    return _Axis(left, right, _LEFT, _WIDTH - _RIGHT), _Axis(bottom, top, _HEIGHT - _BOTTOM, _TOP)


def _round_numbers(low: float, high: float) -> list[float]:
    """Some of 1, 2 and 5 times powers of ten between two bounds, few enough to stand side by side."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found: list[float] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        found = [digit * 10.0**decade for decade in decades for digit in digits if low <= digit * 10.0**decade <= high]
        if len(found) <= 7:
            break
    return found[:: -(-len(found) // 7) or 1]
