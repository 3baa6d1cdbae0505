"""Prior and value range inside a `.keras` file, so that nobody has to state them again.

A `.keras` file is a zip archive; the card is one more member of it, which Keras does not look at.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.generators.safety.archive import CARD, opened, part
from tfinvert.spaces import Space

_EXPECTED = "expected what write_card writes"


def write_card(path: str | Path, prior: Space, value_range: tuple[float, float], **more: Any) -> None:
    """Adds the card to a `.keras` file that has none: prior, value range, and what else is worth keeping (JSON)."""
    card = {"prior": str(prior), "value_range": list(value_range), **more}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CARD, json.dumps(card, indent=1))


def read_card(path: str | Path) -> dict[str, Any]:
    """The card of a `.keras` file; empty where there is none.

    Raises:
      BadInput: there is one that cannot be read.
    """
    path = Path(path)
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with opened(path) as archive:
            content = part(archive, CARD)
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInput(f"{path.name} holds a damaged {CARD} ({error})", _EXPECTED) from error
    return parsed(content, path.name)


def parsed(content: bytes | None, name: str) -> dict[str, Any]:
    """The card as it stands in a `.keras` file; empty where there is none.

    Raises:
      BadInput: it cannot be read.
    """
    try:
        card = json.loads(content) if content is not None else {}
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{name} holds a damaged {CARD}", _EXPECTED) from error
    if isinstance(card, dict) and isinstance(card.get("prior", ""), str):
        return card
    raise BadInput(f"{name} holds a {CARD} of another kind", _EXPECTED)
