"""Pictures that other parts of the package leave in a run's folder: films of edits, regions, samples of a training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageSequence

from tfinvert.images.bounded import open_regular
from tfinvert.images.formats import formats
from tfinvert.report.thumbnails import Room

_BYTES = 3_000_000  # of all pictures, before base64
_SIDE = 1024  # pixels of the longer side at most
_FRAMES, _STILLS = 240, 48  # of one film or folder at most, taken evenly
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)  # what Pillow's readers raise


class Shelf(NamedTuple):
    """Pictures that are shown together."""

    title: str
    note: str  # what is missing
    film: bool  # frames, of which one is seen at a time
    pictures: list[tuple[str, Any]]  # names, and an Image or, once it is brought to its size, a Thumbnail


def shelves(folder: Path) -> list[Shelf]:
    """One for each of the edits in `edits/`, one for `segmentation/`, one for the `samples.png` of a training."""
    edits, samples = folder / "edits", folder / "samples.png"
    names = sorted({file.stem for file in edits.glob("*.*")})
    found = [_edit(edits, name)._replace(title=f"Edit: {name}") for name in names]
    found.append(_stills("Segmentation", sorted((folder / "segmentation").glob("*.png"))))
    found.append(_stills("Samples", [samples] if samples.is_file() else []))
    room = Room(_BYTES, sum(len(each.pictures) for each in found))
    fit = lambda pictures: [(name, room.fit(image, _SIDE)) for name, image in pictures]
    return [each._replace(pictures=fit(each.pictures)) for each in found if each.pictures or each.note]


def _edit(folder: Path, name: str) -> Shelf:
    """Frames where there are any, else the still picture."""
    frames = sorted((folder / f"{name}.frames").glob("*.png"))
    there = {kind: file for kind in ("webp", "gif", "png") if (file := folder / f"{name}.{kind}").is_file()}
    film = there.get("webp") or there.get("gif")  # the first is without loss
    if not frames and film is None:
        return _stills(name, [there["png"]] if there else [])
    try:
        images = [_read(file) for file in _evenly(frames, _FRAMES)] or _evenly(_frames(film), _FRAMES)
    except _BROKEN as error:
        return Shelf(name, f"cannot be read ({error})", False, [])
    pictures = [(f"{number + 1} of {len(images)}", image) for number, image in enumerate(images)]
    return Shelf(name, "", len(images) > 1, pictures)


def _stills(title: str, files: Sequence[Path]) -> Shelf:
    chosen, pictures, broken = _evenly(files, _STILLS), [], []
    for file in chosen:
        try:
            pictures.append((file.stem, _read(file)))
        except _BROKEN:
            broken.append(file.name)
    notes = [f"{len(chosen)} of {len(files)} pictures"] * (len(chosen) < len(files))
    return Shelf(title, "; ".join([*notes, *(f"{name} cannot be read" for name in broken)]), False, pictures)


def _read(file: Path) -> Image.Image:
    with open_regular(file) as opened, Image.open(opened, formats=formats()) as image:
        return image.convert("RGB")


def _frames(file: Path | None) -> list[Image.Image]:
    if file is None:
        return []
    with open_regular(file) as opened, Image.open(opened, formats=formats()) as image:
        return [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]


def _evenly(items: Sequence[Any], most: int) -> list[Any]:
    return [items[place] for place in np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)]
