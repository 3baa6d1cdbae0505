"""Images from wherever they are to what a generator could have made."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert.errors import BadInput
from tfinvert.images.entry import Entry, Reading
from tfinvert.images.labels import FolderLabels, Labels
from tfinvert.images.like import Like, Scale
from tfinvert.images.pipelines import DatasetEntries
from tfinvert.images.reader import Picture, Reader, Waiting
from tfinvert.images.sources import open_source
from tfinvert.settings import DEFAULT_LIMITS, Limits, Shard


class Images(NamedTuple):
    """N images in memory, with their ids and, where they are known, classes."""

    pixels: np.ndarray  # [N, H, W, C] float32 in the generator's value range, or series [N, L, C]
    ids: np.ndarray  # [N] strings: paths or indices
    labels: np.ndarray | None  # [N] int32


class Sources:
    """The images of a source, read one by one as they are asked for; can be gone through again.

    Of images with the same id, such as a picture that is named twice, the first counts.

    Args:
      source: see `tfinvert.images.sources.open_source`.
      like: the generator that the images are meant for.
      fit: "crop", "pad" or "stretch" for images of other proportions; series keep their length.
      labels: one class for all, or one each: see `tfinvert.images.labels`; default: what the source says.
      array_range: (low, high) of the values of arrays, where it is not what their type says.
      limit: only the first so many.
      shuffle: a seed by which their order is drawn, so that a limit takes some from everywhere; default: as they are.
      limits: what one file may take.
      shard: of all that, only these; their places stay those among all.

    Raises:
      BadInput: there is no such source, nothing in it, not as many labels as images, or a stream to be shuffled; or
        nothing that says their size; or no image for the shard.
    """

    def __init__(
        self,
        source: Any = None,
        like: Like | None = None,
        *,
        fit: str = "crop",
        labels: Any = None,
        array_range: Sequence[float] | None = None,
        limit: int | None = None,
        shuffle: int | None = None,
        limits: Limits = DEFAULT_LIMITS,
        shard: Shard | None = None,
    ) -> None:
        if like is None:
            raise BadInput("images without like=", "expected like=generator, which says their size and range")
        if limit is not None and limit < 1:
            raise BadInput(f"limit={limit}", "expected at least 1")
        self.reader = Reader(like, fit, limits)
        # Not the generator itself, for entries may go to another process.
        how = Reading(_scale(array_range), limits, Scale(like.image_shape, like.value_range))
        entries = open_source(source, how)
        if isinstance(entries, list):
            entries = [entry for _, entry in self._once(enumerate(entries))]
        self._entries: Iterable[Entry] = entries
        self.like, self._limit = like, limit
        ready = labels is None or isinstance(labels, FolderLabels)
        self._labels: Labels | FolderLabels | None = labels if ready else Labels(labels, limits)
        self._check: Callable[[Any], Any] | None = None
        self._endless = isinstance(entries, DatasetEntries) and entries.endless
        if limit is None and self._endless:
            raise BadInput("a dataset that repeats without end", "expected an end, or a limit")
        whole = len(entries) if isinstance(entries, Sequence) else None
        count = whole if limit is None else limit if whole is None else min(limit, whole)
        self.shard = shard
        self.count = None if count is None else self._own(count)
        self._order: Sequence[int] | None = None
        if shuffle is not None:
            if whole is None:
                raise BadInput("a stream of images in another order", "shuffle it before, or save it as a file")
            self._order = np.random.default_rng([shuffle, 5]).permutation(whole).tolist()
        if self._labels is not None and whole is not None:
            self._labels.check_count(whole if self._order else count or 0, whole)
            self._labels.check_ids(entry.id for entry in entries)

    def __iter__(self) -> Iterator[Picture]:
        return self.read(frozenset())

    def read(self, skip: frozenset[str]) -> Iterator[Picture]:
        """The pictures whose id is not in `skip`; those are not decoded."""
        return map(self.reader, self.left(skip))

    def left(self, skip: frozenset[str], passed: list[str] | None = None) -> Iterator[Waiting]:
        """The images whose id is not in `skip`, to be read by `reader`, here or in another process.

        Args:
          skip: ids.
          passed: those that were skipped are added to it.

        Raises:
          BadInput: a stream ends before the first image of the shard.
        """
        # The limit goes first: a stream without end may hold fewer ids than that.
        place, numbered = -1, itertools.islice(self._numbered(), self._limit)
        for place, (index, entry) in enumerate(
            numbered if isinstance(self._entries, Sequence) else self._once(numbered)
        ):
            if self.shard is not None and not self.shard.has(place):
                continue
            if entry.id not in skip:
                yield Waiting(place, self._labelled(index, entry))
            elif passed is not None:
                passed.append(entry.id)
        self.count = self._own(place + 1)  # now it is known, whatever was said before

    def _own(self, count: int) -> int:
        """How many of all images are gone through."""
        if self.shard is None:
            return count
        if self.shard.number > count:
            raise BadInput(
                f"--shard={self.shard} of {count} images", "no image is left for it: take no more shards than images"
            )
        return self.shard.size(count)

    def file(self) -> str | None:
        """The file of this machine that the first image is read from; None where there is none."""
        first = self._entries[0].id if isinstance(self._entries, Sequence) and self._entries else ""
        for path in (first, first.rpartition(":")[0]):  # a picture; a member of an archive
            if os.path.isfile(path):
                return path
        return None

    def again(self, ids: Collection[str]) -> Iterator[tuple[str, np.ndarray | str]]:
        """Images that were seen before: each id with its [H, W, C] in [0, 1], or with why it cannot be read.

        Those that are not there any more are left out. The order is the source's, and the limit does not count: it may
        be another one than when they were seen.
        """
        left = set(ids)
        for index, entry in itertools.islice(enumerate(self._entries), self._limit if self._endless else None):
            if not left:
                return
            if entry.id in left:
                left.remove(entry.id)
                picture = self.reader.unit(self._labelled(index, entry))
                yield entry.id, picture.note if picture.pixels is None else picture.pixels

    def _once(self, numbered: Iterable[tuple[int, Entry]]) -> Iterator[tuple[int, Entry]]:
        """The same, but of entries with one id the first."""
        seen: set[str] = set()
        for index, entry in numbered:
            if entry.id in seen:
                self.reader.tell(entry.id, "comes again, and counts once")
            else:
                seen.add(entry.id)
                yield index, entry

    def _numbered(self) -> Iterator[tuple[int, Entry]]:
        """All entries, with their places in the source."""
        if self._order is None or not isinstance(self._entries, Sequence):
            return enumerate(self._entries)
        entries = self._entries
        return ((index, entries[index]) for index in self._order)

    def all(self) -> Images:
        """All that can be read, in memory; what cannot is left out and named in the log.

        Raises:
          BadInput: not one image could be read.
        """
        read: list[tuple[Picture, np.ndarray]] = []
        broken: list[Picture] = []
        for picture in self:
            if picture.pixels is None:
                logging.warning("%s is left out: %s", picture.id, picture.note)
                broken.append(picture)
            else:
                read.append((picture, picture.pixels))
        if not read and broken:
            raise BadInput(f"none of {len(broken)} images could be read; the first, {broken[0].id}", broken[0].note)
        if not read:
            raise BadInput("a source of no images", "expected at least one")
        known = [picture.label for picture, _ in read]
        return Images(
            np.stack([pixels for _, pixels in read]),
            np.array([picture.id for picture, _ in read]),
            None if any(label is None for label in known) else np.array(known, np.int32),
        )

    def check_labels(self, check: Callable[[Any], Any] | None) -> None:
        """Tells of missing or wrong classes before the work begins.

        Where some classes that come with the images are right, the images of the others cannot be read, and say why. Of
        a stream only the first is known before.

        Args:
          check: raises for classes int [N] that the generator does not take, and for None; None where it takes no
            classes at all. Then those that are known only go into the results.

        Raises:
          BadInput: what `check` raises.
        """
        self._check = check
        if check is None:
            return
        if self._labels is not None:
            check(self._labels.values())
            return
        entries = self._entries if isinstance(self._entries, Sequence) else itertools.islice(self._entries, 1)
        labels = list(dict.fromkeys(entry.label for entry in entries))
        if not labels:
            raise BadInput("a source of no images", "expected at least one")
        wrong = [error for label in labels if (error := _refusal(check, label)) is not None]
        if len(wrong) == len(labels):
            raise wrong[0]

    def _labelled(self, index: int, entry: Entry) -> Entry:
        """The image with its class; where that is wrong, one that cannot be read, and says why."""
        label = entry.label
        try:
            if self._labels is not None:
                label = self._labels.of(index, entry.id)
            if self._check is not None and (refusal := _refusal(self._check, label)) is not None:
                raise refusal
        except Exception as error:  # of whoever made the check
            return entry._replace(label=label, read=functools.partial(_fail, error))
        return entry._replace(label=label)


def _fail(error: Exception) -> np.ndarray:
    raise error


def _scale(array_range: Sequence[float] | None) -> tuple[float, float] | None:
    """The (low, high) of arrays, as two numbers."""
    if array_range is None:
        return None
    if not (len(array_range) == 2 and -np.inf < array_range[0] < array_range[1] < np.inf):
        raise BadInput(f"array_range {list(array_range)}", "expected two numbers, low before high, such as 0,255")
    return float(array_range[0]), float(array_range[1])


def _refusal(check: Callable[[Any], Any], label: int | None) -> Exception | None:
    """What `check` raises for one class."""
    try:
        check(None if label is None else np.array([label], np.int32))
    except Exception as error:
        return error
    return None


def load(source: Any = None, like: Like | None = None, **how: Any) -> Images:
    """All images of a source in memory, as the generator `like` could have made them.

    What cannot be read is left out and named in the log. All arguments are those of `Sources`.

    Raises:
      BadInput: no source, or not one image in it could be read.
    """
    return Sources(source, like, **how).all()


def dataset(source: Any = None, like: Like | None = None, **how: Any) -> tf.data.Dataset:
    """A `tf.data.Dataset` of (id, image, label): string, float32 [H, W, C] (or [L, C]) in the generator's range,
    int32.

    The label is -1 where none is known. What cannot be read is left out and named in the log. All arguments are those
    of `Sources`.
    """
    sources = Sources(source, like, **how)

    def rows() -> Iterator[tuple[str, np.ndarray, int]]:
        for picture in sources:
            if picture.pixels is None:
                logging.warning("%s is left out: %s", picture.id, picture.note)
            else:
                yield picture.id, picture.pixels, -1 if picture.label is None else picture.label

    shape = sources.like.image_shape
    signature = (tf.TensorSpec([], tf.string), tf.TensorSpec(shape, tf.float32), tf.TensorSpec([], tf.int32))
    return tf.data.Dataset.from_generator(rows, output_signature=signature)
