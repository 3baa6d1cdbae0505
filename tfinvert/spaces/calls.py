"""Objects from the text of the Python call that makes them: `normal(100, constraint=clip(3))`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tfinvert.errors import BadInput

T = TypeVar("T")


def read(text: str, functions: Mapping[str, Callable[..., Any]], wanted: type[T], wrong: BadInput) -> T:
    """What `text` makes by calling these functions on literals and on one another; nothing is evaluated.

    A name alone is a call without arguments.

    Raises:
      BadInput: `wrong` where the text is no such call or makes something else than `wanted`; or a function's own.
    """

    def made(node: ast.expr) -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = {str(keyword.arg): made(keyword.value) for keyword in node.keywords}
            return functions[node.func.id](*(made(value) for value in node.args), **named)
        return ast.literal_eval(node)

    try:
        node = ast.parse(text.strip(), mode="eval").body
        found = made(ast.Call(node, [], []) if isinstance(node, ast.Name) else node)
    except BadInput:
        raise
    # Texts also come out of files: numbers too large to be floats and brackets too deep for the parser are wrong too.
    except (SyntaxError, TypeError, ValueError, LookupError, OverflowError, RecursionError, MemoryError) as error:
        raise wrong from error
    if not isinstance(found, wanted):
        raise wrong
    return found
