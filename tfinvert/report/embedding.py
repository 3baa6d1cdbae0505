"""Codes as features, to look at: nearest neighbours, and TensorBoard's embedding projector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tfinvert.experiments.embedding import Embedded, Neighbours
from tfinvert.images.encode import eight_bit
from tfinvert.images.fit import fit
from tfinvert.images.like import is_series
from tfinvert.report.figures import Picture, show
from tfinvert.report.series import drawn
from tfinvert.runs.files import writable, write_bytes, write_picture

NEAREST = 6  # neighbours of each image in the figure
_SHOWN = 6  # images
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


def nearest(found: Embedded, near: dict[str, Neighbours], path: Path, title: str = "") -> Path:
    """Writes a PNG: some images, with their nearest others by codes and, where they are known, by pixels.

    Args:
      found: of a run.
      near: its neighbours.
      path: of the PNG.
      title: over it all.
    """
    chosen = np.unique(np.linspace(0, len(found.ids) - 1, _SHOWN).round().astype(int))
    ways = [name for name in ("codes", "pixels") if name in near]
    places = np.concatenate([near[name].first(NEAREST).places for name in ways], axis=1)
    across = 1 + places.shape[1]
    figure = Picture(1 + 0.8 * across, 0.5 + 0.85 * len(chosen), title)
    grid = figure.subplots(len(chosen), across, squeeze=False)
    for axes, place in zip(grid, chosen, strict=True):
        for axis, each in zip(axes, [place, *places[place]], strict=True):
            show(axis, found.images[each])
            if found.labels is not None:
                axis.set_xlabel(str(found.labels[each]), fontsize=6, labelpad=1)
    grid[0, 0].set_title("image" if "pixels" in near else "reconstruction", fontsize=7, loc="left")
    for number, name in enumerate(ways):
        grid[0, 1 + number * places.shape[1] // len(ways)].set_title(f"nearest by {name}", fontsize=7, loc="left")
    return figure.write(path)


def projector(found: Embedded, folder: Path) -> Path:
    """Writes a log folder for TensorBoard's embedding projector: codes, ids, classes and thumbnails.

    `tensorboard --logdir=FOLDER` shows it. Writing needs no TensorBoard.
    """
    writable(folder)
    side = math.ceil(math.sqrt(len(found.ids)))
    images = drawn(found.images) if is_series(found.images.shape[1:]) else found.images
    _, height, width, channels = images.shape
    share = min(1.0, _SPRITE / (side * max(height, width)))
    height, width = max(1, int(height * share)), max(1, int(width * share))
    sheet = Image.new("RGB", (side * width, side * height), "white")
    for place, image in enumerate(images):
        small = eight_bit(fit(image, (height, width, channels), "stretch")[0])
        sheet.paste(small.convert("RGB"), (place % side * width, place // side * height))
    write_picture(folder / "sprite.png", sheet)
    _tsv(folder / "codes.tsv", [[f"{value:.7g}" for value in code] for code in found.features["codes"]])
    labels: Sequence[str] = [""] * len(found.ids) if found.labels is None else [str(label) for label in found.labels]
    _tsv(folder / "metadata.tsv", [["id", "class"], *zip(found.ids, labels, strict=True)])
    write_bytes(folder / "projector_config.pbtxt", _CONFIG.format(width=width, height=height).encode())
    return folder


def _tsv(path: Path, rows: Sequence[Sequence[str]]) -> None:
    # A line for each image: what would break lines or columns becomes a space. The projector knows no quotes.
    lines = ["\t".join(" ".join(cell.split()) for cell in row) for row in rows]
    write_bytes(path, "\n".join([*lines, ""]).encode())
