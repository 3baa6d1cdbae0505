"""What all figures have in common, and targets over reconstructions."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from tfinvert import metrics
from tfinvert.images import Images, Sources
from tfinvert.images.encode import unpacked
from tfinvert.images.like import is_series
from tfinvert.images.shown import check_shown, seen, told
from tfinvert.inversion import Inversion, TwoStepInversion
from tfinvert.remote import path_of
from tfinvert.report.series import plot
from tfinvert.runs.files import whole
from tfinvert.runs.stored import Stored
from tfinvert.solvers.status import Status

_WORST, _BEST = "#c1272d", "#1a7f37"
_LETTERS = 14  # of a title in an inch
_MISSING = np.full((1, 1, 1), 0.85)


class Pair(NamedTuple):
    """One target and its reconstruction, as they are `seen`; None where there is none."""

    target: np.ndarray | None
    reconstruction: np.ndarray | None
    mse: float | None  # on the [0, 1] scale
    name: str
    latent: np.ndarray | None = None  # what the code alone gives, of two-step runs


class Picture(Figure):
    """A figure that a notebook shows by itself, and that no global state of pyplot holds on to.

    Args:
      width, height: inches.
      title: over it all.
      dense: with little room between its parts, for sheets of images.
    """

    def __init__(self, width: float, height: float, title: str = "", dense: bool = False) -> None:
        tight = ConstrainedLayoutEngine(h_pad=0.02, w_pad=0.02, hspace=0, wspace=0)
        layout: Any = tight if dense else "constrained"
        super().__init__(figsize=(width, height), dpi=110, layout=layout)
        FigureCanvasAgg(self)
        self.suptitle(plain(textwrap.fill(title, int(_LETTERS * width))), fontsize=9)

    def write(self, path: str | Path) -> Path:
        """Writes it as PNG, into a folder that is made if it is not there."""
        path = path_of(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as temporary:
            self.savefig(temporary, format="png")
        return path

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
    figure = Picture(max(4.0, 1.05 * columns + 0.2), 1.25 * tall * lines + 0.4, title, dense=True)
    axes = figure.subplots(tall * lines, columns, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for index, pair in enumerate(pairs):
        line, column = divmod(index, columns)
        mark, colour = marks.get(index, ("", ""))
        column_axes = [axes[tall * line + place][column] for place in range(tall)]
        parts = [pair.target, pair.latent, pair.reconstruction] if tall == 3 else [pair.target, pair.reconstruction]
        for axis, pixels in zip(column_axes, parts, strict=True):
            axis.set_axis_on()
            show(axis, _MISSING if pixels is None else pixels, None if axis is column_axes[0] else pair.target)
            for spine in axis.spines.values():
                spine.set(color=colour or "#bbbbbb", linewidth=3 if mark else 0.5)
        name = pair.name if len(pair.name) <= 15 else f"...{pair.name[-13:]}"
        column_axes[0].set_title(plain(name), fontsize=6.5)
        error = "no result" if pair.mse is None else f"mse {pair.mse:.2g}"
        caption = f"{mark}: {error}" if mark else error
        column_axes[-1].set_xlabel(caption, fontsize=7, color=colour or "black")
    return figure


def grid(
    images: Any,
    found: Inversion | TwoStepInversion,
    generator: Any,
    columns: int = 12,
    shown_channels: Sequence[int] | None = None,
) -> Picture:
    """Targets over reconstructions of an inversion, for a notebook.

    Args:
      images: [B, H, W, C] in the generator's value range, or `Images`.
      found: what the inverter gave for them.
      generator: whose value range both are in.
      columns: pairs in a row.
      shown_channels: from 1 on; default: the first three, of two both.

    Raises:
      BadInput: there are no such channels.
    """
    shape = generator.image_shape
    check_shown(shape, shown_channels)
    unit = lambda each: seen(np.asarray(generator.to_unit(each)), shape, shown_channels)
    pixels = images.pixels if isinstance(images, Images) else np.asarray(images)
    names = (
        [Path(name).name for name in images.ids] if isinstance(images, Images) else [str(i) for i in range(len(pixels))]
    )
    errors = metrics.mse(generator.to_unit(found.images), generator.to_unit(pixels)).numpy()
    first = unit(found.images_latent) if isinstance(found, TwoStepInversion) else [None] * len(pixels)
    rows = zip(unit(pixels), unit(found.images), map(float, errors), names, first, strict=True)
    return draw([Pair(*row) for row in rows], columns, told(shape, shown_channels))


def comparison(
    store: Stored,
    sources: Sources,
    path: str | Path | None = None,
    most: int = 36,
    shown_channels: Sequence[int] | None = None,
) -> Path:
    """Writes OUT/comparison.png: targets over reconstructions, the worst and the best marked.

    Args:
      store: the run's folder.
      sources: the images that it was made from; those shown are read again.
      path: of the PNG; default `comparison.png` in the store.
      most: pairs shown. Of more, these are spread evenly from the smallest error to the largest.
      shown_channels: from 1 on; default: the first three, of two both.
    """
    like = sources.like
    show_of = lambda pixels: seen(pixels, like.image_shape, shown_channels)
    every = store.read(["id", "mse"])
    total = len(every)
    ids = every["id"].take(spread(every["mse"], most)).to_pylist()
    shown = ["id", "mse", "status", "reconstruction", "reconstruction_latent"]
    by_id = {row["id"]: row for row in store.read(shown, ids).to_pylist()}
    rows = [by_id[image_id] for image_id in ids]
    found = dict(sources.again(set(by_id) - store.lost()))
    targets = {image_id: show_of(pixels) for image_id, pixels in found.items() if not isinstance(pixels, str)}
    pairs = []
    for row in rows:
        empty = Status[row["status"].upper()].empty
        packed = [None if empty else row[name] for name in ("reconstruction", "reconstruction_latent")]
        made, first = (show_of(unpacked(each, like)) if each else None for each in packed)
        pairs.append(Pair(targets.get(row["id"]), made, row["mse"], Path(row["id"]).name, first))
    count = f"{len(pairs)} of {total} images, by error" if total > len(pairs) else f"{total} images"
    title = "; ".join(filter(None, [f"{count}: {_heading(pairs)}", told(like.image_shape, shown_channels)]))
    return draw(pairs, title=title).write(path or store.folder / "comparison.png")


def spread(errors: pa.ChunkedArray, most: int) -> np.ndarray:
    """Places of all errors where there are not more than so many, else of some, evenly from the smallest on.

    Those that are null or no number come last.
    """
    if len(errors) <= most:
        return np.arange(len(errors))
    known = errors.to_numpy()  # nulls are NaN
    ranked = np.argsort(np.where(np.isnan(known), np.inf, known), kind="stable")
    return ranked[[round(i * (len(errors) - 1) / (most - 1)) for i in range(most)]]


def _heading(pairs: Sequence[Pair]) -> str:
    if any(pair.latent is not None for pair in pairs):
        return "targets over reconstructions from the code alone, and from behind the cut"
    return "targets over reconstructions"


def plain(text: str) -> str:
    """Text that matplotlib does not take for mathematics."""
    return text.replace("$", r"\$")


def show(axis: Axes, image: np.ndarray, behind: np.ndarray | None = None) -> None:
    """An image [H, W, C] in [0, 1], without numbers at its sides; of a series [L, C] its lines, others behind them.

    Of more than three channels the first three are seen.
    """
    what = seen(image, image.shape)
    if is_series(image.shape):
        plot(axis, what, behind)
        return
    axis.imshow(np.repeat(what, 3, axis=-1) if what.shape[-1] == 1 else what, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
