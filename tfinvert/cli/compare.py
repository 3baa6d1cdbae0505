"""Which generator represents these images better, and is the difference more than chance?

    tfinvert compare --generators=a.keras,b.keras,c.h5 --images=digits.idx.gz --limit=100 --out=runs/compare

inverts the same images into each generator with the same solver, steps, starts and seed, and writes
OUT/comparison.csv, OUT/pairs.csv, OUT/errors.csv (each image's) and OUT/comparison.png (Creswell & Bharath, section
VII). What each generator found lies in OUT/NAME, a run as `tfinvert invert` leaves it: the same command again goes on
where it stopped, and with one generator more does that one only. With --shard=3/64 it inverts that shard of the images
into all generators and compares nothing; the same without, once all shards are done, does. --value_range and --prior
are one for all generators, or one for each with semicolons between: --value_range='-1,1;0,1;-1,1'. Images should be new
to all of them. How images are inverted say the flags of `tfinvert invert`.
"""

from pathlib import Path

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import several, start

shared.define_generator()
shared.define_inversion()
shared.define_engine()
shared.define_generators()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string(
    "feature_distance", None, "Layer of --features_network, such as mixed8, at which reconstructions are compared too."
)
flags.DEFINE_string("out", "runs/compare", "Folder for comparison.csv, pairs.csv, errors.csv and comparison.png.")


def main(argv: list[str]) -> int:
    return start.run(argv, _compare, "stopped; what is inverted is kept, and started again it goes on from there")


def _compare() -> None:
    import numpy as np

    from tfinvert.experiments import compare
    from tfinvert.losses import Features
    from tfinvert.runs.doing import run_jobs
    from tfinvert.runs.files import writable

    writable(flags.FLAGS.out)
    jobs = _jobs()
    layer, network = flags.FLAGS.feature_distance, (jobs[0].loss.features.network, jobs[0].loss.features.weights)
    features = None if layer is None else Features(layer, *network)
    names, generators = [Path(job.out).name for job in jobs], several.generators(jobs)
    scale = compare.scale(generators, jobs[0].images.fit)
    if features is not None:
        features.prepare(np.zeros((1, *scale.image_shape), np.float32))  # what is wrong with it is told now
    for name, generator in zip(names, generators, strict=True):
        if generator.image_shape != scale.image_shape:
            logging.info("%s makes %s: compared at %s", name, list(generator.image_shape), list(scale.image_shape))
    runs = several.prepared(jobs, generators)
    for name, summary in zip(names, run_jobs(runs), strict=True):
        logging.info("%s: %s", name, summary)
        if summary.interrupted:
            raise KeyboardInterrupt
    if jobs[0].shard is not None:
        logging.info("shard %s is done: the same command without --shard compares, once all are", jobs[0].shard)
        return
    _tell(compare.of_runs(names, runs, scale), jobs[0], features)


def _tell(found, job, features) -> None:
    """Writes the tables and the figure of what was found."""
    from tfinvert.experiments import compare, significance
    from tfinvert.remote import path_of
    from tfinvert.report.compare import compare as draw
    from tfinvert.runs.files import write_table

    out = path_of(flags.FLAGS.out)
    for each in found:
        logging.info("%s: mean squared error %.4g on [0, 1]", each.name, each.error.mean())
        if each.floor:
            logging.info("%s: %.4g is left of the images themselves, once they were at its size", each.name, each.floor)
    if len(found[0].error) < significance.LEAST:
        logging.warning("%d images: no test is run below %d", len(found[0].error), significance.LEAST)
    pairs = significance.pairs({each.name: each.error for each in found}, job.seed)
    for pair in pairs:
        logging.info("%s", "  ".join(f"{name} {value}" for name, value in pair._asdict().items()))
    write_table(out / "pairs.csv", [pair._asdict() for pair in pairs])
    write_table(
        out / "errors.csv",
        [
            {"id": image_id, **{each.name: f"{each.error[row]:.6g}" for each in found}}
            for row, image_id in enumerate(found[0].images.ids)
        ],
    )
    write_table(out / "comparison.csv", compare.table(found, job.seed, features))
    source = str(job.images.source or "glyphs")
    source = source if len(source) <= 60 else f"...{source[-57:]}"
    picture = draw(found, pairs, out / "comparison.png", f"{len(found[0].error)} images of {source}")
    logging.info("see %s, %s and %s", out / "comparison.csv", out / "pairs.csv", picture)


def _jobs():
    """One for each generator.

    Raises:
      BadInput: as of `several.jobs`, or layers are to be searched too.
    """
    from tfinvert.errors import BadInput

    jobs = several.jobs()
    if jobs[0].beyond is not None:
        raise BadInput(
            f"--split={','.join(jobs[0].beyond.at)}",
            "codes are compared, not the layers behind them: leave it out, or --preset with it",
        )
    return jobs
