"""Is z found again from G(z)? Methods side by side, on the same codes and the same starts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics, seeds
from tfinvert.engines import Lost
from tfinvert.errors import BadInput
from tfinvert.experiments.methods import DISABLED, Method
from tfinvert.experiments.searching import Answer, Sample, Trial, distance, search
from tfinvert.generators import Generator
from tfinvert.inversion.uncertainty import Uncertainty
from tfinvert.settings import Job

THRESHOLDS = tuple(10.0**-power for power in range(1, 9))
LIPTON_VARIANCES = (1e-3, 5e-3, 1e-2, 5e-2, 1e-1, 5e-1, 1.0)  # of the noise, on [-1, 1]


class Samples(NamedTuple):
    """n codes that were drawn from a generator's prior, and their images."""

    ids: np.ndarray  # [n] strings
    codes: np.ndarray  # [n, *shape]
    labels: np.ndarray | None  # [n] int
    images: np.ndarray  # [n, H, W, C] on [0, 1]


class Outcome(NamedTuple):
    """How one method did on n codes; of samples that were lost, numbers are NaN."""

    method: str
    errors: np.ndarray  # [n]: ||z - z'||^2 / d
    image_errors: np.ndarray  # [n]: mean squared error to the given image, on [0, 1]
    open: np.ndarray  # [n] bool: matched to EXACT, another code, and the image leaves directions of the code open
    passes: np.ndarray  # [n] generator passes
    seconds: float  # for all codes, of all workers together
    peak: float  # MiB that the process grew to, or the largest of several
    trace: list[tuple[np.ndarray, np.ndarray]]  # for each code: passes and errors as it went on
    lost: int = 0  # samples that ended their worker again and again


def draw(generator: Generator, count: int, labels: Any = None, seed: int = 0) -> Samples:
    """Codes from the prior, other ones than the starts with the same seed; `labels`: one for all, or int [count]."""
    ids = np.array([f"sample {number}" for number in range(count)])
    codes = generator.space.sample(seeds.of(seed + 1, tf.constant(ids))).numpy()  # + 1: not the starts' seed
    labels = None if labels is None else np.full(count, labels)
    if generator.condition is not None:
        generator.condition.check(labels)  # where their values are known; in a graph they are not
    return Samples(ids, codes, labels, Uncertainty(generator).images(codes, labels))


def run(
    generator: Generator,
    methods: Sequence[Method],
    *,
    samples: int = 100,
    budget: int = 2000,
    noise: float = 0.0,
    labels: Any = None,
    seed: int = 0,
    show: Callable[[Outcome], None] | None = None,
    job: Job | None = None,
    batch_size: int | None = None,
) -> list[Outcome]:
    """Draws codes, makes their images, and lets each method find the codes.

    Args:
      generator: whose prior the codes are drawn from.
      methods: see `tfinvert.experiments.methods`.
      samples: how many codes.
      budget: steps of the gradient methods.
      noise: standard deviation of Gaussian noise added to the images, on [0, 1]; these are clipped to the
        range, series are not.
      labels: one class for all, where the generator is class-conditional.
      seed: fixes codes, starts and noise.
      show: called with each outcome as it comes, in the order of the methods.
      job: see `searching.search`.
      batch_size: see `searching.search`.

    Raises:
      BadInput: a number is out of range, a method does not take this generator, or as of `searching.search`.
    """
    how = {"samples": samples, "budget": budget, "labels": labels, "seed": seed, "job": job, "batch_size": batch_size}
    outcomes = []
    for _, outcome in noisy(generator, methods, [noise], **how):
        outcomes.append(outcome)
        if show is not None:
            show(outcome)
    return outcomes


def noisy(
    generator: Generator,
    methods: Sequence[Method],
    noises: Sequence[float],
    *,
    samples: int = 100,
    budget: int = 2000,
    labels: Any = None,
    seed: int = 0,
    job: Job | None = None,
    batch_size: int | None = None,
) -> Iterator[tuple[float, Outcome]]:
    """The same for the same codes and several amounts of noise: each amount with each outcome, as they come."""
    if samples < 1 or budget < 1:
        raise BadInput(f"samples={samples}, budget={budget}", "expected at least 1 each")
    drawn = draw(generator, samples, labels, seed)
    given = {noise: _samples(generator, drawn, noise, seed) for noise in noises}
    pairs = list(itertools.product(noises, methods))
    trials = [Trial(method, given[noise], budget, seed, noise or None) for noise, method in pairs]
    for (noise, method), found in zip(pairs, search(generator, trials, job, batch_size), strict=True):
        yield noise, _outcome(method.name, found)


def _samples(generator: Generator, drawn: Samples, noise: float, seed: int) -> list[Sample]:
    """What methods are given, with this noise."""
    images = drawn.images
    if noise:
        added = np.random.default_rng([seed, 1]).normal(0, noise, images.shape).astype(np.float32)
        images = metrics.inside(images + added)
    return _asked(drawn.ids, np.asarray(generator.from_unit(images)), drawn.labels, drawn.codes)


def _asked(ids: Sequence[str] | np.ndarray, images: np.ndarray, labels: Any, codes: Any = None) -> list[Sample]:
    none = [None] * len(images)
    columns = (none if column is None else column for column in (labels, codes))
    return [Sample(str(name), *about) for name, *about in zip(ids, images, *columns, strict=True)]


