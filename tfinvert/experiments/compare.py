"""Which generator represents these images better?

Creswell & Bharath, "Inverting the Generator of a Generative Adversarial Network", section VII: the generator with the
smaller reconstruction error on unseen images has learnt more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from absl import logging

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.experiments.significance import interval
from tfinvert.generators import Generator
from tfinvert.images import Images, Scale, Sources
from tfinvert.images.fit import fit as fit_image
from tfinvert.images.like import is_series, words
from tfinvert.losses import Features
from tfinvert.runs.job import Ready, pictures
from tfinvert.solvers.status import Status

_LOOKS = 16  # images that a generator or a perceptual network has before it at once
_COLUMNS = ("id", "label", "code", "status", "message", "seconds", "start_losses")
_BETTER = 0.99  # a further start counts where it leaves less than this share of the first one's error


class Represented(NamedTuple):
    """How a generator represents n images."""

    name: str
    images: Images  # n, at the scale that all generators are compared at
    reconstructions: np.ndarray  # [n, H, W, C] in [0, 1], the same
    error: np.ndarray  # [n]: mean squared error there
    improved: np.ndarray | None = None  # bool [n]: whether further starts made it better; None where there was one
    floor: float | None = None  # mean error of the images themselves, once they were at the generator's own size
    seconds: float = float("nan")  # for all


def scale(generators: Sequence[Generator], fit: str = "crop") -> Scale:
    """The scale at which generators are compared: the smallest height and width, grey if one of them is.

    Of series it is their own, and the range of their values, which must be the same for all.

    Args:
      generators: all.
      fit: how images come to their sizes, see `tfinvert.images.load`.

    Raises:
      BadInput: of images that are cropped or padded each would see another part; or they are of other kinds.
    """
    shapes = [each.image_shape for each in generators]
    if any(is_series(shape) for shape in shapes):
        return _same(
            generators, {(each.image_shape, each.value_range) for each in generators}, "the same shape and values"
        )
    if any(shape[-1] not in (1, 3) for shape in shapes):
        _same(generators, {shape[-1] for shape in shapes}, "as many channels")
    height, width, channels = (min(sizes) for sizes in zip(*shapes, strict=True))
    if fit != "stretch" and any(shape[0] * width != shape[1] * height for shape in shapes):
        sizes = ", ".join(sorted({f"{shape[0]}x{shape[1]}" for shape in shapes}))
        raise BadInput(
            f"generators of {sizes}",
            f"of other proportions: with fit={fit} each would see another part; give --fit=stretch",
        )
    return Scale((height, width, channels))


def _same(generators: Sequence[Generator], kinds: Collection[Any], how: str) -> Scale:
    """The scale of the first, where all are of one kind."""
    if len(kinds) > 1:
        shapes = ", ".join(f"{words(each.image_shape)} in {list(each.value_range)}" for each in generators)
        raise BadInput(f"generators of {shapes}", f"expected {how}")
    return Scale(generators[0].image_shape, generators[0].value_range)


def at_scale(images: Any, generator: Generator, to: Scale) -> np.ndarray:
    """A generator's images [n, H, W, C], in its range, at another scale; what is out of range is clipped, but for
    series.
    """
    unit = metrics.inside(np.asarray(generator.to_unit(images)))
    if unit.shape[1:] == to.image_shape:
        return unit
    return np.stack([fit_image(image, to.image_shape, "stretch")[0] for image in unit])


def represent(
    name: str,
    generator: Generator,
    targets: Images,
    reconstructions: Any,
    *,
    improved: np.ndarray | None = None,
    own: Images | None = None,
    seconds: float = float("nan"),
) -> Represented:
    """Compares a generator's reconstructions with the images.

    Args:
      name: of the generator.
      generator: whose range they are in.
      targets: n images as `tfinvert.images.load(..., like=scale(...))` gives them, the same for all generators.
      reconstructions: [n, H, W, C] of the generator's own size.
      improved: see `improved`.
      own: the images at the generator's own size, where that is another; for `Represented.floor`.
      seconds: that it took.
    """
    to = Scale(targets.pixels.shape[1:])
    made = at_scale(reconstructions, generator, to)
    apart = lambda one: np.asarray(metrics.mse(tf.constant(one), tf.constant(targets.pixels)))
    floor = None if own is None else float(np.mean(apart(at_scale(own.pixels, generator, to))))
    return Represented(name, targets, made, apart(made), improved, floor, seconds)


def improved(start_losses: Any) -> np.ndarray | None:
    """Where further starts left at least 1% less of the first one's loss: bool [n]; None where there was one.

    Args:
      start_losses: [n, restarts], see `Inversion`.
    """
    losses = np.asarray(start_losses)
    return None if losses.shape[1] < 2 else losses.min(axis=1) < _BETTER * losses[:, 0]


def of_runs(names: Sequence[str], runs: Sequence[Ready], to: Scale) -> list[Represented]:
    """How the generators of some runs represent their images, the same for all.

    Images that one of the runs could not invert are left out for all, and named in the log.

    Raises:
      BadInput: no image is left.
    """
    stored = [_rows(run, name) for name, run in zip(names, runs, strict=True)]
    sources = pictures(runs[0].job, to)
    wanted = {waiting.entry.id for waiting in sources.left(frozenset())}
    inverted = wanted.intersection(*stored)
    if not inverted:
        raise BadInput(f"{len(wanted)} images, none of them inverted by all generators", "see above for the reasons")
    targets = _read(sources, inverted)
    found = []
    for name, run, rows in zip(names, runs, stored, strict=True):
        chosen = [rows[image_id] for image_id in targets.ids]
        own = None
        if run.generator.image_shape != to.image_shape:
            own = _read(run.sources, inverted)
            low, high = run.generator.value_range
            own = own._replace(pixels=low + (high - low) * own.pixels)
        found.append(
            represent(
                name,
                run.generator,
                targets,
                _made(run.generator, chosen),
                own=own,
                improved=improved([row["start_losses"] for row in chosen]),
                seconds=sum(row["seconds"] for row in chosen),
            )
        )
    return found


def _read(sources: Sources, ids: Collection[str]) -> Images:
    """Those of the images, on [0, 1]; no others are opened, for they may have ended their worker.

    Raises:
      BadInput: they cannot be read any more.
    """
    found = {image_id: pixels for image_id, pixels in sources.again(ids) if not isinstance(pixels, str)}
    if len(found) < len(ids):
        raise BadInput(f"{len(ids) - len(found)} of {len(ids)} images cannot be read any more", "put them back")
    return Images(np.stack(list(found.values())), np.array(list(found)), None)


def _rows(run: Ready, name: str) -> dict[str, dict[str, Any]]:
    """What a run found, by id, without what failed."""
    found = {}
    for row in run.store.read(_COLUMNS).to_pylist():
        if Status[row["status"].upper()].failed:
            logging.warning("%s is left out: %s: %s", row["id"], name, row["message"])
        else:
            found[row["id"]] = row
    return found


def _made(generator: Generator, rows: Sequence[dict[str, Any]]) -> np.ndarray:
    """The images [n, H, W, C] of stored codes."""
    codes = np.array([row["code"] for row in rows], np.float32).reshape(-1, *(generator.space.shape or ()))
    labels = None if generator.condition is None else np.array([row["label"] for row in rows], np.int32)
    parts = [slice(first, first + _LOOKS) for first in range(0, len(rows), _LOOKS)]
    return np.concatenate([generator(codes[part], None if labels is None else labels[part]) for part in parts])


def table(found: Sequence[Represented], seed: int = 0, features: Features | None = None) -> list[dict[str, Any]]:
    """One row for each generator.

    `improved` is the share of images that further starts made better by 1% or more, `feature_distance` the mean of the
    perceptual loss `features`, `floor` that of `Represented`; empty where there is none.
    """
    rows = []
    for each in found:
        low, high = interval(each.error, seed)
        images, made = tf.constant(each.images.pixels), tf.constant(each.reconstructions)
        rows.append(
            {
                "generator": each.name,
                "n": len(each.error),
                "mse": f"{each.error.mean():.6g}",
                "std": f"{each.error.std(ddof=1) if len(each.error) > 1 else 0.0:.6g}",
                "low": f"{low:.6g}",
                "high": f"{high:.6g}",
                "median": f"{np.median(each.error):.6g}",
                "psnr": f"{np.mean(metrics.psnr(made, images)):.4g}",
                "ssim": f"{np.mean(metrics.ssim(made, images)):.4g}",
                "feature_distance": "" if features is None else f"{_apart(features, made, images):.6g}",
                "improved": "" if each.improved is None else round(float(np.mean(each.improved)), 4),
                "floor": "" if each.floor is None else f"{each.floor:.6g}",
                "seconds_per_image": round(each.seconds / len(each.error), 4),
            }
        )
    return rows


def _apart(features: Features, made: tf.Tensor, images: tf.Tensor) -> float:
    """The mean perceptual loss of images [n, H, W, C] in [0, 1]."""
    batches = tf.data.Dataset.from_tensor_slices((made, images)).batch(_LOOKS)
    found = [tf.reduce_mean(tf.square(features.prepare(one) - features.prepare(other)), 1) for one, other in batches]
    return float(tf.reduce_mean(tf.concat(found, 0)))
