"""TF-Hub modules by their handle: where they lie on this machine, and what is known of their images."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput, short

_HANDLE = re.compile(r"https?://(www\.)?(tfhub\.dev|kaggle\.com/models)/", re.IGNORECASE)
# What the modules' pages say and their files do not.
_KNOWN: tuple[tuple[str, dict[str, Any]], ...] = (
    (r"big(bi)?gan", {"value_range": (-1, 1)}),
    (r"progan", {"value_range": (0, 1), "prior": "normal"}),
    (r"compare[-_]?gan/(tensorflow\d/)?model[-_]\d+", {"value_range": (0, 1), "prior": "uniform"}),
    (r"compare[-_]?gan", {"value_range": (0, 1), "prior": "normal"}),
)


def is_handle(source: str) -> bool:
    """Whether this is the handle of a module on tfhub.dev or Kaggle."""
    return bool(_HANDLE.match(source))


def known(handle: str) -> dict[str, Any]:
    """Prior and value range of the modules that people use most, as on a card; empty for others."""
    return next((dict(facts) for pattern, facts in _KNOWN if re.search(pattern, handle, re.IGNORECASE)), {})


def folder(handle: str) -> Path:
    """The module's folder, downloaded once to the cache (`TFHUB_CACHE_DIR`).

    Raises:
      BadInput: it is not in the cache and cannot be downloaded.
    """
    import tensorflow_hub  # takes seconds, and only handles need it

    try:
        return Path(tensorflow_hub.resolve(handle))
    except Exception as error:  # of the network, of the archive, or of the cache
        cache = os.environ.get("TFHUB_CACHE_DIR")
        where = f"the cache {cache}" if cache else "the cache (TFHUB_CACHE_DIR is not set)"
        raise BadInput(
            f"{handle} is not in {where} and cannot be downloaded ({short(error)})",
            f"where there is a network: mkdir module && curl -L '{handle}?tf-hub-format=compressed' | "
            "tar -xz -C module; then give that folder as the generator",
        ) from error
