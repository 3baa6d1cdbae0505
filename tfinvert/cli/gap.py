"""How much better images are represented behind the first dense layer than by a code: real ones and generated ones.

    tfinvert gap --generator=dcgan.keras --images='photos/*.png' --samples=100 --out=runs/gap

inverts the images, and as many of the generator's own, in two steps, and writes OUT/gap.csv and OUT/gap.png: figure 5
of Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images". Without flags
it takes the built-in generator and its glyphs. How images are inverted say the flags of `tfinvert invert`.
"""

from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_generator()
shared.define_inversion(shards=False)
flags.adopt_module_key_flags(shared)
flags.DEFINE_integer("samples", None, "Generated images; default: as many as there are others.", lower_bound=1)
flags.DEFINE_string("out", "runs/gap", "Folder for gap.csv and gap.png.")


def main(argv: list[str]) -> int:
    return start.run(argv, _gap, "stopped; nothing was written")


def _gap() -> None:
    import numpy as np

    from tfinvert.experiments import gap
    from tfinvert.report.gap import gap as draw
    from tfinvert.runs import job as jobs
    from tfinvert.runs.files import writable, write_table
    from tfinvert.settings.presets import PRESETS

    split = flags.FLAGS.split or PRESETS.get(flags.FLAGS.preset, {}).get("split", "first_dense")
    out, job = writable(flags.FLAGS.out), shared.job(split=split)
    generator = jobs.load(job)
    inverter: Any = jobs.inverter(job, generator)  # in two steps, for there is a split
    search = jobs.classes_of(job, generator)
    real = jobs.sources(job, generator).all()
    labels = search(real.pixels, real.ids) if search is not None else real.labels
    if generator.condition is None:
        labels = None
    count = flags.FLAGS.samples or len(real.pixels)
    turns = None if generator.condition is None else generator.condition.turns(np.arange(count))
    own = generator.sample(count, seed=job.seed, labels=turns)[1]
    sets = [gap.measure("generated", inverter, own, labels=turns)]
    logging.info("%d generated images done", count)
    sets.append(gap.measure("real", inverter, real.pixels, real.ids, labels))
    for row in gap.table(sets):
        logging.info("%s", "  ".join(f"{key} {value}" for key, value in row.items() if value != ""))
    write_table(out / "gap.csv", gap.table(sets))
    picture = draw(sets, out / "gap.png", f"{generator.name}: {count} generated and {len(real.pixels)} real images")
    logging.info("see %s and %s", out / "gap.csv", picture)
