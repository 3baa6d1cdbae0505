"""How the package is built, in numbers: `python benchmarks/house.py [CHECKOUT ...]`, this one by default.

Circles are groups of files that import one another, wherever the import stands; arrows upward are imports against the
floors of pyproject.toml. A function's lines are those from `def` to its end without its docstring.
"""

from __future__ import annotations

import argparse
import ast
import tomllib
from pathlib import Path

LONG = 40  # lines of a function


def modules(root: Path) -> dict[str, ast.Module]:
    """The package's files by their dotted names."""
    found = {}
    for path in sorted((root / "tfinvert").rglob("*.py")):
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def arrows(trees: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Which file imports which; an import of a package is one of its __init__."""
    found = set()
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                wanted = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                wanted = [
                    whole if (whole := f"{node.module}.{alias.name}") in trees else node.module for alias in node.names
                ]
            else:
                continue
            found |= {(name, each) for each in wanted if each in trees and each != name}
    return found


def circles(names: list[str], imports: set[tuple[str, str]]) -> list[list[str]]:
    """Groups of files that reach one another."""
    reach = {name: {name} for name in names}
    grown = True
    while grown:
        grown = False
        for one, other in imports:
            if not reach[other] <= reach[one]:
                reach[one] |= reach[other]
                grown = True
    groups = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in names}
    return [list(group) for group in groups if len(group) > 1]


def upward(root: Path, imports: set[tuple[str, str]]) -> int:
    """Imports against the layers of all contracts."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    count = 0
    for contract in contracts:
        (base,) = contract["containers"]
        floor = {
            f"{base}.{name.strip()}": level
            for level, names in enumerate(contract["layers"])
            for name in names.split("|")
        }
        level = lambda name, floor=floor: next(
            (floor[key] for key in floor if name == key or name.startswith(f"{key}.")), None
        )
        for one, other in imports:
            here, there = level(one), level(other)
            count += here is not None and there is not None and there < here
    return count


def fields(tree: ast.Module) -> list[tuple[int, str]]:
    """How many fields each class states."""
    return [
        (sum(isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.dump(line) for line in node.body), node.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def lengths(tree: ast.Module) -> list[int]:
    """The lines of each function."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            doc = (first.end_lineno or 0) - first.lineno + 1 if text else 0
            found.append((node.end_lineno or 0) - node.lineno + 1 - doc)
    return found


def public(tree: ast.Module) -> int:
    """Names of the package itself that users are given."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfinvert"):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "tfinvert":
            names |= {alias.name for alias in node.names}
    return len(names)


def measured(root: Path) -> dict[str, str]:
    """All numbers of a checkout."""
    trees = modules(root)
    imports = arrows(trees)
    everything = [length for tree in trees.values() for length in lengths(tree)]
    widest = max(each for tree in trees.values() for each in fields(tree))
    texts = [path.read_text(encoding="utf-8") for path in root.rglob("*.py") if ".venv" not in path.parts]
    rooms = {path.parent for path in (root / "tfinvert").rglob("*.py")}
    fullest = max((len(list(room.glob("*.py"))), room.name) for room in rooms)
    return {
        "rooms (folders of files)": str(len(rooms)),
        "files in the fullest room": f"{fullest[0]} ({fullest[1]})",
        "circles": str(len(circles(list(trees), imports))),
        "arrows upward": str(upward(root, imports)),
        "public names": str(public(trees["tfinvert"])),
        "fields of the widest class": f"{widest[0]} ({widest[1]})",
        f"functions of at most {LONG} lines": f"{sum(each <= LONG for each in everything) / len(everything):.1%}",
        "fmt: skip": str(sum(text.count("# fmt: " + "skip") for text in texts)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs="*", type=Path, default=[Path(__file__).parents[1]])
    found = [measured(each) for each in parser.parse_args().checkouts]
    for name in found[0]:
        print("|", " | ".join([name, *(each[name] for each in found)]), "|")


if __name__ == "__main__":
    main()
