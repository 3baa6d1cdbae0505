"""What lies where a text says that images are: on this machine, or in a store."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from absl import logging

from tfinvert.errors import BadInput
from tfinvert.images.formats import looks_like_a_picture
from tfinvert.remote import is_remote, path_of

FILE, FOLDER, OTHER, NOTHING = "file", "folder", "other", ""
_HIDDEN = (".", "__MACOSX")


def look(text: str) -> str:
    """Whether a text names a file, a folder, something else such as a pipe, or nothing."""
    if is_remote(text):
        about: dict[str, Any] = _remote(text).about() or {"type": NOTHING}
        return {"file": FILE, "directory": FOLDER}.get(about["type"], NOTHING)
    # Unlike Path's, these take texts that are too long for a path: many names with commas.
    if os.path.isdir(text):
        return FOLDER
    return FILE if os.path.isfile(text) else OTHER if os.path.lexists(text) else NOTHING


def matches(pattern: str) -> list[tuple[str, str | None]]:
    """What a pattern of names matches, by name, and whether that is a file or a folder.

    Raises:
      BadInput: it goes down too far, or is none.
    """
    if is_remote(pattern):
        kinds = {"file": FILE, "directory": FOLDER}
        return [(text, kinds.get(kind, NOTHING)) for text, kind in _remote(pattern).matching()]
    try:
        found = sorted(glob.glob(pattern, recursive=True))
    except (RecursionError, ValueError) as error:  # a very deep tree; a zero byte
        raise BadInput(f"images {pattern!r} ({error})", "expected a pattern of fewer folders, or a folder") from error
    return [(text, look(text)) for text in found]


def pictures(folder: str) -> tuple[list[str], int]:
    """The pictures below a folder, and how many other files there are."""
    if is_remote(folder):
        names = [name.split("/") for name in _remote(folder).files()]
        seen = [parts for parts in names if not any(part.startswith(_HIDDEN) for part in parts[:-1])]
        chosen = sorted(parts for parts in seen if _wanted(parts[-1]))
        return [f"{folder.rstrip('/')}/{'/'.join(parts)}" for parts in chosen], len(seen) - len(chosen)
    return _walk(folder)


def _walk(folder: str) -> tuple[list[str], int]:
    """The same on this machine.

    Links to folders are not followed, for they may lead round in a circle. Python's own walks call themselves for each
    level, which very deep trees do not allow.
    """
    found: list[Path] = []
    others, left = 0, [str(Path(folder))]
    while left:
        try:
            with os.scandir(left.pop()) as listing:
                for each in listing:
                    if each.is_dir(follow_symlinks=False):
                        if not each.name.startswith(_HIDDEN):
                            left.append(each.path)
                    elif os.path.isdir(each.path):
                        continue
                    elif _wanted(each.name):
                        found.append(Path(each.path))
                    else:
                        others += 1
        except OSError as error:
            logging.warning("a folder is left out: %s", error)
    return _texts(sorted(found)), others


def _texts(paths: Iterable[Path]) -> list[str]:
    return [path.as_posix() for path in paths]


def _wanted(name: str) -> bool:
    return looks_like_a_picture(name) and not name.startswith(_HIDDEN)


def _remote(text: str) -> Any:
    return path_of(text)
