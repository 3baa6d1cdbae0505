"""How a training went."""

from __future__ import annotations

import csv
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from tfinvert.report.figures import Picture


def losses(table: str | Path, path: str | Path, title: str = "") -> Path:
    """Writes the curves of a CSV file with the column `epoch` and one for each loss.

    Args:
      table: the file.
      path: of the PNG.
      title: over it all.
    """
    with Path(table).open() as file:
        rows = list(csv.DictReader(file))
    figure = Picture(figsize=(7, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for name in [name for name in rows[0] if name != "epoch"]:
        values = [float(row[name]) for row in rows]
        axis.plot([int(row["epoch"]) for row in rows], values, marker=".", label=name)
    axis.set(title=title, xlabel="epoch", ylabel="mean loss")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    figure.savefig(path, format="png")
    return Path(path)
