"""Finds the codes of images in a generator's latent space.

    python bin/invert.py --generator=dcgan.keras --images='photos/*.png' --out=runs/photos

Without flags it inverts the built-in glyphs with the built-in generator. The same command again goes on where it
stopped. Exit code: 0 all good, 1 nothing could be done, 3 some images failed or have no row, 130 stopped by Ctrl-C.
"""

import _flags
from absl import app, flags, logging

import _start

_flags.define_generator()
_flags.define_inversion()
flags.adopt_module_key_flags(_flags)
flags.DEFINE_string("out", "runs/invert", "Folder for results/*.parquet, run.json, comparison.png and index.html.")
flags.DEFINE_bool("page", True, "Whether index.html is written, too: all images, errors and settings in one page.")
flags.DEFINE_bool("tensorboard", False, "Write losses, errors and images for TensorBoard, too, into OUT/tensorboard.")


def main(argv: list[str]) -> int:
    return _start.run(argv, _invert, "stopped; the same command goes on from here")


def _invert() -> int:
    from tfinvert import report
    from tfinvert.runs import board

    if flags.FLAGS.tensorboard:
        board.need()
    summary, store, sources = _flags.job().run()
    shown = report.comparison(store, sources)
    if flags.FLAGS.tensorboard:
        logging.info("tensorboard --logdir=%s", report.tensorboard(store, shown))
    if flags.FLAGS.page and not summary.interrupted:  # bin/page.py writes one of what there is
        shown = report.page(store.folder, sources)
    logging.info("%s; see %s and %s", summary, store.results, shown)
    return summary.exit_code


if __name__ == "__main__":
    app.run(main)
