"""Are a generator's images still known when they come as picture files, and are other pictures told from them?"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from absl import logging
from PIL import Image

from tfinvert import images
from tfinvert.errors import BadInput
from tfinvert.experiments import recovery
from tfinvert.experiments.recovery import brief
from tfinvert.experiments.searching import distance
from tfinvert.generators import Generator
from tfinvert.images.decode import decode_file
from tfinvert.images.fit import fit
from tfinvert.images.like import is_series, words
from tfinvert.inversion.recover import Recovery
from tfinvert.inversion.verdict import Recovered, Verdict
from tfinvert.settings import DEFAULT_LIMITS, Limits

QUALITY = 95  # of JPEG
CHANGED = 0.05  # share of the pixels that are replaced
_CANVAS = 4  # crops are cut from photographs read at so many times the generator's height and width

Noise = Callable[[np.ndarray], np.ndarray]  # what `Recovery` takes for files that are not only rounded


class Pictures(NamedTuple):
    """A set of n pictures, as files hold them."""

    name: str
    images: np.ndarray  # [n, H, W, C] in [0, 1], multiples of 1/255
    codes: np.ndarray | None = None  # [n, *shape] that the generator made them from; None where it did not
    noise: Noise | None = None


class Judged(NamedTuple):
    """What `Recovery` says of a set of n pictures."""

    name: str
    codes: np.ndarray | None  # as in `Pictures`
    found: Recovered
    seconds: float  # for all of them

    @property
    def said_own(self) -> np.ndarray:
        """[n] bool: said to be made by the generator."""
        return np.isin(self.found.verdict, (Verdict.RECOVERED, Verdict.NOT_UNIQUE))

    @property
    def real(self) -> np.ndarray:
        """[n]: code error ||z - z'||^2 / d; NaN where there is no code to be found."""
        unknown = np.full(len(self.found.verdict), np.nan)
        return unknown if self.codes is None else distance(self.found.codes, self.codes)

    @property
    def predicted(self) -> np.ndarray:
        """[n]: what the standard errors make one expect of `real`, their mean square; NaN where not matched."""
        return distance(self.found.deviation, np.zeros_like(self.found.deviation))

    @property
    def scores(self) -> np.ndarray:
        """[said_own, *shape]: the codes' errors in units of their standard errors."""
        if self.codes is None:
            return np.zeros((0, *self.found.codes.shape[1:]))
        return ((self.found.codes - self.codes) / self.found.deviation)[self.said_own]


def png(pixels: np.ndarray) -> np.ndarray:
    """Images [B, H, W, C] in [0, 1] as they come back from PNG files of 8 bits."""
    return _through(pixels, "PNG")


def jpeg(pixels: np.ndarray) -> np.ndarray:
    """Images [B, H, W, C] in [0, 1] as they come back from JPEG files of quality 95, colour at half resolution."""
    return _through(pixels, "JPEG", quality=QUALITY, subsampling="4:2:0")


def changed(pixels: np.ndarray, seed: int = 0, share: float = CHANGED) -> np.ndarray:
    """Images [B, H, W, C] of 8 bits with `share` of the pixels, at least one, replaced by uniform random values."""
    random = np.random.default_rng([seed, 2])
    _, height, width, channels = pixels.shape
    count = max(1, round(share * height * width))
    flat = pixels.reshape(len(pixels), -1, channels).copy()
    for image in flat:
        places = random.choice(height * width, count, replace=False)
        image[places] = random.integers(256, size=(count, channels)) / 255
    return flat.reshape(pixels.shape)


def crops(
    source: Any, shape: tuple[int, ...], count: int, seed: int = 0, limits: Limits = DEFAULT_LIMITS
) -> np.ndarray:
    """Photographs [count, H, W, C] in [0, 1]: each as a whole, then random crops of all of them.

    Args:
      source: see `tfinvert.images.sources.open_source`.
      shape: (H, W, C).
      count: how many.
      seed: fixes the crops.
      limits: what one file may take.

    Raises:
      BadInput: no source, or not one image in it could be read.
    """
    height, width, channels = shape
    whole = images.load(source, _Like(shape), limit=count, limits=limits).pixels
    if len(whole) == count:
        return whole
    tall, wide = _CANVAS * height, _CANVAS * width
    large = images.load(source, _Like((tall, wide, channels)), limit=count, limits=limits).pixels
    random = np.random.default_rng([seed, 3])
    parts = []
    for number in range(count - len(whole)):
        size = random.uniform(1 / _CANVAS, 1)
        high, broad = round(size * tall), round(size * wide)
        top, left = random.integers(tall - high + 1), random.integers(wide - broad + 1)
        parts.append(fit(large[number % len(large), top : top + high, left : left + broad], shape)[0])
    return np.concatenate([whole, np.stack(parts)])


