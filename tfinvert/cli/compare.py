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

from collections.abc import Sequence
from pathlib import Path

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_generator()
shared.define_inversion()
shared.define_engine()
flags.adopt_module_key_flags(shared)
flags.DEFINE_list("generators", None, "Two or more, as --generator of `tfinvert invert` takes one.")
flags.DEFINE_string(
    "feature_distance", None, "Layer of --features_network, such as mixed8, at which reconstructions are compared too."
)
flags.DEFINE_string("out", "runs/compare", "Folder for comparison.csv, pairs.csv, errors.csv and comparison.png.")


def main(argv: list[str]) -> int:
    return start.run(argv, _compare, "stopped; what is inverted is kept, and started again it goes on from there")


def _compare() -> None:
    import numpy as np

    from tfinvert.experiments import compare, significance
    from tfinvert.losses import Features
    from tfinvert.report.compare import compare as draw
    from tfinvert.runs.doing import run_jobs
    from tfinvert.runs.files import writable, write_table
    from tfinvert.runs.job import load

    out, jobs = writable(flags.FLAGS.out), _jobs()
    layer, network = flags.FLAGS.feature_distance, (jobs[0].loss.features.network, jobs[0].loss.features.weights)
    features = None if layer is None else Features(layer, *network)
    names, generators = [Path(job.out).name for job in jobs], [load(job) for job in jobs]
    scale = compare.scale(generators, jobs[0].images.fit)
    if features is not None:
        features.prepare(np.zeros((1, *scale.image_shape), np.float32))  # what is wrong with it is told now
    for name, generator in zip(names, generators, strict=True):
        if generator.image_shape != scale.image_shape:
            logging.info("%s makes %s: compared at %s", name, list(generator.image_shape), list(scale.image_shape))
    runs = [_ready(job, generator) for job, generator in zip(jobs, generators, strict=True)]
    for run in runs:  # whatever is wrong is told before the first hour's work
        run.claim()
    for name, summary in zip(names, run_jobs(runs), strict=True):
        logging.info("%s: %s", name, summary)
        if summary.interrupted:
            raise KeyboardInterrupt
    if jobs[0].shard is not None:
        logging.info("shard %s is done: the same command without --shard compares, once all are", jobs[0].shard)
        return
    found = compare.of_runs(names, runs, scale)
    for each in found:
        logging.info("%s: mean squared error %.4g on [0, 1]", each.name, each.error.mean())
        if each.floor:
            logging.info("%s: %.4g is left of the images themselves, once they were at its size", each.name, each.floor)
    if len(found[0].error) < significance.LEAST:
        logging.warning("%d images: no test is run below %d", len(found[0].error), significance.LEAST)
    pairs = significance.pairs({each.name: each.error for each in found}, jobs[0].seed)
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
    write_table(out / "comparison.csv", compare.table(found, jobs[0].seed, features))
    source = str(jobs[0].images.source or "glyphs")
    source = source if len(source) <= 60 else f"...{source[-57:]}"
    picture = draw(found, pairs, out / "comparison.png", f"{len(found[0].error)} images of {source}")
    logging.info("see %s, %s and %s", out / "comparison.csv", out / "pairs.csv", picture)


def _ready(job, generator):
    """The job, with classes only where they can be searched."""
    from tfinvert.runs.job import found, ready
    from tfinvert.settings import changed

    return ready(changed(job, labels=None) if found(job) and generator.condition is None else job, generator)


def _jobs():
    """One for each generator.

    Raises:
      BadInput: there are fewer than two, or another number of priors or ranges.
    """
    from tfinvert.errors import BadInput
    from tfinvert.remote import path_of
    from tfinvert.settings import changed

    files = flags.FLAGS.generators or []
    if len(files) < 2 or flags.FLAGS.generator is not None:
        raise BadInput(f"{len(files)} in --generators", "expected two or more, with commas between, and no --generator")
    ranges, priors = (_each(name, len(files)) for name in ("value_range", "prior"))
    job = shared.job(value_range=None)  # the flag may hold several
    if job.beyond is not None:
        raise BadInput(
            f"--split={','.join(job.beyond.at)}",
            "codes are compared, not the layers behind them: leave it out, or --preset with it",
        )
    return [
        changed(
            job,
            generator=file,
            prior=prior,
            out=str(path_of(flags.FLAGS.out) / name),
            value_range=None if text is None else start.numbers("value_range", text.split(","), float),
        )
        for file, name, text, prior in zip(files, _names(files), ranges, priors, strict=True)
    ]


def _each(name: str, count: int) -> Sequence[str | None]:
    """The texts of a flag for every generator."""
    from tfinvert.errors import BadInput

    value = flags.FLAGS[name].value
    if value is None:
        return [None] * count
    texts = (value if isinstance(value, str) else ",".join(value)).split(";")
    if len(texts) not in (1, count):
        raise BadInput(f"{len(texts)} in --{name}", f"expected one for all, or {count} with semicolons between")
    return texts * count if len(texts) == 1 else list(texts)


def _folder(file: Path) -> str:
    return file.resolve().parent.name


def _names(files: list[str]) -> list[str]:
    """Short names that differ: of files, then of their folders, then of both, then numbered."""
    stems, folders = ([part(Path(file)) for file in files] for part in (lambda file: file.stem, _folder))
    if len(set(stems)) < len(stems):
        both = [f"{folder}-{stem}" for folder, stem in zip(folders, stems, strict=True)]
        stems = folders if len(set(folders)) == len(folders) else both
    if len(set(stems)) < len(stems) or "id" in stems:  # the name of another column
        stems = [f"{stem} ({number + 1})" for number, stem in enumerate(stems)]
    return stems
