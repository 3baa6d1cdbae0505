"""Walks through the parsed config of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes(config: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary of a parsed config, however deep."""
    todo = [config]  # no recursion: a file may nest as deep as it likes
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, dict):
            todo.extend(node.values())
            yield node
