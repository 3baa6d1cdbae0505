"""What a tuning did: pictures before and after, and other images before and after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfinvert.images.shown import seen
from tfinvert.report.figures import Picture, show
from tfinvert.tuning import Tuned

_MOST = 8  # columns


def figure(targets: np.ndarray, found: Tuned, ids: Sequence[str], channels: Sequence[int] | None = None) -> Picture:
    """Images over what the generator made of their codes before and after; below, other images before and after.

    Args:
      targets: the images [N, H, W, C] in [0, 1].
      found: of them.
      ids: of the images.
      channels: which are shown, see `ImageSettings`.
    """
    decibels = lambda values: [f"{value:.1f} dB" for value in values]
    rows = [
        ("image", targets, [Path(name).name for name in ids]),
        ("its code, before", found.before, decibels(found.psnr_before)),
        ("tuned", found.after, decibels(found.psnr_after)),
        ("others, before", found.others_before, []),
        ("tuned", found.others_after, decibels(found.others_psnr)),
    ]
    picture = Picture(1.4 * _MOST, 1.6 * len(rows))
    axes = picture.subplots(len(rows), _MOST, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for line, (name, images, captions) in zip(axes, rows, strict=True):
        for number, pixels in enumerate(images[:_MOST]):
            show(line[number], seen(pixels, targets.shape[1:], channels))
            line[number].set_title(captions[number] if number < len(captions) else "", fontsize=7)
        line[0].text(-0.1, 0.5, name, transform=line[0].transAxes, rotation=90, va="center", ha="right", fontsize=8)
    return picture
