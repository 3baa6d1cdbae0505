"""The page of a run: one file that shows it without a server, a network or this package."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from tfinvert.images import Sources
from tfinvert.remote import path_of
from tfinvert.report.contents import of_run, of_training
from tfinvert.report.shelves import shelves
from tfinvert.runs import open_run
from tfinvert.runs.files import write_bytes
from tfinvert.settings import DEFAULT_LIMITS, Limits

# Beside the escaping of every value: a browser runs no other script than ours, and fetches nothing.
_POLICY = "default-src 'none'; img-src data:; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'"


def page(
    folder: str | Path,
    sources: Sources | None = None,
    most: int = 2000,
    shown_channels: Sequence[int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Path:
    """Writes `index.html` into a run's folder: its images, errors and settings in one file.

    Args:
      folder: of a run of `tfinvert invert`, or of a training of `tfinvert train`.
      sources: the run's images; default: read again from where they were. Those that are not there any more are
        said to be missing.
      most: images shown. Of more, these are spread evenly from the smallest error to the largest.
      shown_channels: from 1 on; default: those that the run was told, else the first three.
      limits: of memory and time that reading an image may take.

    Raises:
      BadInput: the folder holds no run, or no images of such channels.
    """
    folder = path_of(folder)
    training = (folder / "training.json").is_file() and not (folder / "run.json").is_file()
    if training:
        contents = of_training(folder)
    else:
        contents = of_run(open_run(folder, shown_channels=shown_channels, limits=limits), sources, most)
    style, script = _asset("page.css"), _asset("page.js")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset), autoescape=True, undefined=jinja2.StrictUndefined
    )
    text = environment.get_template("page.html").render(
        **contents._asdict(),
        title=folder.resolve().name,
        shelves=shelves(folder),
        style=Markup(style),
        script=Markup(script),
        policy=_POLICY.format(_hash(style), _hash(script)),
    )
    path = folder / "index.html"
    write_bytes(path, text.encode(errors="replace"))
    return path


def _asset(name: str) -> str:
    return resources.files("tfinvert.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
