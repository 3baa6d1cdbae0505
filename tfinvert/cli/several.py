"""Jobs of several generators, for the same images: --generators, and what each of them has of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from tfinvert.cli import flags as shared
from tfinvert.cli import start
from tfinvert.errors import BadInput


def jobs(**own: Any) -> list[Any]:
    """A `Job` for each generator, which has OUT/NAME for its run.

    Args:
      **own: values that go before those of the flags.

    Raises:
      BadInput: there are fewer than two, or another number of priors or ranges.
    """
    from tfinvert.remote import path_of
    from tfinvert.settings import changed

    files = flags.FLAGS.generators or []
    if len(files) < 2 or flags.FLAGS.generator is not None:
        both = "" if flags.FLAGS.generator is None else " beside --generator"
        raise BadInput(
            f"{len(files)} in --generators{both}", "expected two or more, with commas between; else --generator alone"
        )
    ranges, priors = (_each(name, len(files)) for name in ("value_range", "prior"))
    job = shared.job(**own, value_range=None, prior=None)  # these flags may hold several
    out, called = path_of(flags.FLAGS.out), names(files)
    _require_own_folders(out, files, called)
    return [
        changed(
            job,
            generator=file,
            prior=prior,
            out=str(out / name),
            value_range=None if text is None else start.numbers("value_range", text.split(","), float),
        )
        for file, name, text, prior in zip(files, called, ranges, priors, strict=True)
    ]


def generators(of: Sequence[Any]) -> list[Any]:
    """The generators of some jobs, of which one that cannot be loaded is told before any work.

    Raises:
      BadInput: there is such a one, or the engine is not installed.
    """
    from tfinvert.engines import engine_of
    from tfinvert.runs.job import load

    engine_of(of[0].engine)
    return [load(job) for job in of]


def prepared(of: Sequence[Any], made: Sequence[Any]) -> list[Any]:
    """A `Ready` for each job and its generator; classes are searched for only where there are some.

    Raises:
      BadInput: a setting cannot be used, or another writer is at work in a folder.
    """
    from tfinvert.runs.job import found, ready
    from tfinvert.settings import changed

    runs = []
    with contextlib.ExitStack() as stack:
        for job, generator in zip(of, made, strict=True):
            none = found(job) and generator.condition is None
            runs.append(ready(changed(job, labels=None) if none else job, generator))
            stack.callback(runs[-1].store.close)
        stack.pop_all()
    return runs


def names(files: Sequence[str]) -> list[str]:
    """Short names that differ: of files, then of their folders, then of both, then numbered."""
    stems, folders = ([part(Path(file)) for file in files] for part in (_stem, _folder))
    if len(set(stems)) < len(stems):
        both = [f"{folder}-{stem}" for folder, stem in zip(folders, stems, strict=True)]
        stems = folders if len(set(folders)) == len(folders) else both
    if len(set(stems)) < len(stems) or {"id", ""} & {*stems}:  # the name of another column, or none
        stems = [f"{stem} ({number + 1})" for number, stem in enumerate(stems)]
    return stems


def _require_own_folders(out: Path, files: Sequence[str], called: Sequence[str]) -> None:
    """Raises `BadInput` where a run would be begun anew because another generator of the same name came along."""
    for file, name in zip(files, called, strict=True):
        before = out / _stem(Path(file))
        if name != before.name and before.name not in called and (before / "run.json").is_file():
            raise BadInput(
                f"{before} has a run, and there are several {before.name} now, {', '.join(called)}",
                "give that folder the name of its generator (run.json says which it is), or take another --out",
            )


def _each(name: str, count: int) -> Sequence[str | None]:
    """The texts of a flag for every generator."""
    value = flags.FLAGS[name].value
    if value is None:
        return [None] * count
    texts = (value if isinstance(value, str) else ",".join(value)).split(";")
    if len(texts) not in (1, count):
        raise BadInput(f"{len(texts)} in --{name}", f"expected one for all, or {count} with semicolons between")
    return texts * count if len(texts) == 1 else list(texts)


def _stem(file: Path) -> str:
    return file.resolve().stem if file.stem in ("", "..") else file.stem


def _folder(file: Path) -> str:
    return file.resolve().parent.name or "root"
