"""The loop over batches: what is done is skipped, what fails becomes a row, and every batch is written at once."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.images import Picture, Sources
from tfinvert.images.encode import eight_bit
from tfinvert.inversion import Beyond, ClassSearch, Glimpse, Inversion, Inverter, TwoStep
from tfinvert.runs.store import Store, Stored
from tfinvert.solvers.status import Status

# As tqdm's own, but always in images per second.
_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"


Inverts = Inverter | TwoStep


class Summary(NamedTuple):
    """How a run ended, over all rows in its folder."""

    counts: dict[str, int]  # images by status
    failed: int
    mse: float  # median over the images that did not fail, on the [0, 1] scale; NaN where there are none
    psnr: float  # median, decibels
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0 all good, 1 nothing could be done, 3 some failed, 130 stopped by Ctrl-C."""
        if self.interrupted:
            return 130
        total = sum(self.counts.values())
        return 0 if total and not self.failed else 3 if self.failed < total else 1

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{sum(self.counts.values())} images ({ends}), median mse {self.mse:.3g}, median psnr {self.psnr:.1f} dB"


def run(
    inverter: Inverts, sources: Sources, store: Store, show: bool = True, classes: ClassSearch | None = None
) -> Summary:
    """Inverts all images that the store does not hold yet, batch by batch, into the store.

    Args:
      inverter: whose `batch_size` says how many images are worked on and written at once.
      sources: the images.
      store: where rows go; what it holds is not done again.
      show: whether a progress bar is drawn on the error stream.
      classes: finds those of a class-conditional generator; default: the images bring them along.

    Returns:
      What all rows of the store say. Ctrl-C ends the run early; the batch at hand is given up, and the same run
      does it again.

    Raises:
      BadInput: the memory does not hold a batch.
    """
    done = store.done()
    interrupted = False
    with (
        _ctrl_c() as pressed,
        tqdm(
            total=sources.count, initial=len(done), unit=" images", disable=not show, smoothing=0.1, bar_format=_BAR
        ) as bar,
    ):
        try:
            for first, batch in _batches(sources.read(done), inverter.batch_size, len(done)):
                store.write(first, _invert(inverter, batch, bar, classes))
                if pressed:
                    raise KeyboardInterrupt
        except KeyboardInterrupt:
            interrupted = True
        except tf.errors.ResourceExhaustedError as error:
            rows = inverter.batch_size * inverter.restarts
            raise BadInput(f"out of memory with {rows} codes at once", "lower --batch_size or --restarts") from error
    return summarise(store, interrupted)


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


def summarise(store: Stored, interrupted: bool = False) -> Summary:
    """What the rows of a store say."""
    rows = store.read(["status", "mse", "psnr"]).to_pydict()
    good = [not Status[name.upper()].failed for name in rows["status"]]
    median = lambda column: float(np.median([v for v, ok in zip(column, good, strict=True) if ok] or [np.nan]))
    return Summary(
        dict(Counter(rows["status"])), good.count(False), median(rows["mse"]), median(rows["psnr"]), interrupted
    )


def _batches(pictures: Iterator[Picture], size: int, first: int) -> Iterator[tuple[int, list[Picture]]]:
    batch: list[Picture] = []
    for picture in pictures:
        batch.append(picture)
        if len(batch) == size:
            yield first, batch
            first, batch = first + size, []
    if batch:
        yield first, batch


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

        def watch(glimpse: Glimpse) -> None:
            bar.n = round(start + glimpse.share * len(batch), 1)
            bar.set_postfix(loss=f"{glimpse.losses.mean():.3g}")
            for place, loss in zip(glimpse.rows, glimpse.losses, strict=True):
                if np.isfinite(loss):
                    curves[place][glimpse.steps] = float(loss)

        found = inverter(targets, ids=ids, labels=labels, watch=watch)
        seconds = (time.perf_counter() - begun) / len(readable)
        made = _rows(inverter, targets, found, seconds)
        for picture, label, row, curve in zip(readable, known, made, curves, strict=True):
            note = f"; {picture.note}" if picture.note else ""
            losses = {"loss_steps": list(curve), "losses": list(curve.values())}
            rows[picture.id] = {
                "id": picture.id, "label": label, **row, **losses, "message": row["message"] + note
            }  # fmt: skip
    for picture in batch:
        if picture.pixels is None:
            logging.warning("%s: %s", picture.id, picture.note)
            message = f"{Status.UNREADABLE.message}: {picture.note}"
            rows[picture.id] = {"id": picture.id, "status": Status.UNREADABLE.name.lower(), "message": message}
    bar.n = start + len(batch)
    bar.refresh()
    return [rows[picture.id] for picture in batch]


def _rows(
    inverter: Inverts, targets: np.ndarray, found: Inversion | Beyond, seconds: float
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
                "reconstruction": _png(images[i].numpy()),
            }
            row |= (
                _of_two_steps(found, i, unit)
                if isinstance(found, Beyond)
                else {"start_losses": found.start_losses[i].numpy()}
            )
        yield row


def _of_two_steps(found: Beyond, i: int, unit: Callable[[tf.Tensor], tf.Tensor]) -> dict[str, Any]:
    return {
        "delta": found.delta[i].numpy().ravel(),
        "delta_zeros": float(found.delta_zeros[i]),
        "mse_latent": float(found.mse_latent[i]),
        "reconstruction_latent": _png(unit(found.images_latent[i]).numpy()),
    }


def _png(image: np.ndarray) -> bytes:
    """An image [H, W, C] in [0, 1] as PNG."""
    buffer = io.BytesIO()
    eight_bit(image).save(buffer, "PNG")
    return buffer.getvalue()
