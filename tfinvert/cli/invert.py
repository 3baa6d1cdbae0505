"""Finds the codes of images in a generator's latent space.

    tfinvert invert photos/*.png --generator=dcgan.keras --out=runs/photos

Without flags it inverts the built-in glyphs with the built-in generator. The same command again goes on where it
stopped. With --shard=1/64, --shard=2/64 and so on up to 64/64, as many machines do it together. With
--generators=a.keras,b.keras it inverts the same images into each of them, and OUT/NAME is the run of each, as
`tfinvert compare` leaves it. Exit code: 0 all good, 1 nothing could be done, 3 some images failed or have no row, 130
stopped by Ctrl-C; of several generators the worst.
"""

from pathlib import Path

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import several, start
from tfinvert.settings import Job

shared.define_generator()
shared.define_inversion()
shared.define_engine()
shared.define_generators()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string("out", "runs/invert", "Folder for results/*.parquet, run.json, comparison.png and index.html.")
flags.DEFINE_bool("page", True, "Whether index.html is written, too: all images, errors and settings in one page.")
flags.DEFINE_bool("tensorboard", False, "Write losses, errors and images for TensorBoard, too, into OUT/tensorboard.")

_BEST_FIRST = (0, 3, 1, 130)  # exit codes


def main(argv: list[str]) -> int:
    pictures = argv[1:]
    return start.run(argv[:1], lambda: _invert(pictures), "stopped; the same command goes on from here")


def _invert(pictures: list[str]) -> int:
    from tfinvert.runs import board

    if flags.FLAGS.generators is None:
        jobs = [shared.job(out=flags.FLAGS.out, **_source(pictures))]
    else:
        jobs = several.jobs(**_source(pictures))
    if flags.FLAGS.tensorboard:
        board.need(jobs[0].out)
        _refuse_shard(jobs[0])
    codes = [_shown(job, *done) for job, done in zip(jobs, _done(jobs), strict=True)]
    return max(codes, key=_BEST_FIRST.index)


def _done(jobs: list[Job]):
    """How each job ended, its store, and its images."""
    from tfinvert.runs.doing import run_job, run_jobs

    if len(jobs) == 1:
        return [run_job(jobs[0])]
    runs = several.prepared(jobs, several.generators(jobs))
    return [(how, run.store, run.sources) for how, run in zip(run_jobs(runs), runs, strict=True)]


def _shown(job: Job, summary, store, sources) -> int:
    """Draws what is in a store, and says how the job ended; its exit code."""
    from tfinvert import report

    name = "" if flags.FLAGS.generators is None else f"{Path(job.out).name}: "
    if job.shard is not None:  # every one of them would draw the whole run
        end = f"`tfinvert page --run={job.out}` makes the page once all shards are done"
        logging.info("%sshard %s: %s; see %s; %s", name, job.shard, summary, store.results, end)
        return summary.exit_code
    shown = report.comparison(store, sources, **shared.shown())
    if flags.FLAGS.tensorboard:
        logging.info("%stensorboard --logdir=%s", name, report.tensorboard(store, shown))
    if flags.FLAGS.page and not summary.interrupted:  # `tfinvert page` writes one of what there is
        shown = report.page(store.folder, sources, **shared.shown())
    ended = "stopped, and the same command goes on: " if summary.interrupted else ""
    logging.info("%s%s%s; see %s and %s", name, ended, summary, store.results, shown)
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
