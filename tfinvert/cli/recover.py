"""Is z found again from G(z)? Methods of finding codes side by side, on the same codes and the same starts.

    tfinvert recover --generator=dcgan.keras --methods=egan,recover --out=runs/recovery

Without flags it recovers codes of the built-in generator with the default schedule and writes OUT/recovery.csv and
OUT/recovery.png. --experiment=noise repeats Lipton & Tripathi's noise figure, --experiment=unique their table of
distances between encodings of the same unseen image; --experiment=pictures asks what is still known of codes from
PNG and JPEG files, and whether other pictures are told from the generator's. With --engine=ray, workers share the
samples of all methods; pictures are judged in this process. Exit code: 0 good, 1 nothing could be done, 130 Ctrl-C.
"""

from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_generator()
shared.define_engine()
flags.adopt_module_key_flags(shared)
flags.DEFINE_integer("label", None, "A class for all samples of a class-conditional generator.")
flags.DEFINE_enum("experiment", "methods", ["methods", "noise", "unique", "pictures"], "What is measured.")
flags.DEFINE_string(
    "methods",
    "recover",
    "Names with commas between: egan (their 18), lipton (their 3), own, all; or single ones, such as recover, "
    "adam, lbfgs, levenberg_marquardt, gauss_newton_cg, descent, clip, stochastic_clip, disabled, "
    "hard(2.5), logistic(2, 2), truncated_normal(2.5).",
)
flags.DEFINE_integer("samples", 100, "Codes that are drawn.", lower_bound=1)
flags.DEFINE_float("noise", 0.0, "Standard deviation of noise added to the images, on [0, 1].", lower_bound=0)
flags.DEFINE_integer("budget", 2000, "Steps of the gradient methods.", lower_bound=1)
flags.DEFINE_string(
    "images",
    None,
    "Unseen images for --experiment=unique, default: the built-in targets; photographs for pictures, default: none.",
)
flags.DEFINE_integer("limit", 100, "Only the first so many of them.", lower_bound=1)
flags.DEFINE_integer("encodings", 5, "Encodings of each, from different starts.", lower_bound=2)
flags.DEFINE_integer("attempts", 6, "Starts per picture at most, for --experiment=pictures.", lower_bound=1)
flags.DEFINE_integer(
    "batch_size", None, "Samples at once; default: all in this process, 16 for each task of a worker.", lower_bound=1
)
flags.DEFINE_string("other", None, "Another generator's file, whose images are to be told apart in pictures.")
flags.DEFINE_list("other_value_range", None, "What black and white are to that one.")
flags.DEFINE_integer("seed", 0, "Fixes all that is drawn.", lower_bound=0, upper_bound=2**32 - 1)
flags.DEFINE_string("out", "runs/recover", "Folder for the tables and figures.")


def main(argv: list[str]) -> int:
    return start.run(argv, _measure, "stopped; tables that were written are whole")


def _measure() -> None:
    from tfinvert.runs.files import writable

    writable(flags.FLAGS.out)
    experiments = {"methods": _methods, "noise": _noise, "unique": _unique, "pictures": _pictures}
    experiments[flags.FLAGS.experiment]()


def _other():
    """The generator of --other; None without that flag."""
    from tfinvert import load_generator

    bounds = flags.FLAGS.other_value_range
    if flags.FLAGS.other is None:
        return None
    numbers = None if bounds is None else start.numbers("other_value_range", bounds, float)
    return load_generator(flags.FLAGS.other, value_range=numbers, limits=shared.limits())


def _loaded() -> tuple[Any, dict[str, Any]]:
    """The generator, and how methods are to look for its codes."""
    from tfinvert.engines import engine_of
    from tfinvert.runs.job import load

    job, values = shared.generator_job(), flags.FLAGS
    engine_of(job.engine)  # what is missing is told before a generator is loaded
    return load(job), {"budget": values.budget, "seed": values.seed, "job": job, "batch_size": values.batch_size}


