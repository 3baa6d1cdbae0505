"""Writes the page of a run: its images, errors, pictures of edits and settings in one file.

    python bin/page.py --run=runs/photos

writes RUN/index.html, which opens in any browser without a server or a network. RUN is a folder of bin/invert.py or of
bin/train.py. Targets are read again from where they were; those that are gone are said to be missing.
"""

import _flags
from absl import app, flags, logging

import _start

_flags.define_limits()
flags.adopt_module_key_flags(_flags)
flags.DEFINE_string("run", "runs/invert", "Folder of the run.")
flags.DEFINE_integer("most", 2000, "Images shown; of more, some from the smallest error to the largest.", lower_bound=2)


def main(argv: list[str]) -> int:
    return _start.run(argv, _page, "stopped; a page that was there is whole")


def _page() -> None:
    from tfinvert import report

    values = flags.FLAGS
    logging.info("see %s", report.page(values.run, most=values.most, limits=_flags.limits()))


if __name__ == "__main__":
    app.run(main)
