"""Prior and value range inside a `.keras` file, so that nobody has to state them again.

A `.keras` file is a zip archive; the card is one more member of it, which Keras does not look at.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from tfinvert.errors import BadInput
from tfinvert.spaces import Space

MEMBER = "tfinvert.json"


def write_card(path: str | Path, prior: Space, value_range: tuple[float, float], **more: Any) -> None:
    """Adds the card to a `.keras` file that has none: prior, value range, and what else is worth keeping (JSON)."""
    card = {"prior": str(prior), "value_range": list(value_range), **more}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps(card, indent=1))


def read_card(path: str | Path) -> dict[str, Any]:
    """The card of a `.keras` file; empty where there is none.

    Raises:
      BadInput: there is one that cannot be read.
    """
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            card = json.loads(archive.read(MEMBER)) if MEMBER in archive.namelist() else {}
        if isinstance(card, dict) and isinstance(card.get("prior", ""), str):
            return card
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{Path(path).name} holds a damaged {MEMBER}", "expected what write_card writes") from error
    raise BadInput(f"{Path(path).name} holds a {MEMBER} of another kind", "expected what write_card writes")