def strangers(other: Generator, shape: tuple[int, ...], count: int, seed: int = 0) -> np.ndarray:
    """Images [count, H, W, C] in [0, 1] of another generator, its classes taking turns, brought to this shape."""
    labels = None if other.condition is None else other.condition.turns(np.arange(count)).numpy()
    made = recovery.draw(other, count, labels, seed).images
    fitted = [fit(image, shape) for image in np.clip(made, 0, 1)]
    if fitted[0][1]:
        logging.info("%s: %s", other.name, fitted[0][1])
    return np.stack([image for image, _ in fitted])


def run(
    generator: Generator,
    *,
    samples: int = 100,
    photos: Any = None,
    other: Generator | None = None,
    attempts: int = 6,
    labels: Any = None,
    seed: int = 0,
    show: Callable[[Judged], None] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> list[Judged]:
    """Makes sets of pictures, of this generator and of others, and lets `Recovery` judge each of them.

    Args:
      generator: whose prior the codes are drawn from.
      samples: pictures in each set.
      photos: photographs, see `crops`; default none.
      other: another generator; default none.
      attempts: as of `Recovery`; what the generator did not make takes all of them.
      labels: one class for all, where the generator is class-conditional.
      seed: fixes codes, starts, changed pixels and crops.
      show: called with each set as it is judged.
      limits: what a photograph's file may take.

    Raises:
      BadInput: a number is out of range, the labels do not fit, `other` is the same generator, there are no photos, or
        files of pictures have no such channels.
    """
    if samples < 1:
        raise BadInput(f"samples={samples}", "expected at least 1")
    if is_series(generator.image_shape) or generator.image_shape[-1] not in (1, 3):
        raise BadInput(
            f"{generator.name}, a generator of {words(generator.image_shape)}",
            "expected one of pictures of 1 or 3 channels, which PNG and JPEG files have",
        )
    if other is not None and other.about.fingerprint and other.about.fingerprint == generator.about.fingerprint:
        raise BadInput(f"{other.name} as the other generator", "it is the same file; expected another")
    kinds: tuple[Noise | None, ...] = (None, jpeg)
    recoveries = {noise: Recovery(generator, noise=noise, attempts=attempts, seed=seed) for noise in kinds}
    shape = generator.image_shape
    drawn = recovery.draw(generator, samples, labels, seed)
    sets = [Pictures("png", png(drawn.images), drawn.codes), Pictures("jpeg", jpeg(drawn.images), drawn.codes, jpeg)]
    sets.append(Pictures("changed", changed(sets[0].images, seed)))
    if photos is not None:
        sets.append(Pictures("photos", png(crops(photos, shape, samples, seed, limits))))
    if other is not None:
        sets.append(Pictures("other", png(strangers(other, shape, samples, seed))))
    done = []
    for each in sets:
        began = time.perf_counter()
        given = np.asarray(generator.from_unit(each.images))
        found = recoveries[each.noise](given, drawn.ids, drawn.labels)
        done.append(Judged(each.name, each.codes, found, time.perf_counter() - began))
        if show is not None:
            show(done[-1])
    return done


def table(sets: list[Judged]) -> list[dict[str, Any]]:
    """One row for each set.

    `said_own` is the share of true positives where `own` is yes, and of false positives where it is no.
    `error_to_noise` is the median of the images' errors in units of the noise's variance; matched are those up to a
    few percent above 1. `code_error` and `predicted_error` are the medians of ||z - z'||^2 / d of all codes, and of
    what the standard errors of the matched ones make one expect of it. `calibration` is the root mean square of the
    matched codes' errors in units of their standard errors, 1 if these are right; `within_1` and `within_2` are then
    0.68 and 0.95. In `seconds_per_image`, png and jpeg bear the regression's samples and the building of graphs.
    """
    rows = []
    for each in sets:
        found, count, scores = each.found, len(each.found.verdict), np.abs(each.scores)
        row: dict[str, Any] = {"set": each.name, "own": "no" if each.codes is None else "yes", "images": count}
        row["said_own"] = round(float(np.mean(each.said_own)), 4)
        row |= {verdict.name.lower(): int(np.sum(found.verdict == verdict)) for verdict in Verdict}
        row |= {
            "error_to_noise": brief(np.median, found.error / found.noise**2),
            "code_error": brief(np.median, each.real),
            "predicted_error": brief(np.median, each.predicted),
            "calibration": brief(np.mean, scores**2, 0.5),
            "within_1": brief(np.mean, scores < 1),
            "within_2": brief(np.mean, scores < 2),
            "attempts_per_image": round(float(np.mean(found.attempts)), 2),
            "seconds_per_image": round(each.seconds / count, 4),
        }
        rows.append(row)
    return rows


class _Like(NamedTuple):
    """What `images.load` brings photographs to."""

    image_shape: tuple[int, ...]
    value_range: tuple[float, float] = (0.0, 1.0)


def _through(pixels: np.ndarray, kind: str, **options: Any) -> np.ndarray:
    read = []
    for levels in np.round(255 * np.clip(pixels, 0, 1)).astype(np.uint8):
        file = io.BytesIO()
        Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels).save(file, kind, **options)
        file.seek(0)
        read.append(decode_file(file))
    return np.stack(read)
