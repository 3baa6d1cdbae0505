"""Targets over reconstructions, as a figure."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tfinvert import metrics
from tfinvert.images import Images, Sources
from tfinvert.inversion import Beyond, Inversion
from tfinvert.runs import Store
from tfinvert.runs.finished import decoded
from tfinvert.solvers.status import Status

_WORST, _BEST = "#c1272d", "#1a7f37"
_MISSING = np.full((1, 1, 1), 0.85)


class Pair(NamedTuple):
    """One target and its reconstruction, [H, W, C] in [0, 1]; None where there is none."""

    target: np.ndarray | None
    reconstruction: np.ndarray | None
    mse: float | None  # on the [0, 1] scale
    name: str
    latent: np.ndarray | None = None  # what the code alone gives, of two-step runs


class Picture(Figure):
    """A figure that a notebook shows by itself, and that no global state of pyplot holds on to."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def draw(pairs: Sequence[Pair], columns: int = 12, title: str = "") -> Picture:
    """A figure of pairs in rows of `columns`, each target over its reconstruction, or both of a two-step run.

    The pair with the largest error is framed and marked as the worst, the one with the smallest as the best.
    """
    columns = max(1, min(columns, len(pairs)))
    tall = 3 if any(pair.latent is not None for pair in pairs) else 2
    lines = max(1, -(-len(pairs) // columns))
    known = [index for index, pair in enumerate(pairs) if pair.mse is not None and np.isfinite(pair.mse)]
    order = sorted(known, key=lambda index: pairs[index].mse or 0.0)
    marks = {order[0]: ("best", _BEST), order[-1]: ("worst", _WORST)} if len(order) > 1 else {}
    figure = Picture(
        figsize=(max(4.0, 1.05 * columns + 0.2), 1.25 * tall * lines + 0.4),
        dpi=100,
        layout=ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02, hspace=0, wspace=0),
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10)
    axes = figure.subplots(tall * lines, columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for index, pair in enumerate(pairs):
        line, column = divmod(index, columns)
        mark, colour = marks.get(index, ("", ""))
        column_axes = [axes[tall * line + place][column] for place in range(tall)]
        parts = [pair.target, pair.latent, pair.reconstruction] if tall == 3 else [pair.target, pair.reconstruction]
        for axis, pixels in zip(column_axes, parts, strict=True):
            shown = np.clip(_MISSING if pixels is None else pixels, 0, 1)
            axis.imshow(np.repeat(shown, 3, axis=-1) if shown.shape[-1] == 1 else shown, interpolation="nearest")
            axis.set_axis_on()
            axis.set_xticks([])
            axis.set_yticks([])
            for spine in axis.spines.values():
                spine.set(color=colour or "#bbbbbb", linewidth=3 if mark else 0.5)
        name = pair.name if len(pair.name) <= 15 else f"...{pair.name[-13:]}"
        column_axes[0].set_title(_plain(name), fontsize=6.5)
        error = "no result" if pair.mse is None else f"mse {pair.mse:.2g}"
        caption = f"{mark}: {error}" if mark else error
        column_axes[-1].set_xlabel(caption, fontsize=7, color=colour or "black")
    return figure


def grid(images: Any, found: Inversion | Beyond, generator: Any, columns: int = 12) -> Picture:
    """Targets over reconstructions of an inversion, for a notebook.

    Args:
      images: [B, H, W, C] in the generator's value range, or `Images`.
      found: what the inverter gave for them.
      generator: whose value range both are in.
      columns: pairs in a row.
    """
    pixels = images.pixels if isinstance(images, Images) else np.asarray(images)
    names = (
        [Path(name).name for name in images.ids] if isinstance(images, Images) else [str(i) for i in range(len(pixels))]
    )
    targets, made = np.asarray(generator.to_unit(pixels)), np.asarray(generator.to_unit(found.images))
    first = np.asarray(generator.to_unit(found.images_latent)) if isinstance(found, Beyond) else [None] * len(targets)
    errors = metrics.mse(made, targets).numpy()
    return draw([Pair(*row) for row in zip(targets, made, map(float, errors), names, first, strict=True)], columns)


def comparison(store: Store, sources: Sources, path: str | Path | None = None, most: int = 36) -> Path:
    """Writes OUT/comparison.png: targets over reconstructions, the worst and the best marked.

    Args:
      store: the run's folder.
      sources: the images that it was made from; those shown are read again.
      path: of the PNG; default `comparison.png` in the store.
      most: pairs shown. Of more, these are spread evenly from the smallest error to the largest.
    """
    rows = store.read(["id", "mse", "status", "reconstruction", "reconstruction_latent"]).to_pylist()
    total = len(rows)
    rows = spread(rows, most)
    wanted = {row["id"] for row in rows}
    every = frozenset(store.done()) - wanted
    low, high = sources.like.value_range
    targets = {
        picture.id: (picture.pixels - low) / (high - low)
        for picture in sources.read(every)
        if picture.id in wanted and picture.pixels is not None
    }
    pairs = []
    for row in rows:
        failed = Status[row["status"].upper()] in (Status.UNREADABLE, Status.INVALID_IMAGE)
        made = None if failed or not row["reconstruction"] else decoded(row["reconstruction"])
        first = None if failed or not row["reconstruction_latent"] else decoded(row["reconstruction_latent"])
        pairs.append(Pair(targets.get(row["id"]), made, row["mse"], Path(row["id"]).name, first))
    shown = f"{len(pairs)} of {total} images, by error" if total > len(pairs) else f"{total} images"
    path = store.folder / "comparison.png" if path is None else Path(path)
    draw(pairs, title=f"{shown}: {_heading(pairs)}").savefig(path, format="png")
    return path


def spread(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """All rows where there are not more than so many, else some, evenly from the smallest error to the largest."""
    if len(rows) <= most:
        return rows
    ranked = sorted(rows, key=lambda row: np.inf if row["mse"] is None else row["mse"])
    return [ranked[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]


def _heading(pairs: Sequence[Pair]) -> str:
    if any(pair.latent is not None for pair in pairs):
        return "targets over reconstructions from the code alone, and from behind the cut"
    return "targets over reconstructions"


def _plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")