def _methods() -> None:
    from tfinvert.experiments import methods, recovery
    from tfinvert.remote import path_of
    from tfinvert.report.recovery import recovery as draw
    from tfinvert.runs.files import write_table

    values = flags.FLAGS
    chosen, (generator, how), out = methods.parse(values.methods), _loaded(), path_of(values.out)
    done = []

    def show(outcome) -> None:
        done.append(outcome)
        row = recovery.table(done)[-1]
        logging.info("%s", "  ".join(f"{key} {value}" for key, value in row.items() if value != ""))
        write_table(out / "recovery.csv", recovery.table(done))

    recovery.run(generator, chosen, samples=values.samples, noise=values.noise, labels=values.label, show=show, **how)
    picture = draw(done, out / "recovery.png", f"{generator.name}: {values.samples} codes")
    logging.info("see %s and %s", out / "recovery.csv", picture)


def _noise() -> None:
    from tfinvert.experiments import methods, recovery
    from tfinvert.remote import path_of
    from tfinvert.report.recovery import noise as draw
    from tfinvert.runs.files import write_table

    values = flags.FLAGS
    chosen, (generator, how), out = methods.parse(values.methods), _loaded(), path_of(values.out)
    variances = {variance**0.5 / 2: variance for variance in recovery.LIPTON_VARIANCES}  # theirs are on [-1, 1]
    rows: list[dict] = []
    errors: dict[str, Any] = {}
    outcomes = recovery.noisy(generator, chosen, list(variances), samples=values.samples, labels=values.label, **how)
    for noise, outcome in outcomes:
        row = recovery.table([outcome])[0]
        errors.setdefault(outcome.method, []).append(float(row["mean"] or "nan"))
        rows.append({"variance": variances[noise], **row})
        write_table(out / "noise.csv", rows)
        logging.info("variance %g  %s  mean error %s", variances[noise], outcome.method, row["mean"])
    logging.info("see %s and %s", out / "noise.csv", draw(recovery.LIPTON_VARIANCES, errors, out / "noise.png"))


def _unique() -> None:
    from tfinvert import images
    from tfinvert.experiments import methods, recovery
    from tfinvert.remote import path_of
    from tfinvert.runs.files import write_table

    values = flags.FLAGS
    chosen, (generator, how), out = methods.parse(values.methods), _loaded(), path_of(values.out)
    unseen = images.load(values.images, generator, limit=values.limit, limits=shared.limits())
    labels = None if values.label is None else [values.label] * len(unseen.pixels)
    rows: list[dict] = []
    for row in recovery.unique(generator, chosen, unseen.pixels, encodings=values.encodings, labels=labels, **how):
        rows.append(row)
        logging.info("%s", "  ".join(f"{key} {value}" for key, value in row.items()))
        write_table(out / "unique.csv", rows)
    logging.info("see %s", out / "unique.csv")


def _pictures() -> None:
    from tfinvert.errors import BadInput
    from tfinvert.experiments import pictures
    from tfinvert.remote import path_of
    from tfinvert.report.pictures import pictures as draw
    from tfinvert.runs.files import write_table

    values = flags.FLAGS
    if values.engine != "plain":
        raise BadInput(
            f"--engine={values.engine} with --experiment=pictures",
            "pictures of a set are judged together, here: expected methods, noise or unique",
        )
    if values.other is None and values.other_value_range is not None:
        raise BadInput("--other_value_range without --other", "expected the other generator's file too")
    generator, out = shared.load_generator(), path_of(values.out)
    other = _other()
    done = []

    def show(judged) -> None:
        done.append(judged)
        rows = pictures.table(done)
        logging.info("%s", "  ".join(f"{key} {value}" for key, value in rows[-1].items() if value != ""))
        write_table(out / "pictures.csv", rows)

    pictures.run(
        generator,
        samples=values.samples,
        photos=values.images,
        other=other,
        attempts=values.attempts,
        labels=values.label,
        seed=values.seed,
        show=show,
        limits=shared.limits(),
    )
    picture = draw(done, out / "pictures.png", f"{generator.name}: {values.samples} pictures in each set")
    logging.info("see %s and %s", out / "pictures.csv", picture)
