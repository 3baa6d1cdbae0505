"""The loop over batches: what is done is skipped, what fails becomes a row, and every batch is written at once."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from tfinvert import metrics
from tfinvert.errors import BadInput, short
from tfinvert.generators import Generator
from tfinvert.images import Picture, Sources
from tfinvert.images.encode import packed
from tfinvert.inversion import ClassSearch, Inversion, Inverter, Snapshot, TwoStep, TwoStepInversion
from tfinvert.runs.index import UNREAD
from tfinvert.runs.store import Store
from tfinvert.runs.stored import Stored
from tfinvert.solvers.status import Status

# As tqdm's own, but always in images per second.
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


Inverts = Inverter | TwoStep


class Summary(NamedTuple):
    """How a run ended, over all rows in its folder; that of a shard, over the rows of its own images."""

    counts: dict[str, int]  # images by status
    failed: int
    mse: float  # median over the images that did not fail, on the [0, 1] scale; NaN where there are none
    psnr: float  # median, decibels
    interrupted: bool
    missing: int = 0  # images that came and have no row
    double: int = 0  # rows that do not count, for their image has another one

    @property
    def exit_code(self) -> int:
        """0 all good, 1 nothing could be done, 3 some failed or have no row, 130 stopped by Ctrl-C."""
        if self.interrupted:
            return 130
        total = sum(self.counts.values())
        if self.failed == total:
            return 1
        return 3 if self.failed or self.missing else 0

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        text = f"{sum(self.counts.values())} images ({ends}), median mse {self.mse:.3g}, median psnr {self.psnr:.1f} dB"
        if self.missing:
            text += f", {self.missing} MISSING: the same command does them"
        return f"{text}, {self.double} double rows left out" if self.double else text


def run(
    inverter: Inverts, sources: Sources, store: Store, show: bool = True, classes: ClassSearch | None = None
) -> Summary:
    """Inverts all images that the store does not hold yet, batch by batch, into the store.

    Args:
      inverter: whose `batch_size` says how many images are worked on and written at once.
      sources: the images, or those of a shard.
      store: where rows go; what it holds is not done again, but for images that could not be read.
      show: whether a progress bar is drawn on the error stream.
      classes: finds those of a class-conditional generator; default: the images bring them along.

    Returns:
      What all rows of the store say, or those of the shard's images. Ctrl-C ends the run early; the batch at hand is
      given up, and the same run does it again.

    Raises:
      BadInput: the memory does not hold a batch, another writer is at work in the folder, a part in it is damaged, or
        it cannot be written any more.
    """
    with store:
        unread, done = store.unread(), store.done()
        done = done - unread if unread else done  # no copy of a million ids for nothing
        store.tidy()
        own: list[str] | None = None if sources.shard is None else []
        written, interrupted = _all(inverter, sources, store, done, unread, show, classes, own)
        if not interrupted:
            store.merge()
        ids = None if own is None else [*own, *written]
        missing = len(store.lacking([*done, *written] if ids is None else ids))
    return summarise(store, interrupted, missing, ids)


def _all(
    inverter: Inverts,
    sources: Sources,
    store: Store,
    done: frozenset[str],
    unread: frozenset[str],
    show: bool,
    classes: ClassSearch | None,
    own: list[str] | None,
) -> tuple[list[str], bool]:
    """Does what is not done: the ids that were written, and whether Ctrl-C came before the end.

    Images whose row says that they could not be read are tried again; where they still cannot, that row stays. The ids
    of a shard's images that are done are added to `own`.
    """
    written: list[str] = []
    with _ctrl_c() as pressed, _bar(sources, len(done) if own is None else 0, show) as bar:
        try:
            for batch in _batches(sources.read(done, own), inverter.batch_size):
                if own is not None:
                    bar.n = len(own) + len(written)
                made = _invert(inverter, batch, bar, classes)
                store.write([row for row in made if row["status"] != UNREAD or row["id"] not in unread])
                written += [picture.id for picture in batch]
                if pressed:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            return written, True
        except tf.errors.ResourceExhaustedError as error:
            rows = inverter.batch_size * inverter.restarts
            raise BadInput(f"out of memory with {rows} codes at once", "lower --batch_size or --restarts") from error
        except tf.errors.InvalidArgumentError as error:
            mend = "its classes may be fewer than the labels say (--classes tells how many there are)"
            raise BadInput(
                f"{inverter.generator.name} fails on a batch ({short(error)})",
                mend if inverter.generator.condition is not None else "try it on codes of its prior",
            ) from error
    return written, False


def _bar(sources: Sources, done: int, show: bool) -> tqdm:
    return tqdm(total=sources.count, initial=done, unit=" images", disable=not show, smoothing=0.1, bar_format=_BAR)


@contextlib.contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """What it gives is no longer empty once Ctrl-C was pressed.

    Python raises KeyboardInterrupt wherever it is just then, and drops it where that is a callback or a destructor.
    """
    pressed: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # others are not told of signals
        yield pressed
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def summarise(store: Stored, interrupted: bool = False, missing: int = 0, ids: Sequence[str] | None = None) -> Summary:
    """What the rows of a store say; of these images only, where they are given."""
    table = store.read(["status", "mse", "psnr"], ids)
    counts = {each["values"]: each["counts"] for each in pc.value_counts(table["status"]).to_pylist()}
    bad = pa.array([name for name in counts if Status[name.upper()].failed], pa.string())
    good = table.filter(pc.invert(pc.is_in(table["status"], value_set=bad)))

    def median(column: str) -> float:
        values = good[column].drop_null().cast(pa.float64()).to_numpy()
        return float(np.median(values)) if len(values) else float("nan")

    failed = len(table) - len(good)
    return Summary(
        counts, failed, median("mse"), median("psnr"), interrupted, missing, 0 if ids is not None else store.double
    )


def _batches(pictures: Iterator[Picture], size: int) -> Iterator[list[Picture]]:
    batch: list[Picture] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _invert(
    inverter: Inverts, batch: list[Picture], bar: tqdm, classes: ClassSearch | None = None
) -> list[dict[str, Any]]:
    """The rows of one batch, in its order."""
    begun = time.perf_counter()
    start = bar.n
    readable = [picture for picture in batch if picture.pixels is not None]
    rows: dict[str, dict[str, Any]] = {}
    if readable:
        targets = np.stack([picture.pixels for picture in readable if picture.pixels is not None])
        conditional = inverter.generator.condition is not None
        ids = [picture.id for picture in readable]
        known = [picture.label for picture in readable]
        if classes is not None:
            known = [int(label) for label in classes(targets, ids)]
        labels = np.array(known, np.int32) if conditional else None

        curves: list[dict[int, float]] = [{} for _ in readable]

        def watch(snapshot: Snapshot) -> None:
            bar.n = round(start + snapshot.share * len(batch), 1)
            bar.set_postfix(loss=f"{snapshot.losses.mean():.3g}")
            for place, loss in zip(snapshot.rows, snapshot.losses, strict=True):
                if np.isfinite(loss):
                    curves[place][snapshot.steps] = float(loss)

        found = inverter(targets, ids=ids, labels=labels, watch=watch)
        seconds = (time.perf_counter() - begun) / len(readable)
        made = _rows(inverter, targets, found, seconds)
        for picture, label, row, curve in zip(readable, known, made, curves, strict=True):
            note = f"; {picture.note}" if picture.note else ""
            losses = {"loss_steps": list(curve), "losses": list(curve.values())}
            rows[picture.id] = {"id": picture.id, "label": label, **row, **losses, "message": row["message"] + note}
    for picture in batch:
        if picture.pixels is None:
            logging.warning("%s: %s", picture.id, picture.note)
            message = f"{Status.UNREADABLE.message}: {picture.note}"
            rows[picture.id] = {"id": picture.id, "status": UNREAD, "message": message}
    bar.n = start + len(batch)
    bar.refresh()
    return [{**rows[picture.id], "place": picture.place} for picture in batch]


def _rows(
    inverter: Inverts, targets: np.ndarray, found: Inversion | TwoStepInversion, seconds: float
) -> Iterator[dict[str, Any]]:
    unit = inverter.generator.to_unit
    images, wanted = unit(found.images), unit(tf.constant(targets))
    measured = {name: getattr(metrics, name)(images, wanted).numpy() for name in ("mse", "psnr", "ssim")}
    for i, value in enumerate(found.status.numpy()):
        status = Status(int(value))
        row = {
            "status": status.name.lower(),
            "message": status.message,
            "steps": int(found.steps[i]),
            "seconds": seconds,
        }
        if not status.empty:
            row |= {
                "code": found.codes[i].numpy().ravel(),
                "loss": float(found.loss[i]) if np.isfinite(found.loss[i]) else None,
                **{name: float(values[i]) for name, values in measured.items()},
                "reconstruction": packed(images[i].numpy(), inverter.generator),
            }
            row |= (
                _of_two_steps(found, i, inverter.generator)
                if isinstance(found, TwoStepInversion)
                else {"start_losses": found.start_losses[i].numpy()}
            )
        yield row


def _of_two_steps(found: TwoStepInversion, i: int, generator: Generator) -> dict[str, Any]:
    return {
        "delta": found.delta[i].numpy().ravel(),
        "delta_zeros": float(found.delta_zeros[i]),
        "mse_latent": float(found.mse_latent[i]),
        "reconstruction_latent": packed(generator.to_unit(found.images_latent[i]).numpy(), generator),
    }
