"""Which texts are URLs of a store, and paths made of either."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from tfinvert.errors import BadInput

EXTRA = "pip install 'tfinvert[remote]'"
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")  # two letters and more: one is a Windows drive
_OTHERS = ("http", "https")  # handles of TF-Hub modules, which their reader knows


def is_remote(text: str | Path) -> bool:
    """Whether this is the URL of a file or a folder in a store."""
    found = _URL.match(str(text))
    return found is not None and found[1].lower() not in _OTHERS


def path_of(text: str | Path) -> Path:
    """A path; for a URL one that has pathlib's methods, though it is none of the operating system's.

    Raises:
      BadInput: it is a URL of an unknown scheme, names no bucket, or what reads it is not installed.
    """
    if not is_remote(text):
        return Path(text)
    try:
        from tfinvert.remote.paths import RemotePath
    except ImportError as error:
        raise BadInput(f"{text} needs fsspec and universal-pathlib", EXTRA) from error
    return cast(Path, RemotePath.of(str(text)))
