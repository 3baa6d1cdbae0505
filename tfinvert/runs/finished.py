"""A run that is opened again: its settings, its generator, and what it found for each image."""

from __future__ import annotations

import dataclasses
import difflib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tfinvert import spaces
from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.runs.job import MIXED, Job
from tfinvert.runs.store import Stored

_NEAREST = 3  # ids that are named where one does not exist
_COLUMNS = ("id", "label", "code", "delta", "reconstruction", "message")


class Row(NamedTuple):
    """What a run found for one image; None where it found nothing."""

    id: str
    label: int | None  # the class, where one was given or found
    code: np.ndarray | None  # [d] float32: flat
    delta: np.ndarray | None  # [n] float32, flat: what was added behind the cut of a two-step run
    reconstruction: np.ndarray | None  # [H, W, C] in [0, 1], as rounded to 8 bits
    message: str  # what became of the image, in words


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run in its folder, read only; see `open_run`.

    Attributes:
      job: the run's settings, with the prior and the value range that it took; `limit` is that of the run.
      fingerprint: of its generator; "" for one that was in memory.
      image_shape: of its generator.
      stored: the rows as they lie there.
    """

    job: Job
    fingerprint: str
    image_shape: tuple[int, int, int] | None
    stored: Stored

    def load(self) -> Generator:
        """The run's generator.

        Raises:
          BadInput: it cannot be read, or is not the one that the run was made with.
        """
        where = self.job.generator
        if _in_memory(where):
            raise BadInput(
                f"the generator of {self.stored.folder} was an object in memory, {where}",
                "save it and give its file (--generator), or give the object to open_run",
            )
        generator = self.job.load()
        if self.fingerprint and generator.fingerprint != self.fingerprint:
            raise BadInput(
                f"{where or generator.name} is not the generator of {self.stored.folder}, or has changed since",
                f"expected the file with the SHA-256 {self.fingerprint[:12]}...; say where it is now (--generator)",
            )
        if self.image_shape not in (None, generator.image_shape):
            raise BadInput(
                f"{generator.name} makes images {list(generator.image_shape)}",
                f"those of {self.stored.folder} are {list(self.image_shape or ())}: give its generator (--generator)",
            )
        return generator

    def ids(self) -> list[str]:
        """All images that have a row, in their order."""
        return self.stored.ids()

    def rows(self, ids: Sequence[str] | None = None) -> list[Row]:
        """What was found for these images, in the order of `ids`; for all, in the images' order, without.

        Args:
          ids: ids, or the last parts of paths where only one image has them.

        Raises:
          BadInput: an image has no row.
        """
        wanted = None if ids is None else self.known(ids)
        found = {row["id"]: _row(row) for row in self.stored.read(_COLUMNS, wanted).to_pylist()}
        return list(found.values()) if wanted is None else [found[image_id] for image_id in wanted]

    def targets(self, generator: Generator, ids: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The images themselves, read again from where they were: [H, W, C] in [0, 1] by id.

        Those that cannot be read any more are left out.

        Raises:
          BadInput: the source of the images is not there any more, or an image has no row.
        """
        if _in_memory(self.job.images):
            raise BadInput(f"the images of {self.stored.folder} were in memory", "save them, and run from the file")
        done = self.ids()
        wanted = set(done if ids is None else self.known(ids, done))
        low, high = generator.value_range
        found: dict[str, np.ndarray] = {}
        seen: set[str] = set()
        for picture in self.job.sources(generator).read(frozenset(done) - wanted):
            if picture.id in wanted and picture.id not in seen and picture.pixels is not None:
                found[picture.id] = (picture.pixels - low) / (high - low)
            seen.add(picture.id)
            if wanted <= seen:
                break
        return found

    def known(self, ids: Iterable[str], done: Sequence[str] | None = None) -> list[str]:
        """The same ids in full.

        Raises:
          BadInput: there is no such image in the run, or several; the nearest are named.
        """
        done = self.ids() if done is None else done
        whole = set(done)
        return [image_id if image_id in whole else self._by_name(str(image_id), done) for image_id in ids]

    def _by_name(self, name: str, done: Sequence[str]) -> str:
        names: dict[str, list[str]] = {}
        for image_id in done:
            names.setdefault(Path(image_id).name, []).append(image_id)
        found = names.get(name, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"image {name!r}", f"{len(found)} images have this name: {', '.join(found[:_NEAREST])}")
        near = difflib.get_close_matches(Path(name).name, names, n=_NEAREST, cutoff=0.3) or list(names)[:_NEAREST]
        shown = ", ".join(names[each][0] for each in near)
        raise BadInput(
            f"no image {name!r} in {self.stored.folder}", f"nearest are {shown}" if near else "it holds no images yet"
        )


def open_run(folder: str | Path, generator: Any = None) -> FinishedRun:
    """Opens the folder of a run that `bin/invert.py` or `Job.run` has written.

    Args:
      folder: with `run.json`.
      generator: where the run's generator is now, or the object; default: where it was.

    Raises:
      BadInput: the folder holds no run, or one of a version with other settings.
    """
    stored = Stored(folder)
    about = stored.about()
    settings = dict(about["settings"])
    fingerprint = settings.pop("generator_sha256", "")
    unknown = sorted(set(settings) - {field.name for field in dataclasses.fields(Job)})
    if unknown:
        raise BadInput(f"{folder} has settings that are not known here: {', '.join(unknown)}", "update tfinvert")
    if settings.get("labels") == MIXED and settings.get("prior"):  # its shape counts the classes, too
        settings["prior"] = str(dataclasses.replace(spaces.parse(settings["prior"]), shape=None))
    if generator is not None:
        settings["generator"] = generator
    limit = about.get("limit")
    if limit is not None:  # that of the first command; the run may have gone on with more
        limit = max(limit, len(stored.ids()))
    shape = about.get("image_shape")
    job = Job(**settings, out=str(folder), limit=limit)
    return FinishedRun(job, fingerprint, None if shape is None else tuple(shape), stored)


def decoded(png: bytes) -> np.ndarray:
    """The image of a PNG as [H, W, C] in [0, 1]."""
    pixels = np.asarray(Image.open(io.BytesIO(png)), np.float32) / 255
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _row(row: dict[str, Any]) -> Row:
    flat = lambda values: None if values is None else np.array(values, np.float32)
    picture = decoded(row["reconstruction"]) if row["reconstruction"] else None
    return Row(row["id"], row["label"], flat(row["code"]), flat(row["delta"]), picture, row["message"] or "")


def _in_memory(value: Any) -> bool:
    """Whether a setting only says what kind of object was given."""
    return isinstance(value, str) and value.startswith("<") and value.endswith(">")
