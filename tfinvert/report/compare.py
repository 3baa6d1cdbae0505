"""Which images one generator can represent and another cannot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from tfinvert.experiments.compare import Represented
from tfinvert.experiments.significance import Pair
from tfinvert.report.figures import Picture, plain, show

_LEAST = 1e-12  # an error of nothing has no place on a logarithmic axis
_SHOWN = 6  # images at either end of a pair's differences


def compare(found: Sequence[Represented], pairs: Sequence[Pair], path: str | Path, title: str = "") -> Path:
    """Writes the errors' distributions, and for each pair the images at both ends of the differences.

    Args:
      found: of all generators, the same images in the same order.
      pairs: of them.
      path: of the PNG.
      title: over it all.
    """
    by_name = {each.name: each for each in found}
    shown = min(_SHOWN, max(1, len(found[0].error) // 2))
    heights = [2.2, *[2.4] * len(pairs)]
    figure = Picture(max(7.5, 1.35 * shown), sum(heights), title)
    parts = figure.subfigures(1 + len(pairs), 1, squeeze=False, height_ratios=heights)[:, 0]
    _distributions(parts[0].subplots(), found)
    for part, pair in zip(parts[1:], pairs, strict=True):
        one, other = by_name[pair.one], by_name[pair.other]
        chance = "too few images for a test" if np.isnan(pair.p) else f"p = {pair.p:.2g}"
        part.suptitle(
            f"A {plain(pair.one)} minus B {plain(pair.other)}: "
            f"{pair.difference:.2g} [{pair.low:.2g}, {pair.high:.2g}], {chance}\n"
            "left: the images that speak most for A; right: those that speak most for B",
            fontsize=8,
        )
        order = np.argsort(one.error - other.error, kind="stable")
        chosen = [*order[:shown], *order[::-1][:shown][::-1]]
        grid = part.subplots(3, len(chosen), squeeze=False)
        for line, (images, name) in enumerate(
            ((one.images.pixels, "image"), (one.reconstructions, "A"), (other.reconstructions, "B"))
        ):
            for axis, row in zip(grid[line], chosen, strict=True):
                show(axis, images[row])
            grid[line, 0].set_ylabel(name, fontsize=7)
    return figure.write(path)


def _distributions(axis: Axes, found: Sequence[Represented]) -> None:
    """One cumulative curve for each generator: the further left, the better."""
    for number, each in enumerate(found):
        errors = np.sort(np.maximum(each.error, _LEAST))
        shares = np.arange(1, len(errors) + 1) / len(errors)
        label = f"{plain(each.name)}: mean {each.error.mean():.2g}"
        axis.plot(errors, shares, color=f"C{number}", drawstyle="steps-post", label=label)
    axis.set(xscale="log", ylabel="share of the images")
    axis.set_xlabel("at most this mean squared error on [0, 1]", fontsize=8)
    axis.legend(fontsize=7)
    axis.grid(alpha=0.3)
