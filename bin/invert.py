"""Finds the codes of images in a generator's latent space.

    python bin/invert.py --generator=dcgan.keras --images='photos/*.png' --out=runs/photos

Without flags it inverts the built-in glyphs with the built-in generator. The same command again goes on where it
stopped. Exit code: 0 all good, 1 nothing could be done, 3 some images failed, 130 stopped by Ctrl-C.
"""

import _flags
from absl import app, flags, logging

import _start

_flags.define_generator()
_flags.define_inversion()
flags.adopt_module_key_flags(_flags)
flags.DEFINE_string("out", "runs/invert", "Folder for results/*.parquet, run.json and comparison.png.")


def main(argv: list[str]) -> int:
    return _start.run(argv, _invert, "stopped; the same command goes on from here")


def _invert() -> int:
    from tfinvert import report

    summary, store, sources = _flags.job().run()
    picture = report.comparison(store, sources)
    logging.info("%s; see %s and %s", summary, store.results, picture)
    return summary.exit_code


if __name__ == "__main__":
    app.run(main)
