"""A batch of images that becomes rows: what fails becomes a row, too."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import metrics
from tfinvert.engines.task import Sign, Task, Tell
from tfinvert.errors import BadInput, short
from tfinvert.generators import Generator
from tfinvert.images.encode import packed
from tfinvert.images.reader import Picture, Reader, Waiting, require_place
from tfinvert.inversion import ClassSearch, Inversion, Inverter, Snapshot, TwoStep, TwoStepInversion
from tfinvert.remote import is_remote, patience
from tfinvert.solvers.status import Status

Inverts = Inverter | TwoStep
Row = dict[str, Any]  # of `parts.SCHEMA`

_QUESTIONS = 2  # that a picture takes: what it is, and its bytes
_ASKED = 60  # seconds that one question to a store may take
_LATE = 2  # times as long as reading one image may take, before its process is thought to hang


class Inverting:
    """The `Work` of one run.

    Args:
      inverter: for the images.
      reader: of the images.
      classes: finds those of a class-conditional generator; default: the images bring them along.
    """

    def __init__(self, inverter: Inverts, reader: Reader, classes: ClassSearch | None = None) -> None:
        self._inverter, self._reader, self._classes = inverter, reader, classes
        self._most = inverter.batch_size
        self._latest: list[Waiting] = []

    def __call__(self, task: Task, tell: Tell) -> list[Row]:
        """One row for each image of the task, in their order.

        Raises:
          BadInput: the memory does not hold a single image, or the generator fails on a batch.
        """
        self._latest = task.items  # so that what they hold open, such as an archive, stays open for the next ones
        pictures = [self._read(number, waiting, tell) for number, waiting in enumerate(task.items)]
        rows: list[Row] = []
        while len(rows) < len(pictures):
            batch = pictures[len(rows) : len(rows) + self._most]
            try:
                rows += self._batch(batch, _after(tell, len(rows)))
            except tf.errors.ResourceExhaustedError as error:
                self._halve(len(batch), error)
            except tf.errors.InvalidArgumentError as error:
                generator = self._inverter.generator
                mend = "its classes may be fewer than the labels say (--classes tells how many there are)"
                raise BadInput(
                    f"{generator.name} fails on a batch ({short(error)})",
                    mend if generator.condition is not None else "try it on codes of its prior",
                ) from error
        return rows

    def _read(self, number: int, waiting: Waiting, tell: Tell) -> Picture:
        late = _LATE * self._reader.limits.seconds
        # A store may be away for a while, which is not the picture's fault.
        away = _QUESTIONS * (patience.SECONDS + _ASKED) if is_remote(waiting.entry.id) else 0.0
        tell(Sign(item=number, seconds=late + away))
        return self._reader(waiting)

    def _halve(self, images: int, error: Exception) -> None:
        """Takes fewer images at once from here on."""
        restarts = self._inverter.restarts
        if images == 1:
            raise BadInput(
                f"out of memory with one image, {restarts} codes at once",
                "lower --restarts, or take a smaller generator",
            ) from error
        self._most = images // 2
        logging.warning(
            "out of memory with %d images, %d codes at once: %d images from here on",
            images,
            images * restarts,
            self._most,
        )

    def _batch(self, batch: Sequence[Picture], tell: Tell) -> list[Row]:
        tell(Sign())
        readable = [picture for picture in batch if picture.pixels is not None]
        if all(picture.missing for picture in batch):
            require_place(batch[0].missing)
        rows = {row["id"]: row for row in self._inverted(readable, tell)} if readable else {}
        for picture in batch:
            if picture.pixels is None:
                message = f"{Status.UNREADABLE.message}: {picture.note}"
                rows[picture.id] = {"id": picture.id, "status": Status.UNREADABLE.name.lower(), "message": message}
        return [{**rows[picture.id], "place": picture.place} for picture in batch]

    def _inverted(self, readable: Sequence[Picture], tell: Tell) -> Iterator[Row]:
        begun = time.perf_counter()
        targets = np.stack([picture.pixels for picture in readable if picture.pixels is not None])
        ids, known = [picture.id for picture in readable], [picture.label for picture in readable]
        if self._classes is not None:
            known = [int(label) for label in self._classes(targets, ids, lambda _: tell(Sign()))]
        labels = None if self._inverter.generator.condition is None else np.array(known, np.int32)
        curves: list[dict[int, float]] = [{} for _ in readable]

        def watch(snapshot: Snapshot) -> None:
            tell(Sign(done=snapshot.share * len(readable), loss=float(snapshot.losses.mean())))
            for place, loss in zip(snapshot.rows, snapshot.losses, strict=True):
                if np.isfinite(loss):
                    curves[place][snapshot.steps] = float(loss)

        found = self._inverter(targets, ids=ids, labels=labels, watch=watch)
        seconds = (time.perf_counter() - begun) / len(readable)
        made = _rows(self._inverter, targets, found, seconds)
        for picture, label, row, curve in zip(readable, known, made, curves, strict=True):
            note = f"; {picture.note}" if picture.note else ""
            losses = {"loss_steps": list(curve), "losses": list(curve.values())}
            yield {"id": picture.id, "label": label, **row, **losses, "message": row["message"] + note}


def _after(tell: Tell, first: int) -> Tell:
    """Tells of images that come behind `first` others."""
    return lambda sign: tell(sign._replace(done=first + sign.done))


def _rows(inverter: Inverts, targets: np.ndarray, found: Inversion | TwoStepInversion, seconds: float) -> Iterator[Row]:
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
