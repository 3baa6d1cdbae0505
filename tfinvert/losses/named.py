"""Losses by their names."""

from __future__ import annotations

from tfinvert.errors import BadInput
from tfinvert.losses.features import Features
from tfinvert.losses.terms import LogPrior, Pixel, Term
from tfinvert.settings import PIXEL_LOSSES, LossSettings


def loss_of(given: Term | LossSettings | str | None) -> Term:
    """The loss that is meant.

    Args:
      given: terms, the name of a pixel loss, such as "l1", or settings; None for the pixels' mean squared error.

    Raises:
      BadInput: there is no such loss.

    >>> loss_of("l1")
    Pixel(distance='l1', delta=0.1)
    """
    if given is None:
        return Pixel()
    if isinstance(given, str):
        return Pixel(given)
    if isinstance(given, Term):
        return given
    if not isinstance(given, LossSettings):
        raise BadInput(
            f"a loss of type {type(given).__name__}",
            f"expected one of {', '.join(PIXEL_LOSSES)}, or terms such as Pixel() + 0.1 * Features(); "
            "a function of (targets, images) goes into Pixel(function)",
        )
    loss, features = Pixel(given.pixels), given.features
    whole: Term = loss
    if features.layer is not None:
        whole += features.weight * Features(features.layer, features.network, features.weights, features.size)
    return whole + given.prior_weight * LogPrior() if given.prior_weight else whole
