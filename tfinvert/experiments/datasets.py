"""Pictures to train on, in classes where that is wanted, with what is kept for tests left out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import logging

import tfinvert.images
from tfinvert.errors import BadInput
from tfinvert.images import glyphs
from tfinvert.images.entry import Entry, Reading, folders_of
from tfinvert.images.named import NAMED, Named, training_source
from tfinvert.images.sources import open_source
from tfinvert.runs.files import whole
from tfinvert.settings import DEFAULT_LIMITS, Limits

RANGE = (-1.0, 1.0)  # of the pixels
_APART = (0, 7)  # seeds which pictures are kept


class Pictures(NamedTuple):
    """N pictures to train on."""

    pixels: np.ndarray  # [N, H, W, C] float32 in [-1, 1]
    labels: np.ndarray | None  # [N] int32
    classes: tuple[str, ...] = ()  # the folders that the labels number; empty where the source has labels of its own
    unseen: str = ""  # what `tfinvert.images.load` takes for the pictures that were left out


def pictures(
    dataset: str,
    shape: tuple[int, int, int],
    *,
    limit: int | None = None,
    held_out: Sequence[str] | None = None,
    folder: str | Path = ".",
    download: bool = False,
    by_class: bool = False,
    seed: int = 0,
    limits: Limits = DEFAULT_LIMITS,
) -> Pictures:
    """The pictures of a dataset.

    Args:
      dataset: "glyphs", or as of `training_source`; or anything else that `tfinvert.images.load` takes.
      shape: (H, W, C) that they are brought to.
      limit: only so many of those that are not held out, drawn by the seed; of a stream the first.
      held_out: names of folders whose pictures are left out; default: those of the named dataset, which none is of
        TensorFlow Datasets: their splits differ by themselves.
      folder, download: see `training_source`.
      by_class: whether labels are wanted. Where the source has none, each folder is a class.
      seed: of the glyphs, and of what is drawn.
      limits: what one file may take.

    Raises:
      BadInput: there are no such pictures, no such folders among them, or no classes.
    """
    if dataset == "glyphs":
        if shape != (32, 32, 1):
            raise BadInput(f"glyphs at {list(shape)}", "they are drawn at [32, 32, 1]; leave out the other flags")
        if held_out:
            raise BadInput(f"held_out={','.join(held_out)} of the glyphs", "their fonts are held out already")
        drawn, of = glyphs.training_set(40_000 if limit is None else limit, seed)
        return Pictures(drawn.astype(np.float32) / 127.5 - 1, of, tuple(glyphs.CHARACTERS), unseen="glyphs")
    source, known = training_source(dataset, folder, download), NAMED.get(dataset, Named())
    entries, unseen = open_source(source, Reading(limits=limits)), ""
    if isinstance(entries, Sequence):
        source, unseen = _chosen(entries, known.held_out if held_out is None else held_out, limit, seed)
        limit = None
    elif held_out:
        raise BadInput(f"held_out={','.join(held_out)} of a stream", "expected pictures in folders")
    found = tfinvert.images.load(source, tfinvert.images.Scale(shape, RANGE), limit=limit, limits=limits)
    labels, classes = found.labels, tuple[str, ...]()
    if by_class and labels is None:
        labels, classes = _folders(found.ids, known.class_folder)
    return Pictures(found.pixels, labels, classes, unseen)


def parted(data: Pictures, count: int) -> tuple[Pictures, Pictures]:
    """The pictures without so many that are drawn from them, and these: the same ones for trainings of any seed, which
    can so be compared on them.

    Raises:
      BadInput: there are not that many besides.
    """
    if not 0 < count < len(data.pixels):
        raise BadInput(f"{count} of {len(data.pixels)} pictures to keep", "expected at least 1, and fewer than all")
    apart = np.zeros(len(data.pixels), bool)
    apart[np.random.default_rng(_APART).choice(len(apart), count, replace=False)] = True
    labels = lambda rows: None if data.labels is None else data.labels[rows]
    return (
        data._replace(pixels=data.pixels[~apart], labels=labels(~apart)),
        Pictures(data.pixels[apart], labels(apart), data.classes),
    )


def keep(kept: Pictures, path: Path) -> None:
    """Writes pictures as `tfinvert.images.load` takes them: levels from 0 to 255, with the labels, if there are any."""
    levels = np.uint8(np.round(127.5 * (np.clip(kept.pixels, *RANGE) + 1)))
    with whole(path) as temporary:
        arrays = {"images": levels} if kept.labels is None else {"images": levels, "labels": kept.labels}
        np.savez_compressed(temporary, **arrays)


def _chosen(entries: Sequence[Entry], held_out: Sequence[str], limit: int | None, seed: int) -> tuple[list[Entry], str]:
    """What is trained on, and where lies what is kept for tests."""
    out, unseen = _left_out([entry.id for entry in entries], held_out)
    if unseen:
        logging.info("%d pictures are kept for tests: --images='%s'", out.sum(), unseen)
    places = np.flatnonzero(~out)
    if limit is not None and limit < len(places):
        logging.info("%d of %d pictures are taken, drawn by the seed", limit, len(places))
        places = np.sort(np.random.default_rng([seed, 6]).choice(places, limit, replace=False))
    return [entries[int(place)] for place in places], unseen


def _left_out(ids: Sequence[str], names: Sequence[str]) -> tuple[np.ndarray, str]:
    """Which pictures [N] lie in folders of these names, and where those are."""
    parts = [set(folders_of(image_id)) for image_id in ids]
    there = set().union(*parts)
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=3, cutoff=0.3) or sorted(there)[:3]
            raise BadInput(f"no folder {name!r} among the pictures", f"near it are: {', '.join(near) or 'none'}")
    out = np.array([not each.isdisjoint(names) for each in parts], bool)
    if out.all():
        raise BadInput(f"all {len(ids)} pictures are held out ({', '.join(names)})", "hold out fewer folders")
    folder = re.compile(rf"(?:.*?[/:])?(?:{'|'.join(map(re.escape, names))})(?=/)")
    places = [folder.match(image_id) for image_id, left in zip(ids, out, strict=True) if left]
    return out, ",".join(sorted({place.group() for place in places if place}))


def _folders(ids: np.ndarray, steps: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """The number of each picture's folder, int32 [N], and the folders' names."""
    wrong = "expected labels beside the pictures, or a folder for each class"
    if any(len(folders_of(image_id)) < steps for image_id in ids):
        raise BadInput("pictures without classes", wrong)
    classes, labels = np.unique([folders_of(image_id)[-steps] for image_id in ids], return_inverse=True)
    if len(classes) < 2:
        raise BadInput(f"pictures of one class ({classes[0]})", wrong)
    return labels.astype(np.int32), tuple(map(str, classes))
