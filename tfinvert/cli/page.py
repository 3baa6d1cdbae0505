"""Writes the page of a run: its images, errors, pictures of edits and settings in one file.

    tfinvert page --run=runs/photos

writes RUN/index.html, which opens in any browser without a server or a network. RUN is a folder of `tfinvert invert`
or of `tfinvert train`. Targets are read again from where they were; those that are gone are said to be missing.
"""

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_limits()
shared.define_shown()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string("run", "runs/invert", "Folder of the run.")
flags.DEFINE_integer("most", 2000, "Images shown; of more, some from the smallest error to the largest.", lower_bound=2)


def main(argv: list[str]) -> int:
    return start.run(argv, _page, "stopped; a page that was there is whole")


def _page() -> None:
    from tfinvert import report

    values = flags.FLAGS
    logging.info("see %s", report.page(values.run, most=values.most, **shared.shown(), limits=shared.limits()))
