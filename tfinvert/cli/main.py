"""`tfinvert COMMAND --flag=value ...`."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from absl import app, flags

COMMANDS = {
    "invert": "Finds the codes of images in a generator's latent space.",
    "recover": "Is z found again from G(z)? Methods side by side.",
    "train": "Trains a small GAN on pictures.",
    "compare": "Which generator represents these images better?",
    "edit": "Edits the images of a run: paths, classes, directions.",
    "direction": "Finds the direction of codes along which an attribute changes.",
    "tune": "Tunes the generator of a run to its images.",
    "segment": "Segments the images of a run by its generator's attention.",
    "embed": "Codes as features: nearest images, classes by neighbours.",
    "gap": "How much better are images represented behind the first dense layer?",
    "page": "Writes the page of a run.",
}
_HELP = ("--help", "-h", "-help", "--helpshort", "--helpfull")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Does what the command line says, and exits with its code."""
    try:
        try:
            _do(list(sys.argv if argv is None else argv))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _do(argv: list[str]) -> NoReturn:
    """Looks up the command, and runs it or says what there is."""
    if len(argv) < 2 or argv[1] in (*_HELP, "help"):
        print(_overview())
        sys.exit(0 if len(argv) > 1 else 1)
    name = argv[1]
    if name == "--version":
        from tfinvert import __version__

        print(__version__)
        sys.exit(0)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1) or ["invert"]
        print(
            f"tfinvert {name}: no such command: expected one of {', '.join(COMMANDS)}; "
            f"did you mean 'tfinvert {near[0]}'?",
            file=sys.stderr,
        )
        sys.exit(1)
    module = importlib.import_module(f"tfinvert.cli.{name}")
    if any(each in _HELP for each in argv[2:]):
        print(f"{module.__doc__}\n{flags.FLAGS.module_help(module.__name__)}")
        sys.exit(0)
    app.run(module.main, [f"tfinvert {name}", *argv[2:]])


def _overview() -> str:
    lines = [f"  {name:<9} {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        ["tfinvert COMMAND --flag=value ...", "", *lines, "", "tfinvert COMMAND --help shows the command's flags."]
    )
