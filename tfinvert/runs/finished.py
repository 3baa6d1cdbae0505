"""A run that is opened again: its settings, its generator, and what it found for each image."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.generators import Generator
from tfinvert.generators.opening import range_of
from tfinvert.generators.readers.hub import is_handle
from tfinvert.images import Scale, Sources
from tfinvert.images.encode import unpacked
from tfinvert.images.entry import folders_of, names_of
from tfinvert.images.labels import FOLDERS, FolderLabels, Labels
from tfinvert.images.like import Like
from tfinvert.images.shown import check_shown
from tfinvert.remote import path_of
from tfinvert.runs.job import load, pictures, settled
from tfinvert.runs.stored import Stored
from tfinvert.settings import DEFAULT_LIMITS, EngineSettings, Job, Limits, changed, of_nest
from tfinvert.solvers.status import Status

_NEAREST = 3  # ids that are named where one does not exist
_WHERE = "say where it is now (--generator)"


class Row(NamedTuple):
    """What a run found for one image; None where it found nothing."""

    id: str
    label: int | None = None  # the class, where one was given or found
    code: np.ndarray | None = None  # [d] float32: flat
    delta: np.ndarray | None = None  # [n] float32, flat: what was added behind the cut of a two-step run
    reconstruction: np.ndarray | None = None  # [H, W, C] in [0, 1], as it is kept; or [L, C]
    message: str = ""  # what became of the image, in words
    reconstruction_latent: np.ndarray | None = None  # the same of the code alone, of a two-step run


@dataclasses.dataclass(frozen=True)
class FinishedRun:
    """A run in its folder, read only; see `open_run`.

    Attributes:
      job: the run's settings, with the prior and the value range that it took, but without its limit, and with what was
        said when it was opened of unsafe files and limits.
      fingerprint: of its generator; "" for one that was in memory.
      image_shape, value_range: of its generator.
      stored: the rows as they lie there.
    """

    job: Job
    fingerprint: str
    image_shape: tuple[int, ...]
    value_range: tuple[float, float]
    stored: Stored

    def load(self) -> Generator:
        """The run's generator.

        Raises:
          BadInput: it cannot be read, or is not the one that the run was made with.
        """
        where = self.job.generator.source
        if _in_memory(where):
            raise BadInput(
                f"the generator of {self.stored.folder} was an object in memory, {where}",
                "save it and give its file (--generator), or give the object to open_run",
            )
        if isinstance(where, (str, Path)) and not is_handle(str(where)) and not path_of(where).exists():
            raise BadInput(f"the generator of {self.stored.folder}, {where}: no such file", _WHERE)
        generator = load(self.job)
        if self.fingerprint and self.fingerprint not in (generator.about.fingerprint, generator.about.tuned_from):
            raise BadInput(
                f"{where or generator.name} is not the generator of {self.stored.folder}, or has changed since",
                f"expected the file with the SHA-256 {self.fingerprint[:12]}...; {_WHERE}",
            )
        if self.image_shape != generator.image_shape:
            raise BadInput(
                f"{generator.name} makes images {list(generator.image_shape)}",
                f"those of {self.stored.folder} are {list(self.image_shape)}: give its generator (--generator)",
            )
        return generator

    def whole(self) -> Generator:
        """The same of its own codes, also where the run took what stands behind a layer for them.

        Raises:
          BadInput: as of `load`.
        """
        generator = dataclasses.replace(self.job.generator, behind=None)
        return dataclasses.replace(self, job=dataclasses.replace(self.job, generator=generator)).load()

    def cut(self, generator: Generator) -> str | None:
        """The layer behind which the run's delta counts; None at the code.

        For a generator that was tuned to the run there is none: codes were tuned to, and delta is of other weights.
        """
        tuned = bool(generator.about.tuned_from) and generator.about.fingerprint != self.fingerprint
        return None if self.job.beyond is None or tuned else self.job.beyond.at[-1]

    def labels(self, given: Any) -> dict[str, int | None]:
        """The labels of all images of the source by their ids, None where there is none.

        Args:
          given: as of `tfinvert invert --labels`; as many as the run has images are theirs, in their order.
            "folders" are numbered in the order of their names.

        Raises:
          BadInput: they are no labels, or not as many as images.
        """
        ids = self.ids()
        if isinstance(given, str) and given == FOLDERS:
            names = sorted({"", *(folder for name in ids for folder in folders_of(name)[-1:])} - {""})
            logging.info("labels: %s", ", ".join(f"{number} {name}" for number, name in enumerate(names)))
            known = FolderLabels(names)
            return {image_id: known.of(0, image_id) for image_id in ids}
        labels = Labels(given, self.job.limits)
        if labels.counted in (None, len(ids)):
            labels.check_ids(ids)
            return {image_id: labels.find(place, image_id) for place, image_id in enumerate(ids)}
        sources = pictures(self.job, Scale(self.image_shape, self.value_range), given)
        return {waiting.entry.id: waiting.entry.label for waiting in sources.left(frozenset())}

    def ids(self) -> list[str]:
        """All images that have a row, in their order."""
        return self.stored.ids()

    def rows(self, ids: Sequence[str] | None = None, fields: Sequence[str] = Row._fields) -> list[Row]:
        """What was found for these images, in the order of `ids`; for all, in the images' order, without.

        Args:
          ids: ids, or the last parts of paths where only one image has them.
          fields: of `Row` that are read, the others are None; pictures and deltas of many images are much to read.

        Raises:
          BadInput: an image has no row.
        """
        wanted = None if ids is None else self.known(ids)
        columns = list(dict.fromkeys(["id", "status", *fields]))
        table = self.stored.read(columns, wanted)
        scalars = (dict(zip(columns, row, strict=True)) for row in zip(*table.columns, strict=True))
        found = {row.id: row for row in map(self._row, scalars)}
        return list(found.values()) if wanted is None else [found[image_id] for image_id in wanted]

    def _row(self, scalars: dict[str, pa.Scalar]) -> Row:
        try:
            return _row(scalars, self)
        except BadInput as error:  # of a picture
            raise error.about(f"the row of {scalars['id']} in {self.stored.folder}") from error

    def sources(self) -> Sources:
        """The images, to be read again from where they were.

        Neither the generator nor the labels are needed: sizes are known without, and classes stand in the rows.

        Raises:
          BadInput: the source of the images is not there any more.
        """
        if _in_memory(self.job.images.source):
            raise BadInput(f"the images of {self.stored.folder} were in memory", "save them, and run from the file")
        return pictures(self.job, Scale(self.image_shape, self.value_range))

    def targets(self, ids: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """The images themselves, read again from where they were: [H, W, C] in [0, 1] by id, or
        series [L, C].

        Those that cannot be read any more, or ended their worker, are left out.

        Raises:
          BadInput: the source of the images is not there any more, or an image has no row.
        """
        safe = set(self.ids() if ids is None else self.known(ids)) - self.stored.lost()
        return {name: found for name, found in self.sources().again(safe) if not isinstance(found, str)}

    def known(self, ids: Iterable[str], done: Sequence[str] | None = None) -> list[str]:
        """The same ids in full.

        Raises:
          BadInput: there is no such image in the run, or several; the nearest are named.
        """
        if done is None:
            ids = [str(image_id) for image_id in ids]
            if not self.stored.lacking(ids):  # the usual case, and there may be a million others
                return ids
            done = self.ids()
        whole = set(done)
        return [image_id if image_id in whole else self._by_name(str(image_id), done) for image_id in ids]

    def _by_name(self, name: str, done: Sequence[str]) -> str:
        names: dict[str, list[str]] = {}
        for image_id in done:
            names.setdefault(Path(image_id).name, []).append(image_id)
        found = [image_id for image_id in done if name in names_of(image_id)]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"image {name!r}", f"{len(found)} images have this name: {', '.join(found[:_NEAREST])}")
        near = difflib.get_close_matches(Path(name).name, names, n=_NEAREST, cutoff=0.3) or list(names)[:_NEAREST]
        shown = ", ".join(names[each][0] for each in near)
        raise BadInput(
            f"no image {name!r} in {self.stored.folder}", f"nearest are {shown}" if near else "it holds no images yet"
        )


def open_run(
    folder: str | Path,
    generator: Any = None,
    *,
    allow_unsafe: bool = False,
    shown_channels: Sequence[int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> FinishedRun:
    """Opens the folder of a run that `tfinvert invert` or `run_job` has written.

    Args:
      folder: with `run.json`.
      generator: where the run's generator is now, or the object; default: where it was.
      allow_unsafe: whether its generator may run code of its own. That the run was made so does not count: the folder
        may be a stranger's.
      shown_channels: of its images, see `ImageSettings`; default: those that the run was told.
      limits: of memory and time that reading its generator and its images may take; neither do the run's own.

    Raises:
      BadInput: the folder holds no run, one of a version with other settings, or no images of such channels.
    """
    stored = Stored(folder)
    about = stored.about()
    settings = dict(about["settings"])
    fingerprint = settings.pop("generator_sha256", "")
    job = of_nest(Job, {**settings, "out": str(folder)}, str(folder))
    job = dataclasses.replace(job, limits=limits, engine=EngineSettings(), shard=None)  # nobody's but the user's own
    shown = about.get("shown_channels") if shown_channels is None else list(shown_channels)
    job = changed(job, allow_unsafe=allow_unsafe, shown_channels=shown)
    if isinstance(job.generator.prior, str):
        job = settled(job, job.generator.prior, job.generator.value_range)
    if generator is not None:
        job = changed(job, generator=generator)
    shape = about.get("image_shape")
    if shape is None:
        raise BadInput(f"{folder} does not say how large its images are", "choose a folder that tfinvert invert wrote")
    check_shown(shape, job.images.shown_channels)
    return FinishedRun(job, fingerprint, tuple(shape), range_of(job.generator.value_range or ()), stored)


def _row(scalars: dict[str, pa.Scalar], like: Like) -> Row:
    there = {name: value for name, value in scalars.items() if value.is_valid}
    status = Status[there.pop("status").as_py().upper()]
    if status.empty:  # older runs stored the start that was drawn
        there = {name: value for name, value in there.items() if name not in _FOUND}
    return Row(**{name: _value(name, value, like) for name, value in there.items()})


def _value(name: str, value: pa.Scalar, like: Like) -> Any:
    if name in _PACKED:
        return unpacked(value.as_py(), like)
    return np.array(value.values) if name in _LISTS else value.as_py()


_LISTS, _PACKED = ("code", "delta"), ("reconstruction", "reconstruction_latent")
_FOUND = {*_LISTS, *_PACKED}  # the columns that hold what was found


def _in_memory(value: Any) -> bool:
    """Whether a setting only says what kind of object was given."""
    return isinstance(value, str) and value.startswith("<") and value.endswith(">")
