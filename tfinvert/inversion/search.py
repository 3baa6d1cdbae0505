"""Where the search for a set of images' codes stands."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import tensorflow as tf

from tfinvert import metrics
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.noise import EXACT, FALSE_ALARM, Given, Noise
from tfinvert.inversion.stages import Stages
from tfinvert.inversion.uncertainty import Known, Uncertainty
from tfinvert.inversion.verdict import Recovered, Verdict
from tfinvert.inversion.watching import Snapshot
from tfinvert.losses import Term
from tfinvert.solvers.status import Status

_CLOSE = 1e-12  # mean squared error that settles an image where there is no float64 to tell more
_CERTAIN = 3e-10  # predicted error of a code, in units of the prior's variance, that needs no float64
_ROUNDING = 0.9  # of float32's rounding, which is the error of an exact code in float64: least squares leave less of it
_DETOURS = 2  # at most, one after the other
_NEARLY = 30  # times the error that noise explains: on the way down from there is a valley, hardly ever another basin
_RETRIES = 2  # more attempts for an image that is matched, but not to the last digit

Watch = Callable[[np.ndarray, np.ndarray], object]  # (codes [B, *shape], passes [B])


class Search:
    """Codes, errors and costs of B images, and which of them are still to be found.

    Args:
      stages: the inverters.
      uncertainty: of the same generator.
      images: [B, H, W, C] float32 in the generator's value range.
      ids: [B].
      labels: int [B] or None.
      noise: see `Recovery`.
      watch: called with the present codes and passes of all images; ends the search where it raises `StopIteration`.
    """

    def __init__(
        self,
        stages: Stages,
        uncertainty: Uncertainty,
        images: np.ndarray,
        ids: np.ndarray,
        labels: Any,
        noise: Given = None,
        watch: Watch | None = None,
    ) -> None:
        self._stages, self._uncertainty, self._watch = stages, uncertainty, watch
        self._generator = generator = stages.generator
        self._images, self._ids, self._labels = images, ids, labels
        self._valid = np.isfinite(images).reshape(len(images), -1).all(axis=1)
        clean = np.where(self._valid.reshape(-1, *[1] * (images.ndim - 1)), images, generator.value_range[0])
        self.unit = np.asarray(generator.to_unit(clean))  # [B, *image_shape] on [0, 1]
        count = len(images)
        self.noise = Noise(noise, self.unit, generator, uncertainty.images)
        self._codes = np.full((count, *(generator.space.shape or ())), generator.space.centre, np.float32)
        self._error = np.full(count, np.inf)
        self._moving, self._settled = np.zeros(count, bool), np.zeros(count, bool)
        self._attempts, self._passes = np.zeros(count, int), np.zeros(count, int)
        self._stopped = False
        self._known: dict[int, Known] = {}  # what the Jacobian at the present code of an image says

    def unsolved(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Which images, of these or of all, want more work: their numbers."""
        enough = (self._error <= EXACT) & (self._attempts > _RETRIES)
        want = np.flatnonzero(self._valid & ~self._settled & ~enough & ~np.array(self._stopped))
        return want if rows is None else rows[np.isin(rows, want)]

    def nearly(self, rows: np.ndarray) -> np.ndarray:
        """Which of these images [n] are all but matched by their present codes: bool [n]."""
        return self._error[rows] < _NEARLY * self.noise.allowed[rows]

    def keep_open(self, rows: np.ndarray) -> None:
        """Counts those of these images that are nearly matched as still moving: their solver may just be stuck."""
        self._moving[rows] |= self.nearly(rows)

    def codes(self, rows: np.ndarray) -> np.ndarray:
        """The present codes [n, *shape] of these images."""
        return self._codes[rows]

    def begin(self, rows: np.ndarray) -> None:
        """Notes that one more attempt is made on these images."""
        self._attempts[rows] += 1

    def nearest(self, loss: Term, rows: np.ndarray, starts: Iterable[np.ndarray]) -> np.ndarray:
        """Of several codes [n, *shape] for each of these images [n] the one of the least loss, for a pass each."""
        bound = loss.bind(tf.constant(self.unit[rows]), self._generator.space)
        codes, least = self._codes[rows], np.full(len(rows), np.inf)
        for each in starts:
            values = bound.values(
                tf.constant(each), tf.constant(self._uncertainty.images(each, self._of(rows)))
            ).numpy()
            codes[values < least] = each[values < least]
            least = np.fmin(values, least)
            self._passes[rows] += 1
        return codes

    def stage(
        self, inverter: Inverter, rows: np.ndarray, starts: np.ndarray, below: np.ndarray | None = None
    ) -> np.ndarray:
        """Lets an inverter work on these images [n] from codes [n, *shape]; returns the codes it came to.

        They are kept where the error is below this [n]; by default, where it is below that of the code so far.
        """
        if self._stopped:
            return starts
        watch = None if self._watch is None else self._shown(rows, self._watch)
        found = inverter(self._images[rows], self._ids[rows], self._of(rows), starts=starts[:, None], watch=watch)
        error = np.asarray(metrics.mse(self._generator.to_unit(found.images), self.unit[rows]))
        better = error < (self._error[rows] if below is None else below)
        self._codes[rows[better]] = found.codes.numpy()[better]
        self._error[rows[better]] = error[better]
        self._moving[rows[better]] = found.status.numpy()[better] == Status.FINISHED
        self._passes[rows] += found.passes.numpy()
        for row in map(int, rows[better]):
            self._known.pop(row, None)
        return found.codes.numpy()

    def conclude(self, rows: np.ndarray) -> None:
        """Settles which of these images are done, after a float64 finish of those that need one."""
        self.noise.learn(rows, self._codes[rows], self._of(rows))
        matched = rows[(self._error <= self.noise.allowed)[rows]]
        noisy = self.noise.level[matched] > 0
        self._settled[matched[noisy]] = True
        self._likeliest(matched[noisy])
        exact = matched[~noisy]
        if not self._stages.expensive:  # where they are, the Jacobian that would tell is better spent on the finish
            variance = self._generator.space.spread**2
            certain = np.array(
                [np.mean(known.deviation**2) < _CERTAIN * variance for known in self._determined(exact)], bool
            )
            self._settled[exact[certain]] = True
            exact = exact[~certain]
        self._finish(exact)

    def result(self) -> Recovered:
        """What is to be said of the images."""
        generator = self._generator
        matched = self._valid & (self._error <= self.noise.allowed) & ~np.array(generator.about.constant)
        verdict = np.where(self._moving, Verdict.OUT_OF_BUDGET, Verdict.NOT_IN_RANGE)
        rank = np.full(len(matched), -1)
        deviation = np.full(self._codes.shape, np.nan, np.float32)
        directions = [np.zeros((0, *(generator.space.shape or ())), np.float32)] * len(matched)
        rows = np.flatnonzero(matched)
        for row, known in zip(rows, self._determined(rows), strict=True):
            rank[row], deviation[row], directions[row] = known
            verdict[row] = Verdict.RECOVERED if known.rank == generator.space.entries else Verdict.NOT_UNIQUE
            if self.noise.level[row] > 0 and not self._probable(int(row)):
                verdict[row] = Verdict.IMPROBABLE
        verdict[~self._valid] = Verdict.INVALID_IMAGE
        if generator.about.constant:
            verdict[:] = Verdict.CONSTANT
        return Recovered(
            self._codes,
            np.asarray(generator.from_unit(self._made())),
            self._error,
            verdict,
            self.noise.level,
            rank,
            deviation,
            tuple(directions),
            self._attempts,
            self._passes,
        )

    def _probable(self, row: int) -> bool:
        """Whether the prior gives codes as far from its centre as this one.

        An image that is simple enough is matched within its noise by codes far out, whoever made it.
        """
        space = self._generator.space
        distance = np.mean((self._codes[row] - space.centre) ** 2) / space.spread**2
        # The quantile of chi-squared over its degrees of freedom (Wilson & Hilferty 1931).
        share = 2 / (9 * space.entries)
        return bool(distance < (1 - share + statistics.NormalDist().inv_cdf(1 - FALSE_ALARM) * share**0.5) ** 3)

    def _of(self, rows: np.ndarray) -> Any:
        return None if self._labels is None else self._labels[rows]

    def _shown(self, rows: np.ndarray, watch: Watch) -> Callable[[Snapshot], None]:
        """What tells `watch` of a stage that works on these images, one batch after the other."""
        codes, passes = self._codes.copy(), self._passes.copy()

        def show(snapshot: Snapshot) -> None:
            batch = rows[snapshot.rows]
            codes[batch] = snapshot.codes
            passes[batch] = self._passes[batch] + snapshot.passes
            try:
                watch(codes.copy(), passes.copy())
            except StopIteration:
                self._stopped = True
                raise

        return show

    def _determined(self, rows: np.ndarray) -> list[Known]:
        """What the Jacobians at the codes of these matched images say."""
        new = np.array([row for row in rows if int(row) not in self._known], int)
        if len(new):
            noise = np.maximum(self.noise.level[new], np.sqrt(self._error[new]))
            labels = self._of(new)
            errors = [
                self.noise.errors(row, self._codes[row], None if labels is None else labels[place])
                for place, row in enumerate(new)
            ]
            found = self._uncertainty(self._codes[new], labels, noise, errors, self.unit[new])
            self._known |= dict(zip(map(int, new), found, strict=True))
            self._passes[new] += self._generator.space.entries + 1
        return [self._known[int(row)] for row in rows]

    def _likeliest(self, rows: np.ndarray) -> None:
        """Brings the codes of these matched images to the most probable ones nearby that match them too."""
        if not len(rows):
            return
        inverter = self._stages.likeliest(float(np.median(self.noise.level[rows])))
        starts = self._generator.space.supported(tf.constant(self._codes[rows])).numpy()
        self.stage(inverter, rows, starts, self.noise.allowed[rows])

    def _finish(self, rows: np.ndarray) -> None:
        finisher = self._stages.finish() if len(rows) else None
        if finisher is None:
            self._settled[rows] = self._error[rows] <= _CLOSE
            return
        left = self._finished(finisher, rows, self._codes[rows])
        for _ in range(_DETOURS):
            if len(left):
                left = self._finished(finisher, left, self.stage(self._stages.detour(), left, self._codes[left]))

    def _finished(self, finisher: Inverter, rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Settles which of these images are exact after this inverter; returns the others' numbers."""
        codes = self.stage(finisher, rows, starts)
        precise = np.asarray(finisher.generator.to_unit(finisher.generator(codes, self._of(rows))))
        apart = precise - self._uncertainty.images(codes, self._of(rows))
        rounding = np.mean(apart**2, axis=tuple(range(1, apart.ndim)))
        error = np.asarray(metrics.mse(precise, self.unit[rows].astype(precise.dtype)))
        self._settled[rows] = error <= _ROUNDING * rounding
        return rows[~self._settled[rows]]

    def _made(self) -> np.ndarray:
        return self._uncertainty.images(self._codes, self._labels)
