"""Is z found again from G(z)? Methods side by side, on the same codes and the same starts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfinvert import metrics, seeds
from tfinvert.errors import BadInput
from tfinvert.experiments.memory import Peak
from tfinvert.experiments.methods import DISABLED, Method
from tfinvert.generators import Generator
from tfinvert.inversion.noise import EXACT
from tfinvert.inversion.uncertainty import Uncertainty

THRESHOLDS = tuple(10.0**-power for power in range(1, 9))
LIPTON_VARIANCES = (1e-3, 5e-3, 1e-2, 5e-2, 1e-1, 5e-1, 1.0)  # of the noise, on [-1, 1]


class Samples(NamedTuple):
    """n codes that were drawn from a generator's prior, and their images."""

    ids: np.ndarray  # [n] strings
    codes: np.ndarray  # [n, *shape]
    labels: np.ndarray | None  # [n] int
    images: np.ndarray  # [n, H, W, C] on [0, 1]


class Outcome(NamedTuple):
    """How one method did on n codes."""

    method: str
    errors: np.ndarray  # [n]: ||z - z'||^2 / d
    image_errors: np.ndarray  # [n]: mean squared error to the given image, on [0, 1]
    open: np.ndarray  # [n] bool: matched to EXACT, another code, and the image leaves directions of the code open
    passes: np.ndarray  # [n] generator passes
    seconds: float  # for all codes
    peak: float  # MiB that the process grew to
    trace: list[tuple[np.ndarray, np.ndarray]]  # for each code: passes and errors as it went on


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
      show: called with each outcome as it comes.

    Raises:
      BadInput: a number is out of range, or a method does not take this generator.
    """
    if samples < 1 or budget < 1:
        raise BadInput(f"samples={samples}, budget={budget}", "expected at least 1 each")
    ids, truth, labels, exact = draw(generator, samples, labels, seed)
    uncertainty = Uncertainty(generator)
    images = exact
    if noise:
        drawn = np.random.default_rng([seed, 1]).normal(0, noise, exact.shape).astype(np.float32)
        images = metrics.inside(exact + drawn)
    outcomes = []
    for method in methods:
        points: list[list[tuple[float, float]]] = [[] for _ in range(samples)]

        def watch(rows: np.ndarray, codes: np.ndarray, passes: np.ndarray, points=points) -> None:
            for row, error, cost in zip(rows, distance(codes, truth[rows]), passes, strict=True):
                points[row].append((float(cost), float(error)))

        began = time.perf_counter()
        with Peak() as peak:
            found = method(
                generator,
                np.asarray(generator.from_unit(images)),
                ids,
                budget=budget,
                seed=seed,
                labels=labels,
                noise=noise or None,
                watch=watch,
            )
        seconds = time.perf_counter() - began
        errors = distance(found.codes, truth)
        image_errors = distance(uncertainty.images(found.codes, labels), images)
        unclear = np.zeros(samples, bool)
        rows = np.flatnonzero((image_errors < EXACT) & (errors > 1e-6))
        known = uncertainty(found.codes[rows], None if labels is None else labels[rows], np.sqrt(image_errors[rows]))
        unclear[rows] = [each.rank < generator.space.entries for each in known]
        for row in range(samples):  # the end, which some methods reach without a snapshot
            points[row].append((float(found.passes[row]), float(errors[row])))
        trace = [(np.array([p for p, _ in line]), np.array([e for _, e in line])) for line in points]
        outcomes.append(
            Outcome(method.name, errors, image_errors, unclear, found.passes, seconds, peak.mebibytes, trace)
        )
        if show is not None:
            show(outcomes[-1])
    return outcomes


def table(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """One row for each method; wins against `disabled`, in percent, as Egan et al. define them (section 4.2.2)."""
    base = next((outcome for outcome in outcomes if outcome.method == DISABLED), None)
    rows = []
    for outcome in outcomes:
        errors, count = outcome.errors, len(outcome.errors)
        row: dict[str, Any] = {"method": outcome.method, "samples": count}
        row |= {
            f"success_{bound:.0e}".replace("e-0", "e-"): round(float(np.mean(errors < bound)), 4)
            for bound in THRESHOLDS
        }
        row |= {
            "not_unique": round(float(np.mean(outcome.open)), 4),
            "mean": f"{errors.mean():.4g}",
            "median": f"{np.median(errors):.4g}",
            "wins": "",
            "significant_wins": "",
        }
        if base is not None and outcome is not base:
            ahead, behind = 2 * errors < base.errors, errors > 2 * base.errors
            differ = int(np.sum(ahead | behind))
            row["wins"] = round(100 * float(np.mean(errors < base.errors)), 2)
            row["significant_wins"] = round(100 * int(ahead.sum()) / differ, 2) if differ else ""
        row |= {
            "image_error_median": f"{np.median(outcome.image_errors):.4g}",
            "passes_per_code": round(float(np.mean(outcome.passes)), 1),
            "seconds_per_code": round(outcome.seconds / count, 4),
            "peak_memory": round(outcome.peak),
        }
        rows.append(row)
    return rows


def pairwise(
    generator: Generator,
    method: Method,
    images: np.ndarray,
    *,
    encodings: int = 5,
    budget: int = 2000,
    labels: Any = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Mean distance ||z - z'||^2 / d between encodings of the same unseen image from different starts.

    Args:
      images: [B, H, W, C] in the generator's value range.
      encodings: of each image; at least 2.

    Returns:
      One row: that distance, the same between random codes (Lipton & Tripathi's baseline), and the images' error.
    """
    if encodings < 2:
        raise BadInput(f"encodings={encodings}", "expected at least 2: distances are between pairs")
    ids = np.array([f"unseen {number}" for number in range(len(images))])
    found = [method(generator, images, ids, budget=budget, seed=seed + k, labels=labels) for k in range(encodings)]
    codes = [each.codes for each in found]
    pairs = [(i, j) for i in range(encodings) for j in range(i)]
    apart = np.mean([distance(codes[i], codes[j]) for i, j in pairs], axis=0)
    random = [generator.space.sample(seeds.of(seed + k, tf.constant(ids))).numpy() for k in range(encodings)]
    made = Uncertainty(generator).images(codes[0], labels)
    return {
        "method": method.name,
        "images": len(images),
        "encodings": encodings,
        "distance": f"{apart.mean():.4g}",
        "median_distance": f"{np.median(apart):.4g}",
        "random_codes": f"{np.mean([distance(random[i], random[j]) for i, j in pairs]):.4g}",
        "image_error": f"{np.mean((made - np.asarray(generator.to_unit(images))) ** 2):.4g}",
    }


def distance(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """||z - z'||^2 / d [B] between codes [B, *shape], or between images."""
    return np.mean((codes - others).reshape(len(codes), -1).astype(np.float64) ** 2, axis=1)
