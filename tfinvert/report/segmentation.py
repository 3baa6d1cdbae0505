"""Regions of the images of a run: figures for people, and label images for programs."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from absl import logging
from PIL import Image
from tqdm import tqdm

from tfinvert.errors import BadInput
from tfinvert.images.shown import seen, told
from tfinvert.remote import path_of
from tfinvert.report.figures import Picture, show
from tfinvert.runs import FinishedRun
from tfinvert.runs.files import safe_names, writable, write_picture
from tfinvert.runs.finished import Row
from tfinvert.segmentation import Segmenter, mean_colours

_AT_ONCE = 64  # images whose rows and pixels are held
_FINE = 256  # pixels from which on the lines between regions are thin
_GOLDEN = 0.618034  # turns of the hue that keep coming to where no colour is yet
_SHADES = (0.5, 0.3, 0.72, 0.4, 0.6)  # lightness, for hues that come near each other again


def segmentations(
    run: FinishedRun, segmenter: Segmenter, folder: str | Path, ids: Sequence[str] | None = None, show: bool = True
) -> tuple[int, int]:
    """Writes FOLDER/NAME.png, a figure, and FOLDER/labels/NAME-CLUSTERS.png for each image of a run.

    Args:
      run: where the images are.
      segmenter: of the run.
      folder: made if it is not there.
      ids: of the images, see `FinishedRun.rows`; default: all.
      show: whether a progress bar is drawn on the error stream.

    Returns:
      How many images were segmented, and how many left out because they have no code or no finite map; the log says
      which.

    Raises:
      BadInput: there is no such image, all are left out, or the folder cannot be written.
    """
    every, folder = run.ids(), path_of(folder)
    wanted = every if ids is None else list(dict.fromkeys(run.known(ids, every)))
    names = safe_names(every)
    pictures, figures = writable(folder / "labels"), writable(folder)
    done = 0
    for row, target in tqdm(_pairs(run, wanted), total=len(wanted), unit=" images", disable=not show):
        try:
            labels, name = segmenter(row), names[row.id]
        except BadInput as error:
            logging.warning("left out: %s", error)
            continue
        for count, each in labels.items():
            write_picture(pictures / f"{name}-{count}.png", label_picture(each))
        note = told(run.image_shape, run.job.images.shown_channels)
        figure(_seen(run, row), target, labels, note).write(figures / f"{name}.png")
        done += 1
    if not done:
        raise BadInput(
            f"no image of {run.stored.folder} could be segmented", "expected a run of tfinvert invert that found codes"
        )
    return done, len(wanted) - done


def _pairs(run: FinishedRun, ids: Sequence[str]) -> Iterator[tuple[Row, np.ndarray | None]]:
    """Each row with its image, if that is still where it was."""
    gone = False
    for first in range(0, len(ids), _AT_ONCE):
        some, targets = ids[first : first + _AT_ONCE], {}
        if not gone:
            try:
                targets = run.targets(some)
            except BadInput as error:
                logging.warning("reconstructions are shown without their images: %s", error)
                gone = True
        for row in run.rows(some, ("label", "code", "delta", "reconstruction", "message")):
            target = targets.get(row.id)
            yield row, None if target is None else seen(target, run.image_shape, run.job.images.shown_channels)


def _seen(run: FinishedRun, row: Row) -> Row:
    """The row with the channels that are shown of its reconstruction."""
    made = row.reconstruction
    if made is None:
        return row
    return row._replace(reconstruction=seen(made, run.image_shape, run.job.images.shown_channels))


def figure(row: Row, target: np.ndarray | None, labels: Mapping[int, np.ndarray], note: str = "") -> Picture:
    """An image over its reconstruction; beside them the regions in the reconstruction's mean colours, and tinted.

    Args:
      row: of the image.
      target: the image [H, W, C] in [0, 1]; without it, overlays are drawn over the reconstruction.
      labels: int [H, W] by the number of clusters.
      note: which channels these are.
    """
    made = row.reconstruction
    below, over = (made, "over the reconstruction") if target is None else (target, "over the image")
    columns: list[tuple[str, np.ndarray | None, str, np.ndarray | None]] = [("image", target, "reconstruction", made)]
    for count, each in labels.items():
        mean = None if made is None else mean_colours(each, made)
        columns.append((f"{count} clusters", mean, over, None if below is None else overlay(below, each)))
    picture = Picture(2.1 * len(columns), 4.7, ", ".join(filter(None, [Path(row.id).name, note])))
    axes = picture.subplots(2, len(columns), squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for (upper, lower), (title, above, caption, under) in zip(axes.T, columns, strict=True):
        for axis, pixels, text in ((upper, above, title), (lower, under, caption)):
            if pixels is not None:
                show(axis, pixels)
                axis.set_title(text, fontsize=9)
    return picture


def overlay(image: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """An image [H, W, C] in grey with its regions tinted and lines between them, larger where it is small."""
    times = max(1, _FINE // max(labels.shape))
    grey = np.clip(image, 0, 1).mean(axis=-1, keepdims=True)
    grey, labels = (each.repeat(times, axis=0).repeat(times, axis=1) for each in (grey, labels))
    tinted = 0.55 * grey + 0.45 * colours(int(labels.max()) + 1)[labels] / 255
    edge = np.zeros(labels.shape, bool)
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    edge[1:] |= labels[1:] != labels[:-1]
    tinted[edge] = 1
    return tinted


def label_picture(labels: np.ndarray) -> Image.Image:
    """Labels [H, W] as a picture whose pixels are the labels: with a palette, or grey of 16 bits for more than 256."""
    count = int(labels.max()) + 1
    if count > 256:
        return Image.fromarray(labels.astype(np.uint16))
    picture = Image.fromarray(labels.astype(np.uint8))
    picture.putpalette(colours(count).ravel().tolist())
    return picture


def colours(count: int) -> np.ndarray:
    """Colours [count, 3] in 0 to 255 that are well apart."""
    turns = np.arange(count) * _GOLDEN % 1
    shades = [colorsys.hls_to_rgb(turn, _SHADES[i % len(_SHADES)], 0.75) for i, turn in enumerate(turns)]
    return np.rint(255 * np.array(shades)).astype(np.uint8)
