"""Finds the codes of images in a generator's latent space.

    tfinvert invert photos/*.png --generator=dcgan.keras --out=runs/photos

Without flags it inverts the built-in glyphs with the built-in generator. The same command again goes on where it
stopped. With --shard=1/64, --shard=2/64 and so on up to 64/64, as many machines do it together. Exit code: 0 all good,
1 nothing could be done, 3 some images failed or have no row, 130 stopped by Ctrl-C.
"""

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start
from tfinvert.settings import Job

shared.define_generator()
shared.define_inversion()
shared.define_engine()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string("out", "runs/invert", "Folder for results/*.parquet, run.json, comparison.png and index.html.")
flags.DEFINE_bool("page", True, "Whether index.html is written, too: all images, errors and settings in one page.")
flags.DEFINE_bool("tensorboard", False, "Write losses, errors and images for TensorBoard, too, into OUT/tensorboard.")


def main(argv: list[str]) -> int:
    pictures = argv[1:]
    return start.run(argv[:1], lambda: _invert(pictures), "stopped; the same command goes on from here")


def _invert(pictures: list[str]) -> int:
    from tfinvert import report
    from tfinvert.runs import board, run_job

    job = shared.job(out=flags.FLAGS.out, **_source(pictures))
    if flags.FLAGS.tensorboard:
        board.need(job.out)
        _refuse_shard(job)
    summary, store, sources = run_job(job)
    if job.shard is not None:  # every one of them would draw the whole run
        end = f"`tfinvert page --run={job.out}` makes the page once all shards are done"
        logging.info("shard %s: %s; see %s; %s", job.shard, summary, store.results, end)
        return summary.exit_code
    shown = report.comparison(store, sources, **shared.shown())
    if flags.FLAGS.tensorboard:
        logging.info("tensorboard --logdir=%s", report.tensorboard(store, shown))
    if flags.FLAGS.page and not summary.interrupted:  # `tfinvert page` writes one of what there is
        shown = report.page(store.folder, sources, **shared.shown())
    logging.info("%s; see %s and %s", summary, store.results, shown)
    return summary.exit_code


def _refuse_shard(job: Job) -> None:
    from tfinvert.errors import BadInput

    if job.shard is not None:
        raise BadInput(
            f"--tensorboard with --shard={job.shard}", "give it to the same command without --shard, when all are done"
        )


def _source(pictures: list[str]) -> dict:
    """Where images come from, if they stand as plain arguments, as a shell makes them of photos/*.png."""
    from tfinvert.errors import BadInput

    if pictures and flags.FLAGS.images is not None:
        raise BadInput(
            f"--images={flags.FLAGS.images} and {pictures[0]!r} besides",
            "give images one way; a value that the shell expands needs quotes",
        )
    return {"images": pictures[0] if len(pictures) == 1 else pictures} if pictures else {}
