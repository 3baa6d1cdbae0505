"""A generator before and after it was tried: how one is made of any function of codes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from absl import logging

from tfinvert.generators.condition import Condition
from tfinvert.generators.generator import About, Generator, Network
from tfinvert.generators.held import Held, Holds
from tfinvert.generators.trial import Facts, Raw, fitted, of_arrays, translate, tried
from tfinvert.spaces import Space


class Plan(NamedTuple):
    """What a generator is made of.

    Attributes:
      model: (codes [B, *shape]) -> images, with labels as a second argument where there is a condition, and what else
        is held as arguments by name. Called with `training=False` if it takes that.
      space: with its shape set.
      takes: what it is given beside codes.
      value_range: (low, high) of the pixel values.
      image_shape: (H, W, C) of outputs that are flat or lack the channel axis, (L, C) of series; None: as they come.
      about: its name, its fingerprint and what was assumed.
      network: as of `Generator`.
    """

    model: Callable
    space: Space
    takes: Holds
    value_range: tuple[float, float]
    image_shape: Sequence[int] | None
    about: About
    network: Network | None = None

    def try_out(self) -> Facts:
        """Tries it on a few codes; raises `BadInput` where it is no generator of images."""
        raw = _raw(self.model, self.takes.condition)
        return tried(raw, self.space, self.takes, self.value_range, self.image_shape, self.about.name)

    def make(self, facts: Facts, fingerprint: str = "") -> Generator:
        """The generator, once it was tried."""
        name, assumed = self.about.name, (*self.about.assumed, *facts.assumed)
        raw = _raw(self.model, self.takes.condition)
        function = fitted(of_arrays(raw) if facts.arrays else raw, facts.image_shape)
        for line in facts.warnings:
            logging.warning("%s: %s", name, line)
        for line in assumed:
            logging.info("%s: nobody stated it, so the default is taken: %s", name, line)
        return Generator(
            translate(function) if facts.translated else function,
            self.space,
            facts.image_shape,
            self.value_range,
            self.takes.condition,
            self.takes.shapes,
            network=self.network,
            about=About(name, fingerprint, assumed, facts.constant, facts.differentiable, self.about.tuned_from),
        )


def _raw(model: Callable, condition: Condition | None) -> Raw:
    """The model called with codes and what is held; no method of a tuple, for AutoGraph leaves those alone."""
    quiet = _takes_training(model)

    def raw(codes: tf.Tensor, held: Held) -> Any:
        inputs = (codes,) if condition is None else (codes, held.labels)
        images = model(*inputs, **held.tensors, training=False) if quiet else model(*inputs, **held.tensors)
        return images[0] if isinstance(images, (list, tuple)) and len(images) == 1 else images

    return raw


def _takes_training(model: Callable) -> bool:
    function = getattr(model, "call", model)
    try:
        return "training" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
