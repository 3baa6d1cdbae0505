"""Edits as pictures: a strip of frames, and films of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging
from PIL import Image

from tfinvert.editing import Place, Scene
from tfinvert.errors import BadInput
from tfinvert.images.encode import eight_bit
from tfinvert.images.like import is_series
from tfinvert.images.shown import seen, told
from tfinvert.report.figures import Picture, plain, show
from tfinvert.report.series import drawn
from tfinvert.runs import FinishedRun
from tfinvert.runs.files import remove, whole, whole_folder

FILMS = ("gif", "webp", "mp4", "frames")
_COLUMNS = 13  # of a strip, and more only where more have captions
_LEAST = 128  # pixels of an image's height in a film
_GAP = 4  # pixels between images in a film


class Frames(NamedTuple):
    """R rows of F images each."""

    images: np.ndarray  # [R, F, H, W, C] in [0, 1], as they are `seen`
    names: Sequence[str]  # of the rows
    captions: Sequence[str]  # of the columns; "" for none
    targets: Sequence[np.ndarray | None] | None = None  # [H, W, C]: what stands before each row
    note: str = ""  # which channels these are


def frames(scene: Scene, place: Place, run: FinishedRun) -> Frames:
    """The images of a scene, and those of the run that stand before its rows, where these can be read again.

    Series are drawn as pictures, all of a scene on one scale.
    """
    images = np.stack([place.images(points, run.job.batch_size) for points in scene.rows])
    targets = None
    if scene.targets is not None:
        try:
            found = run.targets(scene.targets)
            targets = [found.get(image_id) for image_id in scene.targets]
        except BadInput as error:
            logging.warning("without the images themselves: %s", error)
    shape, channels = run.image_shape, run.job.images.shown_channels
    images = seen(images, shape, channels)
    targets = None if targets is None else [each if each is None else seen(each, shape, channels) for each in targets]
    made = Frames(images, scene.names, scene.captions, targets, told(shape, channels))
    return _drawn(made) if is_series(shape) else made


def _drawn(frames: Frames) -> Frames:
    """Frames of series [R, F, L, c] as pictures of their lines."""
    flat = frames.images.reshape(-1, *frames.images.shape[2:])
    known = {row: target for row, target in enumerate(frames.targets or ()) if target is not None}
    pictures = drawn(np.concatenate([flat, *(each[np.newaxis] for each in known.values())]))
    images = pictures[: len(flat)].reshape(*frames.images.shape[:2], *pictures.shape[1:])
    before = dict(zip(known, pictures[len(flat) :], strict=True))
    targets = None if frames.targets is None else [before.get(row) for row in range(len(frames.targets))]
    return frames._replace(images=images, targets=targets)


def write(
    frames: Frames, folder: Path, name: str, films: Sequence[str] = (), fps: float = 12, title: str = ""
) -> list[Path]:
    """Writes FOLDER/NAME.png and the films FOLDER/NAME.KIND; other films of this name go, for they show another edit.

    Raises:
      BadInput: as of `film`.
    """
    for kind in set(FILMS) - set(films):
        remove(folder / f"{name}.{kind}")
    still = strip(frames, folder / f"{name}.png", ", ".join(filter(None, [title, frames.note])))
    return [still, *(film(frames, folder / f"{name}.{kind}", fps) for kind in films)]


def strip(frames: Frames, path: Path, title: str = "") -> Path:
    """Writes a PNG with the rows one under the other; of many columns, those with captions and some between."""
    count = frames.images.shape[1]
    spread = np.linspace(0, count - 1, min(count, _COLUMNS)).round().astype(int)
    columns = sorted({*spread.tolist(), *(place for place, caption in enumerate(frames.captions) if caption)})
    before = 0 if frames.targets is None else 1
    height, width = frames.images.shape[2:4]
    across, down = 1.05 * (len(columns) + before) * width / height + 0.9, 1.1 * len(frames.images) + 0.75
    figure = Picture(across, down, title, dense=True)
    grid = figure.subplots(len(frames.images), len(columns) + before, squeeze=False)
    for row, axes in enumerate(grid):
        shown = [frames.images[row, column] for column in columns]
        for axis, image in zip(axes, [*([] if frames.targets is None else [frames.targets[row]]), *shown], strict=True):
            if image is None:  # but the row's name, which stands beside it
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            else:
                show(axis, image)
        axes[0].set_ylabel(_short(frames.names[row]), fontsize=6)
    captions = [*["image"] * before, *(frames.captions[column] for column in columns)]
    for axis, caption in zip(grid[0], captions, strict=True):
        axis.set_title(_short(caption), fontsize=6)
    return figure.write(path)


def film(frames: Frames, path: Path, fps: float = 12) -> Path:
    """Writes the columns one after the other, all rows side by side; how, says the name: .gif, .webp, .mp4 or .frames.

    The last is a folder of PNG files. GIF and WebP play in a loop.

    Raises:
      BadInput: the name says something else, or MP4 and imageio-ffmpeg is not installed.
    """
    check([path.suffix[1:]])
    moments = _moments(frames)
    if path.suffix == ".frames":
        with whole_folder(path) as folder:
            for number, each in enumerate(moments):
                Image.fromarray(each).save(folder / f"{number:05d}.png")
    else:
        with whole(path) as temporary:
            (_mp4 if path.suffix == ".mp4" else _loop)(moments, temporary, fps)
    return path


def check(kinds: Sequence[str]) -> None:
    """Tells of films that cannot be written, before any work.

    Raises:
      BadInput: as of `film`.
    """
    for kind in kinds:
        if kind not in FILMS:
            raise BadInput(f"a film as {kind!r}", f"expected some of {', '.join(FILMS)}")
    if "mp4" in kinds:
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError as error:
            raise BadInput("mp4 without imageio-ffmpeg", "pip install 'tfinvert[video]', or take webp") from error


def _moments(frames: Frames) -> np.ndarray:
    """The pictures of a film, uint8 [F, height, width, 3]."""
    images = frames.images
    if frames.targets is not None:
        blank = np.ones_like(images[0, 0])
        still = np.stack([blank if target is None else target for target in frames.targets])
        images = np.concatenate([np.broadcast_to(still[:, None], images.shape), images], axis=3)
    rows, count, height, width, channels = images.shape
    times = max(1, -(-_LEAST // height))
    images = np.repeat(np.repeat(images, times, axis=2), times, axis=3)
    across = max(1, round((rows * height / width) ** 0.5))
    lines = -(-rows // across)
    sheet = np.ones((count, lines * (height * times + _GAP) - _GAP, across * (width * times + _GAP) - _GAP, channels))
    for row in range(rows):
        top, left = (row // across) * (height * times + _GAP), (row % across) * (width * times + _GAP)
        sheet[:, top : top + height * times, left : left + width * times] = images[row]
    return np.stack([np.asarray(eight_bit(each).convert("RGB")) for each in sheet])


def _loop(moments: np.ndarray, path: Path, fps: float) -> None:
    first, *others = [Image.fromarray(each) for each in moments]
    # Lossless concerns WebP only: GIF has its 256 colours.
    first.save(path, save_all=True, append_images=others, loop=0, lossless=True, duration=round(1000 / fps))


def _mp4(moments: np.ndarray, path: Path, fps: float) -> None:
    import imageio_ffmpeg

    even = np.pad(moments, [(0, 0), (0, moments.shape[1] % 2), (0, moments.shape[2] % 2), (0, 0)], mode="edge")
    size = even.shape[2], even.shape[1]
    writer = imageio_ffmpeg.write_frames(path, size, fps=fps, macro_block_size=2, output_params=["-f", "mp4"])
    writer.send(None)
    for each in even:
        writer.send(np.ascontiguousarray(each))
    writer.close()


def _short(text: str) -> str:
    """Text for a small place."""
    lines = (line if len(line) <= 22 else f"...{line[-19:]}" for line in text.split("\n"))
    return plain("\n".join(lines))
