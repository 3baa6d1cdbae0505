"""Images that no code gives: first the nearest code, then a little beyond what codes reach.

Behind its first dense layer a generator makes images that no code leads to, photographs among them. So the code z* is
found as by any `Inverter`; then the layer's values h = G1(z*) + delta move, with delta kept sparse, while the code and
the class are held for whatever else takes them (Pividori et al., "Exploiting GAN Internal Capacity for High-Quality
Reconstruction of Natural Images", section 3). With several cuts this is repeated at deeper ones, each from what the one
before found (Daras et al., "Intermediate Layer Optimization for Inverse Problems using Deep Generative Models").
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tfinvert import metrics
from tfinvert.errors import BadInput
from tfinvert.generators.derived.split import Split, split
from tfinvert.generators.generator import Generator
from tfinvert.generators.held import Held
from tfinvert.inversion.behind import Behind, in_blocks
from tfinvert.inversion.given import given
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.result import Inversion
from tfinvert.inversion.watching import Watch, Watcher
from tfinvert.losses import Term, loss_of
from tfinvert.settings import LossSettings, SecondStep
from tfinvert.solvers.solver import Solver
from tfinvert.solvers.status import Status


class TwoStepInversion(NamedTuple):
    """Codes and reconstructions of B images; the first six are those of `Inversion`, after all steps."""

    codes: tf.Tensor  # z*, [B, *shape]
    images: tf.Tensor  # [B, H, W, C], in the generator's value range
    loss: tf.Tensor  # [B], of the last step
    status: tf.Tensor  # [B] int32, of the last step where the first has not failed
    steps: tf.Tensor  # [B] int32, of all
    passes: tf.Tensor  # [B] int32, of all
    delta: tf.Tensor  # [B, n]: what is added to the values that z* gives at the (last) cut
    delta_zeros: tf.Tensor  # [B]: the share of the last step's own delta that is exactly zero
    hidden: tf.Tensor  # [B, n]: the values h* = G1(z*) + delta at the (last) cut
    images_latent: tf.Tensor  # [B, H, W, C]: the reconstructions from the codes alone
    mse_latent: tf.Tensor  # [B]: their mean squared error on [0, 1]


class TwoStep:
    """Inverts images at the code and then behind a cut: `TwoStep(Inverter(generator))(images) -> TwoStepInversion`.

    Args:
      first: what finds codes; the generator's tail must be differentiable in the values at the cut. The paper's loss is
        `Pixel() + Features() + 0.1 * LogPrior()`.
      at: where to cut, see `tfinvert.split`; several cuts, from the code to the image, each of which starts from what
        the one before found; or `SecondStep`, which says how sparse and how long, too.
      loss: of the second step, without terms of the code; default: that of the first.
      solver: of the second step, in place of the one that `SecondStep` names: L-BFGS by default, with a guess of the
        curvature behind the cut.

    Kinks of the tail and that of mean(|delta|) at zero are smoothed by 0.5, then by 0.05 and then not at all: an
    entry behind which a ReLU is off would get no gradient, and stay. `SecondStep("first_dense", smoothing=[0])`
    leaves that out.

    The weight of mean(|delta|) is 10 in the paper. By default it is 1e-3 over the standard deviation of the values at
    the cut, which differs by orders of magnitude from generator to generator. Behind a deeper cut, the charge is for
    the distance from what the cut before gives there, so that each search stays near the one before.

    Raises:
      BadInput: the generator cannot be cut there, or a cut does not come behind the one before.
    """

    def __init__(
        self,
        first: Inverter,
        at: SecondStep | Sequence[str] | str = "first_dense",
        *,
        loss: Term | LossSettings | str | None = None,
        solver: Solver | None = None,
    ) -> None:
        if not isinstance(first, Inverter):
            raise BadInput(
                f"a first step of type {type(first).__name__}", "expected an Inverter, TwoStep(Inverter(generator))"
            )
        if first.generator.dtype != tf.float32:
            raise BadInput(f"two steps of {first.generator.name} in {first.generator.dtype.name}", "expected float32")
        how = at if isinstance(at, SecondStep) else SecondStep(at)
        seen = (first.loss if loss is None else loss_of(loss)).of_images()
        if seen is None:
            raise BadInput("a second step whose loss sees no image", "expected a term such as Pixel()")
        self.generator, self.batch_size, self.restarts = first.generator, first.batch_size, first.restarts
        self.first, self.loss, self._how, self._solver = first, seen, how, solver
        parts = [split(first.generator, each) for each in how.at]
        self._between = [
            _between(before, behind, *names)
            for (before, behind), names in zip(itertools.pairwise(parts), itertools.pairwise(how.at), strict=True)
        ]
        self.behind = tuple(Behind(each, first, how, seen, solver) for each in parts)

    def __reduce__(self) -> tuple:
        """For pickles, as of `Inverter`."""
        return functools.partial(TwoStep, loss=self.loss, solver=self._solver), (self.first, self._how)

    @property
    def parts(self) -> Split:
        """The generator before and behind the (last) cut."""
        return self.behind[-1].parts

    def __call__(
        self,
        images: Any,
        ids: Any = None,
        labels: Any = None,
        *,
        held: Mapping[str, Any] | None = None,
        codes: Any = None,
        watch: Watch | None = None,
    ) -> TwoStepInversion:
        """Inverts images.

        Args:
          images: [B, H, W, C] in the generator's value range, or `Images`, which bring ids and labels along.
          ids: strings or integers [B] that seed each image's starts; default 0 to B - 1.
          labels: int [B] or one int for all, where the generator is class-conditional.
          held: as of `Inverter`.
          codes: z* [B, *shape], where they are known; the first step is left out then.
          watch: as of `Inverter`; the codes that it sees are those of the step at hand.

        Raises:
          BadInput: as of `Inverter`, or the codes have another shape.
        """
        images, ids, labels = given(self.generator, images, ids, labels)
        images = tf.cast(images, tf.float32)
        before = self.first.solver.steps if codes is None else 0
        watcher = Watcher(self._share(watch, 0, before))
        found = (
            self.first(images, ids, labels, held=held, watch=watcher)
            if codes is None
            else self._known(images, codes, labels, held)
        )
        by_codes = [behind.before(found.codes, labels, held) for behind in self.behind]
        hidden, better = by_codes[0][0], []
        for number, (behind, (_, beside)) in enumerate(zip(self.behind, by_codes, strict=True)):
            if number:
                hidden = self._deeper(number, hidden, by_codes[number - 1][1])
            watcher = Watcher(self._share(watch, number + 1, before), watcher.stopped)
            better.append(behind(images, ids, hidden, beside, watcher))
            hidden += better[-1].codes
        delta = better[0].codes if len(better) == 1 else hidden - by_codes[-1][0]
        return self._result(images, found, better, hidden, delta)

    def _deeper(self, number: int, hidden: tf.Tensor, beside: Held) -> tf.Tensor:
        """What values at the cut before give at this one."""
        between = self._between[number - 1]
        found = in_blocks(lambda values, beside: between(values, *beside), self.first.block, hidden, beside)
        return tf.cast(found, hidden.dtype)

    def _known(self, images: tf.Tensor, codes: Any, labels: Any, held: Mapping[str, Any] | None) -> Inversion:
        """What a first step would have found, by codes that are given."""
        codes, beside = self.generator.check(codes, labels, held)
        if not codes.shape[:1].is_compatible_with(images.shape[:1]):
            raise BadInput(f"{codes.shape[0]} codes for {images.shape[0]} images", "expected one for each")
        made = in_blocks(lambda codes, beside: self.generator(codes, *beside), self.first.block, codes, beside)
        none = tf.zeros(tf.shape(codes)[:1], tf.int32)
        error = metrics.mse(self.generator.to_unit(made), self.generator.to_unit(images))
        return Inversion(codes, made, error, none + int(Status.FINISHED), none, none, error[:, None])

    def _share(self, watch: Watch | None, part: int, before: int) -> Watch | None:
        """What tells `watch` of one part of the work: part 0 is the first step, of `before` steps, 0 if left out."""
        if watch is None:
            return None
        parts, done = len(self.behind) + bool(before), part - (not before)
        steps = (before if part else 0) + sum(each.steps for each in self.behind[: max(part - 1, 0)])
        return lambda seen: watch(seen._replace(share=(done + seen.share) / parts, steps=steps + seen.steps))

    def _result(
        self, images: tf.Tensor, found: Inversion, better: list[Inversion], hidden: tf.Tensor, delta: tf.Tensor
    ) -> TwoStepInversion:
        last = better[-1]
        flat = tf.reshape(last.codes, [-1, self.parts.tail.space.entries])
        return TwoStepInversion(
            found.codes,
            last.images,
            last.loss,
            tf.where(found.status >= int(Status.DIVERGED), found.status, last.status),
            found.steps + sum(each.steps for each in better),
            found.passes + sum(each.passes for each in better),
            delta,
            tf.reduce_mean(tf.cast(flat == 0, tf.float32), axis=1),
            hidden,
            found.images,
            metrics.mse(self.generator.to_unit(found.images), self.generator.to_unit(images)),
        )


def _between(before: Split, behind: Split, name: str, next_name: str) -> Generator:
    """From values at one cut to those at the next.

    Raises:
      BadInput: the next does not come behind the first, or what is found at the first also goes round the next.
    """
    shape = behind.tail.space.shape or ()
    found = None if before.head.output_name == behind.head.output_name else before.up_to(behind.head.output_name, shape)
    if found is None:
        raise BadInput(
            f"cuts {name}, {next_name} of {before.whole.name}: {next_name} does not come behind {name}",
            "name cuts from the code to the image: see tfinvert.layers",
        )
    if before.goes_round(behind.head.output_name):
        raise BadInput(
            f"cuts {name}, {next_name} of {before.whole.name}: values at {name} also go round {next_name}",
            "what is found there would be lost: take one of the two, or cuts that all values go through",
        )
    return found
