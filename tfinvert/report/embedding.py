"""Codes as features, to look at: nearest neighbours, and TensorBoard's embedding projector."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tfinvert.experiments.embedding import Embedded, neighbours
from tfinvert.images.encode import eight_bit
from tfinvert.images.fit import fit
from tfinvert.report.figures import Picture
from tfinvert.runs.files import whole

_SHOWN, _NEAREST = 6, 6  # images of the figure, and the neighbours of each
_SPRITE = 8192  # pixels at most of a sprite's side: what browsers take
_CONFIG = """embeddings {{
  tensor_name: "codes"
  tensor_path: "codes.tsv"
  metadata_path: "metadata.tsv"
  sprite {{
    image_path: "sprite.png"
    single_image_dim: {width}
    single_image_dim: {height}
  }}
}}
"""


def nearest(found: Embedded, path: Path, title: str = "") -> Path:
    """Writes a PNG: some images, with their nearest others by codes and by pixels.

    Args:
      found: of a run.
      path: of the PNG.
      title: over it all.
    """
    chosen = np.unique(np.linspace(0, len(found.ids) - 1, _SHOWN).round().astype(int))
    ways = ("codes", "pixels")
    near = [neighbours(found.features[name], _NEAREST).places for name in ways]
    columns = near[0].shape[1]
    figure = Picture(figsize=(1 + 0.8 * (1 + 2 * columns), 0.5 + 0.85 * len(chosen)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=9)
    grid = figure.subplots(len(chosen), 1 + 2 * columns, squeeze=False)
    for axes, place in zip(grid, chosen, strict=True):
        for axis, each in zip(axes, [place, *near[0][place], *near[1][place]], strict=True):
            axis.imshow(np.squeeze(found.images[each]), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            if found.labels is not None:
                axis.set_xlabel(str(found.labels[each]), fontsize=6, labelpad=1)
    for column, name in [(0, "image"), (1, "nearest by codes"), (1 + columns, "nearest by pixels")]:
        grid[0, column].set_title(name, fontsize=7, loc="left")
    with whole(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def projector(found: Embedded, folder: Path) -> Path:
    """Writes a log folder for TensorBoard's embedding projector: codes, ids, classes and thumbnails.

    `tensorboard --logdir=FOLDER` shows it. Writing needs no TensorBoard.
    """
    folder.mkdir(parents=True, exist_ok=True)
    side = math.ceil(math.sqrt(len(found.ids)))
    _, height, width, channels = found.images.shape
    share = min(1.0, _SPRITE / (side * max(height, width)))
    height, width = max(1, int(height * share)), max(1, int(width * share))
    sheet = Image.new("RGB", (side * width, side * height), "white")
    for place, image in enumerate(found.images):
        small = eight_bit(fit(image, (height, width, channels), "stretch")[0])
        sheet.paste(small.convert("RGB"), (place % side * width, place // side * height))
    with whole(folder / "sprite.png") as temporary:
        sheet.save(temporary, format="png")
    _tsv(folder / "codes.tsv", [[f"{value:.7g}" for value in code] for code in found.features["codes"]])
    labels: Sequence[str] = [""] * len(found.ids) if found.labels is None else [str(label) for label in found.labels]
    _tsv(folder / "metadata.tsv", [["id", "class"], *zip(found.ids, labels, strict=True)])
    with whole(folder / "projector_config.pbtxt") as temporary:
        temporary.write_text(_CONFIG.format(width=width, height=height))
    return folder


def _tsv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with whole(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_NONE, escapechar="\\", lineterminator="\n")
        # A line for each image: what would break lines or columns becomes a space.
        writer.writerows([[" ".join(cell.split()) for cell in row] for row in rows])