def _outcome(method: str, found: Sequence[Answer | Lost]) -> Outcome:
    answers = [each for each in found if not isinstance(each, Lost)]

    def column(name: str) -> np.ndarray:
        return np.array([np.nan if isinstance(each, Lost) else getattr(each, name) for each in found])

    return Outcome(
        method,
        column("error"),
        column("image_error"),
        np.array([not isinstance(each, Lost) and each.open for each in found], bool),
        column("passes"),
        sum(each.seconds for each in answers),
        max((each.peak for each in answers), default=0.0),
        [(np.empty(0), np.empty(0)) if isinstance(each, Lost) else each.trace for each in found],
        len(found) - len(answers),
    )


def table(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row for each method; wins against `disabled`, in percent, as Egan et al. define them (section 4.2.2).

    Samples that were lost count as failures in all shares; means and medians are of the others.
    """
    base = next((outcome for outcome in outcomes if outcome.method == DISABLED), None)
    rows = []
    for outcome in outcomes:
        errors, count = outcome.errors, len(outcome.errors)
        known = np.isfinite(outcome.passes)
        row: dict[str, Any] = {"method": outcome.method, "samples": count, "lost": outcome.lost}
        row |= {
            f"success_{bound:.0e}".replace("e-0", "e-"): round(float(np.mean(errors < bound)), 4)
            for bound in THRESHOLDS
        }
        row |= {
            "not_unique": round(float(np.mean(outcome.open)), 4),
            "mean": brief(np.mean, errors),
            "median": brief(np.median, errors),
            "wins": "",
            "significant_wins": "",
        }
        if base is not None and outcome is not base:
            ahead, behind = 2 * errors < base.errors, errors > 2 * base.errors
            differ = int(np.sum(ahead | behind))
            row["wins"] = round(100 * float(np.mean(errors < base.errors)), 2)
            row["significant_wins"] = round(100 * int(ahead.sum()) / differ, 2) if differ else ""
        row |= {
            "image_error_median": brief(np.median, outcome.image_errors),
            "passes_per_code": round(float(np.mean(outcome.passes[known])), 1) if known.any() else "",
            "seconds_per_code": round(outcome.seconds / count, 4),
            "peak_memory": round(outcome.peak),
        }
        rows.append(row)
    return rows


def unique(
    generator: Generator,
    methods: Sequence[Method],
    images: np.ndarray,
    *,
    encodings: int = 5,
    budget: int = 2000,
    labels: Any = None,
    seed: int = 0,
    job: Job | None = None,
    batch_size: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Mean distance ||z - z'||^2 / d between encodings of the same unseen image from different starts.

    Args:
      generator: that is inverted.
      methods: see `tfinvert.experiments.methods`.
      images: [B, H, W, C] in the generator's value range.
      encodings: of each image; at least 2.
      budget: steps of the gradient methods.
      labels: int [B], where the generator is class-conditional.
      seed: fixes the starts.
      job: see `searching.search`.
      batch_size: see `searching.search`.

    Returns:
      One row for each method, as they come: that distance, the same between random codes (Lipton & Tripathi's
      baseline), and the images' error. Images that were lost in one encoding are left out, and counted.
    """
    if encodings < 2:
        raise BadInput(f"encodings={encodings}", "expected at least 2: distances are between pairs")
    ids = [f"unseen {number}" for number in range(len(images))]
    samples = _asked(ids, np.asarray(images), labels)
    trials = [Trial(method, samples, budget, seed + k) for method in methods for k in range(encodings)]
    answers = search(generator, trials, job, batch_size)
    random = [generator.space.sample(seeds.of(seed + k, tf.constant(ids))).numpy() for k in range(encodings)]
    baseline = f"{np.mean(_apart(random)):.4g}"
    for method in methods:
        yield {"method": method.name, **_of_encodings(list(itertools.islice(answers, encodings)), baseline)}


def _of_encodings(found: Sequence[Sequence[Answer | Lost]], baseline: str) -> dict[str, Any]:
    """What `unique` says of several encodings of the same images, beside the distance of random codes."""
    of_images = list(zip(*found, strict=True))
    kept = [each for each in of_images if not any(isinstance(one, Lost) for one in each)]
    apart = _apart([np.stack([one.code for one in same]) for same in zip(*kept, strict=True)])
    return {
        "images": len(of_images),
        "lost": len(of_images) - len(kept),
        "encodings": len(found),
        "distance": brief(np.mean, apart),
        "median_distance": brief(np.median, apart),
        "random_codes": baseline,
        "image_error": brief(np.mean, np.array([each[0].image_error for each in kept])),
    }


def _apart(codes: Sequence[np.ndarray]) -> np.ndarray:
    """The mean distance between pairs of several codes for each image: [B], of arrays [B, *shape]."""
    return np.array(
        np.mean([distance(one, other) for one, other in itertools.combinations(codes, 2)], axis=0) if codes else []
    )


def brief(statistic: Callable[[np.ndarray], Any], values: np.ndarray, power: float = 1) -> str:
    """A statistic of what is known of the values, in four digits; "" of nothing."""
    known = values[np.isfinite(values)]
    return f"{statistic(known) ** power:.4g}" if known.size else ""
