"""Whether what a generator gives are pictures or series, and of what shape."""

from __future__ import annotations

import math
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.images.like import LONG


def shape_of(given: tuple[int, ...], codes: int, stated: Any, name: str) -> tuple[tuple[int, ...], list[str]]:
    """(H, W, C) of pictures or (L, C) of series, and what was assumed.

    [B, H, W, C] are pictures, whose channels are no more than the smaller side unless that is stated: else they are
    taken to be first by mistake. [B, L, C] of more than 4 C values are series, others grey pictures [B, H, W].

    Args:
      given: of what the generator gave.
      codes: that it was given.
      stated: (H, W, C) or (L, C), into which it is brought, but for its rows never scrambled; None: as it comes.
      name: of the generator, for messages.

    Raises:
      BadInput: it is neither, or cannot be what was stated.
    """
    if stated is not None:
        return _as_stated(given, codes, _stated(stated), name), []
    size = given[1:]
    if given[:1] == (codes,) and len(size) == 3 and (size[2] in (1, 3) or size[2] <= min(size[:2])):
        return size, []
    if given[:1] == (codes,) and len(size) == 2:
        series = size[0] > LONG * size[1]
        if series:
            return size, [f"image_shape: {','.join(map(str, size))} (series; of grey pictures say {(*size, 1)})"]
        odd = size[1] > LONG * size[0]
        return (*size, 1), [
            f"image_shape: {','.join(map(str, (*size, 1)))} (grey pictures; series must be [B, L, C])"
        ] * odd
    raise BadInput(f"{name} gives {list(given)} for {codes} codes", _hint(given))


def _hint(given: tuple[int, ...]) -> str:
    hint = "the output is neither images [B, H, W, C] nor series [B, L, C]"
    if len(given) == 2:
        return f"{hint}; if it is flat, give image_shape=(H, W, C) or (L, C)"
    if len(given) != 4:
        return hint
    if 1 in given[1:3]:
        return f"{hint}; if it is a series, give image_shape={(max(given[1:3]), given[3])}"
    return f"{hint}; it looks channels first: transpose it in a wrapper, or give image_shape={given[1:]} if it is not"


def _as_stated(given: tuple[int, ...], codes: int, shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    sides, wanted = ([n for n in size if n != 1] for size in (given[1:], shape))
    same = given[:1] == (codes,) and math.prod(given[1:]) == math.prod(shape)
    if same and (len(sides) < 2 or sides == wanted):  # a reshape must not scramble what has sides of its own
        return shape
    mend = f": its values stand as {given[1:]}, so say that, or transpose them in a wrapper" if same else ""
    raise BadInput(f"{name} gives {list(given)} for {codes} codes", f"cannot be image_shape={shape}{mend}")


def _stated(stated: Any) -> tuple[int, ...]:
    try:
        shape = tuple(int(n) for n in stated)
    except (TypeError, ValueError):
        shape = ()
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise BadInput(f"image_shape={stated!r}", "expected (H, W, C), such as (28, 28, 1), or (L, C) of series")
    return shape
